//! How much: by transaction, card and window, gateway, balance, age and currency.

use super::*;

#[test]
fn one_transaction_stays_below_the_policy_and_below_the_card_i5() {
    use Entry::{Chip, Contactless, Ecommerce, Keyed, Magstripe, Unknown};
    for (entry, own, amount, expected) in [
        (Chip, 400_00, 400_00, Reason::Approved),
        (Chip, 400_00, 400_01, Reason::OverTransactionLimit),
        (Chip, 900_00, 500_00, Reason::Approved),
        (Chip, 900_00, 500_01, Reason::OverEntryModeLimit),
        (Contactless, 900_00, 500_01, Reason::OverEntryModeLimit),
        (Ecommerce, 900_00, 250_00, Reason::Approved),
        (Ecommerce, 900_00, 250_01, Reason::OverEntryModeLimit),
        (Unknown, 900_00, 250_01, Reason::OverEntryModeLimit),
        (Magstripe, 900_00, 200_00, Reason::Approved),
        (Magstripe, 900_00, 200_01, Reason::OverEntryModeLimit),
        (Keyed, 900_00, 100_01, Reason::OverEntryModeLimit),
    ] {
        let given = reason(|e| {
            card(e).transaction_max_minor = minor(own);
            e.request.circumstances.entry = entry;
            e.request.amount = minor(amount);
        });
        assert_eq!(given, expected, "{entry:?}, card {own}, amount {amount}");
    }
}

#[test]
fn cash_is_tighter_and_what_lets_money_leave_otherwise_is_declined() {
    let lenient = Policy::default_text().replace("other = \"decline\"", "other = \"allow\"");
    for (kind, amount, careful, allowing) in [
        (Kind::Cash, 200_00, Reason::Approved, Reason::Approved),
        (
            Kind::Cash,
            200_01,
            Reason::OverCashLimit,
            Reason::OverCashLimit,
        ),
        (
            Kind::Other,
            1,
            Reason::TransactionNotPermitted,
            Reason::Approved,
        ),
        (
            Kind::Other,
            200_01,
            Reason::TransactionNotPermitted,
            Reason::OverCashLimit,
        ),
        (
            Kind::Inquiry,
            0,
            Reason::TransactionNotPermitted,
            Reason::TransactionNotPermitted,
        ),
    ] {
        let change = |e: &mut Example| {
            e.request.circumstances.kind = kind;
            e.request.amount = minor(amount);
        };
        assert_eq!(reason(change), careful, "{kind:?} {amount}");
        assert_eq!(
            reason_under(&lenient, change),
            allowing,
            "{kind:?} {amount}"
        );
    }
}

#[test]
fn a_credit_is_approved_and_takes_nothing_of_any_limit_rule_18() {
    let decision = decided(Policy::default_text(), |e| {
        e.request.circumstances.kind = Kind::Credit;
        e.request.amount = minor(900_000_00);
        account(e).available_minor = -5;
        e.spend.exposure_minor = 100_000_00;
        e.spend.card = [Used {
            minor: 2_000_00,
            count: 250,
        }; WINDOWS_MAX];
    });
    assert_eq!(
        (decision.approved, decision.reason),
        (true, Reason::Approved)
    );
    assert_eq!(decision.approved_amount, minor(900_000_00));
    assert_eq!(
        (decision.exposure_before, decision.exposure_after),
        (100_000_00, 100_000_00)
    );
    let careful = Policy::default_text().replace("credit = \"allow\"", "credit = \"decline\"");
    let given = reason_under(&careful, |e| e.request.circumstances.kind = Kind::Credit);
    assert_eq!(given, Reason::TransactionNotPermitted);
    let blocked = reason(|e| {
        e.request.circumstances.kind = Kind::Credit;
        card(e).status = CardStatus::Closed;
    });
    assert_eq!(blocked, Reason::CardClosed, "the other rules apply");
}

