//! What is scraped: true while the ledger is up, away, stalled and back, and without a card in it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use process::metrics::{Description, markdown};
use reqwest::Method;
use tests::open_metrics::Page;
use tests::payment::{Payment, TEST_BIN};
use tests::waiting::wait_until;

use crate::support::{DRAINED_WITHIN, PATIENCE, Running, stack};

const DURATION: &str = "holdfast_authorization_duration_seconds";
const ASKS: &str = "holdfast_ledger_ask_duration_seconds_count";

#[tokio::test]
async fn what_both_doors_answer_is_counted_with_the_ledger_up_and_away_i16() -> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 100_00).await?;
    let (by_http, by_iso) = (stack.payment(&card, 10_00), stack.payment(&card, 5_00));
    assert!(stack.pay(0, &by_http).await?.approved);
    assert!(stack.pay_iso(0, &by_iso).await?.approved);
    stack.known(PATIENCE).await?;
    let up = stack.scrape(0).await?;
    for (door, payment) in [("http", &by_http), ("iso8583", &by_iso)] {
        let labels = [
            ("door", door),
            ("decided_by", "ledger"),
            ("outcome", "approved"),
        ];
        assert_eq!(up.value(&format!("{DURATION}_count"), &labels), Some(1.0));
        assert_eq!(exemplars(&up, &labels), [stack.id_of(payment).to_string()]);
    }
    let approved = [
        ("decided_by", "ledger"),
        ("reason", "approved"),
        ("cause", "none"),
    ];
    assert_eq!(up.value("holdfast_answers_total", &approved), Some(2.0));
    assert_eq!(up.value(ASKS, &[("result", "decided")]), Some(2.0));
    assert_eq!(up.value("holdfast_exposure_minor", EURO), Some(0.0));
    assert_eq!(up.value("holdfast_backlog", &[]), Some(0.0));
    assert_eq!(up.value("holdfast_ready", &[]), Some(1.0));

    stack.cut().await?;
    let (by_http, by_iso) = (stack.payment(&card, 20_00), stack.payment(&card, 7_00));
    assert!(stack.pay(0, &by_http).await?.approved);
    assert!(stack.pay_iso(0, &by_iso).await?.approved);
    assert_eq!(stack.repeat(0, &by_http).await?.duplicate, Some(true));
    let away = stack.scrape(0).await?;
    for (door, answers, payment) in [("http", 2.0, &by_http), ("iso8583", 1.0, &by_iso)] {
        let labels = [
            ("door", door),
            ("decided_by", "stand_in"),
            ("outcome", "approved"),
        ];
        assert_eq!(
            away.value(&format!("{DURATION}_count"), &labels),
            Some(answers)
        );
        // A repeat may be in a bucket of its own, and is the same trace.
        let traces = BTreeSet::from_iter(exemplars(&away, &labels));
        assert_eq!(traces, BTreeSet::from([stack.id_of(payment).to_string()]));
    }
    let stood_in = [("decided_by", "stand_in"), ("reason", "approved")];
    assert_eq!(
        away.sum("holdfast_answers_total", &stood_in),
        2.0,
        "no repeat"
    );
    assert_eq!(
        away.value("holdfast_duplicates_suppressed_total", &[]),
        Some(1.0)
    );
    assert_eq!(away.value("holdfast_exposure_minor", EURO), Some(27_00.0));
    assert_eq!(
        away.value("holdfast_exposure_peak_minor", EURO),
        Some(27_00.0)
    );
    assert_eq!(away.value("holdfast_backlog", &[]), Some(2.0));
    assert_eq!(away.value("holdfast_advices_written_total", &[]), Some(2.0));
    let durable = [("what", "durable")];
    assert_eq!(
        away.value("holdfast_journal_wait_seconds_count", &durable),
        Some(2.0)
    );
    assert!(
        away.sum("holdfast_journal_syncs_total", &[]) > up.sum("holdfast_journal_syncs_total", &[])
    );
    assert_eq!(away.sum(ASKS, &[]), 4.0);

    let token = card.token.to_string();
    let secret = token.rsplit('-').next().context("a token has two parts")?;
    for text in [stack.gateway_text(0).await?, stack.ledger_text().await?] {
        assert!(!text.contains(secret), "{text}");
    }

    stack.heal().await?;
    stack.settled().await?;
    let covered = || async {
        let Ok(page) = stack.scrape(0).await else {
            return false;
        };
        page.value("holdfast_backlog", &[]) == Some(0.0)
            && page.value("holdfast_exposure_minor", EURO) == Some(0.0)
    };
    wait_until(
        "the metrics are back where they were",
        DRAINED_WITHIN,
        covered,
    )
    .await?;
    books_are_counted(&stack).await?;
    stack.finish().await?;
    Ok(())
}

