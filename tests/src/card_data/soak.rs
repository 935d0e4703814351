//! The soak: everything that is sent, in which state of the house, and the search afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::task::JoinSet;

use super::cards::{Secrets, needles};
use super::needles::{Form, Found, Needles};
use super::{http, iso};
use crate::cluster::{Stack, StackConfig, one_till};
use crate::collector::Collector;
use crate::http_client::HttpClient;
use crate::iso_client::CHECKED_LINK;
use crate::payment::{Card, Payment};
use crate::waiting::wait_until;

const KNOWN_WITHIN: Duration = Duration::from_secs(60);
const DRAINED_WITHIN: Duration = Duration::from_secs(60);
const EXPORTED_WITHIN: Duration = Duration::from_secs(30);
/// One card of so many pays once more when the ledger is back.
const EVERY_BACK: usize = 5;
/// Payments at once.
const HANDS: usize = 8;
/// Cards that are issued at once.
const PER_CALL: usize = 250;

/// How the house is while payments come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The ledger answers.
    Up,
    /// Stand-in decides.
    Away,
    /// The ledger answers again, and is told.
    Back,
}

/// Every process's log at its most verbose, every trace exported, results of checks told in DE61, and
/// what is unchecked decided by the limits.
pub fn verbose(config: &mut StackConfig, collector: &Collector) {
    let traces = ["--otlp-endpoint", &collector.url(), "--sample-ratio", "1"].map(str::to_owned);
    config.log = "trace".to_owned();
    config.ledger_args = traces.to_vec();
    config.gateway_args = traces.to_vec();
    let links = ["--links", CHECKED_LINK].map(str::to_owned);
    config.gateway_args.extend(links);
    let careful = one_till();
    config.policy = Some(careful.replace("_unknown = \"decline\"", "_unknown = \"ignore\""));
}

/// Where something was found that must not be there. Says which card by its place, never what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leak {
    /// A file, a page, or an answer to what.
    pub place: String,
    /// In which form.
    pub form: Form,
    /// Whose.
    pub card: usize,
    /// In bytes from the start of the place.
    pub offset: usize,
}

/// What was sent and seen.
#[derive(Debug, Default, Clone)]
pub struct Seen {
    /// How often each DE39.
    pub codes: BTreeMap<String, u64>,
    /// How often each status.
    pub statuses: BTreeMap<u16, u64>,
    /// In bytes.
    pub searched: u64,
    /// What must not be.
    pub leaks: BTreeSet<Leak>,
}

/// Cards, and what is looked for.
pub struct Soak {
    cards: Vec<(Secrets, Card)>,
    needles: Needles,
    seen: Mutex<Seen>,
}

impl Soak {
    /// Issues so many cards that follow from a seed.
    ///
    /// # Errors
    /// Where the ledger refuses one.
    pub async fn issue(stack: &Stack, seed: u64, count: usize) -> anyhow::Result<Arc<Self>> {
        let secrets = Secrets::many(seed, count);
        let mut cards = Vec::new();
        for (chunk, group) in (0..).zip(secrets.chunks(PER_CALL)) {
            let first = chunk * PER_CALL as u64 + 1;
            let issued: Vec<_> = (first..)
                .zip(group)
                .map(|(account, card)| card.issued(account))
                .collect();
            cards.extend(stack.seed(&issued).await?);
        }
        stack.known(KNOWN_WITHIN).await?;
        Ok(Arc::new(Self {
            needles: needles(&secrets),
            cards: secrets.into_iter().zip(cards).collect(),
            seen: Mutex::default(),
        }))
    }

