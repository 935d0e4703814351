//! Operators' orders: who decides, for which payments, and until when.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use ledger_api::{Cause, Reason};
use reqwest::Method;
use serde_json::{Value, json};
use tests::faultproxy::Mode;
use tests::http_client::Raw;
use tests::notebook::{Answer, By};
use tests::payment::{Card, TEST_BIN};
use tests::waiting::wait_until;
use tokio::process::Command;

use crate::support::{DRAINED_WITHIN, PATIENCE, Running, answered, stack_with};

const TOKEN: &str = "a-token-for-tests-known-to-everybody";

/// A stack whose gateways have operators.
struct Ordered {
    stack: Running,
    token: PathBuf,
    _directory: tempfile::TempDir,
}

impl std::ops::Deref for Ordered {
    type Target = Running;

    fn deref(&self) -> &Running {
        &self.stack
    }
}

async fn ordered(more: &[&str]) -> anyhow::Result<Ordered> {
    let directory = tempfile::tempdir()?;
    let token = directory.path().join("token");
    std::fs::write(&token, TOKEN)?;
    let stack = stack_with(|config| {
        let file = token.display().to_string();
        config.gateway_args = vec!["--operator-token-file".to_owned(), file];
        (config.gateway_args).extend(more.iter().map(|word| (*word).to_owned()));
    });
    Ok(Ordered {
        stack: stack.await?,
        token,
        _directory: directory,
    })
}

fn order(what: &str, scope: &Value, seconds: u64) -> Value {
    json!({
        "what": what, "scope": scope, "seconds": seconds,
        "author": "ada", "reason": "a test",
    })
}

impl Ordered {
    async fn ask(&self, method: Method, path: &str, body: &Value) -> anyhow::Result<Raw> {
        let bearer = format!("Bearer {TOKEN}");
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        let body = body.to_string();
        self.http(0)?.raw(method, path, &headers, body).await
    }

    /// Places an order at the first gateway.
    async fn place(&self, what: &str, scope: Value, seconds: u64) -> anyhow::Result<Value> {
        let order = order(what, &scope, seconds);
        let placed = self.ask(Method::POST, "/v1/orders", &order).await?;
        anyhow::ensure!(placed.status == 200, "{}", placed.body);
        Ok(serde_json::from_str(&placed.body)?)
    }

    async fn cancel(&self, number: u64) -> anyhow::Result<()> {
        let (path, why) = (
            format!("/v1/orders/{number}"),
            json!({"author": "bob", "reason": "it is over"}),
        );
        let cancelled = self.ask(Method::DELETE, &path, &why).await?;
        anyhow::ensure!(cancelled.status == 200, "{}", cancelled.body);
        Ok(())
    }

    /// What the status of the first gateway says is in force.
    async fn in_force(&self) -> anyhow::Result<Vec<(u64, String)>> {
        let status = self.status(0).await?;
        let orders = status.rest["orders"].as_array().context("no orders")?;
        let order = |it: &Value| Some((it["number"].as_u64()?, it["what"].as_str()?.to_owned()));
        Ok(orders.iter().filter_map(order).collect())
    }

    async fn pays(&self, card: &Card, amount_minor: i64) -> anyhow::Result<Answer> {
        self.pay(0, &self.payment(card, amount_minor)).await
    }

    /// `gateway orders …` to its end: exit code, standard output, standard error.
    async fn shell(&self, line: &str, more: &[&str]) -> anyhow::Result<(i32, String, String)> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_node"));
        command.args(["gateway", "orders"]);
        command.args(line.split_whitespace()).args(more).env_clear();
        let output = command.kill_on_drop(true).output().await?;
        let code = output.status.code().context("it was killed")?;
        let text = String::from_utf8;
        Ok((code, text(output.stdout)?, text(output.stderr)?))
    }

    fn audit_file(&self) -> PathBuf {
        self.directory().join("gw1").join("orders.jsonl")
    }
}

fn everything() -> Value {
    json!({})
}

