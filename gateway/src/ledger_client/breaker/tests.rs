//! The breaker's behaviour as a table of events: what happened, when, and the state afterwards.

use super::core::Core;
use super::*;

fn core() -> Core {
    Core::new(Config::default())
}

/// Makes a call at `at_ms` that ends at once after having taken `took_ms`.
fn call(core: &mut Core, at_ms: u64, outcome: Outcome, took_ms: u64) -> bool {
    let Ok(permit) = core.permit(at_ms) else {
        return false;
    };
    core.ended(permit, outcome, took_ms, at_ms, 0);
    true
}

#[test]
fn five_failures_in_a_row_trip_it_and_a_success_starts_the_count_again() {
    let mut core = core();
    for _ in 0..4 {
        call(&mut core, 0, Outcome::Bad, 1);
    }
    call(&mut core, 0, Outcome::Good, 1);
    for _ in 0..4 {
        call(&mut core, 0, Outcome::Bad, 1);
    }
    assert_eq!(core.read().0, State::Passing);
    call(&mut core, 0, Outcome::Bad, 1);
    assert_eq!(core.read(), (State::Tripped, 1, 0));
    assert!(
        !call(&mut core, 249, Outcome::Good, 1),
        "not before the wait is over"
    );
}

#[test]
fn a_quarter_failing_or_half_slow_trips_it_only_with_enough_calls() {
    for (bad_every, slow_ms, calls, expected) in [
        (4, 1, 19, State::Passing),
        (4, 1, 40, State::Tripped),
        (6, 1, 60, State::Passing),
        (1_000, 401, 19, State::Passing),
        (1_000, 401, 20, State::Tripped),
        (1_000, 400, 100, State::Passing),
    ] {
        let mut core = core();
        for n in 1..=calls {
            let outcome = if n % bad_every == 0 {
                Outcome::Bad
            } else {
                Outcome::Good
            };
            call(&mut core, 10, outcome, slow_ms);
        }
        assert_eq!(core.read().0, expected, "{bad_every} {slow_ms} {calls}");
    }
}

#[test]
fn what_is_older_than_ten_seconds_does_not_count() {
    let mut core = core();
    for second in 0..30 {
        // One failure in five is tolerable over any window; old ones must not add up.
        for n in 0..10 {
            let outcome = if n % 5 == 4 {
                Outcome::Bad
            } else {
                Outcome::Good
            };
            call(&mut core, second * 1_000, outcome, 1);
        }
    }
    assert_eq!(core.read().0, State::Passing);
}

#[test]
fn three_good_probes_pass_again_and_a_bad_one_doubles_the_wait() {
    let mut core = core();
    for _ in 0..5 {
        call(&mut core, 0, Outcome::Bad, 1);
    }
    assert!(call(&mut core, 250, Outcome::Bad, 1), "a probe");
    assert_eq!(core.read().0, State::Tripped);
    assert!(
        !call(&mut core, 749, Outcome::Good, 1),
        "250 doubled is 500"
    );
    for _ in 0..3 {
        assert!(call(&mut core, 750, Outcome::Good, 1));
    }
    assert_eq!(core.read(), (State::Passing, 1, 1));
}

#[test]
fn at_most_three_probes_are_out_and_stragglers_decide_nothing() {
    let mut core = core();
    let straggler = core.permit(0).unwrap();
    for _ in 0..5 {
        call(&mut core, 0, Outcome::Bad, 1);
    }
    let probes: Vec<_> = (0..3).map(|_| core.permit(250).unwrap()).collect();
    assert!(probes.iter().all(|permit| permit.probe));
    assert!(core.permit(250).is_err());
    core.ended(straggler, Outcome::Bad, 250, 251, 0);
    assert_eq!(core.read().0, State::Probing);
    for probe in probes {
        core.ended(probe, Outcome::Good, 1, 252, 0);
    }
    assert_eq!(core.read().0, State::Passing);
}

#[test]
fn after_a_recovery_the_calls_in_flight_ramp_up() {
    let mut core = core();
    for _ in 0..5 {
        call(&mut core, 0, Outcome::Bad, 1);
    }
    for _ in 0..3 {
        call(&mut core, 250, Outcome::Good, 1);
    }
    let at_once = |core: &mut Core, at_ms| {
        let permits: Vec<_> = std::iter::from_fn(|| core.permit(at_ms).ok())
            .take(5_000)
            .collect();
        let count = permits.len();
        permits
            .into_iter()
            .for_each(|p| core.ended(p, Outcome::NotSent, 0, at_ms, 0));
        count
    };
    assert_eq!(at_once(&mut core, 250), 8);
    assert_eq!(at_once(&mut core, 1_250), 516);
    assert_eq!(
        at_once(&mut core, 2_250),
        5_000,
        "no limit of the breaker's own any more"
    );
}

#[test]
fn a_hint_shortens_a_long_wait_but_not_the_shortest() {
    let mut core = core();
    for _ in 0..5 {
        call(&mut core, 0, Outcome::Bad, 1);
    }
    core.hint(10);
    assert!(!call(&mut core, 249, Outcome::Good, 1));
    let mut at_ms = 250;
    for wait_ms in [500, 1_000, 2_000] {
        assert!(call(&mut core, at_ms, Outcome::Bad, 1));
        at_ms += wait_ms;
    }
    assert!(
        call(&mut core, at_ms, Outcome::Bad, 1),
        "the next wait is four seconds"
    );
    core.hint(at_ms + 300);
    assert!(call(&mut core, at_ms + 300, Outcome::Good, 1));
}

#[test]
fn a_probe_that_says_nothing_gives_its_place_to_the_next_i10() {
    let mut core = core();
    for _ in 0..5 {
        call(&mut core, 0, Outcome::Bad, 1);
    }
    for _ in 0..10 {
        assert!(
            call(&mut core, 250, Outcome::NotSent, 1),
            "cut short by its caller"
        );
    }
    assert_eq!(core.read().0, State::Probing);
    for _ in 0..3 {
        assert!(call(&mut core, 250, Outcome::Good, 1));
    }
    assert_eq!(core.read().0, State::Passing);
}

#[test]
fn who_only_asks_whether_anybody_may_call_takes_no_probe_and_changes_nothing() {
    let mut core = core();
    for _ in 0..5 {
        assert!(!core.refuses(0));
        call(&mut core, 0, Outcome::Bad, 1);
    }
    assert!(core.refuses(249));
    for _ in 0..10 {
        assert!(!core.refuses(250), "a probe is due");
    }
    assert_eq!(core.read().0, State::Tripped, "nobody has taken it");
    for left in (0..3).rev() {
        assert!(core.permit(250).is_ok_and(|permit| permit.probe));
        assert_eq!(core.refuses(250), left == 0, "{left} probes left");
    }
    assert!(core.permit(250).is_err());
}
