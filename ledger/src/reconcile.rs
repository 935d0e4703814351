//! One gateway's journal beside the books: by id, and by total.
//!
//! What the network was told is in the journal; what was booked is in the entries. The journal is read
//! first, so that the books know of everything in it but what the gateway has still to tell.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use ledger_api::{
    Amount, AuthorizationId, AuthorizationState, AuthorizationView, AuthorizationsPage, Currency,
    EntriesPage, GatewayId, Mark, Verdict,
};
use serde::{Deserialize, Serialize};

use crate::ask::{AskError, Peer};
use crate::store::verify::share;

const PATIENCE: Duration = Duration::from_secs(60);
const PAGE: usize = 5_000;

/// A page of `GET /v1/journal`, as much of it as is compared.
#[derive(Debug, Deserialize)]
struct JournalPage {
    answers: Vec<Told>,
    #[serde(default)]
    next: Option<u64>,
}

/// What the network was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
pub struct Told {
    /// The record in the journal.
    pub seq: u64,
    /// Which authorization.
    pub id: AuthorizationId,
    /// Approved or declined.
    pub approved: bool,
    /// How much.
    pub approved_minor: Amount,
    /// In which currency.
    pub currency: Currency,
    /// False while the ledger has not been told.
    pub acknowledged: bool,
    /// What a reversal left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reversed_to_minor: Option<Amount>,
}

/// `GET /v1/status` of a gateway, as much of it as is compared.
#[derive(Debug, Clone, Deserialize)]
struct Status {
    gateway: GatewayId,
    backlog: u64,
}

/// How an authorization differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The network was told, and the books do not know it.
    Missing,
    /// The network was told otherwise than the books say.
    Verdict,
    /// The network was told another amount.
    Amount,
    /// Told and not booked: a person must look at it in suspense.
    Parked,
    /// Its entries add up to more than it holds, or the journal has it twice.
    Double,
    /// The ledger approved it for this gateway and holds the money, and the journal does not know it.
    Untold,
}

impl Kind {
    /// As in the report.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Verdict => "verdict",
            Self::Amount => "amount",
            Self::Parked => "parked",
            Self::Double => "double",
            Self::Untold => "untold",
        }
    }
}

/// An authorization that is not the same in both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// How it differs.
    pub kind: Kind,
    /// Which.
    pub id: AuthorizationId,
    /// What the network was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub told: Option<Told>,
    /// What is in the books, in words.
    pub books: String,
}

/// Money that the network was told is approved, reversals taken off, in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Total {
    /// Which currency.
    pub currency: Currency,
    /// In the journal, without what the ledger has still to be told.
    pub journal_minor: i64,
    /// In the books, of the ids in the journal.
    pub books_minor: i64,
    /// In the journal, and the ledger has still to be told.
    pub waiting_minor: i64,
}

/// A journal beside the books.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reconciliation {
    /// Whose journal.
    pub gateway: GatewayId,
    /// How many answers it has.
    pub answers: u64,
    /// How many of them the ledger has still to be told: no differences yet.
    pub waiting: u64,
    /// By currency.
    pub totals: Vec<Total>,
    /// In order of their records in the journal.
    pub differences: Vec<Difference>,
}

impl Reconciliation {
    /// True where nothing differs.
    pub fn agrees(&self) -> bool {
        self.differences.is_empty()
            && (self.totals.iter()).all(|total| total.journal_minor == total.books_minor)
    }
}

/// Compares a gateway's journal with a ledger's books.
///
/// # Errors
/// Where one of them does not answer, or not what it should.
pub async fn reconcile(ledger: &str, gateway: &str) -> Result<Reconciliation, AskError> {
    let ledger = Peer::new(ledger, PATIENCE)?;
    let gateway = Peer::new(gateway, PATIENCE)?;
    let status: Status = gateway.get("/v1/status").await?;
    let mut compared = Compared::new(status.gateway, status.backlog);
    let last = journal(&gateway, 0, |told| compared.told(told)).await?;
    let mut query = String::new();
    loop {
        let path = format!("/v1/authorizations?limit={PAGE}{query}");
        let page: AuthorizationsPage = ledger.get(&path).await?;
        page.authorizations
            .iter()
            .for_each(|view| compared.booked(view));
        match page.next {
            Some(next) => query = format!("&after={next}"),
            None => break,
        }
    }
    entries(&ledger, &mut compared).await?;
    // What was answered meanwhile is no money that nobody was told of.
    journal(&gateway, last, |told| compared.told_later(told.id)).await?;
    Ok(compared.finish())
}

