//! Approval of a part, and what a decision says of itself.

use proptest::prelude::*;

use super::*;

fn asked(e: &mut Example, amount: i64) {
    e.request.amount = minor(amount);
    e.request.circumstances.partial = true;
}

#[test]
fn a_terminal_that_takes_less_gets_what_every_limit_leaves() {
    for (change, part, binding) in [
        (
            (|e| account(e).available_minor = 60_00) as fn(&mut Example),
            60_00,
            Reason::InsufficientFunds,
        ),
        (
            |e| e.spend.own_minor = 950_00,
            50_00,
            Reason::InsufficientFunds,
        ),
        (
            |e| e.spend.card[0].minor = 1_930_00,
            70_00,
            Reason::OverCardLimit,
        ),
        (
            |e| e.spend.exposure_minor = 99_999_00,
            1_00,
            Reason::OverGatewayExposure,
        ),
        (
            |e| e.request.circumstances.entry = Entry::Keyed,
            100_00,
            Reason::OverEntryModeLimit,
        ),
        (|_| (), 300_00, Reason::Approved),
    ] {
        let decision = decided(Policy::default_text(), |e| {
            asked(e, 300_00);
            change(e);
        });
        let reason = match binding {
            Reason::Approved => Reason::Approved,
            _ => Reason::PartiallyApproved,
        };
        assert_eq!(
            (decision.approved, decision.reason),
            (true, reason),
            "{binding}"
        );
        assert_eq!(decision.approved_amount, minor(part), "{binding}");
        assert_eq!(decision.binding.unwrap_or(Reason::Approved), binding);
        assert_eq!(decision.exposure_after - decision.exposure_before, part);
    }
}

#[test]
fn nothing_is_approved_in_part_where_a_rule_says_no_or_nothing_is_left() {
    let part = |policy: &str, change: fn(&mut Example)| {
        let decision = decided(policy, |e| {
            asked(e, 300_00);
            account(e).available_minor = 60_00;
            change(e);
        });
        assert_eq!(decision.approved_amount, Amount::ZERO);
        assert_eq!(decision.exposure_after, decision.exposure_before);
        decision.reason
    };
    let default = Policy::default_text();
    let never = default.replace("partial_approval = true", "partial_approval = false");
    assert_eq!(part(&never, |_| ()), Reason::InsufficientFunds);
    assert_eq!(
        part(default, |e| e.request.circumstances.partial = false),
        Reason::InsufficientFunds
    );
    assert_eq!(
        part(default, |e| account(e).available_minor = 0),
        Reason::InsufficientFunds
    );
    assert_eq!(
        part(default, |e| card(e).status = CardStatus::Frozen),
        Reason::CardFrozen
    );
    assert_eq!(
        part(default, |e| e.spend.card[0].count = 250),
        Reason::OverCardCount
    );
}

#[test]
fn a_decision_names_every_rule_that_was_weighed_and_every_one_that_is_broken_i16() {
    let decision = decided(Policy::default_text(), |e| {
        e.age_ms = 7;
        e.spend.exposure_minor = 99_990_00;
        e.spend.realised_minor = 9_00;
        card(e).status = CardStatus::Frozen;
        account(e).available_minor = 1;
    });
    let broken: Vec<_> = decision.broken.iter().collect();
    assert_eq!(
        broken,
        [
            Reason::CardFrozen,
            Reason::InsufficientFunds,
            Reason::OverGatewayExposure
        ]
    );
    assert_eq!(decision.binding, Some(Reason::CardFrozen));
    assert!(decision.weighed.contains(Reason::OverCardLimit));
    assert!(
        !decision.weighed.contains(Reason::IncorrectPin),
        "none was presented"
    );
    assert_eq!(
        (decision.exposure_before, decision.exposure_after),
        (99_999_00, 99_999_00)
    );
    assert_eq!(decision.knowledge_age_ms, 7);
    let policy = Policy::parse(Policy::default_text()).unwrap();
    assert_eq!(decision.policy_hash, policy.hash());
}

proptest! {
    #[test]
    fn a_part_is_never_above_any_limit_i5(
        amount in 1_i64..600_00, available in -100_00_i64..700_00, own in 0_i64..300_00,
        used in 0_i64..2_100_00, day in 0_i64..200_00, exposure in 99_000_00_i64..100_100_00,
        (home, rated) in any::<(bool, bool)>(), entry in prop::sample::select(Entry::ALL),
    ) {
        let rate = if rated { "\n[[rate]]\ncurrency = \"USD\"\nrate = \"0.913\"\nhaircut_percent = 7\n" } else { "" };
        let text = format!("{}{rate}", Policy::default_text());
        let currency: Currency = if rated { "USD" } else { "EUR" }.parse().unwrap();
        let decision = decided(&text, |e| {
            asked(e, amount);
            e.request.currency = currency;
            e.request.circumstances.entry = entry;
            account(e).currency = currency;
            account(e).available_minor = available;
            e.spend.own_minor = own;
            e.spend.card[0].minor = used;
            e.spend.card_day_minor = day;
            e.spend.exposure_minor = exposure;
            e.is_home = home;
        });
        let policy = Policy::parse(&text).unwrap();
        let approved = decision.approved_amount.minor();
        let charge = policy.rate(currency).unwrap().charge(approved);
        prop_assert!(approved <= amount);
        prop_assert_eq!(decision.exposure_after - decision.exposure_before, charge);
        if approved > 0 {
            prop_assert!(approved <= 400_00 && approved <= available - own);
            prop_assert!(charge <= policy.entry_max(entry));
            prop_assert!(used + charge <= 2_000_00 && exposure + charge <= 100_000_00);
            prop_assert!(home || day + charge <= 150_00);
            // As much as there is: one more would be too much, or all that was asked for.
            let more = decided(&text, |e| {
                e.request.amount = minor(approved + 1);
                e.request.currency = currency;
                e.request.circumstances.entry = entry;
                account(e).currency = currency;
                account(e).available_minor = available;
                e.spend.own_minor = own;
                e.spend.card[0].minor = used;
                e.spend.card_day_minor = day;
                e.spend.exposure_minor = exposure;
                e.is_home = home;
            });
            prop_assert!(approved == amount || !more.approved);
        }
    }
}
