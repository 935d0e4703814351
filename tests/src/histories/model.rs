//! The ledger as its contract describes it, small enough to be read at a sitting: it remembers every
//! message and works out the money from all of them each time. It shares no code with the ledger's rules.

use std::collections::{BTreeMap, BTreeSet};

use ledger::posting::Command;
use ledger_api::{
    AccountId, AdviceItem, AdviceSource, AuthorizationId, AuthorizeRequest, CardToken, Fingerprint,
    GatewayId, Reason,
};

/// What the books should say about one account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Balance {
    /// Credits posted − debits posted − debits pending.
    pub(super) available: i64,
    /// What is held.
    pub(super) held: i64,
}

/// What should come of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// A decision: approved how much, or declined; and why.
    Decided(Option<i64>, Reason),
    /// The id is known with other content.
    Conflict,
    /// Booked or recorded, or known already.
    Taken,
    /// It waits for a person.
    Parked,
    /// Let go; or, where true, refused because nothing can be held for it any more.
    Released(bool),
    /// The model has no opinion on this kind of command.
    Unsaid,
}

/// Everything that was ever said about one id.
#[derive(Debug, Default, Clone)]
struct Story {
    card: Option<CardToken>,
    fingerprint: Option<Fingerprint>,
    live: Option<(Option<i64>, Reason)>,
    asked: BTreeSet<GatewayId>,
    approvals: BTreeSet<(i64, Reason)>,
    declines: BTreeMap<GatewayId, Reason>,
    decline_reasons: BTreeSet<Reason>,
    network: Vec<(Option<i64>, Reason)>,
    left: Option<i64>,
    original: Option<AuthorizationId>,
    moved: Option<Moved>,
    released: bool,
    parked: bool,
}

#[derive(Debug, Clone, Copy)]
struct Moved {
    credit: bool,
    of: Option<AuthorizationId>,
    minor: i64,
    more: bool,
}

/// The books of one history: accounts with what they were opened with, cards, and the messages.
#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    openings: BTreeMap<AccountId, i64>,
    cards: BTreeMap<CardToken, AccountId>,
    maximum: i64,
    stories: BTreeMap<AuthorizationId, Story>,
}

impl Model {
    /// Books with these accounts and cards, whose transactions may be up to `maximum`.
    pub(super) fn new(
        openings: BTreeMap<AccountId, i64>,
        cards: BTreeMap<CardToken, AccountId>,
        maximum: i64,
    ) -> Self {
        Self {
            openings,
            cards,
            maximum,
            stories: BTreeMap::new(),
        }
    }

    /// Takes a command in, and says what should come of it.
    pub(super) fn take(&mut self, command: &Command) -> Expected {
        match command {
            Command::Authorize { gateway, request } => self.authorize(gateway, request),
            Command::Advise { gateway, item } | Command::Settle { gateway, item } => {
                self.advise(gateway, item)
            }
            Command::Release(id) => self.release(*id),
            Command::Expire { ids, .. } => {
                for id in ids {
                    if self.open(*id) > 0 {
                        self.story(*id).released = true;
                    }
                }
                Expected::Unsaid
            }
            _ => Expected::Unsaid,
        }
    }

    /// What the books should say now.
    pub(super) fn balances(&self) -> BTreeMap<AccountId, Balance> {
        let mut balances: BTreeMap<_, _> = (self.openings.iter())
            .map(|(&account, &opening)| {
                let balance = Balance {
                    available: opening,
                    held: 0,
                };
                (account, balance)
            })
            .collect();
        for (id, story) in &self.stories {
            let Some(account) = self.account_of(story) else {
                continue;
            };
            let balance = balances.entry(account).or_default();
            let held = if self.root_of(story).is_some() {
                0
            } else {
                self.open(*id)
            };
            balance.held += held;
            balance.available -= held;
            if let Some(moved) = story.moved {
                let minor = posted(story);
                balance.available += if moved.credit { minor } else { -minor };
            }
        }
        balances
    }

    /// What the books should hold, or have posted, for each id that is not an increment.
    pub(super) fn effects(&self) -> BTreeMap<AuthorizationId, i64> {
        (self.stories.iter())
            .filter(|(_, story)| story.original.is_none() && story.moved.is_none())
            .map(|(id, story)| {
                (
                    *id,
                    if self.account_of(story).is_some() {
                        self.open(*id)
                    } else {
                        0
                    },
                )
            })
            .collect()
    }

    fn account_of(&self, story: &Story) -> Option<AccountId> {
        self.cards.get(&story.card?).copied()
    }

