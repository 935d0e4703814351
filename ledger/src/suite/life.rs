//! The life of a payment after its answer: captures, refunds, increments, and answers of other kinds.

use ledger_api::{
    AdviceAnswers, AdviceOutcome, AuthorizationId, AuthorizationState, AuthorizeAnswer, Reason,
    Retry,
};
use serde_json::{Value, json};

use super::customer::Customer;
use super::ground::{Broken, Ground};
use super::order::orders;

const OPENING: i64 = 10_000;

impl Customer<'_> {
    /// Money of an authorization, or without one, is taken; `more` captures follow.
    pub(super) fn capture(
        &self,
        id: AuthorizationId,
        of: Option<AuthorizationId>,
        minor: i64,
        more: bool,
    ) -> Value {
        json!({"kind": "capture", "id": id, "of": of, "card": self.card, "amount_minor": minor,
            "currency": "EUR", "more": more, "fingerprint": 5, "seq": 3})
    }

    /// Money is given back.
    pub(super) fn refund(
        &self,
        id: AuthorizationId,
        of: Option<AuthorizationId>,
        minor: i64,
    ) -> Value {
        json!({"kind": "refund", "id": id, "of": of, "card": self.card, "amount_minor": minor,
            "currency": "EUR", "fingerprint": 6, "seq": 4})
    }

    /// Checks what is held, what was taken and what came in besides the opening.
    pub(super) async fn expect_books(
        &self,
        at: &str,
        held: i64,
        taken: i64,
        given: i64,
    ) -> Result<(), Broken> {
        let totals = self.account().await?.totals;
        let seen = (
            totals.debits_pending,
            totals.debits_posted,
            totals.credits_posted - OPENING,
        );
        let at = format!("held, taken and given back, {at}");
        self.ground.same(&at, (held, taken, given), seen)
    }

    async fn applied(&self, item: Value) -> Result<(), Broken> {
        self.told(item, AdviceOutcome::Applied).await
    }
}

pub(super) async fn a_capture_takes_what_it_says(ground: &Ground) -> Result<(), Broken> {
    for taken in [300, 400, 500] {
        let customer = Customer::new(ground, OPENING).await?;
        let (id, capture) = (ground.id(), ground.id());
        customer.authorize(id, 400).await?;
        let capture = customer.capture(capture, Some(id), taken, false);
        customer.applied(capture.clone()).await?;
        customer
            .expect_books("after a capture", 0, taken, 0)
            .await?;
        customer.told(capture, AdviceOutcome::Duplicate).await?;
        customer
            .expect_books("after its repeat", 0, taken, 0)
            .await?;
        let view = customer.view(id).await?;
        ground.same("what captures have taken", taken, view.captured_minor)?;
        ground.same("the state", AuthorizationState::Captured, view.state)?;
    }
    Ok(())
}

pub(super) async fn captures_in_parts(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, OPENING).await?;
    let id = ground.id();
    customer.authorize(id, 400).await?;
    let parts = [(100, true, 300), (150, true, 150), (50, false, 0)];
    let mut taken = 0;
    for (minor, more, held) in parts {
        customer
            .applied(customer.capture(ground.id(), Some(id), minor, more))
            .await?;
        taken += minor;
        customer
            .expect_books("after a part", held, taken, 0)
            .await?;
    }
    // What comes after the last one is taken all the same.
    customer
        .applied(customer.capture(ground.id(), Some(id), 70, false))
        .await?;
    customer
        .expect_books("after one too many", 0, taken + 70, 0)
        .await
}

/// The item as the calls for one kind take it: it does not say which kind it is.
fn bare(mut item: Value) -> Value {
    if let Some(fields) = item.as_object_mut() {
        fields.remove("kind");
    }
    item
}

pub(super) async fn the_captures_call_is_the_same(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, OPENING).await?;
    let id = ground.id();
    customer.authorize(id, 400).await?;
    let capture = bare(customer.capture(ground.id(), Some(id), 250, false));
    let refund = bare(customer.refund(ground.id(), Some(id), 40));
    for (path, item) in [("/v1/captures", capture), ("/v1/refunds", refund)] {
        for outcome in [AdviceOutcome::Applied, AdviceOutcome::Duplicate] {
            let body = json!({"gateway": customer.gateway, "items": [item]});
            let answers: AdviceAnswers = ground.post(path, &body).await?;
            let seen: Vec<_> = answers.items.into_iter().map(|one| one.outcome).collect();
            ground.same(path, vec![outcome], seen)?;
        }
    }
    customer.expect_books("after both", 0, 250, 40).await
}

