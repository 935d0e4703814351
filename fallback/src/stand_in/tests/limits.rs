//! Limits over time, under another policy, and in other currencies.

use ledger_api::{AdviceItem, Amount, Reason};
use proptest::prelude::*;

use super::rig::{Rig, account, id, minor, request, token};
use crate::circumstances::{Entry, Kind};
use crate::policy::Policy;
use crate::words::Request;

const HOUR_MS: u64 = 3_600_000;

#[tokio::test]
async fn no_step_of_the_wall_clock_and_no_midnight_gives_a_window_back_i17_rule_16() {
    let rig_now = |rig: &mut Rig, ms: u64, yymm: u16| {
        rig.now.boot_ms += ms;
        rig.now.yymm = yymm;
    };
    let mut rig = Rig::listed(&[], 1_000_000);
    let card = rig.card_at_home(true);
    for number in 0..4 {
        rig.approve(request(number, card, 50_000)).await;
    }
    // Over the end of the month, and of the year, and back, and a year ahead.
    for (number, yymm) in (10..).zip([2612, 2701, 2611, 2712, 2601]) {
        rig_now(&mut rig, HOUR_MS / 2, yymm);
        assert_eq!(
            rig.decline(request(number, card, 1)).await,
            Reason::OverCardLimit,
            "{yymm}"
        );
    }
    rig_now(&mut rig, 24 * HOUR_MS, 2611);
    rig.heard(rig.now);
    rig.approve(request(20, card, 50_000)).await;
}

#[tokio::test]
async fn under_another_policy_what_was_approved_stays_counted_i5() {
    let rig = Rig::listed(&[], 1_000_000);
    let card = rig.card_at_home(true);
    rig.approve(request(1, card, 40_000)).await;
    let before = rig.state().policy_hash;
    let tighter = Policy::default_text().replace(
        "{ hours = 24, count = 250, max_minor = 200_000 }",
        "{ hours = 24, count = 250, max_minor = 50_000 }",
    );
    let tighter = Policy::parse(&tighter).unwrap();
    rig.replace_policy(tighter.clone(), rig.now).unwrap();
    assert_eq!(
        rig.decline(request(2, card, 10_001)).await,
        Reason::OverCardLimit
    );
    rig.approve(request(3, card, 10_000)).await;
    assert_eq!(rig.charged(), (50_000, 0));
    let hash = format!("{:016x}", tighter.hash());
    assert_ne!(before, hash);
    assert_eq!(rig.state().policy_hash, hash);
    for (from, to, says) in [
        (
            "programme_max_minor = 50_000_000",
            "programme_max_minor = 10_000_000",
            "2 gateways",
        ),
        ("currency = \"EUR\"", "currency = \"USD\"", "counts in EUR"),
    ] {
        let wrong = Policy::parse(&Policy::default_text().replace(from, to)).unwrap();
        let refused = rig.replace_policy(wrong, rig.now).unwrap_err().to_string();
        assert!(refused.contains(says), "{refused}");
        assert_eq!(rig.state().policy_hash, hash, "the one in force stays");
    }
}

#[tokio::test]
async fn a_till_that_sells_too_often_is_stopped_also_after_a_restart_and_by_another_policy_i5() {
    let ten = |minutes: u64| {
        let to = format!("minutes = {minutes}\ncount = 10\n");
        Policy::default_text().replace("minutes = 60\ncount = 200\n", &to)
    };
    let mut rig = Rig::listed_under(&ten(60), 1_000_000);
    for number in 0..10 {
        rig.approve(request(number, u8::try_from(number % 9).unwrap() + 1, 100))
            .await;
        if number == 5 {
            rig.restart();
        }
    }
    assert_eq!(
        rig.decline(request(10, 1, 100)).await,
        Reason::OverTerminalVelocity
    );
    let mut elsewhere = request(11, 1, 100);
    elsewhere.terminal = 2;
    rig.approve(elsewhere).await;
    let lenient = Policy::parse(Policy::default_text()).unwrap();
    rig.replace_policy(lenient, rig.now).unwrap();
    rig.approve(request(12, 1, 100)).await;
    rig.now.boot_ms += 59 * 60_000;
    rig.replace_policy(Policy::parse(&ten(120)).unwrap(), rig.now)
        .unwrap();
    rig.now.boot_ms += 90 * 60_000;
    rig.heard(rig.now);
    assert_eq!(
        rig.decline(request(13, 1, 100)).await,
        Reason::OverTerminalVelocity,
        "the longer window counts from the change"
    );
    rig.now.boot_ms += 60 * 60_000;
    rig.approve(request(14, 1, 100)).await;
}