#[tokio::test]
async fn what_stand_in_is_forced_to_approve_while_the_ledger_is_healthy_is_booked_once_i1_i2_i4()
-> anyhow::Result<()> {
    let stack = ordered(&[]).await?;
    let card = stack.card_at(0, 100_00).await?;
    stack.place("stand_in", everything(), 600).await?;
    let payment = stack.payment(&card, 30_00);
    let first = stack.pay(0, &payment).await?;
    assert_eq!(
        (first.approved, first.decided_by),
        (true, Some(By::StandIn))
    );
    let again = stack.repeat_iso(0, &payment).await?;
    assert_eq!(again.verdict(), first.verdict());
    let by_iso = stack.pay_iso(0, &stack.payment(&card, 20_00)).await?;
    assert!(by_iso.approved);
    let journal = stack.gateway(0).journal().await?;
    assert!(journal.iter().all(|line| line.cause == Cause::Operator));
    assert_eq!(journal.len(), 2);

    let repeat = stack.repeat(0, &stack.payment(&card, 5_00)).await?;
    assert_eq!(
        repeat.decided_by,
        Some(By::Ledger),
        "somebody else may have answered it first"
    );
    stack.settled().await?;
    assert_eq!(stack.available(&card).await?, 45_00);
    stack.stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn what_operators_decline_is_declined_at_both_doors_and_an_order_ends_by_itself_i3()
-> anyhow::Result<()> {
    let stack = ordered(&[]).await?;
    let card = stack.card_at(0, 1_000_00).await?;
    let before = stack.payment(&card, 10_00);
    let approved = stack.pay(0, &before).await?;
    stack.place("decline", everything(), 600).await?;
    let (http, iso) = (stack.payment(&card, 1_00), stack.payment(&card, 1_00));
    let by_http = stack.pay(0, &http).await?;
    assert_eq!(by_http.reason, Some(Reason::DeclinedByOperator));
    let by_iso = stack.pay_iso(0, &iso).await?;
    assert_eq!(
        (by_iso.approved, by_iso.response_code.as_str()),
        (false, "05")
    );
    let again = stack.repeat(0, &before).await?;
    assert_eq!(again.verdict(), approved.verdict(), "I3");
    stack.cancel(1).await?;

    stack.place("decline", everything(), 1).await?;
    let is_over = || async { stack.in_force().await.is_ok_and(|orders| orders.is_empty()) };
    wait_until("the order is over", DRAINED_WITHIN, is_over).await?;
    assert!(stack.pays(&card, 1_00).await?.approved);
    assert_eq!(
        stack.repeat_iso(0, &http).await?.verdict(),
        by_http.verdict()
    );
    let written = || async {
        let file = std::fs::read_to_string(stack.audit_file());
        file.is_ok_and(|lines| lines.contains(r#""event":"expired","numbers":[2]"#))
    };
    wait_until("its end is written down", DRAINED_WITHIN, written).await?;
    stack.settled().await?;
    assert_eq!(stack.available(&card).await?, 989_00);
    stack.stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn what_only_the_ledger_may_decide_is_declined_while_it_is_gone_i4() -> anyhow::Result<()> {
    let stack = ordered(&[]).await?;
    let card = stack.card_at(0, 100_00).await?;
    stack.place("ledger", everything(), 600).await?;
    assert_eq!(stack.pays(&card, 10_00).await?.decided_by, Some(By::Ledger));
    stack.known(Duration::from_secs(5)).await?;
    stack.cut().await?;
    // Enough for the breaker to trip, and for the short way that there would be then.
    for _ in 0..8 {
        let payment = stack.payment(&card, 1_00);
        let answer = stack.pay_iso(0, &payment).await?;
        assert_eq!(
            (answer.approved, answer.response_code.as_str()),
            (false, "91")
        );
    }
    assert_eq!(stack.status(0).await?.breaker, "tripped");
    let answer = stack.pays(&card, 1_00).await?;
    assert_eq!(answer.reason, Some(Reason::StandInSwitchedOff));
    assert_eq!(
        stack.status(0).await?.exposure_peak_minor,
        0,
        "never stands in"
    );

    stack.heal().await?;
    stack.settled().await?;
    assert_eq!(stack.available(&card).await?, 90_00);
    stack.stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_cause_that_is_off_declines_and_one_that_is_on_stands_in() -> anyhow::Result<()> {
    let stack = ordered(&["--stand-in-on", "unreachable,tripped"]).await?;
    let card = stack.card_at(0, 100_00).await?;
    stack.stall().await?;
    let slow = stack.pays(&card, 10_00).await?;
    assert_eq!(
        (slow.reason, slow.cause),
        (Some(Reason::StandInSwitchedOff), Some(Cause::LedgerTimeout))
    );
    stack.cut().await?;
    let gone = || async {
        let answer = stack.pays(&card, 1_00).await;
        answer.is_ok_and(|answer| answer.approved && answer.decided_by == Some(By::StandIn))
    };
    wait_until("a cause that is on stands in", DRAINED_WITHIN, gone).await?;
    stack.heal().await?;
    stack.settled().await?;
    assert_eq!(stack.available(&card).await?, 99_00);
    stack.stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn what_the_ledger_holds_and_nobody_was_told_is_released_where_nobody_stands_in_i4()
-> anyhow::Result<()> {
    let stack = ordered(&[]).await?;
    let card = stack.card_at(0, 100_00).await?;
    stack.place("ledger", everything(), 600).await?;
    stack.fault(Mode::ReplyLost).await?;
    let payment = stack.payment(&card, 30_00);
    let answer = stack.pay(0, &payment).await?;
    assert_eq!(answer.reason, Some(Reason::StandInSwitchedOff));
    assert_eq!(stack.available(&card).await?, 70_00, "the ledger had heard");

    stack.heal().await?;
    stack.settled().await?;
    assert_eq!(stack.available(&card).await?, 100_00);
    assert_eq!(
        stack.repeat_iso(0, &payment).await?.verdict(),
        answer.verdict()
    );
    stack.stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn half_of_the_payments_fall_on_one_side_and_repeats_on_the_same_i3() -> anyhow::Result<()> {
    let stack = ordered(&[]).await?;
    let card = stack.card_at(0, 1_000_00).await?;
    stack
        .place("decline", json!({"share_bp": 5000}), 600)
        .await?;
    let door = stack.iso(0).await?;
    let mut declined = 0;
    for _ in 0..40 {
        let payment = stack.payment(&card, 1_00);
        let first = answered(door.authorize(&payment, false, PATIENCE).await)?;
        let again = answered(door.authorize(&payment, true, PATIENCE).await)?;
        assert_eq!(first.verdict(), again.verdict());
        declined += i64::from(!first.approved);
    }
    // Ids of this stack are the same on every run.
    assert!((8..=32).contains(&declined), "{declined} of 40");
    stack.settled().await?;
    assert_eq!(stack.available(&card).await?, 960_00 + declined * 1_00);
    stack.stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn an_order_of_bins_reaches_only_their_cards() -> anyhow::Result<()> {
    let stack = ordered(&[]).await?;
    let card = stack.card_at(0, 100_00).await?;
    stack
        .place("decline", json!({"bins": ["40000000"]}), 600)
        .await?;
    assert!(stack.pays(&card, 1_00).await?.approved);
    stack
        .place("decline", json!({"bins": [TEST_BIN]}), 600)
        .await?;
    let answer = stack.pays(&card, 1_00).await?;
    assert_eq!(answer.reason, Some(Reason::DeclinedByOperator));
    stack.stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn an_order_outlives_kill_9_and_not_its_end_i17() -> anyhow::Result<()> {
    let stack = ordered(&[]).await?;
    let card = stack.card_at(0, 100_00).await?;
    stack.place("decline", everything(), 600).await?;
    stack.place("stand_in", everything(), 2).await?;
    stack.kill_gateway(0).await;
    stack.restart_gateway(0).await?;
    let only = || async {
        let orders = stack.in_force().await;
        orders.is_ok_and(|orders| orders == [(1, "decline".to_owned())])
    };
    wait_until("the short one is over", DRAINED_WITHIN, only).await?;
    let answer = stack.pays(&card, 1_00).await?;
    assert_eq!(answer.reason, Some(Reason::DeclinedByOperator));
    stack.cancel(1).await?;
    assert!(stack.pays(&card, 1_00).await?.approved);
    stack.kill_gateway(0).await;
    stack.restart_gateway(0).await?;
    assert!(
        stack.in_force().await?.is_empty(),
        "what was cancelled stays so"
    );
    stack.stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn only_who_shows_the_token_orders_anything() -> anyhow::Result<()> {
    let stack = ordered(&[]).await?;
    let (http, body) = (
        stack.http(0)?,
        order("decline", &everything(), 60).to_string(),
    );
    let json = ("content-type", "application/json");
    for (method, path) in [
        (Method::GET, "/v1/orders"),
        (Method::POST, "/v1/orders"),
        (Method::POST, "/v1/orders/preview"),
        (Method::DELETE, "/v1/orders/1"),
    ] {
        for shown in ["", "Bearer ", "Bearer another-token-for-tests", TOKEN] {
            let headers = [json, ("authorization", shown)];
            let refused = http
                .raw(method.clone(), path, &headers, body.clone())
                .await?;
            let problem = refused.problem()?;
            assert_eq!((problem.status, problem.name()), (403, "not_an_operator"));
        }
    }
    let wrong = order("decline", &everything(), 14_401);
    let refused = stack
        .ask(Method::POST, "/v1/orders", &wrong)
        .await?
        .problem()?;
    assert_eq!(refused.pointer.as_deref(), Some("/seconds"));
    assert!(stack.in_force().await?.is_empty());
    stack.stack.finish().await?;

    let stack = crate::support::stack().await?;
    let http = stack.http(0)?;
    let refused = http.raw(Method::POST, "/v1/orders", &[json], body).await?;
    let problem = refused.problem()?;
    assert_eq!(problem.status, 403);
    assert!(problem.detail.contains("--operator-token-file"), "the cure");
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn at_a_shell_an_order_is_previewed_placed_listed_cancelled_and_audited_i14()
-> anyhow::Result<()> {
    let stack = ordered(&[]).await?;
    let card = stack.card_at(0, 100_00).await?;
    let (url, token) = (
        stack.gateway(0).http.clone(),
        stack.token.display().to_string(),
    );
    let whom = ["--url", &url, "--token-file", &token];
    let draft = "stand-in --for-s 60 --author ada --reason upgrade";
    let (code, said, why) = stack.shell(&format!("preview {draft}"), &whom).await?;
    let room = stack.status(0).await?.exposure_max_minor;
    assert!(
        code == 0 && said.contains(&format!("at most: {room} EUR")),
        "{said}{why}"
    );
    let (code, said, why) = stack.shell(&format!("place {draft}"), &whom).await?;
    assert!(
        code == 0 && said.starts_with("order 1: stand_in for 60 s"),
        "{said}{why}"
    );
    assert!(stack.pays(&card, 1_00).await?.approved);
    let (_, said, _) = stack.shell("list", &whom).await?;
    assert!(said.contains("by ada: upgrade"), "{said}");
    let (code, _, why) = stack
        .shell("cancel 1 --author bob --reason done", &whom)
        .await?;
    assert_eq!(code, 0, "{why}");
    let (code, _, why) = stack
        .shell("cancel 1 --author bob --reason done", &whom)
        .await?;
    assert!(code == 1 && why.contains("no order in force"), "{why}");

    let file = stack.audit_file();
    let (code, said, _) = stack
        .shell("verify", &[&file.display().to_string()])
        .await?;
    assert!(code == 0 && said.starts_with("sound: 3 lines"), "{said}");
    stack.kill_gateway(0).await;
    let mut bytes = std::fs::read(&file)?;
    bytes[40] ^= 1;
    std::fs::write(&file, &bytes)?;
    let (code, _, why) = stack
        .shell("verify", &[&file.display().to_string()])
        .await?;
    assert!(code == 1 && why.contains("line 1 was changed"), "{why}");
    stack.restart_gateway(0).await?;
    let (code, _, why) = stack.shell(&format!("place {draft}"), &whom).await?;
    assert!(code == 1 && why.contains("line 1 was changed"), "{why}");
    assert!(
        stack.pays(&card, 1_00).await?.approved,
        "it serves all the same"
    );
    assert_eq!(
        stack.scrape(0).await?.sum("holdfast_orders_refused", &[]),
        1.0
    );
    stack.stack.finish().await?;
    Ok(())
}
