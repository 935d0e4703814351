//! A gateway in this process behind a real listener, on a disk that does what it is told, whose ledger
//! is away; and a peer of it.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use fallback::copy::LocalCopy;
use fallback::disk::SimDisk;
use fallback::journal::Journal;
use fallback::{Homes, Policy, Setup, StandIn, Verification};
use iso8583::frame::{FrameDecoder, Framing, LENGTH_MAX_DEFAULT, Routing, encode_frame};
use iso8583::profile::ASCII_HEX;
use iso8583::{MessageBuilder, Mti, Pan, decode};
use ledger_api::{
    AccountId, AccountState, AccountStatus, Amount, CardState, CardStatus, Change, Changed, Expiry,
    Mark,
};
use process::telemetry::Telemetry;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::authorize::{Budgets, Gateway, Parts, now};
use crate::door::Door;
use crate::drain::Draining;
use crate::identity::Keys;
use crate::iso::known::Known;
use crate::iso::terms::Terms;
use crate::iso::{Link, serve};
use crate::keys_in_flight::KeysInFlight;
use crate::lanes::Lanes;
use crate::ledger_client::batches::Batches;
use crate::ledger_client::breaker::{Breaker, Config, State};
use crate::ledger_client::wire::Wire;
use crate::metrics::{Metrics, Page};
use crate::orders::{Desk, Moment, Terms as OrderTerms};
use crate::policy_file::{PolicyFile, Reloads};
use crate::shadow::Shadow;
use crate::stack;
use crate::stand_in_on::StandInOn;
use crate::verification::{Presented, Upstream, Verifier, Verifying};

/// A number that passes Luhn's check.
pub(super) const CARD: &str = "4999000100000012";

/// Far longer than anything here takes: what has not come by then never comes.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct Rig {
    pub(super) disk: SimDisk,
    pub(super) link: Arc<Link>,
    pub(super) draining: Draining,
    pub(super) sessions: TaskTracker,
    address: SocketAddr,
    page: Page,
}

/// Says the same as [`Upstream`], and has to be waited for: so nothing is decided at once.
struct Slowly;

impl Verifier for Slowly {
    fn verify(&self, presented: &Presented<'_>) -> Verifying {
        let known = presented.known();
        let answer = Box::pin(std::future::ready::<Verification>(known));
        Verifying::Asked { known, answer }
    }
}

/// What is different from the usual.
pub(super) struct Differences {
    pub(super) budget: Duration,
    /// Nothing is decided at once.
    pub(super) the_long_way: bool,
}

impl Default for Differences {
    fn default() -> Self {
        Self {
            budget: Duration::from_secs(60),
            the_long_way: false,
        }
    }
}

impl Rig {
    /// With the breaker tripped.
    pub(super) async fn start(different: Differences) -> Self {
        let disk = SimDisk::new();
        let keys = format!("card {}\nid {}\n", "11".repeat(32), "22".repeat(32));
        let keys = Keys::parse(&keys).unwrap();
        let door = Door::new(NonZeroU32::new(1_000_000).unwrap(), 10_000);
        let gateway = Gateway::new(parts(&disk, &keys, &different));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let link = Arc::new(Link {
            gateway: gateway.clone(),
            keys: Arc::new(keys),
            door: door.clone(),
            terms: Terms::new("test", address),
            known: Arc::new(Known::default()),
        });
        let (draining, sessions) = (Draining::default(), TaskTracker::new());
        let links = Arc::from([Arc::clone(&link)]);
        let page = Page::new(gateway, door, draining.clone(), links);
        tokio::spawn(serve(
            listener,
            Arc::clone(&link),
            sessions.clone(),
            draining.clone(),
            10,
        ));
        let rig = Self {
            disk,
            link,
            draining,
            sessions,
            address,
            page,
        };
        rig.trip().await;
        rig
    }

    /// The first payment finds the ledger away.
    async fn trip(&self) {
        let mut peer = self.peer().await;
        peer.send(&[payment(0)]).await;
        assert_eq!(peer.next().await.unwrap().code, "00");
        let (state, ..) = self.link.gateway.parts().breaker.read();
        assert_eq!(state, State::Tripped);
    }

    pub(super) async fn peer(&self) -> Peer {
        Peer {
            stream: TcpStream::connect(self.address).await.unwrap(),
            frames: FrameDecoder::new(Framing::Be2, LENGTH_MAX_DEFAULT),
        }
    }

