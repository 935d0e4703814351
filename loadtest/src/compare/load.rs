use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ::tests::cluster::Stack;
use ::tests::http_client::HttpClient;
use ::tests::iso_client::IsoClient;
use ::tests::notebook::{Notebook, Outcome};
use ::tests::payment::{Card, Payment};
use anyhow::Context;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::report::Measured;
use crate::schedule::stream;
use crate::stats::Latencies;

/// Longer than any gateway's budget.
const PATIENCE: Duration = Duration::from_secs(5);
const AMOUNT_MINOR: i64 = 1_250;

/// Clients of one stack, again and again.
pub(super) struct Load<'a> {
    stack: &'a Stack,
    cards: Arc<Vec<Card>>,
    /// Index of the gateway that is home, by card.
    homes: Arc<Vec<usize>>,
    concurrency: u32,
    /// The number of the next payment, over all rounds.
    next: Arc<AtomicU64>,
}

/// What one client saw.
#[derive(Default)]
struct Seen {
    approved: u64,
    others: u64,
    latencies: Vec<Duration>,
}

/// Asks, waits for the answer, asks again.
struct Client {
    number: u32,
    links: Vec<(HttpClient, IsoClient)>,
    cards: Arc<Vec<Card>>,
    homes: Arc<Vec<usize>>,
    next: Arc<AtomicU64>,
}

impl Client {
    async fn run(self, mut rng: ChaCha8Rng, end: Instant) -> Seen {
        let mut seen = Seen::default();
        loop {
            let index = rng.random_range(0..self.cards.len());
            let (http, iso) = &self.links[self.homes[index]];
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let payment = Payment::numbered(number, &self.cards[index], AMOUNT_MINOR);
            let asked = Instant::now();
            let outcome = if self.number.is_multiple_of(2) {
                http.authorize(&payment, false, PATIENCE).await
            } else {
                iso.authorize(&payment, false, PATIENCE).await
            };
            if Instant::now() > end {
                return seen;
            }
            match outcome {
                Outcome::Answered(answer) if answer.approved => seen.approved += 1,
                _ => seen.others += 1,
            }
            seen.latencies.push(asked.elapsed());
        }
    }
}

impl<'a> Load<'a> {
    pub(super) fn new(stack: &'a Stack, cards: Vec<Card>, concurrency: u32) -> Self {
        let homes = cards.iter().map(|card| stack.home_of(&card.token));
        Self {
            stack,
            homes: Arc::new(homes.collect()),
            cards: Arc::new(cards),
            concurrency,
            next: Arc::new(AtomicU64::new(1)),
        }
    }

    /// Loads the stack for so long. What is answered after the end does not count.
    pub(super) async fn run(&self, seconds: f64) -> anyhow::Result<Measured> {
        let stood_in = self.stood_in().await?;
        let links = self.links().await?;
        let mut clients = JoinSet::new();
        let seed = self.next.load(Ordering::Relaxed);
        let end = Instant::now() + Duration::from_secs_f64(seconds);
        for number in 0..self.concurrency {
            let client = Client {
                number,
                links: links.clone(),
                cards: Arc::clone(&self.cards),
                homes: Arc::clone(&self.homes),
                next: Arc::clone(&self.next),
            };
            clients.spawn(client.run(stream(seed, number.into()), end));
        }
        self.measure(clients, seconds, stood_in).await
    }

    async fn links(&self) -> anyhow::Result<Vec<(HttpClient, IsoClient)>> {
        let mut links = Vec::new();
        for (index, gateway) in self.stack.gateways().iter().enumerate() {
            // A notebook of its own, gone after the round: nobody audits millions of payments.
            let (notebook, keys) = (Notebook::default(), Arc::clone(self.stack.keys()));
            let http = HttpClient::new(index, &gateway.http, notebook.clone(), Arc::clone(&keys))?;
            let iso = IsoClient::connect(index, gateway.iso_name(), notebook, keys).await?;
            iso.sign_on().await?;
            links.push((http, iso));
        }
        Ok(links)
    }

    async fn measure(
        &self,
        mut clients: JoinSet<Seen>,
        seconds: f64,
        stood_in: u64,
    ) -> anyhow::Result<Measured> {
        let (mut all, mut latencies) = (Seen::default(), Latencies::default());
        while let Some(seen) = clients.join_next().await {
            let seen = seen.context("a client failed")?;
            all.approved += seen.approved;
            all.others += seen.others;
            seen.latencies.into_iter().for_each(|it| latencies.add(it));
        }
        let summary = latencies.summary();
        let per_s = (all.approved + all.others) as f64 / seconds;
        Ok(Measured {
            per_s: (per_s * 10.0).round() / 10.0,
            not_approved: all.others,
            stood_in: self.stood_in().await? - stood_in,
            p50_ms: summary.p50,
            p99_ms: summary.p99,
        })
    }

    /// Decisions without the ledger so far: a stack that stands in measures something else.
    async fn stood_in(&self) -> anyhow::Result<u64> {
        let mut all = 0;
        for gateway in self.stack.gateways() {
            let counts = gateway.status().await?.stand_in;
            all += counts.approved + counts.declined;
        }
        Ok(all)
    }
}
