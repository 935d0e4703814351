//! A database that is gone from the network without a word: no reset, no answer, and what was
//! connected never moves again.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use reqwest::StatusCode;
use tests::open_metrics::Page;
use tests::ports;
use tests::postgres::Postgres;
use tests::process::{Child, Program};
use tests::waiting::wait_until;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Far longer than the ledger waits for its database.
const PATIENCE: Duration = Duration::from_secs(60);
/// More than the ledger has connections.
const AT_ONCE: usize = 20;

#[tokio::test]
async fn questions_that_nobody_answers_cost_the_ledger_no_connection_i10_i12() -> anyhow::Result<()>
{
    let Some(postgres) = Postgres::start().await? else {
        return Ok(());
    };
    let wire = Wire::start(postgres.port()).await?;
    let directory = tempfile::tempdir()?;
    let address = ports::free()?;
    let database = format!("postgres://postgres@{}/postgres", wire.address);
    let args = format!("ledger --listen {address} --database-url {database}");
    let args = args.split_whitespace().map(Into::into).collect();
    let program = Program::node(env!("CARGO_BIN_EXE_node"));
    let _ledger = Child::start(&program, "ledger", args, directory.path()).await?;
    let ledger = Ledger::at(address)?;
    assert!(ledger.ready_at_once().await?.iter().all(|ready| *ready));
    assert_eq!(ledger.says_ready().await?, Some(1.0));

    wire.cut();
    for _ in 0..2 {
        let ready = ledger.ready_at_once().await?;
        assert!(ready.iter().all(|ready| !ready), "{ready:?}");
    }
    assert_eq!(ledger.says_ready().await?, Some(0.0));

    wire.heal();
    let back = || async {
        let ready = ledger.ready_at_once().await;
        ready.is_ok_and(|ready| ready.iter().all(|ready| *ready))
    };
    wait_until("every question is answered", PATIENCE, back).await?;
    let back = || async {
        let ready = ledger.says_ready().await;
        ready.is_ok_and(|ready| ready == Some(1.0))
    };
    wait_until("the metrics say so", PATIENCE, back).await?;
    Ok(())
}

struct Ledger {
    base: String,
    client: reqwest::Client,
}

impl Ledger {
    fn at(address: SocketAddr) -> anyhow::Result<Self> {
        Ok(Self {
            base: format!("http://{address}"),
            client: reqwest::Client::builder()
                .no_proxy()
                .timeout(PATIENCE)
                .build()?,
        })
    }

    /// Asks many times at once whether it is ready.
    async fn ready_at_once(&self) -> anyhow::Result<Vec<bool>> {
        let asked: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                let request = self.client.get(format!("{}/readyz", self.base));
                tokio::spawn(async move { Ok(request.send().await?.status() == StatusCode::OK) })
            })
            .collect();
        let mut ready = Vec::new();
        for asked in asked {
            let answer: reqwest::Result<bool> = asked.await?;
            ready.push(answer?);
        }
        Ok(ready)
    }

    /// What a scrape says.
    async fn says_ready(&self) -> anyhow::Result<Option<f64>> {
        let answer = self.client.get(format!("{}/metrics", self.base));
        let text = answer.send().await?.text().await?;
        let page = Page::parse(&text).map_err(anyhow::Error::msg)?;
        Ok(page.value("holdfast_ledger_store_ready", &[]))
    }
}

/// A wire to a server. What is connected when it is cut stays connected and moves never again; what
/// connects afterwards waits until it heals.
struct Wire {
    address: SocketAddr,
    /// How often it was cut, and whether it is now.
    state: watch::Sender<(u32, bool)>,
}

impl Wire {
    async fn start(port: u16) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr().context("no address")?;
        let (state, states) = watch::channel((0, false));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(relay(client, port, states.clone()));
            }
        });
        Ok(Self { address, state })
    }

    fn cut(&self) {
        self.state.send_modify(|(cuts, cut)| {
            *cuts += 1;
            *cut = true;
        });
    }

    fn heal(&self) {
        self.state.send_modify(|(_, cut)| *cut = false);
    }
}

async fn relay(
    mut client: TcpStream,
    port: u16,
    mut states: watch::Receiver<(u32, bool)>,
) -> anyhow::Result<()> {
    let (cuts, _) = *states.wait_for(|(_, cut)| !cut).await?;
    let mut server = TcpStream::connect(("127.0.0.1", port)).await?;
    let cut = async {
        // An error where the test is over.
        let _ = states.wait_for(|(later, _)| *later != cuts).await;
    };
    tokio::select! {
        moved = tokio::io::copy_bidirectional(&mut client, &mut server) => {
            moved?;
        }
        // Both ends stay open.
        () = cut => std::future::pending().await,
    }
    Ok(())
}
