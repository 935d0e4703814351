//! Which answer belongs to which request.

use std::collections::BTreeMap;

use iso8583_link::{Connection, LinkError, Retry, Settings};
use tokio::task::JoinSet;

use crate::peer::{BRIEF, PATIENCE, answer, linked, quiet, request, seen};

#[tokio::test]
async fn answers_in_any_order_find_their_requests() {
    let (link, mut peer) = linked(quiet()).await;
    let mut asking = JoinSet::new();
    for stan in 0..200 {
        let link = link.clone();
        asking.spawn(async move {
            let message = request("0100", stan, &[(41, "TERM0001")]);
            let reply = link.request(&message, PATIENCE).await.unwrap();
            (stan, reply.response_code())
        });
    }
    let mut heard = BTreeMap::new();
    while heard.len() < 200 {
        let message = peer.heard().await;
        heard.insert(seen(&message, 11).1, message);
    }
    assert_eq!(link.in_flight(), 200, "all are in flight at once");
    // Backwards, several in a segment, each with a code that follows from its field 11.
    for (stan, message) in heard.iter().rev() {
        peer.send(&answer(message, &stan[4..])).await;
    }
    while let Some(asked) = asking.join_next().await {
        let (stan, code) = asked.unwrap();
        assert_eq!(code, format!("{:02}", stan % 100));
    }
    let counts = link.counts();
    assert_eq!(
        (counts.sent, counts.answered, counts.unmatched),
        (200, 200, 0)
    );
    assert_eq!(link.in_flight(), 0);
}

#[tokio::test]
async fn the_same_stan_is_another_request_in_another_class_or_of_another_terminal() {
    let (link, mut peer) = linked(quiet()).await;
    let messages = [
        request("0100", 7, &[(32, "1"), (41, "TERM0001")]),
        request("0100", 7, &[(32, "1"), (41, "TERM0002")]),
        request("0100", 7, &[(32, "2"), (41, "TERM0001")]),
        request("0200", 7, &[(32, "1"), (41, "TERM0001")]),
        request("0120", 7, &[(32, "1"), (41, "TERM0001")]),
        request("0800", 7, &[]),
    ];
    let mut asking = JoinSet::new();
    for (number, message) in messages.clone().into_iter().enumerate() {
        let link = link.clone();
        asking.spawn(async move {
            let reply = link.request(&message, PATIENCE).await;
            (number, reply.unwrap().response_code())
        });
    }
    let mut heard = Vec::new();
    while heard.len() < messages.len() {
        heard.push(peer.heard().await);
    }
    for message in heard.iter().rev() {
        let number = messages.iter().position(|sent| sent == message).unwrap();
        peer.send(&answer(message, &format!("{number:02}"))).await;
    }
    while let Some(asked) = asking.join_next().await {
        let (number, code) = asked.unwrap();
        assert_eq!(code, format!("{number:02}"));
    }
}

#[tokio::test]
async fn a_second_request_that_could_not_be_told_from_the_first_is_not_sent() {
    let (link, mut peer) = linked(quiet()).await;
    let waiting = tokio::spawn({
        let link = link.clone();
        async move { link.request(&request("0100", 1, &[]), PATIENCE).await }
    });
    let first = peer.heard().await;
    for same in [
        request("0100", 1, &[]),
        request("0101", 1, &[]),
        request("0100", 1, &[(41, "TERM0001")]), // the first one names no terminal
    ] {
        let refused = link.request(&same, PATIENCE).await.unwrap_err();
        assert!(matches!(refused, LinkError::Duplicate), "{refused}");
        assert!(refused.to_string().contains("not sent"));
    }
    peer.send(&answer(&first, "00")).await;
    assert_eq!(waiting.await.unwrap().unwrap().response_code(), "00");
    assert_eq!(link.counts().sent, 1);
    // With the answer the key is free again.
    let asking = {
        let link = link.clone();
        tokio::spawn(async move { link.request(&request("0100", 1, &[]), PATIENCE).await })
    };
    let again = peer.heard().await;
    peer.send(&answer(&again, "51")).await;
    assert_eq!(asking.await.unwrap().unwrap().response_code(), "51");
}