    /// The original that an increment's hold is booked on.
    fn root_of(&self, story: &Story) -> Option<AuthorizationId> {
        story.original
    }

    /// What is still held for an id, increments included.
    fn open(&self, id: AuthorizationId) -> i64 {
        let Some(story) = self.stories.get(&id) else {
            return self.children(id);
        };
        if story.parked || story.moved.is_some() {
            return 0;
        }
        let captures = || {
            self.stories.values().filter_map(|other| {
                let of_it = |moved: &Moved| !moved.credit && moved.of == Some(id) && !other.parked;
                let moved = other.moved.filter(of_it)?;
                Some((moved, posted(other)))
            })
        };
        let is_final = captures().any(|(moved, _)| !moved.more);
        if story.released || is_final || story.left == Some(0) {
            return 0;
        }
        let captured: i64 = captures().map(|(_, minor)| minor).sum();
        let own = self.own(story);
        (own + self.children(id) - captured).max(0)
    }

    fn children(&self, id: AuthorizationId) -> i64 {
        (self.stories.iter())
            .filter(|(_, child)| child.original == Some(id))
            .map(|(&child, _)| self.open(child))
            .sum()
    }

    /// What the answer that stands approves, less what was taken back.
    fn own(&self, story: &Story) -> i64 {
        let approved = standing(story).and_then(|(minor, _)| minor).unwrap_or(0);
        story.left.map_or(approved, |left| approved.min(left))
    }

    fn available(&self, account: AccountId) -> i64 {
        self.balances()
            .get(&account)
            .map_or(0, |balance| balance.available)
    }

    fn authorize(&mut self, gateway: &GatewayId, request: &AuthorizeRequest) -> Expected {
        let story = self.stories.entry(request.id).or_default().clone();
        let other = story
            .fingerprint
            .is_some_and(|known| known != request.fingerprint);
        if other || story.moved.is_some() || story.card.is_some_and(|card| card != request.card) {
            return Expected::Conflict;
        }
        let told_before = !story.network.is_empty()
            || !story.approvals.is_empty()
            || (!story.declines.is_empty() && !live_stands(&story));
        if let Some((minor, reason)) = standing(&story) {
            if !told_before {
                self.story(request.id).asked.insert(gateway.clone());
            }
            return Expected::Decided(minor, reason);
        }
        let decided = if story.left.is_some() {
            (None, Reason::ReversedBefore)
        } else if self.is_closed(request.id) {
            (None, Reason::AuthorizationClosed)
        } else {
            self.decide(request)
        };
        self.name(request.original, request.card);
        let story = self.story(request.id);
        story.card = Some(request.card);
        story.fingerprint = Some(request.fingerprint);
        story.live = Some(decided);
        story.original = story.original.or(request.original);
        story.asked.insert(gateway.clone());
        Expected::Decided(decided.0, decided.1)
    }

    fn decide(&self, request: &AuthorizeRequest) -> (Option<i64>, Reason) {
        let Some(&account) = self.cards.get(&request.card) else {
            return (None, Reason::UnknownCard);
        };
        let minor = request.amount_minor.minor();
        let closed = request
            .original
            .is_some_and(|original| self.is_closed(original));
        let available = self.available(account) - request.unbooked_minor.max(0);
        let needed = self.needed(account, request);
        if closed {
            (None, Reason::AuthorizationClosed)
        } else if minor > self.maximum {
            (None, Reason::OverTransactionLimit)
        } else if needed <= available {
            (Some(minor), Reason::Approved)
        } else if request.partial && available > 0 && minor > needed - available {
            (
                Some(minor - (needed - available)),
                Reason::PartiallyApproved,
            )
        } else {
            (None, Reason::InsufficientFunds)
        }
    }

    /// How much more would be held if all of it were approved: captures that came first are paid.
    fn needed(&self, account: AccountId, request: &AuthorizeRequest) -> i64 {
        let mut approved = self.clone();
        let story = approved.story(request.id);
        story.card = Some(request.card);
        story.live = Some((Some(request.amount_minor.minor()), Reason::Approved));
        story.original = request.original;
        approved.name(request.original, request.card);
        let held = |model: &Self| model.balances().get(&account).map_or(0, |it| it.held);
        held(&approved) - held(self)
    }

    fn is_closed(&self, id: AuthorizationId) -> bool {
        let is_final = self.stories.values().any(|other| {
            let capture = other
                .moved
                .filter(|moved| !moved.credit && moved.of == Some(id));
            capture.is_some_and(|moved| !moved.more)
        });
        let story = self.stories.get(&id);
        let declined = |story: &Story| matches!(standing(story), Some((None, _)));
        let is_over = |story: &Story| story.released || story.left == Some(0) || declined(story);
        is_final || story.is_some_and(is_over)
    }

