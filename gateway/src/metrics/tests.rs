use std::time::Duration;

use fallback::{DecidedBy, NoAnswer};
use ledger_api::{Cause, Reason};
use process::metrics::{Kind, Label, LabelSet, label_names};

use super::labels::*;
use super::*;
use crate::ledger_client::breaker::State;
use crate::orders::What;

const ID: AuthorizationId = AuthorizationId([0xab; 16]);

fn text(metrics: &Metrics) -> String {
    let mut registry = Registry::default();
    metrics.register(&mut registry);
    process::metrics::text(&registry)
}

fn metrics() -> Metrics {
    Metrics::new(Box::new(|id| *id == ID))
}

#[test]
fn every_reason_and_cause_is_a_label_by_its_own_name() {
    let reasons: Vec<_> = Reason::ALL.iter().map(|reason| reason.name()).collect();
    assert_eq!(label_names::<ReasonLabel>(), reasons);
    let causes: Vec<_> = Cause::ALL.iter().map(|cause| cause.name()).collect();
    assert_eq!(label_names::<CauseLabel>(), causes);
    for reason in Reason::ALL {
        let label = ReasonLabel(*reason);
        assert_eq!(ReasonLabel::nth(label.index()), Some(label));
    }
}

#[test]
fn states_and_deciders_are_named_as_in_the_status() {
    for state in [State::Passing, State::Tripped, State::Probing] {
        assert_eq!(BreakerState::from(state).name(), state.name());
    }
    let deciders = [DecidedBy::Ledger, DecidedBy::StandIn, DecidedBy::Network];
    let names = deciders.map(|by| Decider::from(by).name());
    assert_eq!(names, ["ledger", "stand_in", "network"]);
    for what in What::ALL {
        assert_eq!(Ordered::from(what).name(), what.name());
    }
}

#[test]
fn every_way_to_get_no_decision_has_a_result_of_its_own() {
    let errors = [
        AskError::Timeout,
        AskError::Unreachable(String::new()),
        AskError::Failed(String::new()),
        AskError::Tripped,
        AskError::Full,
        AskError::Conflict,
    ];
    let mut results: Vec<_> = errors
        .into_iter()
        .map(|error| AskResult::of::<()>(&Err(error)))
        .collect();
    results.insert(0, AskResult::of(&Ok(())));
    assert_eq!(results, AskResult::ALL);
}

#[test]
fn every_refusal_ends_an_authorization_without_a_decider() {
    let unknown = NoAnswer::OutcomeUnknown(String::new());
    for (refused, outcome) in [
        (Refused::Conflict, Outcome::Refused),
        (Refused::KeyReused, Outcome::Refused),
        (Refused::Unknown(unknown), Outcome::NoAnswer),
        (Refused::Shed, Outcome::Shed),
        (Refused::Late, Outcome::NoAnswer),
    ] {
        let labels = End::of(&Err(refused)).at(Door::Http);
        assert_eq!(labels, outcome.alone().at(Door::Http));
        assert!(labels.is_expected());
    }
    let all = (0..AuthorizationLabels::COUNT).filter_map(AuthorizationLabels::nth);
    let expected = all.filter(|labels| labels.is_expected());
    assert_eq!(
        expected.count(),
        2 * 7,
        "four decisions and three others per door"
    );
}

#[tokio::test(start_paused = true)]
async fn an_authorization_that_is_dropped_got_no_answer_and_leaves_its_id_i8() {
    let metrics = metrics();
    let measured = metrics.authorization(Door::Http, Instant::now(), ID);
    tokio::time::advance(Duration::from_millis(1_200)).await;
    drop(measured);
    let line = "holdfast_authorization_duration_seconds_bucket{le=\"1.5\",door=\"http\",\
        decided_by=\"none\",outcome=\"no_answer\"} 1 # {trace_id=\"abababababababababababababababab\"} 1.2\n";
    let text = text(&metrics);
    assert!(text.contains(line), "{text}");
}

#[tokio::test]
async fn what_is_not_sampled_leaves_no_id() {
    let metrics = metrics();
    let other = AuthorizationId([0xcd; 16]);
    metrics
        .authorization(Door::Iso8583, Instant::now(), other)
        .shed();
    let text = text(&metrics);
    let counted = "holdfast_authorization_duration_seconds_count{door=\"iso8583\",\
        decided_by=\"none\",outcome=\"shed\"} 1\n";
    assert!(text.contains(counted), "{text}");
    assert!(!text.contains("cdcd"), "{text}");
}

#[test]
fn names_say_what_they_are() {
    let catalogue = catalogue();
    for metric in &catalogue {
        let name = metric.name;
        assert!(name.starts_with("holdfast_"), "{name}");
        assert_eq!(
            metric.kind == Kind::Counter,
            name.ends_with("_total"),
            "{name}"
        );
        assert!(metric.family().ends_with(metric.unit.name()), "{name}");
        assert!(
            !metric.help.ends_with('.') && !metric.help.contains(['\n', '\\', '|']),
            "{name}"
        );
        let same = catalogue.iter().filter(|other| other.name == name);
        assert_eq!(same.count(), 1, "{name}");
    }
}