    /// Stops the disk before the next sync; it has come that far when this returns, with what `peer` has
    /// asked for decided, and on no task.
    pub(super) async fn held_back(&self, many: usize) {
        let parts = self.link.gateway.parts();
        let held = || self.disk.held_syncs() > 0 && parts.lanes.in_use() == many;
        until(held).await;
        assert_eq!(parts.work.len(), 0, "decided at once");
    }

    /// What the metrics say.
    pub(super) fn metric(&self, name: &str) -> f64 {
        let text = self.page.text();
        let line = text.lines().find(|line| line.starts_with(name));
        let value = line.and_then(|line| line.split(' ').nth(1));
        value.unwrap_or("0").parse().unwrap()
    }

    /// All that is counted; how long it took, and how the journal grouped it, is left to chance.
    pub(super) fn counted(&self) -> Vec<String> {
        let text = self.page.text();
        let is_chance = |line: &&str| {
            ["_sum", "_bucket", "journal_syncs", "journal_writes"]
                .iter()
                .any(|part| line.contains(part))
        };
        text.lines()
            .filter(|line| line.contains("_count") || line.contains("_total"))
            .filter(|line| !is_chance(line))
            .map(str::to_owned)
            .collect()
    }

    /// How many answers are in the journal.
    pub(super) fn recorded(&self) -> usize {
        let stand_in = &self.link.gateway.parts().stand_in;
        stand_in.answers_after(0, usize::MAX).len()
    }

    /// Everything is answered, and nobody is in the way any more.
    pub(super) async fn is_quiet(&self) {
        let parts = self.link.gateway.parts();
        let is_quiet = || {
            parts.work.is_empty() && parts.lanes.in_use() == 0 && self.link.door.in_flight() == 0
        };
        until(is_quiet).await;
    }
}

/// A journal that is closed waits for its disk, after a test that failed too.
impl Drop for Rig {
    fn drop(&mut self) {
        self.disk.release_syncs();
    }
}

fn homes() -> Homes {
    Homes::parse("version = 1\ngateways = [{ name = \"gw1\" }]").unwrap()
}

fn parts(disk: &SimDisk, keys: &Keys, different: &Differences) -> Parts {
    let name: ledger_api::GatewayId = "gw1".parse().unwrap();
    let (journal, records) = Journal::open(Arc::new(disk.clone()), &name, 7).unwrap();
    let setup = Setup {
        gateway: name.clone(),
        homes: homes(),
        policy: Policy::parse(Policy::default_text()).unwrap(),
        journal,
        records,
        copy: LocalCopy::in_memory(1, now()),
        boot_id: 1,
    };
    let stand_in = StandIn::open(setup, now()).unwrap();
    stand_in.last_seen_check(None);
    let mark = Mark {
        epoch: 1,
        position: 0,
    };
    stand_in.replace_listing(mark, known(keys).into(), now());
    let config = Config {
        consecutive_failures: 1,
        wait_min_ms: 3_600_000,
        ..Config::default()
    };
    let breaker = Arc::new(Breaker::new(config));
    // Nobody listens there.
    let wire = Wire::new("http://127.0.0.1:1").unwrap();
    let metrics = Metrics::new(Box::new(|_| false));
    let batches = Batches::start(name.clone(), wire);
    let slice = Duration::from_millis(20);
    let verifier: Arc<dyn Verifier> = if different.the_long_way {
        Arc::new(Slowly)
    } else {
        Arc::new(Upstream)
    };
    Parts {
        name,
        stand_in,
        ledger: stack::ledger(Arc::clone(&breaker), 64, batches, metrics.asks()),
        breaker,
        budgets: Budgets::new(different.budget, different.budget - slice, slice).unwrap(),
        work: TaskTracker::new(),
        lanes: Lanes::default(),
        shadow: Shadow::default(),
        keys_in_flight: KeysInFlight::default(),
        duplicates: AtomicU64::new(0),
        metrics,
        telemetry: Telemetry::off(),
        verifier,
        policy: PolicyFile {
            path: None,
            homes: homes(),
            approval: None,
            reloads: Reloads::default(),
        },
        orders: orders(keys),
        stand_in_on: StandInOn::ALL,
    }
}

/// None, in a file that is gone when the test is.
fn orders(keys: &Keys) -> Desk {
    let directory = tempfile::tempdir().unwrap();
    let terms = OrderTerms { seconds_max: 600 };
    Desk::open(
        directory.path(),
        Arc::new(keys.clone()),
        terms,
        Moment::now(),
    )
}

