//! What happens when answers do not come, or too late.

use std::time::Duration;

use iso8583_link::{Connection, Ending, LinkError, Repeats, Retry, Settings, State};
use tokio::time::Instant;

use crate::peer::{BRIEF, PATIENCE, Peer, answer, linked, quiet, request, seen, stopped};

#[tokio::test(start_paused = true)]
async fn a_late_answer_is_kept_with_the_name_of_its_request() {
    let (link, mut peer) = stopped(quiet()).await;
    let asked = link.request(&request("0100", 1, &[]), BRIEF).await;
    let error = asked.unwrap_err();
    assert_eq!(error.retry(), Retry::AsRepeat);
    let LinkError::NoAnswer { id, sent: 1, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(link.in_flight(), 0);
    let message = peer.heard().await;
    peer.send(&answer(&message, "00")).await;
    let late = link.late().await.unwrap();
    assert_eq!((late.id, late.reply.response_code()), (id, "00".to_owned()));
    assert_eq!(late.after, BRIEF);
    // It is given once; a second one is nobody's.
    peer.send(&answer(&message, "00")).await;
    drop(peer);
    assert!(link.late().await.is_none());
    let counts = link.counts();
    assert_eq!(
        (counts.late, counts.late_dropped, counts.unmatched),
        (1, 0, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_repeat_has_another_type_and_the_same_content_and_any_answer_counts() {
    for (mti, again) in [
        ("0100", "0101"),
        ("0120", "0121"),
        ("0420", "0421"),
        ("0220", "0221"),
    ] {
        let (link, mut peer) = stopped(quiet()).await;
        let message = request(mti, 1, &[(2, "4111111111111111"), (41, "TERM 001")]);
        let repeats = Repeats {
            patience: BRIEF,
            count: 200,
        };
        let (reply, ()) = tokio::join!(link.request_with_repeats(&message, repeats), async {
            let heard = [peer.heard().await, peer.heard().await, peer.heard().await];
            assert_eq!(heard[0], message);
            for repeat in &heard[1..] {
                assert_eq!(repeat[..4], *again.as_bytes());
                assert_eq!(repeat[4..], message[4..]);
            }
            // The first one's answer, at last.
            peer.send(&answer(&heard[0], "00")).await;
        });
        assert_eq!(reply.unwrap().response_code(), "00");
        assert_eq!(link.counts().repeated, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn repeats_come_to_an_end() {
    let (link, mut peer) = stopped(quiet()).await;
    let repeats = Repeats {
        patience: BRIEF,
        count: 2,
    };
    let message = request("0100", 1, &[]);
    let asked = link.request_with_repeats(&message, repeats).await;
    let error = asked.unwrap_err();
    assert!(
        matches!(error, LinkError::NoAnswer { sent: 3, .. }),
        "{error}"
    );
    assert!(error.to_string().starts_with("sent 3 times"), "{error}");
    for mti in ["0100", "0101", "0101"] {
        assert_eq!(
            seen(&peer.heard().await, 11),
            (mti.to_owned(), "000001".to_owned())
        );
    }
    drop(link);
    assert_eq!(peer.next().await, None, "and no more");
}

#[tokio::test]
async fn a_message_with_an_authentication_code_is_not_repeated_by_itself() {
    let (link, _peer) = linked(quiet()).await;
    let message = request("0100", 1, &[(64, "0123456789ABCDEF")]);
    let repeats = Repeats {
        patience: BRIEF,
        count: 1,
    };
    let refused = link.request_with_repeats(&message, repeats).await;
    assert!(matches!(refused.unwrap_err(), LinkError::Sealed));
    assert_eq!(link.counts().sent, 0);
}

#[tokio::test(start_paused = true)]
async fn a_repeat_of_the_users_own_gets_the_answer_that_the_first_one_missed() {
    let (link, mut peer) = stopped(quiet()).await;
    let asked = link.request(&request("0100", 1, &[]), BRIEF).await;
    assert!(matches!(asked.unwrap_err(), LinkError::NoAnswer { .. }));
    let first = peer.heard().await;
    let again = request("0101", 1, &[]);
    let (reply, ()) = tokio::join!(link.request(&again, PATIENCE), async {
        peer.heard().await;
        peer.send(&answer(&first, "00")).await;
    });
    assert_eq!(reply.unwrap().response_code(), "00");
    assert_eq!(link.counts().late, 0);
}

#[tokio::test]
async fn a_wait_that_is_dropped_leaves_a_late_answer() {
    let (link, mut peer) = linked(quiet()).await;
    let waiting = {
        let link = link.clone();
        tokio::spawn(async move { link.request(&request("0100", 1, &[]), PATIENCE).await })
    };
    let message = peer.heard().await;
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    assert_eq!(link.in_flight(), 0);
    peer.send(&answer(&message, "00")).await;
    assert_eq!(link.late().await.unwrap().reply.response_code(), "00");
}

#[tokio::test(start_paused = true)]
async fn no_more_late_answers_are_kept_than_allowed_i12() {
    let settings = Settings {
        late_max: 3,
        ..quiet()
    };
    let (link, mut peer) = stopped(settings).await;
    let mut heard = Vec::new();
    for stan in 0..5 {
        let asked = link.request(&request("0100", stan, &[]), BRIEF).await;
        assert!(asked.is_err());
        heard.push(peer.heard().await);
    }
    // The two oldest are not remembered any more; the others are all that may wait.
    for message in &heard {
        peer.send(&answer(message, "00")).await;
    }
    let message = request("0100", 9, &[]);
    let (asked, ()) = tokio::join!(link.request(&message, BRIEF), async {
        heard.push(peer.heard().await);
    });
    assert!(asked.is_err());
    peer.send(&answer(&heard[5], "00")).await;
    drop(peer);
    let mut state = link.state();
    let ended = state.wait_for(|state| *state == State::Ended).await;
    drop(ended.unwrap());
    let mut stans = Vec::new();
    while let Some(late) = link.late().await {
        stans.push(seen(late.reply.bytes(), 11).1);
    }
    assert_eq!(stans, ["000002", "000003", "000004"]);
    let counts = link.counts();
    assert_eq!(
        (counts.late, counts.late_dropped, counts.unmatched),
        (4, 1, 2)
    );
}

#[tokio::test(start_paused = true)]
async fn deadlines_are_kept_to_the_millisecond_i17() {
    let (link, mut peer) = stopped(quiet()).await;
    let start = Instant::now();
    let patience = Duration::from_millis(1_500);
    let asked = link.request(&request("0100", 1, &[]), patience).await;
    assert!(matches!(asked.unwrap_err(), LinkError::NoAnswer { after, .. } if after == patience));
    let repeats = Repeats { patience, count: 3 };
    let message = request("0100", 2, &[]);
    let asked = link.request_with_repeats(&message, repeats).await;
    let error = asked.unwrap_err();
    assert!(
        matches!(error, LinkError::NoAnswer { sent: 4, .. }),
        "{error}"
    );
    assert_eq!(start.elapsed(), 5 * patience);
    for _ in 0..5 {
        peer.heard().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_peer_never_read_was_not_sent_and_may_be_sent_elsewhere() {
    // Room for one message; the peer reads nothing.
    let message = request("0100", 1, &[]);
    let (near, far) = tokio::io::duplex(message.len());
    let link = Connection::over(near, quiet()).await.unwrap();
    let patience = Duration::from_secs(1);
    let stuck = link.request(&message, patience).await.unwrap_err();
    // Its length and most of it have left: nobody knows what became of it.
    assert_eq!(stuck.retry(), Retry::AsRepeat);
    let waits = request("0100", 2, &[]);
    let error = link.request(&waits, patience).await.unwrap_err();
    assert!(matches!(error, LinkError::NotSent { after } if after == patience));
    assert_eq!(error.retry(), Retry::Safe);
    // Nor is it sent later.
    let mut peer = Peer::of(far, quiet().framing);
    assert_eq!(peer.heard().await, message);
    let message = request("0100", 3, &[]);
    let (asked, heard) = tokio::join!(link.request(&message, patience), peer.heard());
    assert!(asked.is_err());
    assert_eq!(seen(&heard, 11).1, "000003");
}

#[tokio::test(start_paused = true)]
async fn when_writing_fails_what_was_not_written_is_told_at_once_and_the_rest_waits() {
    let messages = [1, 2].map(|stan| request("0100", stan, &[]));
    let (near, far) = tokio::io::duplex(messages[0].len());
    let write_patience = Duration::from_secs(1);
    let settings = Settings {
        write_patience,
        ..quiet()
    };
    let link = Connection::over(near, settings).await.unwrap();
    let start = Instant::now();
    let patience = Duration::from_secs(10);
    let mut asking = Vec::new();
    for message in messages {
        let link_too = link.clone();
        let asked = async move { (link_too.request(&message, patience).await, Instant::now()) };
        asking.push(tokio::spawn(asked));
        // So that the two are not written together.
        while link.counts().sent == 0 {
            tokio::task::yield_now().await;
        }
    }
    let [first, second] = asking.try_into().unwrap();
    let (error, at) = second.await.unwrap();
    let error = error.unwrap_err();
    assert!(
        matches!(error, LinkError::Ended(Ending::NotRead)),
        "{error}"
    );
    assert_eq!((error.retry(), at), (Retry::Safe, start + write_patience));
    // The first one is half written. Its answer could come.
    let (error, at) = first.await.unwrap();
    assert_eq!(error.unwrap_err().retry(), Retry::AsRepeat);
    assert_eq!(at, start + patience);
    drop(far);
}