#[test]
fn merchants_and_countries_have_limits_of_their_own() {
    let mcc = |mcc, amount| {
        reason(|e| {
            e.request.circumstances.mcc = mcc;
            e.request.amount = minor(amount);
        })
    };
    assert_eq!(mcc(5411, 400_00), Reason::Approved);
    assert_eq!(mcc(0, 400_00), Reason::Approved, "not told");
    assert_eq!(mcc(5542, 150_00), Reason::Approved);
    assert_eq!(mcc(5542, 150_01), Reason::OverMerchantCategoryLimit);
    assert_eq!(mcc(6051, 1), Reason::MerchantCategoryNotPermitted);
    let country = |country, amount| {
        reason(|e| {
            e.request.circumstances.country = country;
            e.request.amount = minor(amount);
        })
    };
    assert_eq!(country(250, 400_00), Reason::Approved);
    assert_eq!(country(0, 400_00), Reason::Approved, "not told");
    assert_eq!(country(840, 200_00), Reason::Approved);
    assert_eq!(country(840, 200_01), Reason::OverCountryLimit);
}

#[test]
fn a_card_stays_within_every_window_in_full_at_home_and_to_the_floor_elsewhere_i5() {
    let windows = "[{ hours = 1, count = 3, max_minor = 500_00 }, { hours = 24, count = 250, max_minor = 2_000_00 }]"
        .replace("0_00", "000");
    let policy = Policy::default_text().replace(
        "purchase = [{ hours = 24, count = 250, max_minor = 200_000 }]",
        &format!("purchase = {windows}"),
    );
    let home = |hour: (i64, u32), day: (i64, u32), amount| (true, hour, day, day.0, amount);
    let away = |spent, amount| (false, (0, 0), (0, 1), spent, amount);
    for ((is_home, hour, day, all, amount), expected) in [
        (home((400_00, 1), (400_00, 1), 100_00), Reason::Approved),
        (
            home((400_00, 1), (400_00, 1), 100_01),
            Reason::OverCardLimit,
        ),
        (home((0, 0), (1_900_00, 9), 100_00), Reason::Approved),
        (home((0, 0), (1_900_00, 9), 100_01), Reason::OverCardLimit),
        (home((0, 2), (0, 249), 1_00), Reason::Approved),
        (home((0, 3), (0, 3), 1_00), Reason::OverCardCount),
        (home((0, 0), (0, 250), 1_00), Reason::OverCardCount),
        (away(0, 150_00), Reason::Approved),
        (away(0, 150_01), Reason::OverCardLimit),
        (away(149_00, 1_00), Reason::Approved),
        (away(149_00, 1_01), Reason::OverCardLimit),
    ] {
        let given = reason_under(&policy, |e| {
            e.is_home = is_home;
            e.spend.card[0] = Used {
                minor: hour.0,
                count: hour.1,
            };
            e.spend.card[1] = Used {
                minor: day.0,
                count: day.1,
            };
            e.spend.card_day_minor = all;
            e.request.amount = minor(amount);
        });
        assert_eq!(
            given, expected,
            "home {is_home}, {hour:?}, {day:?}, {all}, {amount}"
        );
    }
}

#[test]
fn only_so_much_of_a_balance_may_be_spent() {
    let careful =
        Policy::default_text().replace("spendable_percent = 100", "spendable_percent = 80");
    for (available, own, amount, expected) in [
        (125_00, 0, 100_00, Reason::Approved),
        (124_99, 0, 100_00, Reason::InsufficientFunds),
        (125_00, 40_00, 60_00, Reason::Approved),
        (125_00, 40_00, 60_01, Reason::InsufficientFunds),
        (-100, 0, 0, Reason::InsufficientFunds),
    ] {
        let given = reason_under(&careful, |e| {
            account(e).available_minor = available;
            e.spend.own_minor = own;
            e.request.amount = minor(amount);
        });
        assert_eq!(
            given, expected,
            "available {available}, own {own}, amount {amount}"
        );
    }
}

