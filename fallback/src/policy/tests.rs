//! What a file must be, and what follows from it.

#![expect(
    clippy::inconsistent_digit_grouping,
    reason = "euros and cents: 500_00 is 500.00"
)]

use super::*;

fn with(from: &str, to: &str) -> Result<Policy, PolicyError> {
    let text = Policy::default_text();
    assert!(text.contains(from), "{from}");
    Policy::parse(&text.replace(from, to))
}

fn default() -> Policy {
    Policy::parse(Policy::default_text()).unwrap()
}

fn homes(count: usize) -> Homes {
    let gateways: Vec<_> = (1..=count)
        .map(|n| format!("{{ name = \"gw{n}\" }}"))
        .collect();
    Homes::parse(&format!(
        "version = 1\ngateways = [{}]",
        gateways.join(", ")
    ))
    .unwrap()
}

#[test]
fn the_default_is_the_one_that_was_signed() {
    let lines: Vec<_> = default()
        .lines()
        .into_iter()
        .map(|line| format!("{} = {}", line.key, line.says))
        .collect();
    let expected = "\
currency = EUR
exposure.gateway_max_minor = 100000.00 EUR
exposure.programme_max_minor = 500000.00 EUR
transaction.unknown_max_minor = 250.00 EUR
transaction.chip_max_minor = 500.00 EUR
transaction.contactless_max_minor = 500.00 EUR
transaction.magstripe_max_minor = 200.00 EUR
transaction.ecommerce_max_minor = 250.00 EUR
transaction.keyed_max_minor = 100.00 EUR
transaction.cash_max_minor = 200.00 EUR
transaction.partial_approval = true
kinds.cash = allow
kinds.credit = allow
kinds.other = decline
kinds.inquiry = decline
card.purchase of 24 h = 2000.00 EUR in 250 authorizations
card.cash of 24 h = 400.00 EUR in 5 authorizations
card.elsewhere_day_max_minor = 150.00 EUR
velocity.merchant = 20000.00 EUR in 1000 authorizations within 60 min
velocity.terminal = 5000.00 EUR in 200 authorizations within 60 min
velocity.bin = no limit
balance.spendable_percent = 100
age.curve = steps, 60 min: 100 %, 120 min: 75 %, 240 min: 50 %
verification.cvv2_unknown = decline
verification.pin_unknown = decline
verification.arqc_unknown = decline
mcc.group fuel-pumps = limit 150.00 EUR: 5542
mcc.group gambling = decline: 7800-7802 7995 9406
mcc.group quasi-cash = decline: 4829 6050-6051 6540
mcc.unlisted = allow
mcc.untold = allow
country.home = 040 056 100 191 196 233 246 250 276 300 372 380 428 440 442 470 528 620 703 705 724
country.elsewhere_max_minor = 200.00 EUR
country.untold_max_minor = 500.00 EUR";
    assert_eq!(lines.join("\n"), expected);
}

#[test]
fn the_bound_is_the_sum_of_the_gateways_caps_which_fit_into_the_programmes() {
    let policy = default();
    assert_eq!(policy.bound_minor(&homes(3)), 300_000_00);
    assert_eq!(
        policy.bound_text(&homes(3)),
        "worst loss of an outage: 300000.00 EUR = 3 gateways × 100000.00 EUR, at most 500000.00 EUR for \
         the programme"
    );
    assert_eq!(policy.fits(&homes(5)), Ok(()));
    let refused = policy.fits(&homes(6)).unwrap_err().to_string();
    assert_eq!(
        refused,
        "6 gateways with exposure.gateway_max_minor = 10000000 are 60000000, above \
         exposure.programme_max_minor = 50000000; lower the first to 8333333 or raise the second"
    );
    assert_eq!(policy.bound_minor(&homes(6)), 500_000_00);
}

#[test]
fn the_hash_names_the_content_and_neither_comments_nor_order() {
    let policy = default();
    let commented = with("# The layout", "# Our layout").unwrap();
    assert_eq!(policy.hash(), commented.hash());
    let ordered = with("\"040\", \"056\"", "\"056\", \"040\"").unwrap();
    assert_eq!(policy, ordered);
    for (from, to) in [
        ("count = 250", "count = 251"),
        ("inquiry = \"decline\"", "inquiry = \"allow\""),
        ("hours = 24, count = 5,", "hours = 23, count = 5,"),
        ("untold_max_minor = 50_000", "untold_max_minor = 49_999"),
        ("\"9406\"", "\"9407\""),
    ] {
        assert_ne!(policy.hash(), with(from, to).unwrap().hash(), "{to}");
    }
    assert_eq!(
        policy.hash(),
        0xe295_3bf4_c7ae_0848,
        "golden: a change here changes the hash on every decision"
    );
}

