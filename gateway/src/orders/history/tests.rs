use proptest::prelude::*;

use super::super::order::What;
use super::super::scope::Scope;
use super::*;

fn keys() -> Keys {
    let (card, id) = ("1".repeat(64), "2".repeat(64));
    Keys::parse(&format!("card {card}\nid {id}\n")).unwrap()
}

fn at(boot: u128, boot_ms: u64) -> Moment {
    // The wall clock says nothing (I17).
    let wall_s = 10_000_000_u64.wrapping_sub(boot_ms);
    Moment {
        boot,
        boot_ms,
        wall_s,
    }
}

fn placed(number: u64, what: What, seconds: u64, now: Moment) -> Event {
    let order = Draft {
        what,
        scope: Scope::default(),
        reason: "because".to_owned(),
        author: "ada".to_owned(),
        seconds,
    };
    let ends_ms = now.boot_ms + seconds * 1_000;
    Event::Placed {
        number,
        order,
        ends_ms,
    }
}

/// Three orders of ten minutes each, placed at one moment.
fn three(now: Moment) -> History {
    let mut history = History::default();
    for (number, what) in (1..).zip(What::ALL) {
        let event = placed(number, what, 600, now);
        history.take(now, &event, &keys()).unwrap();
    }
    history
}

fn carried(event: &Event) -> Vec<(u64, u64)> {
    let Event::Started { carried, .. } = event else {
        panic!("{event:?}");
    };
    carried.iter().map(|on| (on.number, on.left_ms)).collect()
}

#[test]
fn a_restart_changes_no_end_i17() {
    let history = three(at(1, 5_000));
    let started = history.started(at(1, 105_000), true);
    let left = 500_000;
    assert_eq!(carried(&started), [(1, left), (2, left), (3, left)]);
    let started = history.started(at(1, 605_000), true);
    let ended = vec![1, 2, 3];
    let carried = Vec::new();
    assert_eq!(started, Event::Started { carried, ended });
}

#[test]
fn a_start_of_the_machine_ends_what_risks_money_and_keeps_what_was_certainly_left_of_the_rest() {
    let mut history = three(at(1, 5_000));
    let now = at(1, 65_000);
    assert_eq!(history.due(now), Some(Event::Noted));
    history.take(now, &Event::Noted, &keys()).unwrap();
    assert_eq!(history.due(at(1, 65_001)), None);
    for (boot, boot_ms) in [(2, 1), (2, 1_000_000), (1, 64_999)] {
        let started = history.started(at(boot, boot_ms), true);
        assert_eq!(carried(&started), [(2, 480_000), (3, 480_000)], "{boot}");
    }
    // Where nobody knows which start it is, it is another one.
    let history = three(at(0, 5_000));
    let started = history.started(at(0, 6_000), true);
    assert_eq!(carried(&started), [(2, 540_000), (3, 540_000)]);
}

#[test]
fn what_may_have_been_taken_back_does_not_force_stand_in() {
    let started = three(at(1, 5_000)).started(at(1, 6_000), false);
    assert_eq!(carried(&started), [(2, 599_000), (3, 599_000)]);
}

#[test]
fn what_was_taken_back_or_is_over_is_gone_and_its_number_is_not_given_again() {
    let mut history = three(at(1, 0));
    let cancelled = Event::Cancelled {
        number: 3,
        author: "bob".to_owned(),
        reason: "it was wrong".to_owned(),
    };
    history.take(at(1, 1), &cancelled, &keys()).unwrap();
    let expired = history.due(at(1, 600_000)).unwrap();
    assert_eq!(
        expired,
        Event::Expired {
            numbers: vec![1, 2]
        }
    );
    history.take(at(1, 600_000), &expired, &keys()).unwrap();
    assert!(history.in_force().is_empty());
    assert_eq!(
        (history.next_number(), history.due(at(1, 900_000))),
        (4, None)
    );
}

#[derive(Debug, Clone)]
enum Step {
    Place(usize, u64),
    Wait(u64),
    Restart,
    Reboot(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => (0..3_usize, 1..400_u64).prop_map(|(what, seconds)| Step::Place(what, seconds)),
        6 => (1..70_000_u64).prop_map(Step::Wait),
        1 => Just(Step::Restart),
        1 => (1..500_000_u64).prop_map(Step::Reboot),
    ];
    prop::collection::vec(step, 1..60)
}

/// An order, and for how long the machine has been on while it was in force.
struct Watched {
    number: u64,
    asked_ms: u64,
    what: What,
    served_ms: u64,
    left_ms: u64,
    rebooted: bool,
}

proptest! {
    #[test]
    fn what_is_left_only_shrinks_whatever_ends_and_starts_i17(steps in steps()) {
        let keys = keys();
        let (mut history, mut now) = (History::default(), at(1, 1_000));
        let mut watched: Vec<Watched> = Vec::new();
        for step in steps {
            let mut passed = 0;
            match step {
                Step::Place(what, seconds) => {
                    let (number, what) = (history.next_number(), What::ALL[what]);
                    history.take(now, &placed(number, what, seconds, now), &keys).unwrap();
                    let asked_ms = seconds * 1_000;
                    let (served_ms, left_ms, rebooted) = (0, asked_ms, false);
                    watched.push(Watched { number, asked_ms, what, served_ms, left_ms, rebooted });
                }
                // As the desk does: it looks at least every second.
                Step::Wait(ms) => for tick in (0..ms).step_by(1_000) {
                    let ms = (ms - tick).min(1_000);
                    now.boot_ms += ms;
                    passed += ms;
                    while let Some(event) = history.due(now) {
                        history.take(now, &event, &keys).unwrap();
                    }
                },
                Step::Restart => {
                    let started = history.started(now, true);
                    history.take(now, &started, &keys).unwrap();
                }
                Step::Reboot(boot_ms) => {
                    now = at(now.boot + 1, boot_ms);
                    let started = history.started(now, true);
                    history.take(now, &started, &keys).unwrap();
                    watched.iter_mut().for_each(|order| order.rebooted = true);
                }
            }
            for order in &mut watched {
                let found = history.in_force().at(now.boot_ms).find(|it| it.number == order.number);
                let left_ms = found.map_or(0, |it| it.left_ms(now.boot_ms));
                order.served_ms += passed.min(order.left_ms);
                prop_assert!(left_ms <= order.left_ms, "it grew");
                prop_assert!(order.served_ms + left_ms <= order.asked_ms, "it was prolonged");
                prop_assert!(left_ms == 0 || !order.rebooted || !order.what.risks_money());
                let undisturbed = order.asked_ms - order.served_ms;
                prop_assert!(order.rebooted || left_ms == undisturbed, "it was forgotten");
                order.left_ms = left_ms;
            }
        }
    }
}
