//! How links end, and what that means for requests.

use std::time::Duration;

use iso8583_link::{Address, Connection, Ending, LinkError, Retry, Settings, State};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};

use crate::peer::{BRIEF, PATIENCE, Peer, answer, linked, linked_to, quiet, request, seen};

#[tokio::test]
async fn nobody_there_is_said_and_safe_to_retry() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    drop(listener);
    let error = Connection::connect(&Address::tcp(&*host), quiet()).await;
    let error = error.unwrap_err();
    assert!(error.to_string().contains(&host), "{error}");
    assert_eq!(error.retry(), Retry::Safe);
}

/// What the peer does instead of answering.
enum Instead {
    Close,
    CloseForWriting,
    Raw(&'static [u8]),
    RawAndClose(&'static [u8]),
}

#[tokio::test]
async fn requests_in_flight_are_lost_with_the_link_and_later_ones_not_sent() {
    for (instead, ending) in [
        (Instead::Close, "closed by the peer"),
        (Instead::CloseForWriting, "closed by the peer"),
        (
            Instead::RawAndClose(b"\0\x40half"),
            "closed by the peer within a message",
        ),
        (Instead::Raw(b"\xFF\xFF"), "a message of 65535 bytes"),
        (Instead::Raw(b"\0\0"), "a frame of length 0"),
    ] {
        let (link, mut peer) = linked(quiet()).await;
        let message = request("0100", 1, &[]);
        let (asked, _still_open) = tokio::join!(link.request(&message, PATIENCE), async {
            peer.heard().await;
            match instead {
                Instead::Close => return None,
                Instead::CloseForWriting => peer.stream.shutdown().await.unwrap(),
                Instead::Raw(bytes) => peer.send_raw(bytes).await,
                Instead::RawAndClose(bytes) => {
                    peer.send_raw(bytes).await;
                    return None;
                }
            }
            Some(peer)
        });
        let error = asked.unwrap_err();
        assert!(matches!(error, LinkError::Lost { sent: 1, .. }), "{error}");
        assert!(error.to_string().contains(ending), "{error}");
        assert_eq!(error.retry(), Retry::AsRepeat);
        assert_eq!(*link.state().borrow(), State::Ended);
        let error = link.request(&message, PATIENCE).await.unwrap_err();
        assert!(matches!(error, LinkError::Ended(_)), "{error}");
        assert!(error.to_string().contains(ending), "{error}");
        assert_eq!(error.retry(), Retry::Safe);
    }
}

#[tokio::test]
async fn answers_that_came_before_the_peer_closed_are_given() {
    let (link, mut peer) = linked(quiet()).await;
    let ask = |stan| {
        let link = link.clone();
        tokio::spawn(async move { link.request(&request("0100", stan, &[]), PATIENCE).await })
    };
    let (first, second) = (ask(1), ask(2));
    let heard = [peer.heard().await, peer.heard().await];
    for message in &heard {
        peer.send(&answer(message, "00")).await;
    }
    drop(peer);
    for asked in [first, second] {
        assert_eq!(asked.await.unwrap().unwrap().response_code(), "00");
    }
    let mut state = link.state();
    state
        .wait_for(|state| *state == State::Ended)
        .await
        .unwrap();
    assert_eq!(link.ending(), Some(Ending::PeerClosed));
}

#[tokio::test]
async fn a_close_waits_for_answers_in_flight_and_takes_no_more() {
    let settings = Settings {
        signs_on: true,
        echo_after: None,
        ..Settings::default()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = Address::tcp(listener.local_addr().unwrap().to_string());
    let (link, mut peer) = tokio::join!(Connection::connect(&address, settings), async {
        let mut peer = Peer::of(listener.accept().await.unwrap().0, quiet().framing);
        let sign_on = peer.heard().await;
        assert_eq!(seen(&sign_on, 70), ("0800".to_owned(), "001".to_owned()));
        peer.send(&answer(&sign_on, "00")).await;
        peer
    });
    let link = link.unwrap();
    let asking = {
        let link = link.clone();
        tokio::spawn(async move { link.request(&request("0100", 1, &[]), PATIENCE).await })
    };
    let message = peer.heard().await;
    let mut state = link.state();
    let closing = tokio::spawn(link.clone().close(PATIENCE));
    state
        .wait_for(|state| *state == State::Closing)
        .await
        .unwrap();
    let refused = link.request(&request("0100", 2, &[]), PATIENCE).await;
    let refused = refused.unwrap_err();
    assert!(matches!(refused, LinkError::Closing));
    assert_eq!(refused.retry(), Retry::Safe);
    peer.send(&answer(&message, "00")).await;
    assert_eq!(asking.await.unwrap().unwrap().response_code(), "00");
    let sign_off = peer.heard().await;
    assert_eq!(seen(&sign_off, 70), ("0800".to_owned(), "002".to_owned()));
    peer.send(&answer(&sign_off, "00")).await;
    assert_eq!(peer.next().await, None, "the link closes for writing");
    drop(peer);
    assert_eq!(closing.await.unwrap(), 0);
    assert_eq!(link.ending(), Some(Ending::PeerClosed));
}

#[tokio::test]
async fn a_close_does_not_wait_for_ever() {
    let settings = Settings {
        network_patience: BRIEF,
        ..quiet()
    };
    let (link, mut peer) = linked(settings).await;
    let asking = {
        let link = link.clone();
        tokio::spawn(async move { link.request(&request("0100", 1, &[]), PATIENCE).await })
    };
    peer.heard().await;
    assert_eq!(link.close(BRIEF).await, 1);
    let error = asking.await.unwrap().unwrap_err();
    assert!(
        matches!(
            error,
            LinkError::Lost {
                ending: Ending::Closed,
                sent: 1
            }
        ),
        "{error}"
    );
    assert_eq!(peer.next().await, None);
}

#[tokio::test]
async fn the_last_handle_closes_the_link() {
    let (link, mut peer) = linked(quiet()).await;
    let other = link.clone();
    drop(link);
    let (reply, ()) = tokio::join!(other.echo(), async {
        let echo = peer.heard().await;
        peer.send(&answer(&echo, "00")).await;
    });
    reply.unwrap();
    drop(other);
    assert_eq!(peer.next().await, None);
}

#[tokio::test]
async fn a_sign_on_that_is_not_accepted_makes_no_link() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = Address::tcp(listener.local_addr().unwrap().to_string());
    let settings = Settings::default();
    let (link, ()) = tokio::join!(Connection::connect(&address, settings), async {
        let mut peer = Peer::of(listener.accept().await.unwrap().0, quiet().framing);
        let sign_on = peer.heard().await;
        peer.send(&answer(&sign_on, "91")).await;
        assert_eq!(peer.next().await, None);
    });
    let error = link.unwrap_err();
    assert!(
        matches!(&error, LinkError::SignOn { code } if code == "91"),
        "{error}"
    );
}

#[tokio::test]
async fn a_peer_that_stops_reading_ends_the_link() {
    let settings = Settings {
        write_patience: Duration::from_millis(100),
        in_flight_max: 100_000,
        ..quiet()
    };
    // More than the buffers of these sockets take.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let (link, mut peer) = linked_to(socket.listen(1).unwrap(), settings).await;
    let filler = "x".repeat(999);
    let fields: Vec<_> = [48, 60, 61, 62].map(|number| (number, &*filler)).to_vec();
    let mut asking = Vec::new();
    for stan in 0..4_000 {
        let message = request("0100", stan, &fields);
        let link = link.clone();
        asking.push(tokio::spawn(async move {
            link.request(&message, PATIENCE).await.unwrap_err()
        }));
    }
    let mut state = link.state();
    state
        .wait_for(|state| *state == State::Ended)
        .await
        .unwrap();
    assert_eq!(link.ending(), Some(Ending::NotRead));
    // The answers to what was written may still come; those who wait for them go on waiting.
    let mut count = 0;
    let mut piece = [0; 1_024];
    while let Ok(read @ 1..) = peer.stream.read(&mut piece).await {
        count += read;
    }
    assert!(count > 0);
    drop(peer);
    let mut sent = 0;
    for asked in asking {
        match asked.await.unwrap() {
            LinkError::Lost { .. } => sent += 1,
            error => assert_eq!(error.retry(), Retry::Safe, "{error}"),
        }
    }
    assert!(sent > 0 && sent < 4_000, "{sent}");
    // What is called safe has not reached the peer as a whole message.
    assert!(count <= sent * 4_100, "{count} bytes of {sent} messages");
}
