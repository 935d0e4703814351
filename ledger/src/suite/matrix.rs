//! The matrix: what the ledger had decided × what the network was told. The answer that was sent to
//! the network wins.

use ledger_api::{AdviceOutcome, AuthorizationId};

use super::customer::{CARD_MAX, Customer};
use super::ground::{Broken, Ground};

const OPENING: i64 = 100_000;
/// More than the card's limit: the ledger declines it.
const TOO_MUCH: i64 = CARD_MAX + 10_000;

/// A row of the matrix: what the live request asks for, whether the ledger approves that, and what
/// the network was told.
#[derive(Debug, Clone, Copy)]
struct Row {
    asked: i64,
    approved: bool,
    told: Option<i64>,
}

impl Row {
    fn effect(self) -> i64 {
        self.told.unwrap_or(0)
    }

    /// Decision, then advice, advice, advice, and the request again.
    async fn decision_first(self, ground: &Ground) -> Result<(), Broken> {
        let customer = Customer::new(ground, OPENING).await?;
        let id = ground.id();
        let decision = customer.authorize(id, self.asked).await?;
        ground.same(
            "the ledger's own decision",
            self.approved,
            decision.approved,
        )?;
        let held = if self.approved { self.asked } else { 0 };
        customer
            .expect_effect("before any advice", id, held)
            .await?;
        self.tell_thrice(&customer, id).await?;
        self.request_again(&customer, id).await
    }

    /// Advice, the live request, and the advice twice again.
    async fn advice_first(self, ground: &Ground) -> Result<(), Broken> {
        let customer = Customer::new(ground, OPENING).await?;
        let id = ground.id();
        customer
            .told(customer.advice(id, self.told), AdviceOutcome::Applied)
            .await?;
        self.request_again(&customer, id).await?;
        for _ in 0..2 {
            let again = customer.advice(id, self.told);
            customer.told(again, AdviceOutcome::Duplicate).await?;
            self.ended(&customer, id).await?;
        }
        Ok(())
    }

    async fn tell_thrice(self, customer: &Customer<'_>, id: AuthorizationId) -> Result<(), Broken> {
        for nth in 1..=3 {
            let answer = customer.tell(customer.advice(id, self.told)).await?;
            let at = format!("the answer to advice {nth} of the same");
            // Where nothing is to be done, a ledger may have nothing to record.
            let same_already = self.approved && self.told == Some(self.asked);
            let fits = match answer.outcome {
                AdviceOutcome::Applied => nth == 1,
                AdviceOutcome::Duplicate => nth > 1 || same_already,
                _ => false,
            };
            let expected = "applied for the first, duplicate for the others";
            customer
                .ground
                .holds(&at, expected, fits, &answer.outcome)?;
            self.ended(customer, id).await?;
        }
        Ok(())
    }

    /// The told verdict is the answer from now on (rule 4).
    async fn request_again(
        self,
        customer: &Customer<'_>,
        id: AuthorizationId,
    ) -> Result<(), Broken> {
        let late = customer.authorize(id, self.asked).await?;
        let told = (self.told.is_some(), self.effect());
        let seen = (late.approved, late.approved_minor.minor());
        customer
            .ground
            .same("a live request after the advice", told, seen)?;
        self.ended(customer, id).await
    }

    async fn ended(self, customer: &Customer<'_>, id: AuthorizationId) -> Result<(), Broken> {
        let view = customer.view(id).await?;
        let at = format!("the hold in row {self:?}");
        customer
            .ground
            .same(&at, self.effect(), view.effect_minor)?;
        let listed = "contested: one gateway told one answer";
        customer.ground.same(listed, false, view.contested)?;
        customer
            .expect_available("after the advice", OPENING - self.effect())
            .await
    }
}

async fn both_orders(ground: &Ground, row: Row) -> Result<(), Broken> {
    row.decision_first(ground).await?;
    row.advice_first(ground).await
}

pub(super) async fn approved_and_told_approved(ground: &Ground) -> Result<(), Broken> {
    let row = Row {
        asked: 400,
        approved: true,
        told: Some(400),
    };
    both_orders(ground, row).await
}

pub(super) async fn approved_and_told_declined(ground: &Ground) -> Result<(), Broken> {
    let row = Row {
        asked: 400,
        approved: true,
        told: None,
    };
    both_orders(ground, row).await
}

pub(super) async fn declined_and_told_approved(ground: &Ground) -> Result<(), Broken> {
    let row = Row {
        asked: TOO_MUCH,
        approved: false,
        told: Some(TOO_MUCH),
    };
    both_orders(ground, row).await?;
    // More than there is: the balance goes below zero.
    let customer = Customer::new(ground, 100).await?;
    let id = ground.id();
    let decision = customer.authorize(id, 5_000).await?;
    ground.same("a request for more than there is", false, decision.approved)?;
    customer
        .told(customer.advice(id, Some(5_000)), AdviceOutcome::Applied)
        .await?;
    customer.expect_available("below zero", 100 - 5_000).await
}

pub(super) async fn declined_and_told_declined(ground: &Ground) -> Result<(), Broken> {
    let row = Row {
        asked: TOO_MUCH,
        approved: false,
        told: None,
    };
    both_orders(ground, row).await
}

pub(super) async fn unknown_and_told_approved(ground: &Ground) -> Result<(), Broken> {
    never_asked(ground, Some(400)).await
}

pub(super) async fn unknown_and_told_declined(ground: &Ground) -> Result<(), Broken> {
    never_asked(ground, None).await
}

async fn never_asked(ground: &Ground, told: Option<i64>) -> Result<(), Broken> {
    let customer = Customer::new(ground, OPENING).await?;
    let id = ground.id();
    for nth in 1..=3 {
        let outcome = match nth {
            1 => AdviceOutcome::Applied,
            _ => AdviceOutcome::Duplicate,
        };
        customer.told(customer.advice(id, told), outcome).await?;
        let view = customer.view(id).await?;
        ground.same("a decision of the ledger", None, view.decided)?;
        let seen = view
            .told
            .map(|told| (told.approved, told.approved_minor.minor()));
        let expected = Some((told.is_some(), told.unwrap_or(0)));
        ground.same("what the books say was told", expected, seen)?;
        ground.same("the hold", told.unwrap_or(0), view.effect_minor)?;
    }
    customer
        .expect_available("at the end", OPENING - told.unwrap_or(0))
        .await
}

pub(super) async fn told_amount_wins_rule_6(ground: &Ground) -> Result<(), Broken> {
    for told in [1, 399, 401, 70_000] {
        let row = Row {
            asked: 400,
            approved: true,
            told: Some(told),
        };
        both_orders(ground, row).await?;
        let declined = Row {
            asked: TOO_MUCH,
            approved: false,
            told: Some(told),
        };
        both_orders(ground, declined).await?;
    }
    Ok(())
}