pub(super) async fn captures_in_every_order(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, OPENING).await?;
    let (mut taken, mut given) = (0, 0);
    for order in orders(vec![0, 1, 2, 3, 3, 4]) {
        let (id, part, last, back) = (ground.id(), ground.id(), ground.id(), ground.id());
        let items = [
            customer.advice(id, Some(400)),
            customer.capture(part, Some(id), 100, true),
            customer.capture(last, Some(id), 350, false),
            customer.reversal(part, 30),
            customer.refund(back, Some(id), 20),
        ];
        let told: Vec<Value> = order
            .iter()
            .filter_map(|place| items.get(*place))
            .cloned()
            .collect();
        let answers = customer.tell_all(&told).await?;
        let done = |outcome: &AdviceOutcome| {
            matches!(outcome, AdviceOutcome::Applied | AdviceOutcome::Duplicate)
        };
        let all = answers.iter().all(|answer| done(&answer.outcome));
        ground.holds(&format!("{order:?}"), "applied or duplicate", all, &answers)?;
        taken += 350 + 30;
        given += 20;
        let seen = customer.account().await?.totals;
        let at = format!("the balance after the order {order:?}");
        ground.same(&at, OPENING - taken + given, seen.available())?;
        ground.same("what is held", 0, seen.debits_pending)?;
        let view = customer.view(id).await?;
        let seen = (view.captured_minor, view.refunded_minor, view.effect_minor);
        ground.same("captured, refunded and held", (380, 20, 0), seen)?;
    }
    Ok(())
}

pub(super) async fn a_capture_before_its_authorization(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, OPENING).await?;
    let (closed, open) = (ground.id(), ground.id());
    customer
        .applied(customer.capture(ground.id(), Some(closed), 300, false))
        .await?;
    customer
        .applied(customer.capture(ground.id(), Some(open), 100, true))
        .await?;
    customer
        .expect_books("before the authorizations", 0, 400, 0)
        .await?;
    let late = customer.authorize(closed, 400).await?;
    let seen = (late.approved, late.reason);
    ground.same(
        "captured for good",
        (false, Reason::AuthorizationClosed),
        seen,
    )?;
    let late = customer.authorize(open, 400).await?;
    ground.same("a capture with more to follow", true, late.approved)?;
    customer
        .expect_books("after the authorizations", 300, 400, 0)
        .await
}

pub(super) async fn what_was_taken_or_given_is_reversed(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, OPENING).await?;
    let (capture, refund) = (ground.id(), ground.id());
    customer
        .applied(customer.capture(capture, None, 900, false))
        .await?;
    customer.applied(customer.refund(refund, None, 500)).await?;
    customer
        .expect_available("after both", OPENING - 400)
        .await?;
    customer.applied(customer.reversal(capture, 200)).await?;
    customer
        .expect_available("the capture is 200", OPENING + 300)
        .await?;
    customer.applied(customer.reversal(refund, 0)).await?;
    customer
        .told(customer.reversal(refund, 0), AdviceOutcome::Duplicate)
        .await?;
    customer
        .expect_available("the refund is gone", OPENING - 200)
        .await?;
    let totals = customer.account().await?.totals;
    ground.holds(
        "posted totals",
        "they only grow",
        totals.debits_posted >= 900,
        totals,
    )?;
    // The reversal first.
    let early = ground.id();
    customer.applied(customer.reversal(early, 0)).await?;
    customer
        .applied(customer.capture(early, None, 700, false))
        .await?;
    customer
        .expect_available("a capture that was taken back before", OPENING - 200)
        .await
}

pub(super) async fn a_refund_gives_back_once(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, OPENING).await?;
    let (id, refund) = (ground.id(), ground.id());
    customer.authorize(id, 400).await?;
    customer
        .applied(customer.capture(ground.id(), Some(id), 400, false))
        .await?;
    let refund = customer.refund(refund, Some(id), 150);
    customer.applied(refund.clone()).await?;
    customer.told(refund, AdviceOutcome::Duplicate).await?;
    customer.expect_books("after a refund", 0, 400, 150).await?;
    ground.same("the view", 150, customer.view(id).await?.refunded_minor)?;
    customer
        .applied(customer.refund(ground.id(), None, 50))
        .await?;
    customer
        .expect_books("after one without an original", 0, 400, 200)
        .await
}

