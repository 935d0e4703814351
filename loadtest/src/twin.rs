//! The twin: the same payments, decided by the ledger's own rules in the order in which they should
//! have left, as if nothing had ever failed.

use std::sync::Arc;

use ::tests::payment::{Card, NewCard, Payment};
use anyhow::Context;
use gateway::identity::Keys;
use ledger::memory::MemoryStore;
use ledger::posting::{Command, Moment, Outcome};
use ledger_api::{
    AdviceItem, Amount, AuthorizationId, AuthorizationKind, AuthorizeAnswer, AuthorizeRequest,
    CardState, Currency, Expiry, GatewayId, OpenAccount, Reversal,
};

use crate::schedule::{PlannedPayment, Reference};

/// In so many places people pay: four digits.
const TILLS: u64 = 5_000;

/// Books that nothing happens to, and what they say of every payment.
pub(crate) struct Twin {
    books: MemoryStore,
    keys: Arc<Keys>,
    gateway: GatewayId,
    /// The current month.
    yymm: u16,
    currency: Currency,
    /// The number of the first payment: references and keys follow from it.
    first: u64,
    /// By rank.
    cards: Vec<Card>,
    /// What was asked, by index.
    pub payments: Vec<Payment>,
    /// By payment.
    pub ids: Vec<AuthorizationId>,
    /// By payment.
    pub approves: Vec<bool>,
}

impl Twin {
    /// A twin that knows the same cards, given as they are issued and as the stack knows them. The
    /// month is the current one; payments are numbered from `first`.
    pub(crate) fn new(
        issued: &[NewCard],
        cards: Vec<Card>,
        keys: Arc<Keys>,
        (yymm, first): (u16, u64),
        currency: Currency,
    ) -> anyhow::Result<Self> {
        let mut books = MemoryStore::new(1);
        let mut commands = Vec::with_capacity(2 * cards.len());
        for (new, card) in issued.iter().zip(&cards) {
            commands.push(Command::OpenAccount(OpenAccount {
                account: card.account,
                currency: new.currency,
                opening_minor: Amount::new(new.opening_minor)?,
            }));
            commands.push(Command::PutCard(CardState {
                card: card.token,
                account: card.account,
                status: new.status,
                expiry: Expiry::try_from(new.expiry)?,
                transaction_max_minor: Amount::new(new.transaction_max_minor)?,
            }));
        }
        books.transact(
            commands,
            Moment {
                yymm,
                ..Moment::default()
            },
        );
        let gateway = "twin".parse().context("the twin's name")?;
        let (payments, ids, approves) = Default::default();
        Ok(Self {
            books,
            keys,
            gateway,
            yymm,
            currency,
            first,
            cards,
            payments,
            ids,
            approves,
        })
    }

    /// By payment: the money that the twin's books hold for it, after all reversals.
    pub(crate) fn effects(&self) -> Vec<i64> {
        let effect = |id| Some(self.books.authorization(id).ok()??.effect_minor);
        let ids = self.ids.iter();
        ids.map(|id| effect(*id).unwrap_or_default()).collect()
    }

    fn now(&self) -> Moment {
        Moment {
            yymm: self.yymm,
            ..Moment::default()
        }
    }

    fn decide(&mut self, payment: &Payment, id: AuthorizationId) -> bool {
        let Ok(amount) = Amount::new(payment.amount_minor) else {
            return false;
        };
        let request = AuthorizeRequest {
            id,
            card: payment.token,
            amount_minor: amount,
            currency: payment.currency,
            fingerprint: self
                .keys
                .fingerprint(&payment.processing_code, amount, payment.currency),
            unbooked_minor: 0,
            kind: AuthorizationKind::Purchase,
            partial: false,
            original: None,
            exponent: None,
            transaction: None,
            traceparent: None,
        };
        let command = Command::Authorize {
            gateway: self.gateway.clone(),
            request,
        };
        let now = self.now();
        let outcomes = self.books.transact(vec![command], now);
        let Some(Outcome::Authorized(AuthorizeAnswer::Decided(decision), _)) = outcomes.first()
        else {
            return false;
        };
        decision.approved
    }
}

