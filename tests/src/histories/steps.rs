//! Random histories of one small customer base: few ids, so that messages meet.

use std::collections::BTreeMap;

use ledger::posting::Command;
use ledger_api::{
    AccountId, Advice, AdviceItem, AdviceSource, Amount, AuthorizationId, AuthorizationKind,
    AuthorizeRequest, Capture, CardState, CardStatus, CardToken, Cause, Currency, Expiry,
    Fingerprint, GatewayId, OpenAccount, Reason, Refund, Reversal,
};
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The month in which histories play.
pub(super) const YYMM: u16 = 2611;
/// The most that one transaction may be.
pub(super) const TRANSACTION_MAX: i64 = 5_000;
/// How many authorizations, increments, captures and refunds a history has at most.
const AUTHORIZATIONS: u64 = 3;
const INCREMENTS: u64 = 2;
const CAPTURES: u64 = 4;
const REFUNDS: u64 = 2;

/// What happens in a history.
#[derive(Debug, Clone)]
pub enum Step {
    /// These commands come together, in one batch.
    Batch(Vec<Command>),
    /// The same, and the power goes, or the session is ended, so many changes later; it is asked again.
    Broken(Vec<Command>, u32),
}

impl Step {
    /// The commands.
    pub fn commands(&self) -> &[Command] {
        match self {
            Self::Batch(commands) | Self::Broken(commands, _) => commands,
        }
    }
}

/// A customer base and what happens to it, all from one number.
#[derive(Debug, Clone)]
pub struct History {
    /// The number.
    pub seed: u64,
    /// Accounts, with what they are opened with.
    pub openings: BTreeMap<AccountId, i64>,
    /// Cards, with their accounts.
    pub cards: BTreeMap<CardToken, AccountId>,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

impl History {
    /// The history of this number. Two numbers share no account, card or id.
    pub fn of(seed: u64) -> Self {
        let mut dice = Dice::of(seed);
        let first = AccountId(seed * 2 + 1);
        let second = AccountId(seed * 2 + 2);
        let openings = BTreeMap::from([(first, dice.opening()), (second, dice.opening())]);
        let cards = BTreeMap::from([
            (card(seed, 0), first),
            (card(seed, 1), first),
            (card(seed, 2), second),
        ]);
        let mut said = Vec::new();
        let length = dice.0.random_range(1..12);
        let steps = (0..length).map(|_| dice.step(seed, &mut said)).collect();
        Self {
            seed,
            openings,
            cards,
            steps,
        }
    }