    fn advise(&mut self, gateway: &GatewayId, item: &AdviceItem) -> Expected {
        let (id, card) = match item {
            AdviceItem::Advice(advice) => (advice.id, advice.card),
            AdviceItem::Reversal(reversal) => (reversal.id, reversal.card),
            AdviceItem::Capture(capture) => (capture.id, capture.card),
            AdviceItem::Refund(refund) => (refund.id, refund.card),
        };
        let known = self.cards.contains_key(&card);
        self.name(item.original(), card);
        let story = self.story(id);
        story.card = story.card.or(Some(card));
        let money = match item {
            AdviceItem::Advice(advice) => {
                let told = advice.approved.then(|| advice.approved_minor.minor());
                story.fingerprint = story.fingerprint.or(Some(advice.fingerprint));
                story.original = story.original.or(advice.original);
                match (advice.source, told) {
                    (AdviceSource::Network, told) => story.network.push((told, advice.reason)),
                    (AdviceSource::StandIn, Some(minor)) => {
                        story.approvals.insert((minor, advice.reason));
                    }
                    (AdviceSource::StandIn, None) => {
                        story.declines.insert(gateway.clone(), advice.reason);
                        story.decline_reasons.insert(advice.reason);
                    }
                }
                told.unwrap_or(0)
            }
            AdviceItem::Reversal(reversal) => {
                let left = reversal.remaining_minor.minor();
                story.left = Some(story.left.map_or(left, |known| known.min(left)));
                0
            }
            AdviceItem::Capture(capture) => {
                let minor = capture.amount_minor.minor();
                let (of, more) = (capture.of, capture.more);
                let moved = Moved {
                    credit: false,
                    of,
                    minor,
                    more,
                };
                story.moved = story.moved.or(Some(moved));
                minor
            }
            AdviceItem::Refund(refund) => {
                let minor = refund.amount_minor.minor();
                let moved = Moved {
                    credit: true,
                    of: refund.of,
                    minor,
                    more: true,
                };
                story.moved = story.moved.or(Some(moved));
                minor
            }
        };
        story.parked |= !known && money > 0;
        if !known && money > 0 {
            Expected::Parked
        } else {
            Expected::Taken
        }
    }

    fn release(&mut self, id: AuthorizationId) -> Expected {
        let known = self
            .stories
            .get(&id)
            .is_some_and(|story| standing(story).is_some());
        let over = !known || self.is_closed(id);
        if !over {
            self.story(id).released = true;
        }
        Expected::Released(over)
    }

    /// An original that is only named bears what names it.
    fn name(&mut self, original: Option<AuthorizationId>, card: CardToken) {
        if let Some(original) = original {
            self.story(original).card.get_or_insert(card);
        }
    }

    fn story(&mut self, id: AuthorizationId) -> &mut Story {
        self.stories.entry(id).or_default()
    }
}

/// The answer that stands: the network's, else an approval that was told, else a decline that was told
/// by everybody who had the ledger's approval, else the ledger's own.
fn standing(story: &Story) -> Option<(Option<i64>, Reason)> {
    let largest = |told: &mut dyn Iterator<Item = (Option<i64>, Reason)>| {
        told.max_by_key(|(minor, reason)| (*minor, std::cmp::Reverse(*reason)))
    };
    if let Some(network) = largest(&mut story.network.iter().copied()) {
        return Some(network);
    }
    let mut approvals = story
        .approvals
        .iter()
        .map(|(minor, reason)| (Some(*minor), *reason));
    if let Some(approval) = largest(&mut approvals) {
        return Some(approval);
    }
    if live_stands(story) {
        return story.live;
    }
    story.decline_reasons.first().map(|reason| (None, *reason))
}

fn live_stands(story: &Story) -> bool {
    let all_declined = story
        .asked
        .iter()
        .all(|gateway| story.declines.contains_key(gateway));
    match story.live {
        Some((Some(_), _)) => story.declines.is_empty() || !all_declined,
        Some((None, _)) => story.declines.is_empty(),
        None => false,
    }
}

/// What a capture or a refund has posted.
fn posted(story: &Story) -> i64 {
    match story.moved {
        Some(moved) if !story.parked => {
            story.left.map_or(moved.minor, |left| moved.minor.min(left))
        }
        _ => 0,
    }
}