#[test]
fn what_changes_between_two_policies_is_named_line_by_line() {
    let rated = format!(
        "{}\n[[rate]]\ncurrency = \"SEK\"\nrate = \"0.0893\"\nhaircut_percent = 10\n",
        Policy::default_text().replace(
            "gateway_max_minor = 10_000_000",
            "gateway_max_minor = 9_000_000"
        )
    );
    let changes = default().changes_to(&Policy::parse(&rated).unwrap());
    let changes: Vec<_> = changes
        .iter()
        .map(|change| {
            (
                change.key.as_str(),
                change.before.as_deref(),
                change.after.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        changes,
        [
            (
                "exposure.gateway_max_minor",
                Some("100000.00 EUR"),
                Some("90000.00 EUR")
            ),
            (
                "rate SEK",
                None,
                Some("100000 minor units of SEK count as 9823 of EUR")
            ),
        ]
    );
    assert_eq!(default().changes_to(&default()), []);
}

#[test]
fn limits_that_contradict_each_other_are_refused_with_the_cure() {
    let two = "[{ hours = 24, count = 250, max_minor = 200_000 }, { hours = 1, count = 9, max_minor = 9 }]";
    let less = "[{ hours = 1, count = 9, max_minor = 200_000 }, { hours = 24, count = 8, max_minor = 200_000 }]";
    let one = "[{ hours = 24, count = 250, max_minor = 200_000 }]";
    for (from, to, says) in [
        (
            "chip_max_minor = 50_000",
            "chip_max_minor = 200_001",
            "transaction.chip_max_minor (200001) is above card.purchase of 24 h, max_minor (200000)",
        ),
        (
            "cash_max_minor = 20_000",
            "cash_max_minor = 40_001",
            "transaction.cash_max_minor (40001) is above card.cash of 24 h, max_minor (40000)",
        ),
        (
            "elsewhere_day_max_minor = 15_000",
            "elsewhere_day_max_minor = 10_000_001",
            "(10000001) is above exposure.gateway_max_minor (10000000)",
        ),
        (
            "gateway_max_minor = 10_000_000",
            "gateway_max_minor = 199_999",
            "card.purchase, max_minor (200000) is above exposure.gateway_max_minor (199999)",
        ),
        (
            "programme_max_minor = 50_000_000",
            "programme_max_minor = 9_999_999",
            "is above exposure.programme_max_minor (9999999); lower the first or raise the second",
        ),
        (
            "max_minor = 500_000",
            "max_minor = 49_999",
            "the largest limit of transaction (50000) is above velocity.terminal.max_minor (49999)",
        ),
        (
            "max_minor = 2_000_000",
            "max_minor = 10_000_001",
            "velocity.merchant.max_minor (10000001) is above exposure.gateway_max_minor (10000000)",
        ),
        (
            "minutes = 60\ncount = 200",
            "minutes = 1_441\ncount = 200",
            "from 1 to 1440 (a day)",
        ),
        ("[velocity.terminal]", "[velocity.till]", "unknown field"),
        (one, two, "not in order; write the shortest first"),
        (
            one,
            less,
            "card.purchase of 1 h, count (9) is above card.purchase of 24 h, count (8)",
        ),
        (one, "[]", "card.purchase windows = 0; it must be 1 to 4"),
        ("count = 250", "count = 0", "at least 1"),
        (
            "hours = 24, count = 5,",
            "hours = 169, count = 5,",
            "from 1 to 168 (a week)",
        ),
        ("minutes = 240", "minutes = 10_081", "from 1 to 10080"),
        (
            "spendable_percent = 100",
            "spendable_percent = 101",
            "from 0 to 100",
        ),
        ("version = 2", "version = 1", "this program reads version 2"),
        ("currency = \"EUR\"", "currency = \"XXX\"", "ISO 4217"),
        ("version = 2", "version = 2\nsurprise = 1", "unknown field"),
        ("[kinds]", "[kinds]\nsurprise = \"allow\"", "unknown field"),
        ("partial_approval = true", "", "missing field"),
        (
            "pin_unknown = \"decline\"",
            "pin_unknown = \"approve\"",
            "unknown variant",
        ),
        (
            "chip_max_minor = 50_000",
            "chip_max_minor = -1",
            "between 0 and",
        ),
        (
            "chip_max_minor = 50_000",
            "chip_max_minor = 500.00",
            "invalid type",
        ),
    ] {
        let refused = with(from, to).unwrap_err().to_string();
        assert!(refused.contains(says), "{refused}");
    }
}

#[test]
fn a_currency_has_one_rate_and_the_policys_own_has_none() {
    let rate = |currency: &str| {
        format!("\n[[rate]]\ncurrency = \"{currency}\"\nrate = \"1.1\"\nhaircut_percent = 0\n")
    };
    for rates in [rate("EUR"), format!("{}{}", rate("USD"), rate("USD"))] {
        let text = format!("{}{rates}", Policy::default_text());
        let refused = Policy::parse(&text).unwrap_err().to_string();
        assert!(refused.contains("too many; give one for each"), "{refused}");
    }
}