impl Reference for Twin {
    fn authorize(&mut self, planned: &PlannedPayment) -> bool {
        let number = self.first + self.payments.len() as u64;
        let card = &self.cards[planned.card];
        let mut payment = Payment {
            currency: self.currency,
            ..Payment::numbered(number, card, planned.amount_minor)
        };
        // People pay in many places, and stand-in approves only so much in one.
        let till = number % TILLS;
        payment.network.terminal_id = format!("TERM{till:04}");
        payment.network.merchant_id = format!("MERCHANT{till:07}");
        let id = payment.id(&self.keys);
        let approved = self.decide(&payment, id);
        self.payments.push(payment);
        self.ids.push(id);
        self.approves.push(approved);
        approved
    }

    fn reverse(&mut self, payment: usize, remaining_minor: i64) {
        let Ok(remaining_minor) = Amount::new(remaining_minor) else {
            return;
        };
        let reversal = Reversal {
            id: self.ids[payment],
            card: self.payments[payment].token,
            remaining_minor,
            seq: 0,
            traceparent: None,
        };
        let item = AdviceItem::Reversal(reversal);
        let gateway = self.gateway.clone();
        let now = self.now();
        self.books
            .transact(vec![Command::Advise { gateway, item }], now);
    }
}

#[cfg(test)]
mod tests {
    use ::tests::payment::token_of;
    use ledger_api::CardStatus;
    use std::time::Duration;

    use super::*;

    fn twin(cards: &[NewCard]) -> Twin {
        let text = format!("card {}\nid {}\n", "11".repeat(32), "22".repeat(32));
        let keys = Arc::new(Keys::parse(&text).unwrap());
        let known = cards
            .iter()
            .map(|new| Card {
                number: new.number.clone(),
                token: token_of(&keys, &new.number).unwrap(),
                account: ledger_api::AccountId(new.account),
                expiry: new.expiry,
                status: new.status,
                opening_minor: new.opening_minor,
            })
            .collect();
        Twin::new(cards, known, keys, (2611, 1), "EUR".parse().unwrap()).unwrap()
    }

    fn pay(card: usize, amount_minor: i64) -> PlannedPayment {
        PlannedPayment {
            card,
            amount_minor,
            at: Duration::ZERO,
        }
    }

    #[test]
    fn the_twin_declines_what_a_ledger_declines() {
        let mut twin = twin(&[
            NewCard {
                transaction_max_minor: 5_000,
                ..NewCard::nth(1, 10_000)
            },
            NewCard {
                status: CardStatus::Frozen,
                ..NewCard::nth(2, 10_000)
            },
            NewCard {
                expiry: 2610,
                ..NewCard::nth(3, 10_000)
            },
        ]);
        for (card, amount, approved, why) in [
            (0, 4_000, true, "enough"),
            (0, 5_001, false, "over the card's limit"),
            (0, 5_000, true, "enough still"),
            (0, 1_001, false, "no funds"),
            (0, 1_000, true, "to the last cent"),
            (1, 1, false, "frozen"),
            (2, 1, false, "expired"),
        ] {
            assert_eq!(twin.authorize(&pay(card, amount)), approved, "{why}");
        }
        assert_eq!(
            twin.approves,
            [true, false, true, false, true, false, false]
        );
    }

    #[test]
    fn a_reversal_gives_back_what_does_not_remain() {
        let mut twin = twin(&[NewCard::nth(1, 10_000)]);
        assert!(twin.authorize(&pay(0, 8_000)));
        assert!(!twin.authorize(&pay(0, 5_000)));
        twin.reverse(0, 4_000);
        assert!(twin.authorize(&pay(0, 6_000)));
        twin.reverse(0, 0);
        assert!(twin.authorize(&pay(0, 4_000)));
        assert!(!twin.authorize(&pay(0, 1)));
        assert_eq!(twin.effects(), [0, 0, 6_000, 4_000, 0]);
    }

    #[test]
    fn ids_are_those_that_the_gateways_make_rule_1() {
        let mut twin = twin(&[NewCard::nth(1, 10_000)]);
        twin.authorize(&pay(0, 100));
        twin.authorize(&pay(0, 100));
        assert_eq!(twin.ids[0], twin.payments[0].id(&twin.keys));
        assert_ne!(twin.ids[0], twin.ids[1]);
    }
}