/// The ledger's own page, with the books at the same moment.
async fn books_are_counted(stack: &Running) -> anyhow::Result<()> {
    let page = stack.scrape_ledger().await?;
    let mark = stack.ledger().books().await?.mark;
    assert_eq!(
        page.value("holdfast_ledger_feed_position", &[]),
        Some(f64::from(u32::try_from(mark.position)?))
    );
    assert_eq!(page.value("holdfast_ledger_store_ready", &[]), Some(1.0));
    let outcome = |name: &str, outcome| page.value(name, &[("outcome", outcome)]);
    let authorizations = |which| outcome("holdfast_ledger_authorizations_total", which);
    assert_eq!(authorizations("approved"), Some(2.0));
    assert_eq!(authorizations("declined"), Some(0.0));
    let advices = |which| outcome("holdfast_ledger_advices_total", which).unwrap_or_default();
    assert_eq!(advices("applied"), 2.0);
    let (commits, batches) = (
        page.sum("holdfast_ledger_commit_duration_seconds_count", &[]),
        page.sum("holdfast_ledger_batch_commands_count", &[]),
    );
    assert!(
        commits > 0.0 && (commits - batches).abs() < 0.5,
        "{commits} {batches}"
    );
    let authorize = [("call", "authorize"), ("status", "2xx")];
    let name = "holdfast_ledger_request_duration_seconds_count";
    assert_eq!(page.value(name, &authorize), Some(2.0));
    assert!(page.sum("holdfast_ledger_feed_readers", &[]) <= 2.0);
    Ok(())
}

#[tokio::test]
async fn a_stalled_ledger_does_not_stall_the_scrape() -> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 100_00).await?;
    stack.stall().await?;
    let payment = stack.payment(&card, 10_00);
    let (paid, page) = tokio::join!(stack.pay(0, &payment), stack.scrape(0));
    page?;
    assert!(paid?.approved);
    let page = stack.scrape(0).await?;
    assert_eq!(page.value(ASKS, &[("result", "timeout")]), Some(1.0));
    let labels = [
        ("decided_by", "stand_in"),
        ("reason", "approved"),
        ("cause", "ledger_timeout"),
    ];
    assert_eq!(page.value("holdfast_answers_total", &labels), Some(1.0));
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn reversals_refusals_and_connections_are_counted_by_door() -> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 100_00).await?;
    let payment = stack.payment(&card, 10_00);
    stack.pay(0, &payment).await?;
    stack.reverse(0, &payment, 0).await?;
    stack.reverse(0, &payment, 0).await?;
    let other = Payment {
        amount_minor: 11_00,
        ..payment.clone()
    };
    let iso = stack.iso(0).await?;
    iso.authorize(&other, false, PATIENCE).await;
    let http = stack.http(0)?;
    let garbage = http
        .raw(Method::POST, "/v1/authorizations", &[], "{")
        .await?;
    assert_eq!(garbage.status, 400);

    let page = stack.scrape(0).await?;
    let reversals = |outcome| {
        page.value(
            "holdfast_reversals_total",
            &[("door", "http"), ("outcome", outcome)],
        )
    };
    assert_eq!(reversals("accepted"), Some(1.0));
    assert_eq!(reversals("duplicate"), Some(1.0));
    let refused = [
        ("door", "iso8583"),
        ("decided_by", "none"),
        ("outcome", "refused"),
    ];
    assert_eq!(
        page.value(&format!("{DURATION}_count"), &refused),
        Some(1.0)
    );
    assert_eq!(
        page.value("holdfast_malformed_total", &[("door", "http")]),
        Some(1.0)
    );
    assert_eq!(
        page.value("holdfast_connections", &[("door", "iso8583")]),
        Some(1.0)
    );
    assert!(page.sum("holdfast_connections", &[("door", "http")]) >= 1.0);
    drop(iso);
    let closed = || async {
        let page = stack.scrape(0).await;
        page.is_ok_and(|page| {
            page.value("holdfast_connections", &[("door", "iso8583")]) == Some(0.0)
        })
    };
    wait_until("the link is gone", PATIENCE, closed).await?;
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn everything_that_is_documented_is_exposed_and_nothing_else() -> anyhow::Result<()> {
    let stack = stack().await?;
    let (gateway, ledger) = (stack.gateway_text(0).await?, stack.ledger_text().await?);
    for (text, catalogue) in [
        (&gateway, gateway::metrics::catalogue()),
        (&ledger, ledger::metrics::catalogue()),
    ] {
        let page = Page::parse(text).map_err(anyhow::Error::msg)?;
        let shown: BTreeSet<_> = page
            .families
            .iter()
            .map(|it| {
                (
                    it.name.as_str(),
                    it.kind.as_str(),
                    it.unit.as_str(),
                    it.help.clone(),
                )
            })
            .collect();
        let told: BTreeSet<_> = catalogue
            .iter()
            .map(|it| {
                (
                    it.family(),
                    it.kind.name(),
                    it.unit.name(),
                    format!("{}.", it.help),
                )
            })
            .collect();
        assert_eq!(shown, told);
        check_with_promtool(text)?;
    }
    stack.finish().await?;
    Ok(())
}

