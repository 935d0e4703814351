//! Several links, and where a request goes.

use std::time::Duration;

use iso8583_link::{Address, LinkError, Pool, PoolSettings, Retry, Settings};
use tokio::net::TcpListener;

use crate::peer::{BRIEF, PATIENCE, Peer, answer, quiet, request, seen};

/// A host that a pool has an address of.
struct Host {
    listener: TcpListener,
}

impl Host {
    async fn new() -> (Self, Address) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = Address::tcp(listener.local_addr().unwrap().to_string());
        (Self { listener }, address)
    }

    async fn accepts(&self) -> Peer {
        let (stream, _) = self.listener.accept().await.unwrap();
        Peer::of(stream, quiet().framing)
    }
}

fn settings() -> PoolSettings {
    PoolSettings {
        link: quiet(),
        again_min: Duration::from_millis(1),
        again_max: Duration::from_millis(10),
    }
}

async fn until_open(pool: &Pool, count: usize) {
    tokio::time::timeout(PATIENCE, async {
        while pool.open() != count {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
}

/// The pool asks, and this peer, which it has to reach, says 00.
async fn answered_by(pool: &Pool, peer: &mut Peer, stan: u32) {
    let message = request("0100", stan, &[]);
    let (reply, ()) = tokio::join!(pool.request(&message, PATIENCE), async {
        let message = peer.heard().await;
        assert_eq!(seen(&message, 11).1, format!("{stan:06}"));
        peer.send(&answer(&message, "00")).await;
    });
    assert_eq!(reply.unwrap().response_code(), "00");
}

#[tokio::test]
async fn requests_take_turns_and_move_after_a_sign_off() {
    let ((left, to_left), (right, to_right)) = (Host::new().await, Host::new().await);
    let pool = Pool::new([to_left, to_right], &settings());
    let (mut left, mut right) = (left.accepts().await, right.accepts().await);
    until_open(&pool, 2).await;
    for round in 0..3 {
        answered_by(&pool, &mut left, 2 * round).await;
        answered_by(&pool, &mut right, 2 * round + 1).await;
    }
    left.send(&request("0800", 5, &[(70, "002")])).await;
    assert_eq!(seen(&left.heard().await, 39).1, "00");
    for stan in 10..15 {
        answered_by(&pool, &mut right, stan).await;
    }
    left.send(&request("0800", 6, &[(70, "001")])).await;
    assert_eq!(seen(&left.heard().await, 39).1, "00");
    assert_eq!(pool.open(), 2);
    assert_eq!(pool.links().len(), 2);
}

#[tokio::test]
async fn a_link_that_ended_is_made_again() {
    let (host, address) = Host::new().await;
    let pool = Pool::new([address], &settings());
    pool.ready().await;
    let mut peer = host.accepts().await;
    answered_by(&pool, &mut peer, 1).await;
    drop(peer);
    let mut peer = host.accepts().await;
    until_open(&pool, 1).await;
    answered_by(&pool, &mut peer, 2).await;
}

#[tokio::test]
async fn without_a_link_nothing_is_sent_and_what_may_have_been_sent_is_not_sent_elsewhere() {
    let ((left, to_left), (right, to_right)) = (Host::new().await, Host::new().await);
    let pool = Pool::new([to_left, to_right], &settings());
    let (mut left, right) = (left.accepts().await, right.accepts().await);
    until_open(&pool, 2).await;
    let message = request("0100", 1, &[]);
    let asking = {
        let (pool, message) = (pool.clone(), message.clone());
        tokio::spawn(async move { pool.request(&message, PATIENCE).await })
    };
    assert_eq!(left.heard().await, message);
    drop(left);
    let error = asking.await.unwrap().unwrap_err();
    assert!(matches!(error, LinkError::Lost { .. }), "{error}");
    let counts: u64 = pool.links().iter().map(|link| link.counts().sent).sum();
    assert_eq!(counts, 0, "the other one got nothing");
    drop(right);

    let pool = Pool::new([Address::tcp("127.0.0.1:1")], &settings());
    let error = pool.request(&message, BRIEF).await.unwrap_err();
    assert!(matches!(error, LinkError::NoLink { links: 1 }), "{error}");
    assert_eq!(error.retry(), Retry::Safe);
    let nowhere = Pool::new([], &settings());
    let error = nowhere.request(&message, BRIEF).await.unwrap_err();
    assert!(matches!(error, LinkError::NoLink { links: 0 }), "{error}");
}

#[tokio::test]
async fn late_answers_of_all_links_come_together_and_a_close_signs_all_off() {
    let (host, address) = Host::new().await;
    let settings = PoolSettings {
        link: Settings {
            signs_on: true,
            ..quiet()
        },
        ..settings()
    };
    let pool = Pool::new([address.clone(), address], &settings);
    let mut peers = [host.accepts().await, host.accepts().await];
    for peer in &mut peers {
        let sign_on = peer.heard().await;
        peer.send(&answer(&sign_on, "00")).await;
    }
    until_open(&pool, 2).await;
    let mut dropped = Vec::new();
    for stan in 0..2 {
        let pool = pool.clone();
        let message = request("0100", stan, &[]);
        dropped.push(tokio::spawn(async move {
            pool.request(&message, PATIENCE).await
        }));
    }
    let heard = [peers[0].heard().await, peers[1].heard().await];
    for asking in dropped {
        asking.abort();
        assert!(asking.await.unwrap_err().is_cancelled());
    }
    let mut stans = Vec::new();
    for (peer, message) in peers.iter_mut().zip(&heard) {
        peer.send(&answer(message, "00")).await;
        let late = pool.late().await.unwrap();
        stans.push(seen(late.reply.bytes(), 11).1);
    }
    stans.sort();
    assert_eq!(stans, ["000000", "000001"]);
    let (left, ()) = tokio::join!(pool.close(PATIENCE), async {
        for mut peer in peers {
            let sign_off = peer.heard().await;
            assert_eq!(seen(&sign_off, 70).1, "002");
            peer.send(&answer(&sign_off, "00")).await;
            assert_eq!(peer.next().await, None);
        }
    });
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_late_answer_that_finds_the_queue_of_the_pool_full_is_counted_by_its_link_i12() {
    let (host, address) = Host::new().await;
    let settings = PoolSettings {
        link: Settings {
            late_max: 1,
            ..quiet()
        },
        ..settings()
    };
    let pool = Pool::new([address], &settings);
    let mut peer = host.accepts().await;
    until_open(&pool, 1).await;
    let link = pool.links().remove(0);
    for stan in 1..=3 {
        let asked = pool.request(&request("0100", stan, &[]), BRIEF).await;
        assert!(asked.is_err());
        let message = peer.heard().await;
        peer.send(&answer(&message, "00")).await;
        let counted = async {
            while link.counts().late_dropped != u64::from(stan) - 1
                || link.counts().late != u64::from(stan)
            {
                tokio::task::yield_now().await;
            }
        };
        let counted = tokio::time::timeout(PATIENCE, counted).await;
        assert!(counted.is_ok(), "{stan}: {:?}", link.counts());
    }
    let late = pool.late().await.unwrap();
    assert_eq!(seen(late.reply.bytes(), 11).1, "000001");
}