#[tokio::test]
async fn a_credit_is_told_as_holding_nothing_and_adds_nothing_rule_18() {
    let mut rig = Rig::listed(&[], 10_000);
    let mut credit = request(1, 1, 5_000);
    credit.circumstances.kind = Kind::Credit;
    let answer = rig.approve(credit).await;
    assert_eq!(answer.approved_amount, minor(5_000));
    assert_eq!((rig.charged(), rig.unbooked(&token(1))), ((0, 0), 0));
    rig.restart();
    let spent = request(2, 1, 10_001);
    assert_eq!(rig.decline(spent).await, Reason::InsufficientFunds);
    rig.approve(request(3, 1, 10_000)).await;
    let told = rig.take_all(1).await;
    let Some(AdviceItem::Advice(advice)) = told.first() else {
        panic!("{told:?}");
    };
    assert_eq!(
        (advice.approved, advice.approved_minor),
        (true, Amount::ZERO)
    );
}

#[tokio::test]
async fn other_currencies_are_charged_with_their_haircut_until_they_are_covered_i5_rule_14() {
    let rate = "\n[[rate]]\ncurrency = \"USD\"\nrate = \"0.9\"\nhaircut_percent = 10\n";
    let mut rig = Rig::listed_under(&format!("{}{rate}", Policy::default_text()), 10_000);
    let dollars = |position, minor| {
        let mut change = account(position, 1, minor);
        if let ledger_api::Changed::Account(state) = &mut change.what {
            state.currency = "USD".parse().unwrap();
        }
        change
    };
    rig.feed(1, vec![dollars(1, 10_000)]);
    let asked = |number, minor| {
        let mut asked = request(number, 1, minor);
        asked.currency = "USD".parse().unwrap();
        asked
    };
    rig.approve(asked(1, 1_000)).await;
    rig.approve(asked(2, 100)).await;
    assert_eq!(rig.charged(), (990 + 99, 0));
    rig.accept_reversal(id(2), token(1), minor(10), rig.now)
        .await
        .unwrap();
    assert_eq!(rig.charged(), (990 + 10, 0), "9.9 cents are 10");
    rig.restart();
    assert_eq!(rig.charged(), (1_000, 0), "the same after a restart");
    rig.take_all(2).await;
    rig.feed(2, vec![dollars(2, -200)]);
    assert_eq!(rig.charged(), (0, 198), "what is lost counts in euro too");
    rig.restart();
    assert_eq!(rig.charged(), (0, 198));
}

#[derive(Debug, Clone)]
struct Step {
    after_ms: u64,
    amount: i64,
    card: u8,
    terminal: u32,
    kind: Kind,
    entry: Entry,
    partial: bool,
    restart: bool,
    yymm: u16,
}

fn step() -> impl Strategy<Value = Step> {
    let kind = prop::sample::select(&[Kind::Purchase, Kind::Cash, Kind::Credit][..]);
    let place = (1..=3_u8, 1..=2_u32, 2601..=2612_u16);
    (
        0..3 * HOUR_MS,
        1..=300_i64,
        place,
        kind,
        prop::sample::select(Entry::ALL),
        any::<bool>(),
        0..12_u8,
    )
        .prop_map(
            |(after_ms, amount, (card, terminal, yymm), kind, entry, partial, restart)| Step {
                after_ms,
                amount,
                card,
                terminal,
                kind,
                entry,
                partial,
                restart: restart == 0,
                yymm,
            },
        )
}