pub(super) async fn a_force_post_needs_no_hold_and_no_balance(
    ground: &Ground,
) -> Result<(), Broken> {
    let customer = Customer::new(ground, OPENING).await?;
    customer
        .applied(customer.capture(ground.id(), None, 60_000, false))
        .await?;
    customer
        .expect_available("below zero", OPENING - 60_000)
        .await?;
    // Its original is declined: nothing is held, and it is taken all the same.
    let declined = ground.id();
    let answer = customer.authorize(declined, 5_000).await?;
    ground.same("no money is left", false, answer.approved)?;
    customer
        .applied(customer.capture(ground.id(), Some(declined), 5_000, false))
        .await?;
    customer.expect_books("after both", 0, 65_000, 0).await
}

pub(super) async fn increments_in_every_order(ground: &Ground) -> Result<(), Broken> {
    for (events, held) in [
        (vec![0, 1, 1], 500),
        (vec![0, 1, 2, 2], 0),
        (vec![0, 1, 3], 470),
    ] {
        let customer = Customer::new(ground, OPENING).await?;
        let mut sum = 0;
        for order in orders(events) {
            let (id, more) = (ground.id(), ground.id());
            let mut increment = customer.advice(more, Some(100));
            increment["original"] = json!(id);
            let items = [
                customer.advice(id, Some(400)),
                increment,
                customer.reversal(id, 0),
                customer.reversal(more, 70),
            ];
            for place in &order {
                let item = items.get(*place).cloned().unwrap_or_default();
                customer.tell(item).await?;
            }
            sum += held;
            let at = format!("after the order {order:?}");
            customer.expect_effect(&at, id, held).await?;
            customer.expect_available(&at, OPENING - sum).await?;
        }
    }
    Ok(())
}

pub(super) async fn a_live_increment_adds_to_its_original(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, OPENING).await?;
    let (id, more) = (ground.id(), ground.id());
    customer.authorize(id, 400).await?;
    let mut increment = customer.request(more, 100);
    increment["original"] = json!(id);
    for _ in 0..2 {
        let answer = customer.ask(increment.clone()).await?;
        let approved = matches!(&answer, AuthorizeAnswer::Decided(it) if it.approved);
        ground.holds("an increment", "approved", approved, &answer)?;
        customer
            .expect_effect("with its increment", id, 500)
            .await?;
    }
    let mut beyond = customer.request(ground.id(), OPENING);
    beyond["original"] = json!(id);
    let answer = customer.ask(beyond).await?;
    let lacking = matches!(&answer, AuthorizeAnswer::Decided(it)
        if it.reason == Reason::InsufficientFunds);
    ground.holds(
        "an increment of more than there is",
        "declined",
        lacking,
        &answer,
    )?;
    customer
        .applied(customer.capture(ground.id(), Some(id), 480, false))
        .await?;
    customer.expect_books("captured as one", 0, 480, 0).await?;
    let mut late = customer.request(ground.id(), 10);
    late["original"] = json!(id);
    let answer = customer.ask(late).await?;
    let closed = matches!(&answer, AuthorizeAnswer::Decided(it)
        if it.reason == Reason::AuthorizationClosed);
    ground.holds(
        "an increment of what is captured",
        "authorization_closed",
        closed,
        &answer,
    )
}

pub(super) async fn a_partial_approval_where_the_terminal_takes_one(
    ground: &Ground,
) -> Result<(), Broken> {
    let customer = Customer::new(ground, 300).await?;
    let id = ground.id();
    let whole = customer.authorize(ground.id(), 500).await?;
    let seen = (whole.approved, whole.reason);
    ground.same(
        "a terminal that takes all or nothing",
        (false, Reason::InsufficientFunds),
        seen,
    )?;
    let mut request = customer.request(id, 500);
    request["partial"] = json!(true);
    for _ in 0..2 {
        let AuthorizeAnswer::Decided(part) = customer.ask(request.clone()).await? else {
            return Err(Broken::new("a partial approval", "a decision", "none"));
        };
        let seen = (part.approved, part.approved_minor.minor(), part.reason);
        let expected = (true, 300, Reason::PartiallyApproved);
        ground.same("a terminal that takes less", expected, seen)?;
        customer.expect_available("after it", 0).await?;
    }
    let mut none = customer.request(ground.id(), 500);
    none["partial"] = json!(true);
    let answer = customer.ask(none).await?;
    let declined = matches!(&answer, AuthorizeAnswer::Decided(it) if !it.approved);
    ground.holds("nothing is left", "declined", declined, &answer)
}

