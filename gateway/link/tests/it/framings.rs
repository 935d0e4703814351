//! Every framing and dialect on a real socket.

use std::sync::Arc;

use iso8583::frame::{Framing, Routing};
use iso8583::profile::BUILT_IN;
use iso8583::{Message, MessageBuilder, Mti, decode};
use iso8583_link::{Repeats, Settings};

use crate::peer::{BRIEF, PATIENCE, answer, linked, quiet, request};

#[tokio::test]
async fn a_request_is_answered_in_every_framing() {
    for framing in Framing::ALL {
        let routing = Routing::new([0, 1], [0x12, 0x34]);
        let settings = Settings {
            framing,
            routing,
            ..quiet()
        };
        let (link, mut peer) = linked(settings).await;
        let message = request("0100", 1, &[]);
        let (reply, ()) = tokio::join!(link.request(&message, PATIENCE), async {
            let message = peer.heard().await;
            if framing == Framing::Tpdu {
                assert_eq!(peer.routing, routing);
            }
            peer.send(&answer(&message, "00")).await;
        });
        assert_eq!(reply.unwrap().response_code(), "00", "{framing}");
    }
}

#[tokio::test]
async fn polls_are_answered_with_polls() {
    for framing in Framing::ALL
        .into_iter()
        .filter(|framing| framing.has_polls())
    {
        let settings = Settings { framing, ..quiet() };
        let (link, mut peer) = linked(settings).await;
        peer.send(b"").await;
        assert_eq!(peer.heard().await, b"", "{framing}");
        assert_eq!(link.counts().polls, 1);
    }
}

#[tokio::test]
async fn a_tpdu_is_swapped_in_an_answer_of_ours() {
    let settings = Settings {
        framing: Framing::Tpdu,
        ..quiet()
    };
    let (_link, mut peer) = linked(settings).await;
    peer.routing = Routing::new([0xAA, 0xBB], [0, 9]);
    // The peer sends what answers that: to 0009 from AABB.
    peer.send(&request("0800", 1, &[(70, "301")])).await;
    peer.heard().await;
    assert_eq!(peer.routing, Routing::new([0xAA, 0xBB], [0, 9]));
}

#[tokio::test]
async fn a_request_is_repeated_and_answered_in_every_dialect() {
    for profile in BUILT_IN {
        let settings = Settings {
            profile: Arc::new((*profile).clone()),
            ..quiet()
        };
        let (link, mut peer) = linked(settings).await;
        let mti = Mti::M0100.with_version(profile.version());
        let mut message = MessageBuilder::new(profile, mti);
        for number in [7, 11] {
            let length = profile.field(number).unwrap().length.bounds().0;
            message.set(number, &"1".repeat(length.into())).unwrap();
        }
        message.set(2, "4111111111111111").unwrap();
        let message = message.encode();
        let repeats = Repeats {
            patience: BRIEF,
            count: 200,
        };
        let (reply, ()) = tokio::join!(link.request_with_repeats(&message, repeats), async {
            let heard = [peer.heard().await, peer.heard().await];
            let [first, again] = [&heard[0], &heard[1]].map(|it| decode(profile, it).unwrap());
            assert_eq!(Some(again.mti()), mti.repeat());
            assert!(same_content(&first, &again), "{profile:?}");
            let mut answer = MessageBuilder::new(profile, mti.response().unwrap());
            answer.echo(&again, &[7, 11]).unwrap();
            peer.send(&answer.encode()).await;
        });
        assert_eq!(
            reply.unwrap().message().unwrap().mti(),
            mti.response().unwrap()
        );
    }
}

fn same_content(first: &Message<'_>, second: &Message<'_>) -> bool {
    let content = |message: &Message<'_>| -> Vec<_> {
        let values = message.present();
        let values = values.map(|number| (number, message.expose_field(number).unwrap().to_text()));
        values.collect()
    };
    content(first) == content(second) && first.header() == second.header()
}