/// Small limits of every sort, all of which are reached.
fn tight() -> String {
    let mut text = super::rig::limits(250, 600, 250, 4_000).replace(
        "{ minutes = 60, percent = 100 }",
        "{ minutes = 10080, percent = 100 }",
    );
    text.push_str("\n[velocity.terminal]\nminutes = 60\ncount = 6\nmax_minor = 700\n");
    let mut policy: toml::Table = text.parse().unwrap();
    let curve: toml::Table = "curve = [{ minutes = 10_080, percent = 100 }]"
        .parse()
        .unwrap();
    policy["age"]["curve"] = curve["curve"].clone();
    let windows: toml::Table = "purchase = [{ hours = 1, count = 3, max_minor = 400 }, { hours = 24, count = 8, max_minor = 600 }]
        cash = [{ hours = 24, count = 2, max_minor = 300 }]"
        .parse()
        .unwrap();
    for (key, value) in windows {
        policy["card"][&key] = value;
    }
    policy.to_string()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_decisions_passes_a_window_or_the_cap_i5(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut rig = Rig::listed_under(&tight(), 1_000_000);
            let mut all: Vec<(u64, Request, i64)> = Vec::new();
            for (number, step) in (1..).zip(steps) {
                rig.now.boot_ms += step.after_ms;
                rig.now.yymm = step.yymm;
                if step.restart {
                    rig.restart();
                }
                rig.heard(rig.now);
                let mut asked = request(number, step.card, step.amount);
                asked.terminal = step.terminal;
                asked.circumstances.kind = step.kind;
                asked.circumstances.entry = step.entry;
                asked.circumstances.partial = step.partial;
                let answer = rig.ask(asked).await;
                let now = rig.now.boot_ms;
                let approved = answer.approved_amount.minor();
                prop_assert!(approved <= step.amount && (answer.approved == (approved > 0)));
                if answer.approved && step.kind != Kind::Credit {
                    prop_assert!(approved <= 250);
                    all.push((now, asked, approved));
                }
                let sum = |span_ms: u64, counts: &dyn Fn(&Request) -> bool| -> (i64, usize) {
                    let those = all.iter().filter(|(at, of, _)| now - at < span_ms && counts(of));
                    those.fold((0, 0), |(minor, count), (_, _, more)| (minor + more, count + 1))
                };
                let of = |kind: Kind| move |it: &Request| {
                    it.card == asked.card && it.circumstances.kind == kind
                };
                for (span, kind, most, often) in [
                    (HOUR_MS, Kind::Purchase, 400, 3),
                    (24 * HOUR_MS, Kind::Purchase, 600, 8),
                    (24 * HOUR_MS, Kind::Cash, 300, 2),
                ] {
                    let (minor, count) = sum(span, &of(kind));
                    prop_assert!(minor <= most && count <= often, "{kind:?} {minor} {count}");
                }
                let (minor, count) = sum(HOUR_MS, &|it| it.terminal == asked.terminal);
                prop_assert!(minor <= 700 && count <= 6, "terminal {minor} {count}");
                if !rig.is_home(&asked.card) {
                    let (minor, _) = sum(24 * HOUR_MS, &|it| it.card == asked.card);
                    prop_assert!(minor <= 250, "elsewhere {minor}");
                }
                let (exposure, realised) = rig.charged();
                let whole: i64 = all.iter().map(|(_, _, minor)| minor).sum();
                prop_assert_eq!((exposure, realised), (whole, 0));
                prop_assert!(whole <= 4_000);
            }
            Ok(())
        })?;
    }
}
