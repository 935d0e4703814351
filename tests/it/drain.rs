//! A gateway that was asked to stop: it says so, goes on for a while, answers what it has read, and
//! ends.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use iso8583::frame::{FrameDecoder, Framing, LENGTH_MAX_DEFAULT};
use iso8583::profile::ASCII_HEX;
use iso8583::{Mti, decode};
use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use tests::cluster::Ended;
use tests::http_client::Raw;
use tests::iso_client::{authorization_message, management_message};
use tests::notebook::{Answer, By};
use tests::waiting::wait_until;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::support::{PATIENCE, Running, answered, stack, stack_with};

/// Longer than any test: a gateway with it is in its notice until somebody ends it.
const FOR_EVER: [&str; 2] = ["--drain-notice-ms", "600000"];
/// A gateway that has drained is gone long before.
const ENDED_WITHIN: Duration = Duration::from_secs(10);

#[tokio::test]
async fn asked_to_stop_it_is_not_ready_and_still_answers_on_old_and_new_connections_i8()
-> anyhow::Result<()> {
    let stack = with_arguments(&FOR_EVER).await?;
    let card = stack.card_at(0, 1_000_00).await?;
    let ready = asked(&stack, "/readyz?verbose").await?;
    assert_eq!(ready.status, 200);
    let metrics = asked(&stack, "/metrics").await?.body;
    assert!(metrics.contains("\nholdfast_ready 1\n"), "{metrics}");
    assert_eq!(
        ready.body,
        "[+]drain ok\n[+]journal ok\n[+]stand_in ok\n[+]ledger ok\n"
    );
    let old_http = stack.http(0)?;
    let first = stack.payment(&card, 1_00);
    assert!(answered(old_http.authorize(&first, false, PATIENCE).await)?.approved);
    let mut old_iso = Peer::connect(&stack).await?;

    signal(&stack, Signal::TERM).await?;
    not_ready(&stack).await?;
    let noticed = asked(&stack, "/readyz?verbose").await?;
    assert!(noticed.body.starts_with("[-]drain "), "{}", noticed.body);
    assert!(noticed.body.contains("\n[+]journal ok\n"));
    let metrics = asked(&stack, "/metrics").await?.body;
    assert!(metrics.contains("\nholdfast_ready 0\n"), "{metrics}");
    assert_eq!(asked(&stack, "/livez").await?.status, 200);
    assert_eq!(
        noticed.headers.get("connection").map(|it| it.as_bytes()),
        Some(&b"close"[..])
    );

    let sign_off = old_iso.next().await?;
    assert_eq!(sign_off, (Mti::M0800, Some("002".into()), None));
    let payment = stack.payment(&card, 1_00);
    old_iso
        .send(&authorization_message(&payment, false)?)
        .await?;
    let (mti, _, code) = old_iso.next().await?;
    assert_eq!((mti, code.as_deref()), (Mti::M0110, Some("00")));
    let second = stack.payment(&card, 1_00);
    assert!(answered(old_http.authorize(&second, false, PATIENCE).await)?.approved);
    assert!(stack.pay(0, &stack.payment(&card, 1_00)).await?.approved);
    assert!(
        stack
            .pay_iso(0, &stack.payment(&card, 1_00))
            .await?
            .approved
    );
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once_and_what_was_answered_is_kept_i1_i3() -> anyhow::Result<()>
{
    let stack = with_arguments(&FOR_EVER).await?;
    let card = stack.card_at(0, 100_00).await?;
    stack.cut().await?;
    signal(&stack, Signal::TERM).await?;
    not_ready(&stack).await?;
    let payment = stack.payment(&card, 10_00);
    let first = stack.pay(0, &payment).await?;
    assert!(first.approved && first.decided_by == Some(By::StandIn));

    signal(&stack, Signal::INT).await?;
    let status = ended(&stack).await?;
    assert_eq!(status.code, Some(2), "{status}");
    stack.restart_gateway(0).await?;
    assert_eq!(stack.repeat(0, &payment).await?.verdict(), first.verdict());
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn what_waits_for_a_stalled_ledger_is_answered_before_the_end_i8() -> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 100_00).await?;
    let (http, iso) = (stack.http(0)?, stack.iso(0).await?);
    stack.stall().await?;
    let (by_http, by_iso) = (stack.payment(&card, 10_00), stack.payment(&card, 20_00));
    let stop = async {
        let both = || async {
            let status = stack.status(0).await;
            status.is_ok_and(|status| status.rest["in_flight"] == 2)
        };
        wait_until("both payments wait for the ledger", PATIENCE, both).await?;
        stack.terminate_gateway(0).await
    };
    let (by_http, by_iso, stopped) = tokio::join!(
        http.authorize(&by_http, false, PATIENCE),
        iso.authorize(&by_iso, false, PATIENCE),
        stop,
    );
    stopped?;
    let (by_http, by_iso): (Answer, Answer) = (answered(by_http)?, answered(by_iso)?);
    assert_eq!(by_http.decided_by, Some(By::StandIn));
    assert!(by_http.approved && by_iso.approved);
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn an_iso_peer_that_sends_after_the_sign_off_reads_every_answer_and_then_the_end_i8()
-> anyhow::Result<()> {
    const PAYMENTS: usize = 20;
    let stack = with_arguments(&["--drain-notice-ms", "1000"]).await?;
    let card = stack.card_at(0, 1_000_00).await?;
    let mut peer = Peer::connect(&stack).await?;
    stack.stall().await?;
    let send = async {
        let (mti, code, _) = peer.next().await?;
        assert_eq!((mti, code.as_deref()), (Mti::M0800, Some("002")));
        for _ in 0..PAYMENTS {
            let payment = stack.payment(&card, 1_00);
            peer.send(&authorization_message(&payment, false)?).await?;
        }
        let mut answers = 0;
        while let Some((mti, _, code)) = peer.next_or_end().await? {
            assert_eq!((mti, code.as_deref()), (Mti::M0110, Some("00")));
            answers += 1;
        }
        anyhow::Ok(answers)
    };
    let (answers, stopped) = tokio::join!(send, stack.terminate_gateway(0));
    stopped?;
    assert_eq!(answers?, PAYMENTS);
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_peer_that_never_reads_does_not_keep_it_and_what_it_asked_is_finished_i8_i12()
-> anyhow::Result<()> {
    let stack = with_arguments(&["--drain-patience-ms", "1600"]).await?;
    let card = stack.card_at(0, 100_00).await?;
    let payment = stack.payment(&card, 10_00);
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(4 * 1024)?;
    let mut deaf = socket.connect(stack.gateway(0).iso).await?;
    deaf.write_all(&framed(&authorization_message(&payment, false)?)?)
        .await?;
    let echoes = framed(&management_message("301")?)?.repeat(200);
    let mut full = false;
    for _ in 0..2_000 {
        let written = timeout(Duration::from_millis(300), deaf.write_all(&echoes)).await;
        full = written.is_err();
        if full {
            break;
        }
    }
    assert!(
        full,
        "the gateway reads on although nobody takes its answers"
    );
    stack.terminate_gateway(0).await?;
    stack.restart_gateway(0).await?;
    let again = stack.repeat(0, &payment).await?;
    assert_eq!((again.approved, again.duplicate), (true, Some(true)));
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn connections_that_say_nothing_do_not_hold_up_the_end() -> anyhow::Result<()> {
    // Without a bound of their own they would take all of this.
    let stack = with_arguments(&["--drain-patience-ms", "600000"]).await?;
    let http = stack
        .gateway(0)
        .http
        .trim_start_matches("http://")
        .to_owned();
    let _silent = TcpStream::connect(http).await?;
    let _mute = TcpStream::connect(stack.gateway(0).iso).await?;
    // Its connection stays open, in the client's pool.
    let client = stack.http(0)?;
    assert_eq!(
        client.raw(Method::GET, "/livez", &[], "").await?.status,
        200
    );
    stack.terminate_gateway(0).await?;
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn stopped_in_an_outage_it_tells_its_backlog_after_the_restart_once_i1_i2_i4()
-> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 1_000_00).await?;
    stack.cut().await?;
    let door = stack.iso(0).await?;
    for _ in 0..20 {
        let payment = stack.payment(&card, 1_00);
        assert!(answered(door.authorize(&payment, false, PATIENCE).await)?.approved);
    }
    assert_eq!(stack.status(0).await?.backlog, 20);
    stack.terminate_gateway(0).await?;
    stack.heal().await?;
    stack.restart_gateway(0).await?;
    stack.settled().await?;
    assert_eq!(stack.available(&card).await?, 980_00);
    let status = stack.status(0).await?;
    assert_eq!((status.advices_written, status.advices_duplicate), (20, 0));
    stack.finish().await?;
    Ok(())
}

async fn with_arguments(arguments: &[&str]) -> anyhow::Result<Running> {
    let arguments = arguments.iter().map(|word| (*word).to_owned()).collect();
    stack_with(|config| config.gateway_args = arguments).await
}

/// On a connection of its own, as a prober makes it.
async fn asked(stack: &Running, path: &str) -> anyhow::Result<Raw> {
    stack.http(0)?.raw(Method::GET, path, &[], "").await
}

async fn not_ready(stack: &Running) -> anyhow::Result<()> {
    let not_ready = || async {
        let answer = asked(stack, "/readyz").await;
        answer.is_ok_and(|answer| answer.status == 503)
    };
    wait_until("the gateway says that it is not ready", PATIENCE, not_ready).await?;
    Ok(())
}

/// Signals the first gateway and does not wait.
async fn signal(stack: &Running, signal: Signal) -> anyhow::Result<()> {
    let name = stack.gateway(0).name.to_string();
    let processes = stack.processes().await;
    let gateway = processes.iter().find(|process| process.name == name);
    let pid = gateway
        .filter(|process| process.ended.is_none())
        .and_then(|process| Pid::from_raw(process.pid?))
        .context("the gateway is down")?;
    kill_process(pid, signal)?;
    Ok(())
}

/// How the first gateway ended.
async fn ended(stack: &Running) -> anyhow::Result<Ended> {
    let name = stack.gateway(0).name.to_string();
    let status = || async {
        let processes = stack.processes().await;
        let gateway = processes.into_iter().find(|process| process.name == name);
        gateway.and_then(|process| process.ended)
    };
    let has_ended = || async { status().await.is_some() };
    wait_until("the gateway has ended", ENDED_WITHIN, has_ended).await?;
    status().await.context("it has ended")
}

/// An ISO 8583 peer without manners: it does only what a test tells it.
struct Peer {
    stream: TcpStream,
    frames: FrameDecoder,
}

/// Message type, DE70 and DE39.
type Seen = (Mti, Option<String>, Option<String>);

impl Peer {
    async fn connect(stack: &Running) -> anyhow::Result<Self> {
        Ok(Self {
            stream: TcpStream::connect(stack.gateway(0).iso).await?,
            frames: FrameDecoder::new(Framing::Be2, LENGTH_MAX_DEFAULT),
        })
    }

    async fn send(&mut self, message: &[u8]) -> anyhow::Result<()> {
        Ok(self.stream.write_all(&framed(message)?).await?)
    }

    async fn next(&mut self) -> anyhow::Result<Seen> {
        self.next_or_end().await?.context("the gateway closed")
    }

    async fn next_or_end(&mut self) -> anyhow::Result<Option<Seen>> {
        let mut piece = [0; 1024];
        loop {
            if let Some(frame) = self.frames.next_frame()? {
                let Ok(message) = decode(&ASCII_HEX, frame.message) else {
                    bail!("the gateway sent what does not decode");
                };
                let text = |number| message.field(number).map(|it| it.to_text());
                return Ok(Some((message.mti(), text(70), text(39))));
            }
            match timeout(PATIENCE, self.stream.read(&mut piece)).await?? {
                0 => {
                    ensure!(self.frames.pending() == 0, "half a frame");
                    return Ok(None);
                }
                read => self.frames.push(&piece[..read]),
            }
        }
    }
}

fn framed(message: &[u8]) -> anyhow::Result<Vec<u8>> {
    let length = u16::try_from(message.len())?.to_be_bytes();
    Ok([&length, message].concat())
}
