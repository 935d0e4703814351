//! One authorization is one trace, from the door to the entries, whatever happens in between.

use std::collections::BTreeSet;
use std::time::Duration;

use process::telemetry::{Settings, Telemetry};
use reqwest::Method;
use tests::cluster::StackConfig;
use tests::collector::{Collector, Manner, Span};
use tests::http_client::authorization_body;
use tests::notebook::By;
use tests::payment::{Card, Payment};
use tests::waiting::wait_until;

use crate::support::{PATIENCE, Running, stack_with};

const EXPORTED_WITHIN: Duration = Duration::from_secs(20);
/// Everything that a span of ours may say.
const KEYS: &str = "holdfast.arqc holdfast.attempt holdfast.cause holdfast.cvv2 holdfast.decided_by \
    holdfast.door holdfast.duplicate holdfast.durable holdfast.entries holdfast.gateway \
    holdfast.kind holdfast.outcome holdfast.pin holdfast.reason holdfast.response_code \
    holdfast.rrn holdfast.stan";

fn flags(url: &str, ratio: f64) -> Vec<String> {
    let ratio = ratio.to_string();
    ["--otlp-endpoint", url, "--sample-ratio", &ratio]
        .map(str::to_owned)
        .to_vec()
}

fn traced(url: String, gateway: f64, ledger: f64) -> impl FnOnce(&mut StackConfig) {
    move |config| {
        config.gateway_args = flags(&url, gateway);
        config.ledger_args = flags(&url, ledger);
    }
}

/// What a collector was sent, as a test looks at it.
struct Seen(Vec<Span>);

impl Seen {
    /// Everything so far, once there is a span of this name for each of these.
    async fn after(collector: &Collector, names: &[&str]) -> anyhow::Result<Self> {
        let count = |name: &str| {
            collector
                .spans()
                .iter()
                .filter(|it| it.name == name)
                .count()
        };
        let there = || async {
            let wanted = |name: &&str| names.iter().filter(|other| *other == name).count();
            names.iter().all(|name| count(name) >= wanted(name))
        };
        let what = format!("the collector has {names:?}");
        wait_until(&what, EXPORTED_WITHIN, there).await?;
        Ok(Self(collector.spans()))
    }

    /// The only one of this name.
    fn only(&self, name: &str) -> &Span {
        let all: Vec<_> = self.0.iter().filter(|span| span.name == name).collect();
        let [only] = all[..] else {
            panic!("one {name}, not {all:#?}")
        };
        only
    }

    /// The only one of this name under a parent.
    fn under(&self, parent: &Span, name: &str) -> &Span {
        let is_child = |span: &&Span| span.name == name && span.parent == parent.id;
        let all: Vec<_> = self.0.iter().filter(is_child).collect();
        let [only] = all[..] else {
            panic!("one {name} under {}, not {all:#?}", parent.name)
        };
        assert_eq!(only.trace, parent.trace);
        assert!(
            parent.times.0 <= only.times.0,
            "{only:#?} under {parent:#?}"
        );
        only
    }

    fn traces(&self) -> BTreeSet<String> {
        self.0.iter().map(|span| span.trace.clone()).collect()
    }

    /// Every span's parent is there, but for the doors'.
    fn is_whole(&self) {
        let doors = ["authorization", "reversal", "network_advice"];
        for span in &self.0 {
            let is_door = doors.contains(&span.name.as_str());
            assert_eq!(span.parent.is_empty(), is_door, "{span:#?}");
            let ids = self.0.iter().map(|other| &other.id);
            assert!(
                is_door || ids.clone().any(|id| *id == span.parent),
                "{span:#?}"
            );
            assert_eq!(ids.filter(|id| **id == span.id).count(), 1, "{span:#?}");
        }
    }
}

/// I15: nothing that was sent to the collector has the card in it, in any form.
fn tells_no_card(collector: &Collector, card: &Card) {
    let number = card.number.as_bytes();
    let token = card.token.to_string();
    let hex = token.split_once('-').unwrap().1.to_owned();
    let found = |body: &[u8], needle: &[u8]| body.windows(needle.len()).any(|at| at == needle);
    for body in collector.bodies() {
        for part in number.windows(12) {
            assert!(!found(&body, part), "a part of the card number");
        }
        for form in [
            hex.as_bytes(),
            &card.token.mac,
            hex.to_uppercase().as_bytes(),
        ] {
            assert!(!found(&body, form), "the card's token");
        }
    }
    for span in collector.spans() {
        for key in span.attributes.keys() {
            assert!(KEYS.split_whitespace().any(|known| known == key), "{key}");
        }
    }
}

