//! The instrument itself: what the fault proxy does to a wire in every mode.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use tests::faultproxy::Mode;
use tests::process::{Child, Program};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

const SOON: Duration = Duration::from_secs(5);
/// How long nothing must come where nothing should.
const A_WHILE: Duration = Duration::from_millis(80);

#[tokio::test]
async fn what_passes_stalls_and_passes_again_and_a_cut_resets() -> anyhow::Result<()> {
    let wire = Wire::start().await?;
    let mut link = wire.connect().await?;
    assert_eq!(call(&mut link, b"one").await?, b"one");

    wire.set(Mode::Stall).await?;
    link.write_all(b"two").await?;
    let mut answer = [0; 3];
    assert!(
        timeout(A_WHILE, link.read(&mut answer)).await.is_err(),
        "stalled"
    );
    wire.set(Mode::Pass).await?;
    timeout(SOON, link.read_exact(&mut answer)).await??;
    assert_eq!(&answer, b"two");

    wire.set(Mode::Cut).await?;
    assert!(
        timeout(SOON, link.read(&mut answer)).await?.is_err(),
        "a live connection is reset"
    );
    let refused = async { call(&mut wire.connect().await?, b"new").await }.await;
    assert!(refused.is_err(), "a new connection is reset");
    wire.set(Mode::Pass).await?;
    assert_eq!(call(&mut wire.connect().await?, b"new").await?, b"new");
    Ok(())
}

#[tokio::test]
async fn slow_is_late_and_lost_replies_end_in_a_reset() -> anyhow::Result<()> {
    let wire = Wire::start().await?;
    let mut link = wire.connect().await?;
    wire.set(Mode::Slow {
        latency_ms: 120,
        jitter_ms: 0,
    })
    .await?;
    let start = Instant::now();
    assert_eq!(call(&mut link, b"one").await?, b"one");
    assert!(
        start.elapsed() >= Duration::from_millis(120),
        "{:?}",
        start.elapsed()
    );

    wire.set(Mode::ReplyLost).await?;
    link.write_all(b"two").await?;
    let mut answer = [0; 3];
    assert!(
        timeout(A_WHILE, link.read(&mut answer)).await.is_err(),
        "lost"
    );
    wire.set(Mode::Pass).await?;
    assert!(
        timeout(SOON, link.read(&mut answer)).await?.is_err(),
        "reset, bytes are missing"
    );
    Ok(())
}

#[tokio::test]
async fn a_brown_out_answers_some_hangs_some_refuses_some() -> anyhow::Result<()> {
    let wire = Wire::start().await?;
    let grey = Mode::Grey {
        slow_share: 0.0,
        hang_share: 0.3,
        refuse_share: 0.3,
        latency_ms: 0,
    };
    wire.set(grey).await?;
    let (mut answered, mut refused, mut hung) = (0, 0, 0);
    for _ in 0..40 {
        let mut link = wire.connect().await?;
        match timeout(A_WHILE, call(&mut link, b"hey")).await {
            Ok(Ok(_)) => answered += 1,
            Ok(Err(_)) => refused += 1,
            Err(_) => hung += 1,
        }
    }
    assert!(
        answered > 4 && refused > 4 && hung > 4,
        "{answered} {refused} {hung}"
    );
    Ok(())
}

/// A fault proxy in front of a server that echoes.
struct Wire {
    proxy: Child,
    control: String,
    address: SocketAddr,
    _logs: tempfile::TempDir,
}

impl Wire {
    async fn start() -> anyhow::Result<Self> {
        let echo = TcpListener::bind("127.0.0.1:0").await?;
        let upstream = echo.local_addr()?.to_string();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = echo.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = client.split();
                    tokio::io::copy(&mut from, &mut to).await
                });
            }
        });
        let logs = tempfile::tempdir()?;
        let program = Program::node(env!("CARGO_BIN_EXE_node"));
        let args = ["faultproxy", "--upstream", &upstream]
            .map(Into::into)
            .to_vec();
        let proxy = Child::start(&program, "faultproxy", args, logs.path()).await?;
        let control = proxy.word("control").context("no control")?.to_owned();
        let address = proxy.word("listen").context("no address")?.parse()?;
        Ok(Self {
            proxy,
            control,
            address,
            _logs: logs,
        })
    }

    async fn set(&self, mode: Mode) -> anyhow::Result<()> {
        assert!(self.proxy.pid().is_some());
        let url = format!("{}/mode", self.control);
        reqwest::Client::new()
            .put(url)
            .json(&mode)
            .send()
            .await?
            .error_for_status()?;
        Ok(())
    }

    async fn connect(&self) -> anyhow::Result<TcpStream> {
        Ok(TcpStream::connect(self.address).await?)
    }
}

async fn call(link: &mut TcpStream, bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    link.write_all(bytes).await?;
    let mut answer = vec![0; bytes.len()];
    link.read_exact(&mut answer).await?;
    Ok(answer)
}
