//! Queues without a store.

use ledger_api::JournalHead;

use super::waiting::Batch;
use super::*;

fn job(commands: usize) -> Job {
    let head = JournalHead {
        epoch: 1,
        seq: 1,
        hash: 1,
    };
    let command = Command::NoteHead {
        gateway: "gw1".parse().unwrap(),
        head,
        undrained: 0,
    };
    Job {
        commands: vec![command; commands],
        reply: oneshot::channel().0,
        passed_over: false,
        alone: commands == 1,
    }
}

fn waiting(sizes: &[usize], at_once: usize) -> (Queue, Waiting) {
    let (jobs, taken) = mpsc::channel(1024);
    let queue = Queue {
        jobs,
        flights: Arc::default(),
    };
    for size in sizes {
        queue.push(job(*size)).unwrap();
    }
    (queue, Waiting::new(taken, 512, at_once))
}

fn sizes(batch: &Batch) -> Vec<usize> {
    batch.jobs.iter().map(|job| job.commands.len()).collect()
}

#[tokio::test]
async fn what_waits_goes_together_up_to_the_bound_and_nothing_is_lost() {
    let (queue, mut waiting) = waiting(&[100, 400, 20, 1024, 1], 1);
    let flights = Arc::clone(&queue.flights);
    drop(queue);
    let mut batches = Vec::new();
    while let Some(batch) = waiting.gather(&flights).await {
        batches.push(sizes(&batch));
    }
    assert_eq!(batches, [vec![100, 400], vec![20], vec![1024], vec![1]]);
}

#[tokio::test]
async fn two_batches_that_may_go_beside_each_other_share_what_waits() {
    let cases = [(vec![1; 512], 256), (vec![64; 8], 256), (vec![1; 30], 30)];
    for (jobs, first) in cases {
        let (queue, mut waiting) = waiting(&jobs, 2);
        let flights = &queue.flights;
        let batch = waiting.gather(flights).await.unwrap();
        assert_eq!(batch.commands, first, "of {jobs:?}");
        let _flight = flights.begin(batch.commands);
        if first < jobs.iter().sum() {
            let second = waiting.gather(flights).await.unwrap();
            assert_eq!(second.commands, first, "of {jobs:?}");
        }
    }
}

#[tokio::test]
async fn a_straggler_waits_for_the_batch_in_front_or_for_as_many_as_it_has() {
    let (queue, mut waiting) = waiting(&[1; 3], 2);
    let _flight = queue.flights.begin(5);
    let mut gathering = std::pin::pin!(waiting.gather(&queue.flights));
    let early = tokio::time::timeout(Duration::ZERO, &mut gathering).await;
    assert!(early.is_err(), "three do not go beside five");
    queue.push(job(1)).unwrap();
    queue.push(job(1)).unwrap();
    assert_eq!(gathering.await.unwrap().commands, 5);
}

#[tokio::test]
async fn what_was_left_out_goes_first_and_does_not_wait_for_others_to_come() {
    let (queue, mut waiting) = waiting(&[], 2);
    queue.flights.begin(7).end(vec![job(7)]);
    assert_eq!(sizes(&waiting.gather(&queue.flights).await.unwrap()), [7]);
}

#[tokio::test]
async fn what_was_left_out_and_what_did_not_fit_keep_the_bound_and_their_order() {
    let (queue, mut waiting) = waiting(&[300, 300], 1);
    assert_eq!(sizes(&waiting.gather(&queue.flights).await.unwrap()), [300]);
    queue.flights.begin(500).end(vec![job(400), job(100)]);
    queue.flights.begin(20).end(vec![job(20)]);
    let mut batches = Vec::new();
    for _ in 0..2 {
        batches.push(sizes(&waiting.gather(&queue.flights).await.unwrap()));
    }
    assert_eq!(batches, [vec![400, 100], vec![20, 300]]);
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let (jobs, _taken) = mpsc::channel(1);
    let queue = Queue {
        jobs,
        flights: Arc::default(),
    };
    queue.push(job(1)).unwrap();
    let batcher = Batcher {
        queues: [queue.clone(), queue.clone(), queue],
        held: HeldLanes::new(Store::memory(1), Limits::default()),
    };
    assert!(matches!(
        batcher.submit(Vec::new()).await,
        Err(BatchError::Full)
    ));
}