/// Prometheus' own word, where it is installed.
fn check_with_promtool(text: &str) -> anyhow::Result<()> {
    let started = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut promtool = match started {
        Ok(promtool) => promtool,
        Err(error) => {
            let why = format!("it cannot be run: {error}");
            return tests::skipped("`promtool check metrics`", why);
        }
    };
    // It reads the older format, which has no exemplars, no infos and no end.
    let plain: String = text
        .lines()
        .filter(|line| *line != "# EOF")
        .map(|line| line.split(" # {").next().unwrap_or(line))
        .map(|line| match line.strip_suffix(" info") {
            Some(kind) if line.starts_with("# TYPE ") => format!("{kind} gauge\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let mut stdin = promtool.stdin.take().context("no stdin")?;
    stdin.write_all(plain.as_bytes())?;
    drop(stdin);
    let said = promtool.wait_with_output()?;
    // 3 is advice about names of the older format, where counters end otherwise.
    let fine = matches!(said.status.code(), Some(0 | 3));
    ensure!(fine, "promtool: {}", String::from_utf8_lossy(&said.stderr));
    Ok(())
}

const EURO: &[(&str, &str)] = &[("currency", "EUR")];

/// The trace ids of a histogram with these labels.
fn exemplars(page: &Page, labels: &[(&str, &str)]) -> Vec<String> {
    let name = format!("{DURATION}_bucket");
    page.samples(&name, labels)
        .filter_map(|bucket| Some(bucket.exemplar.as_ref()?.labels.get("trace_id")?.clone()))
        .collect::<Vec<_>>()
}

impl Running {
    /// The gateway's metrics, which hold no card.
    pub(crate) async fn scrape(&self, gateway: usize) -> anyhow::Result<Page> {
        Page::parse(&self.gateway_text(gateway).await?).map_err(anyhow::Error::msg)
    }

    async fn scrape_ledger(&self) -> anyhow::Result<Page> {
        Page::parse(&self.ledger_text().await?).map_err(anyhow::Error::msg)
    }

    async fn gateway_text(&self, gateway: usize) -> anyhow::Result<String> {
        self.text(&self.gateway(gateway).http).await
    }

    async fn ledger_text(&self) -> anyhow::Result<String> {
        self.text(self.ledger_url()).await
    }

    async fn text(&self, url: &str) -> anyhow::Result<String> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(PATIENCE)
            .build()?;
        let answer = client.get(format!("{url}/metrics")).send().await?;
        let kind = answer.headers().get("content-type").cloned();
        let kind = kind.context("no content type")?;
        ensure!(kind == process::metrics::CONTENT_TYPE, "{kind:?}");
        let text = answer.error_for_status()?.text().await?;
        self.holds_no_card(&text)?;
        Ok(text)
    }

    /// No number, no token, no reference of anything that was paid (I15).
    fn holds_no_card(&self, text: &str) -> anyhow::Result<()> {
        ensure!(!text.contains(TEST_BIN), "a card number in {text}");
        ensure!(!text.contains("k1-"), "a card token in {text}");
        ensure!(
            !text.contains("TERM0001") && !text.contains("payment-"),
            "{text}"
        );
        Ok(())
    }
}

/// `docs/metrics.md`, as the code says it.
fn documentation() -> String {
    let mut text = String::from(HEAD);
    let ours = |all: &[&'static Description], list: &[&Description]| -> Vec<&'static Description> {
        let is_ours = |it: &&&'static Description| list.iter().all(|other| other.name != it.name);
        all.iter().filter(is_ours).copied().collect()
    };
    let process = process::metrics::PROCESS;
    let gateway = ours(&gateway::metrics::catalogue(), process);
    let ledger = ours(&ledger::metrics::catalogue(), process);
    for (title, metrics) in [
        ("Gateway", gateway.as_slice()),
        ("Ledger", ledger.as_slice()),
        ("Both", process),
    ] {
        // Writing to a `String` does not fail.
        let _ = write!(text, "\n## {title}\n\n{}", markdown(metrics));
    }
    text.push_str("\n## Values of labels\n\n");
    for metric in gateway.iter().chain(&ledger) {
        for (label, values) in (metric.labels)() {
            if !values.is_empty() {
                let values = values.join("`, `");
                let _ = writeln!(text, "- `{label}` of `{}`: `{values}`", metric.name);
            }
        }
    }
    text
}

const HEAD: &str = "\
# Metrics

<!-- Made by `UPDATE=1 cargo test -p tests --test it metrics::`; change the catalogues in
gateway/src/metrics.rs and ledger/src/metrics.rs instead. -->

`GET /metrics` on the gateway's HTTP door and on the ledger: OpenMetrics text. It answers whatever the
state of the ledger or its store is. No label and no exemplar holds a card number, a token or a reference
of the network; the only id is the `trace_id` of an exemplar, which is the id of a traced authorization.

Histograms of durations have buckets at the deadlines of a card payment, from 1 ms to 10 s. Amounts are
minor units of the currency in their label. Counters begin with zero at the start of the process, but for
those of the journal, which lives longer.
";

#[test]
fn the_documentation_is_what_the_code_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
    let expected = documentation();
    if std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
        std::fs::write(&path, &expected).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == expected,
        "docs/metrics.md is not what the code says; run `UPDATE=1 cargo test -p tests --test it metrics::`"
    );
}