pub(super) async fn a_balance_inquiry_and_a_verification_hold_nothing(
    ground: &Ground,
) -> Result<(), Broken> {
    let customer = Customer::new(ground, OPENING).await?;
    customer.authorize(ground.id(), 400).await?;
    let shown = [
        ("balance_inquiry", Some(OPENING - 400)),
        ("verification", None),
    ];
    for (kind, available) in shown {
        let mut request = customer.request(ground.id(), 0);
        request["kind"] = json!(kind);
        for _ in 0..2 {
            let AuthorizeAnswer::Decided(answer) = customer.ask(request.clone()).await? else {
                return Err(Broken::new(kind, "a decision", "none"));
            };
            let seen = (
                answer.approved,
                answer.approved_minor.minor(),
                answer.available_minor,
            );
            ground.same(kind, (true, 0, available), seen)?;
        }
        request["id"] = json!(ground.id());
        request["amount_minor"] = json!(100);
        refused(&customer, kind, request).await?;
    }
    let frozen = customer.card_state(customer.card, "frozen");
    ground.put("/v1/cards", &json!({"items": [frozen]})).await?;
    let mut request = customer.request(ground.id(), 0);
    request["kind"] = json!("verification");
    let answer = customer.ask(request).await?;
    let says = matches!(&answer, AuthorizeAnswer::Decided(it) if it.reason == Reason::CardFrozen);
    ground.holds(
        "a verification of a frozen card",
        "card_frozen",
        says,
        &answer,
    )?;
    customer.expect_books("after all of it", 400, 0, 0).await
}

/// The item fails for good.
async fn refused(customer: &Customer<'_>, at: &str, request: Value) -> Result<(), Broken> {
    let answer = customer.ask(request).await?;
    let never = matches!(&answer, AuthorizeAnswer::Failed(it) if it.retry == Retry::Never);
    customer
        .ground
        .holds(at, "a problem that says retry never", never, &answer)
}

pub(super) async fn zero_and_wrong_exponents_are_refused(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, OPENING).await?;
    let id = ground.id();
    customer.authorize(id, 400).await?;
    let mut cents = bare(customer.capture(ground.id(), Some(id), 10, false));
    cents["exponent"] = json!(3);
    let items = [
        (
            "/v1/captures",
            bare(customer.capture(ground.id(), Some(id), 0, false)),
        ),
        (
            "/v1/refunds",
            bare(customer.refund(ground.id(), Some(id), 0)),
        ),
        ("/v1/captures", cents),
    ];
    for (path, item) in items {
        let at = format!("{path} {item}");
        let body = json!({"gateway": customer.gateway, "items": [item]});
        let answers: AdviceAnswers = ground.post(path, &body).await?;
        let never = answers.items.iter().all(|answer| {
            matches!(&answer.outcome, AdviceOutcome::Failed { problem }
                if problem.retry == Retry::Never)
        });
        ground.holds(&at, "a problem that says retry never", never, &answers)?;
    }
    let mut increment = customer.request(ground.id(), 0);
    increment["original"] = json!(id);
    refused(&customer, "an increment of zero", increment).await?;
    let mut yen = customer.request(ground.id(), 100);
    yen["exponent"] = json!(0);
    refused(&customer, "euros without cents", yen).await?;
    let mut right = customer.request(ground.id(), 100);
    right["exponent"] = json!(2);
    let answer = customer.ask(right).await?;
    let approved = matches!(&answer, AuthorizeAnswer::Decided(it) if it.approved);
    ground.holds("the exponent of ISO 4217", "approved", approved, &answer)?;
    customer.expect_books("after all of it", 500, 0, 0).await
}
