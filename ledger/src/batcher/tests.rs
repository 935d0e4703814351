//! Queues without a store.

use ledger_api::JournalHead;

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

#[tokio::test]
async fn what_waits_goes_together_up_to_the_bound_and_nothing_is_lost() {
    let (queue, mut jobs) = mpsc::channel(8);
    for size in [100, 400, 20, 1024, 1] {
        queue.try_send(job(size)).unwrap();
    }
    let mut carried = None;
    let mut batches = Vec::new();
    while let Some(first) = carried.take().or_else(|| jobs.try_recv().ok()) {
        let batch = gather(vec![first], &mut jobs, &mut carried, 512);
        batches.push(
            batch
                .iter()
                .map(|job| job.commands.len())
                .collect::<Vec<_>>(),
        );
    }
    assert_eq!(batches, [vec![100, 400], vec![20], vec![1024], vec![1]]);
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let (queue, _jobs) = mpsc::channel(1);
    queue.try_send(job(1)).unwrap();
    let batcher = Batcher {
        queues: [queue.clone(), queue.clone(), queue],
        held: HeldLanes::new(Store::memory(1), Limits::default()),
    };
    assert!(matches!(
        batcher.submit(Vec::new()).await,
        Err(BatchError::Full)
    ));
}