/// From the door to the entries, parent by parent.
fn is_a_stand_in_trace(seen: &Seen, stack: &Running, payment: &Payment) {
    seen.is_whole();
    let trace = stack.id_of(payment).to_string();
    assert_eq!(seen.traces(), BTreeSet::from([trace]));
    let door = seen.only("authorization");
    let said = [
        "door",
        "outcome",
        "decided_by",
        "response_code",
        "duplicate",
        "gateway",
    ]
    .map(|key| door.says(&format!("holdfast.{key}")));
    assert_eq!(said, ["http", "approved", "stand_in", "00", "false", "gw1"]);
    assert_eq!((door.kind, door.service()), (2, "holdfast-gateway"));
    assert_eq!(door.resource["service.instance.id"], "gw1");
    assert!(door.resource.contains_key("service.version"));
    let ask = seen.under(door, "ledger.ask");
    assert!(ask.failed && ask.kind == 3, "{ask:#?}");
    assert_eq!(ask.says("holdfast.cause"), "ledger_unreachable");
    let decide = seen.under(door, "stand_in.decide");
    assert_eq!(decide.says("holdfast.cause"), "ledger_unreachable");
    let append = seen.under(decide, "journal.append");
    assert_eq!(append.says("holdfast.durable"), "true");
    let advice = seen.under(decide, "advice");
    assert_eq!(advice.says("holdfast.outcome"), "applied");
    assert!(advice.says("holdfast.attempt").parse::<u64>().unwrap() >= 1);
    assert_eq!(advice.links, [(decide.trace.clone(), decide.id.clone())]);
    let book = seen.under(advice, "ledger.book");
    assert_eq!((book.kind, book.service()), (2, "holdfast-ledger"));
    assert_eq!(
        (book.says("holdfast.outcome"), book.says("holdfast.entries")),
        ("applied", "2")
    );
    assert!(!door.failed && !decide.failed && !advice.failed && !book.failed);
    assert_eq!(seen.0.len(), 6, "nothing else is in it");
}