    /// What opens its accounts and issues its cards.
    pub fn founding(&self) -> Vec<Command> {
        let accounts = self.openings.iter().map(|(&account, &minor)| {
            Command::OpenAccount(OpenAccount {
                account,
                currency: euro(),
                opening_minor: amount(minor),
            })
        });
        let cards = self.cards.iter().map(|(&card, &account)| {
            Command::PutCard(CardState {
                card,
                account,
                status: CardStatus::Open,
                expiry: Expiry::try_from(2912).expect("a month"),
                transaction_max_minor: amount(TRANSACTION_MAX),
            })
        });
        accounts.chain(cards).collect()
    }
}

struct Dice(ChaCha8Rng);

impl Dice {
    fn of(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    fn opening(&mut self) -> i64 {
        self.pick(&[0, 500, 2_000, 10_000])
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        *from.choose(&mut self.0).expect("not empty")
    }

    fn step(&mut self, seed: u64, said: &mut Vec<Command>) -> Step {
        let size = self.0.random_range(1..=6);
        let commands: Vec<_> = (0..size)
            .map(|_| {
                if !said.is_empty() && self.0.random_bool(0.3) {
                    return said.choose(&mut self.0).expect("not empty").clone();
                }
                let command = self.command(seed);
                said.push(command.clone());
                command
            })
            .collect();
        if self.0.random_bool(0.15) {
            Step::Broken(commands, self.0.random_range(0..60))
        } else {
            Step::Batch(commands)
        }
    }

    fn command(&mut self, seed: u64) -> Command {
        let gateway = gateway(self.pick(&["gw1", "gw2"]));
        let item = match self.0.random_range(0..100) {
            0..35 => {
                let request = self.request(seed);
                return Command::Authorize { gateway, request };
            }
            35..38 => return Command::Release(id(seed, self.0.random_range(0..AUTHORIZATIONS))),
            38..40 => {
                let ids = (0..AUTHORIZATIONS).map(|number| id(seed, number));
                let ids = ids.collect();
                return Command::Expire { ids, held_by: 0 };
            }
            40..62 => AdviceItem::Advice(self.advice(seed)),
            62..75 => AdviceItem::Reversal(self.reversal(seed)),
            75..92 => AdviceItem::Capture(self.capture(seed)),
            _ => AdviceItem::Refund(self.refund(seed)),
        };
        if matches!(item, AdviceItem::Capture(_) | AdviceItem::Refund(_)) && self.0.random_bool(0.3)
        {
            Command::Settle { gateway, item }
        } else {
            Command::Advise { gateway, item }
        }
    }

    /// An authorization or an increment: which of the two, and of what, is fixed by its number.
    fn request(&mut self, seed: u64) -> AuthorizeRequest {
        let number = self.0.random_range(0..AUTHORIZATIONS + INCREMENTS);
        let contradicts = self.0.random_bool(0.03);
        AuthorizeRequest {
            id: id(seed, number),
            card: card_of(seed, number),
            amount_minor: amount(asked(number)),
            currency: euro(),
            fingerprint: Fingerprint(if contradicts { 99 } else { number }),
            unbooked_minor: self.pick(&[0, 0, 0, 700]),
            kind: AuthorizationKind::Purchase,
            partial: number == 1,
            original: original(seed, number),
            exponent: None,
            transaction: None,
            traceparent: None,
        }
    }

    fn advice(&mut self, seed: u64) -> Advice {
        let number = self.0.random_range(0..AUTHORIZATIONS + INCREMENTS);
        let told = match self.0.random_range(0..10) {
            0..6 => Some(asked(number)),
            6 => Some(asked(number) / 2),
            _ => None,
        };
        Advice {
            id: id(seed, number),
            card: card_of(seed, number),
            requested_minor: amount(asked(number)),
            approved_minor: amount(told.unwrap_or(0)),
            approved: told.is_some(),
            currency: euro(),
            fingerprint: Fingerprint(number),
            source: if self.0.random_bool(0.2) {
                AdviceSource::Network
            } else {
                AdviceSource::StandIn
            },
            reason: if told.is_some() {
                Reason::Approved
            } else {
                self.pick(&[Reason::OverCardLimit, Reason::KnowledgeStale])
            },
            cause: Cause::LedgerTimeout,
            seq: 1,
            original: original(seed, number),
            exponent: None,
            traceparent: None,
        }
    }

    /// Of anything that can be taken back.
    fn reversal(&mut self, seed: u64) -> Reversal {
        let all = AUTHORIZATIONS + INCREMENTS + CAPTURES + REFUNDS;
        let number = self.0.random_range(0..all);
        Reversal {
            id: id(seed, number),
            card: card_of(seed, number),
            remaining_minor: amount(self.pick(&[0, 0, 150, 400])),
            seq: 1,
            traceparent: None,
        }
    }

    fn capture(&mut self, seed: u64) -> Capture {
        let first = AUTHORIZATIONS + INCREMENTS;
        let number = self.0.random_range(first..first + CAPTURES);
        let of = taken(number - first);
        Capture {
            id: id(seed, number),
            of: of.map(|of| id(seed, of)),
            card: card_of(seed, number),
            amount_minor: amount([300, 700, 2_500, 90][index(number - first)]),
            currency: euro(),
            more: number % 2 == 0,
            fingerprint: Fingerprint(number),
            seq: 1,
            exponent: None,
            traceparent: None,
        }
    }

    fn refund(&mut self, seed: u64) -> Refund {
        let first = AUTHORIZATIONS + INCREMENTS + CAPTURES;
        let number = self.0.random_range(first..first + REFUNDS);
        Refund {
            id: id(seed, number),
            of: (number == first).then(|| id(seed, 0)),
            card: card_of(seed, number),
            amount_minor: amount(250),
            currency: euro(),
            fingerprint: Fingerprint(number),
            seq: 1,
            exponent: None,
            traceparent: None,
        }
    }
}

/// How much authorization or increment `number` asks for.
fn asked(number: u64) -> i64 {
    [800, 1_900, 5_500, 300, 450][index(number)]
}

/// What authorization `number` adds to.
fn original(seed: u64, number: u64) -> Option<AuthorizationId> {
    match number {
        3 => Some(id(seed, 0)),
        4 => Some(id(seed, 1)),
        _ => None,
    }
}

/// What the `nth` capture takes: two take the same, one takes nothing that is held.
fn taken(nth: u64) -> Option<u64> {
    [Some(0), Some(0), Some(1), None][index(nth)]
}

/// One authorization is of a card that nobody has issued.
fn card_of(seed: u64, number: u64) -> CardToken {
    match number {
        2 => card(seed, 9),
        1 | 4 | 7 => card(seed, 2),
        0 | 3 | 5 | 6 | 9 => card(seed, 0),
        _ => card(seed, 1),
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number).expect("small")
}

fn card(seed: u64, number: u8) -> CardToken {
    let mut mac = [0; 16];
    mac[..8].copy_from_slice(&seed.to_be_bytes());
    mac[15] = number;
    CardToken { key_id: 1, mac }
}

/// The history's `number`th id.
pub(super) fn id(seed: u64, number: u64) -> AuthorizationId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&seed.to_be_bytes());
    id[8..].copy_from_slice(&number.to_be_bytes());
    AuthorizationId(id)
}

