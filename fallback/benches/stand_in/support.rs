//! What the benches share: a stand-in with many cards, requests drawn at random, a disk that only keeps
//! what recovery would read, and how times are summed up.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use fallback::disk::Disk;
use fallback::journal::{Journal, Record};
use fallback::{Homes, LocalCopy, Now, Policy, Request, Setup, StandIn, Verification};
use ledger_api::{
    AccountId, AccountState, AccountStatus, Amount, AuthorizationId, CardState, CardStatus,
    CardToken, Change, Changed, Currency, Expiry, Fingerprint, Mark,
};

/// When everything happens.
pub(crate) const NOW: Now = Now {
    boot_ms: 1_000_000,
    yymm: 2611,
};

/// Anything that goes wrong.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A stand-in that knows this many cards and may approve as much as it likes.
pub(crate) fn stand_in(disk: Arc<dyn Disk>, cards: u32) -> Result<StandIn, Failure> {
    open(disk, LocalCopy::in_memory(7, NOW), Some(cards))
}

/// A stand-in over this copy; the cards are listed where a number is given.
pub(crate) fn open(
    disk: Arc<dyn Disk>,
    copy: LocalCopy,
    list: Option<u32>,
) -> Result<StandIn, Failure> {
    let (journal, records) = Journal::open(disk, &"gw1".parse()?, 42)?;
    let stand_in = StandIn::open(setup(journal, records, copy)?, NOW)?;
    stand_in.last_seen_check(None);
    if let Some(cards) = list {
        let mark = Mark {
            epoch: 1,
            position: 1,
        };
        stand_in.replace_listing(mark, states(cards)?, NOW);
    }
    Ok(stand_in)
}

/// What it is made of: a fleet of two, and a cap that nothing reaches.
pub(crate) fn setup(
    journal: Journal,
    records: Vec<(u64, Record)>,
    copy: LocalCopy,
) -> Result<Setup, Failure> {
    let policy = Policy::default_text().replace(
        "gateway_exposure_max_minor = 10_000_000",
        "gateway_exposure_max_minor = 999_999_999_999",
    );
    Ok(Setup {
        gateway: "gw1".parse()?,
        homes: Homes::parse("version = 1\ngateways = [{ name = \"gw1\" }, { name = \"gw2\" }]")?,
        policy: Policy::parse(&policy)?,
        journal,
        records,
        copy,
        boot_id: 7,
    })
}

/// This many cards, each with an account of its own.
pub(crate) fn states(cards: u32) -> Result<Vec<Change>, Failure> {
    let currency: Currency = "EUR".parse()?;
    let mut states = Vec::new();
    for number in 0..cards {
        let account = AccountId(u64::from(number) + 1);
        let card = CardState {
            card: token(number),
            account,
            status: CardStatus::Open,
            expiry: Expiry::try_from(2912)?,
            transaction_max_minor: Amount::new(50_000)?,
        };
        let account = AccountState {
            account,
            currency,
            status: AccountStatus::Open,
            available_minor: 1_000_000,
        };
        for what in [Changed::Card(card), Changed::Account(account)] {
            states.push(Change { position: 1, what });
        }
    }
    Ok(states)
}

/// The token of a card: a keyed hash, so it looks like noise.
pub(crate) fn token(number: u32) -> CardToken {
    let mut noise = Numbers::new(u64::from(number) << 20 | 0xca7d);
    CardToken {
        key_id: 1,
        mac: noise.bytes(),
    }
}

/// A payment that is approved, on any of the cards.
pub(crate) fn request(numbers: &mut Numbers, cards: u32) -> Request {
    let card = u32::try_from(numbers.next() % u64::from(cards)).unwrap_or_default();
    let stan = u32::try_from(numbers.next() % 1_000_000).unwrap_or_default();
    let mut rrn = [b'0'; 12];
    for (digit, byte) in rrn.iter_mut().zip(numbers.next().to_le_bytes()) {
        *digit = b'0' + byte % 10;
    }
    Request {
        id: AuthorizationId(numbers.bytes()),
        card: token(card),
        amount: Amount::new(100).unwrap_or_default(),
        currency: "EUR".parse().unwrap_or_else(|_| unreachable!()),
        expiry: None,
        fingerprint: Fingerprint(numbers.next()),
        alias: numbers.next() | 1,
        repeat: false,
        stan,
        rrn,
        terminal: 7,
        captures: false,
        verification: Verification::default(),
        circumstances: fallback::Circumstances::default(),
    }
}

/// Numbers that look random and are the same in every run.
pub(crate) struct Numbers(u64);

impl Numbers {
    /// From this seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next one.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn bytes(&mut self) -> [u8; 16] {
        let [first, second] = [self.next(), self.next()];
        (u128::from(first) << 64 | u128::from(second)).to_le_bytes()
    }
}

/// The time, for what a bench measures.
#[expect(clippy::disallowed_methods, reason = "a bench measures")]
pub(crate) fn moment() -> Instant {
    Instant::now()
}

/// Nanoseconds of many calls.
#[derive(Default)]
pub(crate) struct Percentiles(Vec<u64>);

impl Percentiles {
    /// One more, that began then and ends now.
    pub(crate) fn add(&mut self, start: Instant) {
        let nanos = start.elapsed().as_nanos();
        self.0.push(u64::try_from(nanos).unwrap_or(u64::MAX));
    }

    /// Those of another one too.
    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The value below which this share of them is.
    pub(crate) fn at(&self, per_mille: usize) -> u64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let place = sorted.len() * per_mille / 1_000;
        sorted.get(place).copied().unwrap_or_default()
    }
}

impl fmt::Display for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mean = self.0.iter().sum::<u64>() / (self.0.len() as u64).max(1);
        write!(
            f,
            "median {} ns, p99 {} ns, mean {mean} ns, most {} µs",
            self.at(500),
            self.at(990),
            self.0.iter().max().copied().unwrap_or_default() / 1_000
        )
    }
}

/// Resident memory of this process in MiB.
pub(crate) fn rss_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    kib.unwrap_or_default() / 1_024.0
}

/// Seconds of processor time that this process has taken, with all its threads.
pub(crate) fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program may have spaces; what is behind it has none. A tick is 10 ms.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks
        .filter_map(|field| field.parse::<f64>().ok())
        .sum::<f64>()
        / 100.0
}

/// A disk that forgets what is written: only the cost of everything else is left.
#[derive(Debug, Default)]
pub(crate) struct StubDisk {
    segments: Mutex<BTreeMap<u64, u64>>,
}

impl Disk for StubDisk {
    fn name(&self, segment: u64) -> String {
        format!("segment {segment} in memory")
    }

    fn segments(&self) -> io::Result<Vec<(u64, u64)>> {
        Ok(Vec::new())
    }

    fn create(&self, segment: u64, bytes: u64) -> io::Result<()> {
        let mut segments = self.segments.lock().unwrap_or_else(PoisonError::into_inner);
        segments.insert(segment, bytes);
        Ok(())
    }

    fn write_at(&self, _: u64, _: u64, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn sync(&self, _: u64) -> io::Result<()> {
        Ok(())
    }

    fn read(&self, segment: u64) -> io::Result<Vec<u8>> {
        let segments = self.segments.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = segments.get(&segment).copied().unwrap_or_default();
        Ok(vec![0; usize::try_from(bytes).unwrap_or_default()])
    }
}