#[tokio::test]
async fn what_is_no_answer_to_anything_is_counted_and_disturbs_nobody() {
    let (link, mut peer) = linked(quiet()).await;
    let asking = {
        let link = link.clone();
        tokio::spawn(async move { link.request(&request("0100", 1, &[]), PATIENCE).await })
    };
    let message = peer.heard().await;
    peer.send(b"0110garbage").await; // does not read
    peer.send(&answer(&request("0100", 2, &[]), "00")).await; // nobody asked that
    peer.send(&answer(&request("0200", 1, &[]), "00")).await; // nor that
    peer.send(&request("0100", 1, &[])).await; // a client is not asked
    peer.send(&answer(&message, "05")).await;
    peer.send(&answer(&message, "00")).await; // once more, with another verdict
    assert_eq!(asking.await.unwrap().unwrap().response_code(), "05");
    // What was sent before the echo has been read when its answer is there.
    let (echo, ()) = tokio::join!(link.echo(), async {
        let echo = peer.heard().await;
        peer.send(&answer(&echo, "00")).await;
    });
    echo.unwrap();
    let counts = link.counts();
    assert_eq!(
        (counts.unreadable, counts.unmatched, counts.unasked),
        (1, 3, 1)
    );
    assert_eq!((counts.answered, counts.late), (2, 0));
}

#[tokio::test]
async fn an_answer_that_could_be_two_requests_is_nobodys() {
    let (link, mut peer) = linked(quiet()).await;
    let ask = |terminal: &'static str| {
        let link = link.clone();
        let message = request("0100", 1, &[(41, terminal)]);
        tokio::spawn(async move { link.request(&message, PATIENCE).await })
    };
    let (first, second) = (ask("TERM0001"), ask("TERM0002"));
    let heard = [peer.heard().await, peer.heard().await];
    peer.send(&answer(&request("0100", 1, &[]), "00")).await;
    for message in &heard {
        peer.send(&answer(message, "51")).await;
    }
    for asked in [first, second] {
        assert_eq!(asked.await.unwrap().unwrap().response_code(), "51");
    }
    assert_eq!(link.counts().unmatched, 1);
}

#[tokio::test]
async fn no_more_are_in_flight_than_allowed() {
    let settings = Settings {
        in_flight_max: 2,
        ..quiet()
    };
    let (link, mut peer) = linked(settings).await;
    let ask = |stan| {
        let link = link.clone();
        tokio::spawn(async move { link.request(&request("0100", stan, &[]), PATIENCE).await })
    };
    let (first, second) = (ask(1), ask(2));
    let heard = [peer.heard().await, peer.heard().await];
    let refused = link.request(&request("0100", 3, &[]), BRIEF).await;
    let refused = refused.unwrap_err();
    assert!(matches!(refused, LinkError::Busy { in_flight: 2 }));
    assert_eq!(refused.retry(), Retry::Safe);
    for message in &heard {
        peer.send(&answer(message, "00")).await;
    }
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    assert_eq!(link.counts().sent, 2);
}

#[tokio::test]
async fn what_can_never_be_answered_is_refused_before_it_is_sent() {
    let (link, _peer) = linked(quiet()).await;
    for (message, words) in [
        (b"0100zz".to_vec(), "cannot be read"),
        (request("0110", 1, &[]), "nobody answers a 0110"),
        (request("0140", 1, &[]), "nobody answers a 0140"),
        (b"01000020000000000000000001".to_vec(), "field 7 is missing"),
    ] {
        let refused = link.request(&message, PATIENCE).await.unwrap_err();
        assert!(refused.to_string().contains(words), "{refused}");
        assert_eq!(refused.retry(), Retry::Never);
    }
    assert_eq!(link.counts(), Default::default());
}

#[tokio::test]
async fn nothing_of_a_card_is_printed_i15() {
    const CARD: &str = "4111111111111111";
    let (link, mut peer) = linked(quiet()).await;
    let message = request("0100", 1, &[(2, CARD), (35, "4111111111111111=2712101")]);
    let (reply, ()) = tokio::join!(link.request(&message, PATIENCE), async {
        let message = peer.heard().await;
        peer.send(&answer(&message, "00")).await;
    });
    let reply = reply.unwrap();
    assert!(reply.message().unwrap().has(2));
    let mut printed = format!("{reply:?} {link:?}");
    let asked: Result<_, LinkError> = ask_in_vain(&link, &message).await;
    printed += &format!("{:?} {link:?}", asked.unwrap_err());
    assert!(!printed.contains(&CARD[6..12]), "{printed}");
    assert!(!printed.contains("52, 49, 49, 49"), "{printed}");
}

async fn ask_in_vain(link: &Connection, message: &[u8]) -> Result<(), LinkError> {
    link.request(message, BRIEF).await.map(|_| ())
}