#[test]
fn limits_shrink_with_age_and_the_cap_does_not_i7() {
    for (age, amount, expected) in [
        (HOUR, 500_00, Reason::Approved),
        (HOUR + 1, 375_00, Reason::Approved),
        (HOUR + 1, 375_01, Reason::OverEntryModeLimit),
        (2 * HOUR + 1, 250_00, Reason::Approved),
        (2 * HOUR + 1, 250_01, Reason::OverEntryModeLimit),
        (4 * HOUR, 250_00, Reason::Approved),
        (4 * HOUR + 1, 1, Reason::KnowledgeStale),
    ] {
        let given = reason(|e| {
            card(e).transaction_max_minor = minor(900_00);
            e.age_ms = age;
            e.request.amount = minor(amount);
        });
        assert_eq!(given, expected, "{age} ms, {amount}");
    }
    let window = |spent| {
        reason(|e| {
            e.age_ms = 4 * HOUR;
            e.spend.card[0].minor = spent;
        })
    };
    assert_eq!(window(900_00), Reason::Approved);
    assert_eq!(window(900_01), Reason::OverCardLimit);
    let capped = reason(|e| {
        e.age_ms = 4 * HOUR;
        e.spend.exposure_minor = 99_900_00;
    });
    assert_eq!(capped, Reason::Approved);
}

#[test]
fn one_place_sells_only_so_much_and_so_often_whatever_the_card_i5() {
    let used = |minor, count| Used { minor, count };
    for (place, before, amount, expected) in [
        (0, used(19_900_00, 999), 100_00, Reason::Approved),
        (
            0,
            used(19_900_00, 999),
            100_01,
            Reason::OverMerchantVelocity,
        ),
        (0, used(0, 1_000), 1, Reason::OverMerchantVelocity),
        (1, used(4_900_00, 199), 100_00, Reason::Approved),
        (1, used(4_900_00, 199), 100_01, Reason::OverTerminalVelocity),
        (1, used(0, 200), 1, Reason::OverTerminalVelocity),
        (2, used(9_900_00, 499), 100_00, Reason::Approved),
        (2, used(9_900_00, 499), 100_01, Reason::OverBinVelocity),
    ] {
        let given = reason(|e| {
            e.request.circumstances.bin = 1;
            e.spend.velocity[place] = before;
            e.request.amount = minor(amount);
        });
        assert_eq!(given, expected, "place {place}, {before:?}, {amount}");
    }
    let not_told = reason(|e| {
        e.request.circumstances.merchant = 0;
        e.spend.velocity[0].count = 1_000;
    });
    assert_eq!(not_told, Reason::Approved);
    let none = reason_under(Policy::default_text(), |e| {
        e.request.circumstances.bin = 1;
        e.spend.velocity[2].count = u32::MAX;
    });
    assert_eq!(none, Reason::Approved, "no limit, no rule");
}

/// A dollar is 90 cents and a haircut of 10 %: 99 cents.
const DOLLARS: &str = "\n[[rate]]\ncurrency = \"USD\"\nrate = \"0.9\"\nhaircut_percent = 10\n";

#[test]
fn another_currency_counts_with_its_haircut_i5() {
    let policy = format!("{}{DOLLARS}", Policy::default_text());
    let dollars = |e: &mut Example| {
        let currency: Currency = "USD".parse().unwrap();
        e.request.currency = currency;
        account(e).currency = currency;
        account(e).available_minor = 10_000_00;
        card(e).transaction_max_minor = minor(10_000_00);
    };
    let decision = decided(&policy, |e| {
        dollars(e);
        e.spend.exposure_minor = 7;
        e.request.amount = minor(100_00);
    });
    assert_eq!(decision.reason, Reason::Approved);
    assert_eq!(
        (decision.exposure_before, decision.exposure_after),
        (7, 7 + 99_00)
    );
    for (amount, expected) in [
        (505_05, Reason::Approved),
        (505_06, Reason::OverEntryModeLimit),
    ] {
        let given = reason_under(&policy, |e| {
            dollars(e);
            e.request.amount = minor(amount);
        });
        assert_eq!(given, expected, "{amount} cents of a dollar");
    }
    assert_eq!(
        reason(dollars),
        Reason::CurrencyNotCovered,
        "no rate, no approval"
    );
}