fn known(keys: &Keys) -> [Change; 2] {
    let account = AccountId(1);
    let card = CardState {
        card: keys.card_token(&Pan::parse(CARD).unwrap()),
        account,
        status: CardStatus::Open,
        expiry: Expiry::try_from(9_912).unwrap(),
        transaction_max_minor: Amount::new(100_000).unwrap(),
    };
    [
        Change {
            position: 0,
            what: Changed::Card(card),
        },
        Change {
            position: 0,
            what: Changed::Account(AccountState {
                account,
                status: AccountStatus::Open,
                currency: "EUR".parse().unwrap(),
                available_minor: 100_000_000,
            }),
        },
    ]
}

/// Waits for something that comes by itself.
pub(super) async fn until(is_there: impl Fn() -> bool) {
    let comes = async {
        while !is_there() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let come = timeout(PATIENCE, comes).await;
    come.expect("it does not come by itself");
}

/// Somebody who asks.
pub(super) struct Peer {
    stream: TcpStream,
    frames: FrameDecoder,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seen {
    pub(super) mti: Mti,
    pub(super) stan: String,
    pub(super) code: String,
    /// DE38.
    pub(super) approval: Option<String>,
}

impl Peer {
    /// Sends all of them in one piece.
    pub(super) async fn send(&mut self, messages: &[Vec<u8>]) {
        let mut bytes = Vec::new();
        for message in messages {
            encode_frame(Framing::Be2, Routing::default(), message, &mut bytes).unwrap();
        }
        self.stream.write_all(&bytes).await.unwrap();
    }

    /// Sends nothing more.
    pub(super) async fn half_close(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// The next answer; `None` at the end.
    pub(super) async fn next(&mut self) -> Option<Seen> {
        let mut piece = [0; 1024];
        loop {
            if let Some(frame) = self.frames.next_frame().unwrap() {
                let message = decode(&ASCII_HEX, frame.message).unwrap();
                let text = |number| Some(message.field(number)?.to_text());
                return Some(Seen {
                    mti: message.mti(),
                    stan: text(11).unwrap(),
                    code: text(39).unwrap(),
                    approval: text(38),
                });
            }
            let read = timeout(PATIENCE, self.stream.read(&mut piece)).await;
            match read.expect("no answer").unwrap() {
                0 => return None,
                read => self.frames.push(&piece[..read]),
            }
        }
    }

    /// The type of the next message.
    pub(super) async fn next_of_theirs(&mut self) -> Option<Mti> {
        let mut piece = [0; 1024];
        loop {
            if let Some(frame) = self.frames.next_frame().unwrap() {
                return decode(&ASCII_HEX, frame.message).ok().map(|it| it.mti());
            }
            let read = timeout(PATIENCE, self.stream.read(&mut piece)).await;
            match read.expect("no answer").unwrap() {
                0 => return None,
                read => self.frames.push(&piece[..read]),
            }
        }
    }

    /// So many answers, in the order of their numbers.
    pub(super) async fn all(&mut self, many: usize) -> Vec<Seen> {
        let mut all = Vec::new();
        for _ in 0..many {
            all.push(self.next().await.unwrap());
        }
        all.sort();
        all
    }

    /// The next answer is one to an echo: what was sent before would have come before.
    pub(super) async fn hears_nothing_else(&mut self) {
        let mut echo = MessageBuilder::new(&ASCII_HEX, Mti::M0800);
        set(&mut echo, &[(7, "1122083400"), (11, "999999"), (70, "301")]);
        self.send(&[echo.encode()]).await;
        assert_eq!(self.next().await.unwrap().mti, Mti::M0810);
    }
}

fn set(message: &mut MessageBuilder<'_>, fields: &[(u8, &str)]) {
    for (number, text) in fields {
        message.set(*number, text).unwrap();
    }
}

/// 0100 for one unit of money.
pub(super) fn payment(stan: u32) -> Vec<u8> {
    message(Mti::M0100, stan, &[])
}

/// 0400 of that payment.
pub(super) fn reversal(stan: u32) -> Vec<u8> {
    let original = format!("0100{stan:06}11220834000001234567800000000000");
    message(Mti::M0400, stan, &[(90, original.as_str())])
}

/// About the payment with this number.
pub(super) fn message(mti: Mti, stan: u32, more: &[(u8, &str)]) -> Vec<u8> {
    let mut message = MessageBuilder::new(&ASCII_HEX, mti);
    let (stan, rrn) = (format!("{stan:06}"), format!("{stan:012}"));
    set(
        &mut message,
        &[
            (2, CARD),
            (3, "000000"),
            (4, "000000000100"),
            (7, "1122083400"),
            (11, &stan),
            (32, "12345678"),
            (37, &rrn),
            (41, "TERM0001"),
            (42, "MERCHANT0000001"),
            (49, "978"),
        ],
    );
    set(&mut message, more);
    message.encode()
}