fn gateway(name: &str) -> GatewayId {
    name.parse().expect("a gateway's name")
}

fn amount(minor: i64) -> Amount {
    Amount::new(minor).expect("an amount")
}

fn euro() -> Currency {
    "EUR".parse().expect("a currency")
}

/// A command in a line, for people.
pub(super) fn line(command: &Command) -> String {
    let number = |id: &AuthorizationId| format!("#{}", id.0[15]);
    match command {
        Command::Authorize { gateway, request } => format!(
            "{gateway} asks {} of card {} for {} (adds to {:?}, unbooked {}, fingerprint {})",
            number(&request.id),
            request.card.mac[15],
            request.amount_minor.minor(),
            request.original.as_ref().map(number),
            request.unbooked_minor,
            request.fingerprint.0,
        ),
        Command::Advise { gateway, item } | Command::Settle { gateway, item } => {
            let what = match item {
                AdviceItem::Advice(advice) => format!(
                    "told by {:?}: {} {}",
                    advice.source,
                    if advice.approved {
                        "approved"
                    } else {
                        "declined"
                    },
                    advice.approved_minor.minor(),
                ),
                AdviceItem::Reversal(reversal) => {
                    format!("reversed to {}", reversal.remaining_minor.minor())
                }
                AdviceItem::Capture(capture) => format!(
                    "captures {} of {:?}, more {}",
                    capture.amount_minor.minor(),
                    capture.of.as_ref().map(number),
                    capture.more,
                ),
                AdviceItem::Refund(refund) => format!("refunds {}", refund.amount_minor.minor()),
            };
            format!("{gateway} says {} {what}", number(&item.id()))
        }
        Command::Release(id) => format!("{} released", number(id)),
        other => format!("{other:?}"),
    }
}