    /// The ledger up, then away, then back; a gateway drained and started again; everything stopped, and
    /// everything that was written searched.
    ///
    /// # Errors
    /// Where a process or a door does not do what it should; what was found is in [`Soak::report`].
    pub async fn run(self: &Arc<Self>, stack: &Stack, collector: &Collector) -> anyhow::Result<()> {
        self.play(stack, State::Up, 1).await?;
        stack.cut().await?;
        self.play(stack, State::Away, 1).await?;
        self.search_pages(stack).await?;
        let stood_in = stack.status(0).await?.stand_in;
        let both = stood_in.approved > 0 && stood_in.declined > 0;
        ensure!(both, "no stand-in of both kinds: {stood_in:?}");
        stack.heal().await?;
        self.play(stack, State::Back, EVERY_BACK).await?;
        stack.drained(DRAINED_WITHIN).await?;
        stack.terminate_gateway(0).await?;
        stack.restart_gateway(0).await?;
        self.search_pages(stack).await?;
        let booked = || async {
            let spans = collector.spans();
            spans.iter().any(|span| span.name == "ledger.book")
        };
        wait_until("traces are exported", EXPORTED_WITHIN, booked).await?;
        stack.machinery().stop().await?;
        self.search_traces(collector);
        self.search_files(stack.directory())
    }

    /// Every card pays through both doors, and is sent in damaged messages; or one card of `every`.
    ///
    /// # Errors
    /// Where a door does not answer, or answers what makes no sense.
    async fn play(
        self: &Arc<Self>,
        stack: &Stack,
        state: State,
        every: usize,
    ) -> anyhow::Result<()> {
        let mut hands = JoinSet::new();
        for place in (0..self.cards.len()).step_by(every) {
            if hands.len() == HANDS {
                hands.join_next().await.context("a hand")???;
            }
            let (_, card) = &self.cards[place];
            let gateway = place / every % stack.gateways().len();
            let doors = Doors {
                iso: stack.gateway(gateway).iso,
                http: stack.http(gateway)?,
                plain: stack.gateway(gateway).http.clone(),
            };
            // One for each connection that brings a payment of its own.
            let payments: Vec<_> = (0..2).map(|_| stack.payment(card, 1_00)).collect();
            let soak = Arc::clone(self);
            hands.spawn(async move { soak.card(place, state, &doors, &payments).await });
        }
        while let Some(done) = hands.join_next().await {
            done??;
        }
        Ok(())
    }

    async fn card(
        &self,
        place: usize,
        state: State,
        doors: &Doors,
        payments: &[Payment],
    ) -> anyhow::Result<()> {
        let (secrets, _) = &self.cards[place];
        let [by_iso, by_http] = payments else {
            return Ok(());
        };
        // Another share of the damages in every state, so that each of them meets each state.
        let turn = place * 3 + state as usize;
        let checked = ["MMM", "-N-", "UUU", "---", "--N", "N--"][(place + state as usize) % 6];
        for bytes in iso::good(secrets, by_iso, checked)? {
            self.iso("a payment", doors.iso, &bytes).await?;
        }
        for kind in [turn % iso::DAMAGES, (turn * 7 + 3) % iso::DAMAGES] {
            let bytes = iso::damaged(kind, secrets, by_iso)?;
            let what = format!("damage {kind}");
            self.iso(&what, doors.iso, &bytes).await?;
        }
        for sent in http::good(secrets, by_http) {
            self.http("a payment", doors, sent).await?;
        }
        for kind in [turn, turn * 7 + 3, turn * 11 + 5].map(|kind| kind % http::DAMAGES) {
            let sent = http::damaged(kind, secrets, by_http);
            self.http(&format!("damage {kind}"), doors, sent).await?;
        }
        if turn.is_multiple_of(16) {
            let door = doors.plain.trim_start_matches("http://").parse()?;
            let answers = http::nonsense(door, secrets).await?;
            self.search("the answer to what is not HTTP", &answers);
            // And each protocol at the door of the other one.
            self.iso("HTTP", doors.iso, secrets.track2().as_bytes())
                .await?;
            let bytes = iso::damaged(0, secrets, by_iso)?;
            iso::exchange(door, &bytes).await.ok();
        }
        Ok(())
    }

