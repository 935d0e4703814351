//! Sign-on, sign-off and echo, in both directions.

use std::time::Duration;

use iso8583_link::{Connection, Ending, LinkError, Retry, Settings, State};
use tokio::time::Instant;

use crate::peer::{BRIEF, PATIENCE, Peer, answer, linked, quiet, request, seen, stopped};

#[tokio::test]
async fn network_management_of_the_peer_is_answered_and_obeyed() {
    let (link, mut peer) = linked(quiet()).await;
    for (code, result, state) in [
        ("301", "00", State::Open),
        ("002", "00", State::SignedOff),
        ("301", "00", State::SignedOff),
        ("001", "00", State::Open),
        ("161", "40", State::Open), // a key exchange is not for this link
    ] {
        let asked = request("0800", 5, &[(70, code), (33, "12345")]);
        peer.send(&asked).await;
        let answered = peer.heard().await;
        assert_eq!(seen(&answered, 39), ("0810".to_owned(), result.to_owned()));
        for field in [7, 11, 33, 70] {
            assert_eq!(seen(&answered, field).1, seen(&asked, field).1, "{field}");
        }
        assert_eq!(*link.state().borrow(), state, "{code}");
    }
    peer.send(&request("0801", 5, &[(70, "301")])).await;
    assert_eq!(seen(&peer.heard().await, 39).0, "0810");
    assert_eq!(link.counts().managed, 6);
}

#[tokio::test]
async fn after_a_sign_off_new_requests_go_elsewhere_and_those_in_flight_are_answered() {
    let (link, mut peer) = linked(quiet()).await;
    let asking = {
        let link = link.clone();
        tokio::spawn(async move { link.request(&request("0100", 1, &[]), PATIENCE).await })
    };
    let message = peer.heard().await;
    peer.send(&request("0800", 5, &[(70, "002")])).await;
    assert_eq!(seen(&peer.heard().await, 39).1, "00");
    let refused = link.request(&request("0100", 2, &[]), PATIENCE).await;
    let refused = refused.unwrap_err();
    assert!(matches!(refused, LinkError::SignedOff));
    assert_eq!(refused.retry(), Retry::Safe);
    assert!(refused.to_string().contains("another link is safe"));
    peer.send(&answer(&message, "00")).await;
    assert_eq!(asking.await.unwrap().unwrap().response_code(), "00");
    // After a sign-on of the peer it takes requests again.
    peer.send(&request("0800", 6, &[(70, "001")])).await;
    peer.heard().await;
    let (reply, ()) = tokio::join!(
        async { link.request(&request("0100", 2, &[]), PATIENCE).await },
        async {
            let message = peer.heard().await;
            peer.send(&answer(&message, "00")).await;
        }
    );
    reply.unwrap();
}

#[tokio::test]
async fn whoever_has_no_other_link_may_go_on_after_a_sign_off() {
    let settings = Settings {
        heeds_sign_off: false,
        ..quiet()
    };
    let (link, mut peer) = linked(settings).await;
    peer.send(&request("0800", 5, &[(70, "002")])).await;
    peer.heard().await;
    assert_eq!(*link.state().borrow(), State::SignedOff);
    let message = request("0100", 1, &[]);
    let (reply, ()) = tokio::join!(link.request(&message, PATIENCE), async {
        let message = peer.heard().await;
        peer.send(&answer(&message, "00")).await;
    });
    assert_eq!(reply.unwrap().response_code(), "00");
}

#[tokio::test(start_paused = true)]
async fn an_echo_is_sent_when_nothing_was_heard_for_a_while() {
    let echo_after = Duration::from_secs(9);
    let settings = Settings {
        echo_after: Some(echo_after),
        ..quiet()
    };
    let (link, mut peer) = stopped(settings).await;
    let start = Instant::now();
    let echo = peer.heard().await;
    assert_eq!(seen(&echo, 70), ("0800".to_owned(), "301".to_owned()));
    assert_eq!(start.elapsed(), echo_after);
    peer.send(&answer(&echo, "00")).await;
    // Anything that is heard puts the next one off.
    tokio::time::sleep(Duration::from_secs(6)).await;
    peer.send(&answer(&echo, "00")).await;
    let heard = Instant::now();
    let second = peer.heard().await;
    assert_eq!(heard.elapsed(), echo_after);
    assert_ne!(seen(&second, 11), seen(&echo, 11));
    assert_eq!(*link.state().borrow(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn a_link_whose_echo_is_not_answered_is_closed() {
    let settings = Settings {
        echo_after: Some(BRIEF),
        network_patience: BRIEF,
        ..quiet()
    };
    let (link, mut peer) = stopped(settings).await;
    let asking = {
        let link = link.clone();
        tokio::spawn(async move { link.request(&request("0100", 1, &[]), PATIENCE).await })
    };
    assert_eq!(seen(&peer.heard().await, 11).0, "0100");
    assert_eq!(seen(&peer.heard().await, 70).1, "301");
    assert_eq!(peer.next().await, None);
    let error = asking.await.unwrap().unwrap_err();
    assert!(
        matches!(
            error,
            LinkError::Lost {
                ending: Ending::NoEcho,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(link.ending(), Some(Ending::NoEcho));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_asks_and_takes_no_answers_is_left_i12() {
    let (near, far) = tokio::io::duplex(64);
    let settings = Settings {
        write_patience: Duration::from_secs(3_600),
        ..quiet()
    };
    let link = Connection::over(near, settings).await.unwrap();
    let mut peer = Peer::of(far, quiet().framing);
    let mut state = link.state();
    let asked = request("0800", 5, &[(70, "301")]);
    let mut ended = std::pin::pin!(state.wait_for(|state| *state == State::Ended));
    loop {
        tokio::select! {
            biased;
            _ = &mut ended => break,
            () = peer.send(&asked) => {}
        }
    }
    assert_eq!(link.ending(), Some(Ending::Flooded));
}