/// Reads a journal after a record; says the last one.
async fn journal(
    gateway: &Peer,
    mut after: u64,
    mut take: impl FnMut(Told),
) -> Result<u64, AskError> {
    loop {
        let path = format!("/v1/journal?after={after}&limit={PAGE}");
        let page: JournalPage = gateway.get(&path).await?;
        for told in page.answers {
            after = after.max(told.seq);
            take(told);
        }
        match page.next {
            Some(next) => after = after.max(next),
            None => return Ok(after),
        }
    }
}

async fn entries(ledger: &Peer, compared: &mut Compared) -> Result<(), AskError> {
    let mut after = 0;
    loop {
        let path = format!("/v1/entries?after={after}&limit={PAGE}");
        let page: EntriesPage = ledger.get(&path).await?;
        for entry in &page.entries {
            if let Some((id, minor)) = share(entry) {
                compared.posted(id, minor, entry.position);
            }
        }
        let read = page
            .entries
            .last()
            .map_or(after + PAGE as u64, |last| last.number);
        after = after.max(read);
        if after >= page.last {
            return Ok(());
        }
    }
}

/// What the books have for one id.
#[derive(Debug, Clone)]
struct Booked {
    verdict: Option<Verdict>,
    left: i64,
    effect: i64,
    /// What is held and what captures have taken of it, where it is open: with increments it may be
    /// more than was told, and it is never less.
    open: Option<i64>,
    parked: Option<ledger_api::Reason>,
    mark: Mark,
}

#[derive(Debug)]
struct Line {
    told: Told,
    twice: bool,
    booked: Option<Booked>,
    posted: i64,
}

/// Both sides, as they are read.
#[derive(Debug)]
struct Compared {
    gateway: GatewayId,
    backlog: u64,
    lines: HashMap<AuthorizationId, Line>,
    untold: HashMap<AuthorizationId, i64>,
}

impl Compared {
    fn new(gateway: GatewayId, backlog: u64) -> Self {
        Self {
            gateway,
            backlog,
            lines: HashMap::new(),
            untold: HashMap::new(),
        }
    }

    fn told(&mut self, told: Told) {
        let line = Line {
            told,
            twice: false,
            booked: None,
            posted: 0,
        };
        let same = |known: &Line| known.told.seq == told.seq;
        if let Some(known) = self.lines.get_mut(&told.id) {
            known.twice |= !same(known);
        } else {
            self.lines.insert(told.id, line);
        }
    }

    fn told_later(&mut self, id: AuthorizationId) {
        self.untold.remove(&id);
    }

    fn booked(&mut self, view: &AuthorizationView) {
        let verdict = standing(view);
        let Some(line) = self.lines.get_mut(&view.id) else {
            let ours = view.asked_by.as_ref() == Some(&self.gateway);
            let told = view.network.is_some() || view.told.is_some();
            if ours && !told && view.effect_minor != 0 {
                self.untold.insert(view.id, view.effect_minor);
            }
            return;
        };
        line.booked = Some(Booked {
            verdict,
            left: left(
                verdict
                    .filter(|verdict| verdict.approved)
                    .map(|verdict| verdict.approved_minor),
                view.reversed_to_minor,
            ),
            effect: view.effect_minor,
            // The hold of an increment is with its original.
            open: (view.state == AuthorizationState::Held && view.original.is_none())
                .then(|| view.effect_minor.saturating_add(view.captured_minor)),
            parked: view.parked,
            mark: view.mark,
        });
    }

    /// Adds an entry, unless it came after the record was read.
    fn posted(&mut self, id: AuthorizationId, minor: i64, position: u64) {
        if let Some(line) = self.lines.get_mut(&id) {
            let known = line
                .booked
                .as_ref()
                .is_some_and(|booked| position <= booked.mark.position);
            if known {
                line.posted += minor;
            }
        }
    }