#[tokio::test]
async fn one_stand_in_payment_is_one_trace_from_the_door_to_the_entries_i15_i16()
-> anyhow::Result<()> {
    let collector = Collector::start(Manner::Answer).await?;
    let stack = stack_with(traced(collector.url(), 1.0, 1.0)).await?;
    let card = stack.card_at(0, 100_00).await?;
    stack.kill_ledger().await;
    let payment = stack.payment(&card, 20_00);
    assert!(stack.pay(0, &payment).await?.approved);
    stack.restart_ledger().await?;
    stack.settled().await?;
    let seen = Seen::after(&collector, &["advice", "ledger.book"]).await?;
    is_a_stand_in_trace(&seen, &stack, &payment);
    tells_no_card(&collector, &card);
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_gateway_killed_between_decision_and_advice_leaves_one_trace_i1_i16() -> anyhow::Result<()>
{
    let collector = Collector::start(Manner::Answer).await?;
    let stack = stack_with(traced(collector.url(), 1.0, 1.0)).await?;
    let card = stack.card_at(0, 100_00).await?;
    stack.kill_ledger().await;
    let payment = stack.payment(&card, 20_00);
    assert!(stack.pay(0, &payment).await?.approved);
    Seen::after(&collector, &["authorization", "stand_in.decide"]).await?;
    stack.kill_gateway(0).await;
    stack.restart_gateway(0).await?;
    stack.restart_ledger().await?;
    stack.settled().await?;
    let seen = Seen::after(&collector, &["advice", "ledger.book"]).await?;
    is_a_stand_in_trace(&seen, &stack, &payment);
    tells_no_card(&collector, &card);
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn what_the_ledger_decides_and_what_the_network_tells_is_traced_too_i15() -> anyhow::Result<()>
{
    let collector = Collector::start(Manner::Answer).await?;
    let stack = stack_with(|config| {
        traced(collector.url(), 1.0, 0.0)(config);
        config.log = "info,decision=debug".to_owned();
    })
    .await?;
    let card = stack.card_at(0, 100_00).await?;
    let payment = stack.payment(&card, 20_00);
    assert_eq!(stack.pay_iso(0, &payment).await?.decided_by, None);
    let poor = stack.payment(&card, 900_00);
    assert_eq!(stack.pay(0, &poor).await?.decided_by, Some(By::Ledger));
    stack.reverse(0, &payment, 5_00).await?;
    let told = stack.payment(&card, 7_00);
    stack.iso(0).await?.advise(&told, 7_00, PATIENCE).await;
    stack.settled().await?;
    let names = [
        "advice",
        "advice",
        "ledger.book",
        "ledger.book",
        "reversal",
        "network_advice",
    ];
    let seen = Seen::after(&collector, &names).await?;
    seen.is_whole();
    let of = |payment: &Payment| {
        let trace = stack.id_of(payment).to_string();
        Seen(
            seen.0
                .iter()
                .filter(|span| span.trace == trace)
                .cloned()
                .collect(),
        )
    };

    let paid = of(&payment);
    let door = paid.only("authorization");
    assert_eq!(
        (door.says("holdfast.door"), door.says("holdfast.decided_by")),
        ("iso8583", "ledger")
    );
    let decide = paid.under(paid.under(door, "ledger.ask"), "ledger.decide");
    assert_eq!(
        (
            decide.says("holdfast.outcome"),
            decide.says("holdfast.entries")
        ),
        ("approved", "2")
    );
    assert_eq!(
        paid.under(door, "journal.append").says("holdfast.durable"),
        "false"
    );
    let reversed = paid.under(paid.only("reversal"), "journal.append");
    let book = paid.under(paid.under(reversed, "advice"), "ledger.book");
    assert_eq!(
        (book.says("holdfast.outcome"), book.says("holdfast.entries")),
        ("applied", "2")
    );

    let declined = of(&poor);
    let decide = declined.under(declined.only("ledger.ask"), "ledger.decide");
    assert_eq!(
        (
            decide.says("holdfast.reason"),
            decide.says("holdfast.entries")
        ),
        ("insufficient_funds", "0")
    );
    assert!(
        declined.0.iter().all(|span| !span.failed),
        "a decline is no error"
    );

    let told = of(&told);
    let written = told.under(told.only("network_advice"), "journal.append");
    assert_eq!(
        told.under(told.under(written, "advice"), "ledger.book")
            .says("holdfast.entries"),
        "2"
    );
    tells_no_card(&collector, &card);
    the_log_has_a_line(&stack, &payment)?;
    stack.finish().await?;
    Ok(())
}

/// One line for the authorization, with the trace's id, and no card (I15).
fn the_log_has_a_line(stack: &Running, payment: &Payment) -> anyhow::Result<()> {
    let id = stack.id_of(payment).to_string();
    let log = stack.gateway_log(0)?;
    let lines = log
        .lines()
        .filter(|line| line.contains(r#""target":"decision""#));
    let lines: Vec<serde_json::Value> =
        lines.map(serde_json::from_str).collect::<Result<_, _>>()?;
    let ours: Vec<_> = lines
        .iter()
        .filter(|line| line["trace_id"] == id.as_str())
        .collect();
    let [line] = ours[..] else {
        panic!("one line, not {ours:?}")
    };
    assert_eq!(line["authorization"], id.as_str());
    assert_eq!(line["stan"], format!("{:06}", payment.network.stan));
    assert_eq!(line["rrn"], payment.network.rrn.trim_end());
    let said = ["door", "decided_by", "reason", "cause"].map(|key| line[key].as_str());
    assert_eq!(said, ["iso8583", "ledger", "approved", "none"].map(Some));
    assert!(
        line["approved"] == true && line["duration_us"].is_u64(),
        "{line}"
    );
    assert!(!log.contains(&payment.card_number) && !log.contains(&payment.token.to_string()));
    Ok(())
}

#[tokio::test]
async fn a_callers_own_trace_is_linked_and_never_joined_i3() -> anyhow::Result<()> {
    let collector = Collector::start(Manner::Answer).await?;
    let stack = stack_with(traced(collector.url(), 1.0, 1.0)).await?;
    let card = stack.card_at(0, 100_00).await?;
    let payment = stack.payment(&card, 20_00);
    stack.pay(0, &payment).await?;
    let (trace, span) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    let good = format!("00-{trace}-{span}-01");
    for parent in [good.as_str(), "", "00-zz", &card.number] {
        let body = authorization_body(&payment, true).to_string();
        let headers = [
            ("content-type", "application/json"),
            ("idempotency-key", &payment.idempotency_key),
            ("traceparent", parent),
        ];
        let http = stack.http(0)?;
        let answer = http.raw(Method::POST, "/v1/authorizations", &headers, body);
        assert_eq!(answer.await?.status, 200, "{parent}");
    }
    let seen = Seen::after(&collector, &["authorization"; 5]).await?;
    assert_eq!(
        seen.traces(),
        BTreeSet::from([stack.id_of(&payment).to_string()])
    );
    let doors: Vec<_> = seen
        .0
        .iter()
        .filter(|span| span.name == "authorization")
        .collect();
    assert!(doors.iter().all(|door| door.parent.is_empty()));
    let repeats = doors
        .iter()
        .filter(|door| door.says("holdfast.duplicate") == "true");
    assert_eq!(repeats.count(), 4);
    let links: Vec<_> = doors.iter().flat_map(|door| &door.links).collect();
    assert_eq!(links, [&(trace.to_owned(), span.to_owned())]);
    tells_no_card(&collector, &card);
    stack.finish().await?;
    Ok(())
}

/// Payments are answered, and everybody ends in time and with success.
async fn costs_nothing(url: String) -> anyhow::Result<()> {
    let stack = stack_with(traced(url, 1.0, 1.0)).await?;
    let card = stack.card_at(0, 100_00).await?;
    for _ in 0..3 {
        let answer = stack.pay(0, &stack.payment(&card, 1_00)).await?;
        assert_eq!(
            (answer.approved, answer.decided_by),
            (true, Some(By::Ledger))
        );
    }
    stack.cut().await?;
    assert!(
        stack
            .pay_iso(0, &stack.payment(&card, 1_00))
            .await?
            .approved
    );
    let says = || async {
        stack
            .gateway_log(0)
            .is_ok_and(|log| log.contains("does not take all traces"))
    };
    wait_until(
        "the gateway says that it drops traces",
        EXPORTED_WITHIN,
        says,
    )
    .await?;
    stack.heal().await?;
    stack.settled().await?;
    stack.terminate_gateway(0).await?;
    stack.terminate_ledger().await?;
    let said = stack
        .gateway_log(0)?
        .matches("does not take all traces")
        .count();
    assert_eq!(said, 1, "once in a while, and not for every call");
    let ledger = std::fs::read_to_string(stack.directory().join("ledger.log"))?;
    assert!(
        ledger.contains("stopped, all requests answered"),
        "{ledger}"
    );
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_collector_that_is_not_there_costs_nothing_i8() -> anyhow::Result<()> {
    costs_nothing("http://127.0.0.1:1".to_owned()).await
}

#[tokio::test]
async fn a_collector_that_never_answers_costs_nothing_i8() -> anyhow::Result<()> {
    let collector = Collector::start(Manner::Hang).await?;
    costs_nothing(collector.url()).await?;
    assert!(!collector.bodies().is_empty(), "it was called");
    Ok(())
}

#[tokio::test]
async fn a_collector_that_refuses_costs_nothing_i8() -> anyhow::Result<()> {
    let collector = Collector::start(Manner::Refuse).await?;
    costs_nothing(collector.url()).await
}

#[tokio::test]
async fn gateway_and_ledger_trace_the_same_authorizations_whatever_the_ledgers_ratio_is()
-> anyhow::Result<()> {
    for (ratio, of_ledger) in [(0.0, 1.0), (0.5, 0.0)] {
        let collector = Collector::start(Manner::Answer).await?;
        let stack = stack_with(traced(collector.url(), ratio, of_ledger)).await?;
        let card = stack.card_at(0, 100_00).await?;
        let payments: Vec<_> = (0..24).map(|_| stack.payment(&card, 1_00)).collect();
        for payment in &payments {
            assert!(stack.pay(0, payment).await?.approved);
        }
        stack.terminate_gateway(0).await?;
        stack.terminate_ledger().await?;
        let settings = Settings {
            endpoint: Some(collector.url()),
            sample_ratio: ratio,
        };
        let rule = Telemetry::start(&settings, "test", String::new())?;
        let ids = payments.iter().map(|payment| stack.id_of(payment));
        let expected: BTreeSet<_> = ids
            .filter(|id| rule.sampled(&id.0))
            .map(|id| id.to_string())
            .collect();
        assert!(
            ratio == 0.0 || (1..24).contains(&expected.len()),
            "{expected:?}"
        );
        let spans = collector.spans();
        for name in ["authorization", "ledger.decide"] {
            let of = spans.iter().filter(|span| span.name == name);
            let traces: BTreeSet<_> = of.map(|span| span.trace.clone()).collect();
            assert_eq!(traces, expected, "{name} at {ratio}");
        }
        assert!(ratio > 0.0 || collector.bodies().is_empty());
        stack.finish().await?;
    }
    Ok(())
}