    async fn iso(&self, what: &str, door: SocketAddr, bytes: &[u8]) -> anyhow::Result<()> {
        for answer in iso::exchange(door, bytes).await? {
            let (code, rest) = iso::without_echo(&answer)
                .with_context(|| format!("the answer to {what} over ISO 8583"))?;
            self.search(&format!("the answer {code} to {what} over ISO 8583"), &rest);
            *self.seen().codes.entry(code).or_default() += 1;
        }
        Ok(())
    }

    async fn http(&self, what: &str, doors: &Doors, sent: http::Sent) -> anyhow::Result<()> {
        let answer = sent.exchange(&doors.http).await;
        let (status, text) = answer.with_context(|| format!("{what} over HTTP"))?;
        self.search(
            &format!("the answer {status} to {what} over HTTP"),
            text.as_bytes(),
        );
        *self.seen().statuses.entry(status).or_default() += 1;
        Ok(())
    }

    /// Everything that can be asked for over HTTP.
    ///
    /// # Errors
    /// Where a page is not there.
    async fn search_pages(&self, stack: &Stack) -> anyhow::Result<()> {
        let mut pages = vec![
            format!("{}/metrics", stack.ledger_url()),
            format!("{}/v1/books", stack.ledger_url()),
        ];
        for gateway in stack.gateways() {
            for path in [
                "metrics",
                "v1/status",
                "readyz?verbose",
                "v1/journal?limit=10000",
            ] {
                pages.push(format!("{}/{path}", gateway.http));
            }
        }
        for page in pages {
            let answer = reqwest::get(&page).await?.error_for_status();
            let body = answer.context("a page")?.bytes().await?;
            ensure!(!body.is_empty(), "{page} is empty");
            self.search(&page, &body);
        }
        Ok(())
    }

    /// Everything that was exported as a trace.
    fn search_traces(&self, collector: &Collector) {
        for body in collector.bodies() {
            self.search("an exported trace", &body);
        }
    }

    /// Every file below a directory: logs of both streams, journals, local copies, books.
    ///
    /// # Errors
    /// Where one cannot be read.
    pub fn search_files(&self, directory: &Path) -> anyhow::Result<()> {
        for entry in std::fs::read_dir(directory)? {
            let path = entry?.path();
            if path.is_dir() {
                self.search_files(&path)?;
            } else {
                let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
                self.search(&path.display().to_string(), &bytes);
            }
        }
        Ok(())
    }

    /// Looks for every secret in there.
    fn search(&self, place: &str, bytes: &[u8]) {
        let found = self.needles.search(bytes);
        let mut seen = self.seen();
        seen.searched += bytes.len() as u64;
        for Found {
            form,
            secret,
            offset,
        } in found
        {
            seen.leaks.insert(Leak {
                place: place.to_owned(),
                form,
                card: secret,
                offset,
            });
        }
    }

    /// What a leak of this card would look like, for a search that must find it.
    pub fn leaked(&self, card: usize) -> Vec<u8> {
        self.cards[card].0.leaked()
    }

    /// What was seen so far.
    pub fn report(&self) -> Seen {
        self.seen().clone()
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A gateway's doors.
struct Doors {
    iso: SocketAddr,
    http: HttpClient,
    plain: String,
}

impl Seen {
    /// A soak in which something did not happen has not looked there.
    ///
    /// # Errors
    /// Where there was no approval, decline, format error, conflict or refusal of some kind, or where
    /// something was found; the first places are named.
    pub fn clean(&self) -> anyhow::Result<()> {
        for code in ["00", "30", "40", "55", "82", "88", "94"] {
            ensure!(
                self.codes.contains_key(code),
                "never {code}: {:?}",
                self.codes
            );
        }
        for status in [200, 400, 404, 405, 413, 415, 422] {
            let seen = &self.statuses;
            ensure!(seen.contains_key(&status), "never {status}: {seen:?}");
        }
        let mut places = String::new();
        for leak in self.leaks.iter().take(20) {
            writeln!(places, "{leak:?}")?;
        }
        let count = self.leaks.len();
        ensure!(count == 0, "card data in {count} places:\n{places}");
        Ok(())
    }
}