    fn finish(self) -> Reconciliation {
        let mut report = Reconciliation {
            gateway: self.gateway,
            answers: self.lines.len() as u64,
            waiting: 0,
            totals: Vec::new(),
            differences: Vec::new(),
        };
        let mut totals: BTreeMap<u16, Total> = BTreeMap::new();
        let mut lines: Vec<_> = self.lines.into_values().collect();
        lines.sort_by_key(|line| line.told.seq);
        for line in &lines {
            let currency = line.told.currency;
            let total = totals.entry(currency.numeric()).or_insert(Total {
                currency,
                journal_minor: 0,
                books_minor: 0,
                waiting_minor: 0,
            });
            let expected = line.expected();
            if line.waits(self.backlog) {
                report.waiting += 1;
                total.waiting_minor += expected;
                continue;
            }
            total.journal_minor += expected;
            let booked = line
                .booked
                .as_ref()
                .filter(|booked| booked.parked.is_none());
            total.books_minor += booked.map_or(0, |booked| booked.left);
            report.differences.extend(line.difference());
        }
        report.totals = totals.into_values().collect();
        let mut untold: Vec<_> = self.untold.into_iter().collect();
        untold.sort();
        report
            .differences
            .extend(untold.into_iter().map(|(id, minor)| Difference {
                kind: Kind::Untold,
                id,
                told: None,
                books: format!("the ledger's approval holds {minor}"),
            }));
        report
    }
}

impl Line {
    /// What the network was told is approved, after its reversal.
    fn expected(&self) -> i64 {
        let approved = self.told.approved.then_some(self.told.approved_minor);
        left(approved, self.told.reversed_to_minor)
    }

    /// True where the ledger has still to be told of the answer, or, while the gateway has a backlog, of
    /// its reversal.
    fn waits(&self, backlog: u64) -> bool {
        let reversal_waits = backlog > 0
            && self.told.reversed_to_minor.is_some()
            && self
                .booked
                .as_ref()
                .is_none_or(|booked| booked.left > self.expected());
        !self.told.acknowledged || reversal_waits
    }

    fn difference(&self) -> Option<Difference> {
        let (kind, books) = self.differs()?;
        Some(Difference {
            kind,
            id: self.told.id,
            told: Some(self.told),
            books,
        })
    }

    /// The first thing that differs, the gravest first.
    fn differs(&self) -> Option<(Kind, String)> {
        if self.twice {
            return Some((Kind::Double, "the journal has two answers".to_owned()));
        }
        let Some(booked) = &self.booked else {
            return Some((Kind::Missing, "nothing".to_owned()));
        };
        if let Some(reason) = booked.parked {
            return Some((Kind::Parked, format!("parked: {reason}")));
        }
        let (effect, posted) = (booked.effect, self.posted);
        if posted != effect {
            let kind = if posted > effect {
                Kind::Double
            } else {
                Kind::Amount
            };
            return Some((kind, format!("a hold of {effect}, entries of {posted}")));
        }
        let approved = booked.verdict.is_some_and(|verdict| verdict.approved);
        let says = if approved { "approved" } else { "declined" };
        if approved != self.told.approved {
            return Some((Kind::Verdict, format!("{says} {}", booked.left)));
        }
        if booked.left != self.expected() {
            return Some((Kind::Amount, format!("{says} {}", booked.left)));
        }
        if let Some(open) = booked.open.filter(|open| *open < booked.left) {
            let what = format!(
                "{says} {}, of which it holds or has taken {open}",
                booked.left
            );
            return Some((Kind::Amount, what));
        }
        None
    }
}

/// The answer that stands in the books: the network's, else what was told, else the ledger's own; of
/// answers that differ the one that the state shows.
fn standing(view: &AuthorizationView) -> Option<Verdict> {
    use AuthorizationState::{Captured, Declined, Expired, Held, Released, Reversed};
    let approved = match view.state {
        Held | Captured | Released | Expired | Reversed => Some(true),
        Declined => Some(false),
        _ => None,
    };
    let answers = [view.network, view.told, view.decided];
    let mut answers = answers.into_iter().flatten();
    answers.find(|answer| approved.is_none_or(|approved| answer.approved == approved))
}

/// What is left of an approval.
fn left(approved: Option<Amount>, reversed_to: Option<Amount>) -> i64 {
    let approved = approved.unwrap_or(Amount::ZERO);
    reversed_to
        .map_or(approved, |remaining| approved.min(remaining))
        .minor()
}
