//! What an auditor does with a running house: the conformance suite, closing days, verifying the books,
//! and comparing a gateway's journal with them.

use std::process::Output;

use anyhow::Context;
use serde_json::{Value, json};
use tests::cluster::{Node, Store};
use tests::postgres::{Postgres, is_installed};
use tests::process::{Child, Program};
use tokio::process::Command;

use crate::support::{Running, stack, stack_with};

const STRAIGHT: i32 = 0;
const CROOKED: i32 = 1;
const USAGE: i32 = 2;
const UNAVAILABLE: i32 = 69;

/// `ledger …`, to its end.
async fn ledger(arguments: &[&str]) -> anyhow::Result<(i32, String, String)> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_node"));
    command.arg("ledger").args(arguments).env_clear();
    let Output {
        status,
        stdout,
        stderr,
    } = command.kill_on_drop(true).output().await?;
    let code = status.code().context("it was killed")?;
    Ok((code, String::from_utf8(stdout)?, String::from_utf8(stderr)?))
}

/// The same with `--json`; the answer is on stdout.
async fn asked(arguments: &[&str]) -> anyhow::Result<(i32, Value)> {
    let (code, stdout, stderr) = ledger(&[arguments, &["--json"]].concat()).await?;
    let value = serde_json::from_str(&stdout);
    Ok((code, value.with_context(|| format!("{stdout} {stderr}"))?))
}

async fn reconcile(stack: &Running, gateway: usize) -> anyhow::Result<(i32, Value)> {
    let (books, journal) = (stack.ledger_url(), stack.gateway(gateway).http.clone());
    asked(&["reconcile", "--url", books, "--gateway", &journal]).await
}

/// The kind and the id of every difference.
fn differences(report: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = report["differences"].as_array().into_iter().flatten();
    all.map(|one| (text(&one["kind"]), text(&one["id"])))
        .collect()
}

#[tokio::test]
async fn the_conformance_suite_passes_on_postgresql_and_on_books_in_use() -> anyhow::Result<()> {
    if !is_installed()? {
        return Ok(());
    }
    let stack = stack_with(|config| config.store = Store::Postgres).await?;
    let card = stack.card_at(0, 100_00).await?;
    assert!(stack.pay(0, &stack.payment(&card, 10_00)).await?.approved);
    let url = stack.ledger_url();
    for seed in ["11", "12"] {
        let (code, stdout, stderr) = ledger(&["conformance", "--url", url, "--seed", seed]).await?;
        assert_eq!(code, STRAIGHT, "{stdout}{stderr}");
        assert!(stdout.contains(" 0 failed, "), "{stdout}");
    }
    let (code, _, stderr) = ledger(&["conformance", "--url", url, "--seed", "11"]).await?;
    assert_eq!(code, CROOKED);
    assert!(
        stderr.contains("seed 11 was played on these books before"),
        "{stderr}"
    );
    let (code, report) = asked(&["conformance", "--url", url, "--only", "rule_6"]).await?;
    assert_eq!(
        (code, &report["passed"], &report["failed"]),
        (STRAIGHT, &json!(1), &json!(0))
    );
    let (code, books) = asked(&["verify", "--url", url]).await?;
    assert_eq!(
        (code, &books["straight"]),
        (STRAIGHT, &json!(true)),
        "{books}"
    );
    Ok(())
}

#[tokio::test]
async fn journal_and_books_agree_after_an_outage_and_a_day_is_closed() -> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 100_00).await?;
    let first = stack.payment(&card, 10_00);
    assert!(stack.pay(0, &first).await?.approved);
    assert!(!stack.pay(0, &stack.payment(&card, 600_00)).await?.approved);
    stack.known(crate::support::PATIENCE).await?;
    stack.cut().await?;
    let during = stack.payment(&card, 20_00);
    assert!(stack.pay(0, &during).await?.approved);
    let url = stack.ledger_url();
    let (code, report) = reconcile(&stack, 0).await?;
    assert_eq!(
        (code, &report["waiting"]),
        (STRAIGHT, &json!(1)),
        "{report}"
    );
    stack.heal().await?;
    stack.settled().await?;
    stack.reverse(0, &first, 4_00).await?;
    stack.settled().await?;
    let (code, report) = reconcile(&stack, 0).await?;
    assert_eq!(code, STRAIGHT, "{report}");
    let total = json!({"currency": "EUR", "journal_minor": 24_00, "books_minor": 24_00,
        "waiting_minor": 0});
    assert_eq!(
        (&report["totals"], &report["answers"]),
        (&json!([total]), &json!(3))
    );
    let (code, report) = reconcile(&stack, 1).await?;
    assert_eq!(
        (code, &report["answers"]),
        (STRAIGHT, &json!(0)),
        "{report}"
    );

    let close = ["close", "--url", url, "--by", "Ada of accounting"];
    let (code, closed) = asked(&close).await?;
    assert_eq!((code, &closed["number"]), (STRAIGHT, &json!(1)), "{closed}");
    let (code, again) = asked(&close).await?;
    assert_eq!(
        (code, again),
        (STRAIGHT, closed.clone()),
        "a closed day stays as it is"
    );
    let (code, stdout, _) = ledger(&["close", "--url", url, "--list"]).await?;
    let hash = closed["hash"].as_str().context("a hash")?;
    assert_eq!(code, STRAIGHT);
    assert!(
        stdout.contains(hash) && stdout.contains("by Ada of accounting"),
        "{stdout}"
    );
    let early = [&close[..], &["--day", "2020-01-01"]].concat();
    let (code, _, stderr) = ledger(&early).await?;
    assert_eq!(code, CROOKED);
    assert!(stderr.contains("was closed after 2020-01-01"), "{stderr}");
    let late = [&close[..], &["--day", "2999-01-01"]].concat();
    assert!(ledger(&late).await?.2.contains("has not begun anywhere"));

    let (code, books) = asked(&["verify", "--url", url]).await?;
    assert_eq!(
        (code, &books["books"]["closes"]),
        (STRAIGHT, &json!(1)),
        "{books}"
    );
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn the_books_of_a_stopped_ledger_are_verified_where_they_are() -> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 100_00).await?;
    assert!(stack.pay(0, &stack.payment(&card, 10_00)).await?.approved);
    let data = stack.ledger_data().display().to_string();
    let (code, _, stderr) = ledger(&["verify", "--data", &data]).await?;
    assert_eq!(code, CROOKED, "a ledger has them open");
    assert!(stderr.contains("cannot open"), "{stderr}");
    stack.machinery().kill(Node::Ledger(0)).await?;
    let (code, books) = asked(&["verify", "--data", &data]).await?;
    assert_eq!(
        (code, &books["straight"]),
        (STRAIGHT, &json!(true)),
        "{books}"
    );
    let nowhere = tempfile::tempdir()?;
    let folder = nowhere.path().display().to_string();
    let (code, _, stderr) = ledger(&["verify", "--data", &folder]).await?;
    assert_eq!(code, CROOKED);
    assert!(stderr.contains("there are no books in"), "{stderr}");
    assert_eq!(std::fs::read_dir(&folder)?.count(), 0, "and none were made");
    Ok(())
}

/// A sum of differences that were made by hand, each found by whoever looks for it.
#[tokio::test]
async fn what_was_changed_by_hand_in_the_database_is_found() -> anyhow::Result<()> {
    if !is_installed()? {
        return Ok(());
    }
    let stack = stack_with(|config| config.store = Store::Postgres).await?;
    let card = stack.card_at(0, 100_00).await?;
    let mut ids = Vec::new();
    for minor in [10_00, 11_00, 12_00, 13_00] {
        let payment = stack.payment(&card, minor);
        assert!(stack.pay(0, &payment).await?.approved);
        ids.push(stack.id_of(&payment).to_string());
    }
    stack.settled().await?;
    assert_eq!(reconcile(&stack, 0).await?.0, STRAIGHT);
    let postgres = stack.postgres().context("it has one")?;
    let url = stack.ledger_url();
    let close = ["close", "--url", url, "--by", "Ada", "--day"];
    assert_eq!(
        ledger(&[&close[..], &["2026-01-01"]].concat()).await?.0,
        STRAIGHT
    );

    // The second authorization loses a euro, in its record only.
    let id = |nth: usize| format!("'\\x{}'", ids[nth]);
    let told = "UPDATE authorization_record SET decided_minor = 1000 WHERE id = ";
    postgres.query(&format!("{told}{}", id(1))).await?;
    // The third is booked twice: a second pair of entries, and totals to fit.
    book_twice(postgres, &id(2)).await?;
    // The fourth is declined in the books.
    let declined = "UPDATE authorization_record SET decided_approved = false, decided_minor = 0,
         decided_reason = 30 WHERE id = ";
    postgres.query(&format!("{declined}{}", id(3))).await?;
    let (code, report) = reconcile(&stack, 0).await?;
    assert_eq!(code, CROOKED);
    let kinds = ["amount", "double", "verdict"].map(str::to_owned);
    let expected: Vec<_> = kinds.into_iter().zip(ids[1..].iter().cloned()).collect();
    assert_eq!(differences(&report), expected, "{report}");
    let (code, stdout, _) = {
        let journal = stack.gateway(0).http.clone();
        ledger(&["reconcile", "--url", url, "--gateway", &journal]).await?
    };
    assert_eq!(code, CROOKED);
    assert!(
        stdout.contains("DIFFER") && stdout.contains(&ids[2]),
        "{stdout}"
    );

    let (code, books) = asked(&["verify", "--url", url]).await?;
    assert_eq!(code, CROOKED);
    let crooked = books["books"]["crooked"].to_string();
    assert!(ids[1..].iter().all(|id| crooked.contains(id)), "{crooked}");
    assert!(!crooked.contains(&ids[0]), "{crooked}");
    // The trial balance does not see a pair too many: the totals fit.
    assert_eq!(
        ledger(&[&close[..], &["2026-01-02"]].concat()).await?.0,
        STRAIGHT
    );
    // It does see a total that fits nothing, and closes nothing over it.
    let total = "UPDATE account SET debits_posted = debits_posted + 5 WHERE id = ";
    postgres.query(&format!("{total}{}", card.account)).await?;
    let (code, _, stderr) = ledger(&[&close[..], &["2026-01-03"]].concat()).await?;
    assert_eq!(code, CROOKED);
    assert!(
        stderr.contains("books not balanced") && stderr.contains("EUR"),
        "{stderr}"
    );
    assert_eq!(
        ledger(&["close", "--url", url, "--list"])
            .await?
            .1
            .matches("sha256")
            .count(),
        2
    );
    Ok(())
}

/// Books an authorization's hold a second time, so that debits are credits and totals are entries.
async fn book_twice(postgres: &Postgres, id: &str) -> anyhow::Result<()> {
    let sql = format!(
        "BEGIN;
         INSERT INTO entry (bucket, account, number, authorization_id, credit, posted, amount_minor,
             position)
         SELECT bucket, account, (SELECT entry FROM head) + row_number() OVER (ORDER BY number),
             authorization_id, credit, posted, amount_minor, position
         FROM entry WHERE authorization_id = {id};
         UPDATE head SET entry = entry + 2;
         UPDATE account SET debits_pending = debits_pending + 1200
             WHERE id = (SELECT account FROM entry WHERE authorization_id = {id} AND NOT credit LIMIT 1);
         UPDATE account SET credits_pending = credits_pending + 1200
             WHERE id = (SELECT account FROM entry WHERE authorization_id = {id} AND credit LIMIT 1);
         COMMIT;"
    );
    postgres.query(&sql).await?;
    Ok(())
}

#[tokio::test]
async fn the_entries_of_a_closed_day_cannot_be_changed_unseen() -> anyhow::Result<()> {
    if !is_installed()? {
        return Ok(());
    }
    let stack = stack_with(|config| config.store = Store::Postgres).await?;
    let card = stack.card_at(0, 100_00).await?;
    assert!(stack.pay(0, &stack.payment(&card, 10_00)).await?.approved);
    let url = stack.ledger_url();
    assert_eq!(
        ledger(&["close", "--url", url, "--by", "Ada"]).await?.0,
        STRAIGHT
    );
    assert_eq!(ledger(&["verify", "--url", url]).await?.0, STRAIGHT);
    // Another feed position: no sum knows it, only the hash.
    let postgres = stack.postgres().context("it has one")?;
    let touched = "UPDATE entry SET position = position + 1 WHERE number = 1";
    postgres.query(touched).await?;
    for source in [["--url", url], ["--database-url", &postgres.url()]] {
        let (code, books) = asked(&[&["verify"], &source[..]].concat()).await?;
        assert_eq!(code, CROOKED, "{books}");
        let crooked = books["books"]["crooked"].as_array().context("a list")?;
        assert_eq!(crooked.len(), 1, "{books}");
        assert_eq!(crooked[0]["kind"], "close", "{books}");
    }
    Ok(())
}

#[tokio::test]
async fn a_ledger_serves_with_the_command_and_without_it() -> anyhow::Result<()> {
    let program = Program::node(env!("CARGO_BIN_EXE_node"));
    for (name, command) in [
        ("named", &["ledger", "serve"][..]),
        ("unnamed", &["ledger"]),
    ] {
        let directory = tempfile::tempdir()?;
        let data = directory.path().join("books").display().to_string();
        let flags = ["--listen", "127.0.0.1:0", "--data", &data];
        let args = [command, &flags].concat().into_iter().map(Into::into);
        let served = Child::start(&program, name, args.collect(), directory.path()).await?;
        assert!(
            served.ready_line().starts_with("ledger ready on http://"),
            "{name}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn the_commands_that_ask_say_what_they_take_and_how_they_end() -> anyhow::Result<()> {
    for (command, words) in [
        ("serve", &["--listen", "--data"][..]),
        (
            "conformance",
            &["--url", "--only", "--seed", "--json", "--list"],
        ),
        ("close", &["--url", "--by", "--day", "--list", "--json"]),
        ("verify", &["--url", "--data", "--database-url", "--json"]),
        ("reconcile", &["--url", "--gateway", "--json"]),
    ] {
        let (code, stdout, _) = ledger(&[command, "--help"]).await?;
        assert_eq!(code, STRAIGHT);
        assert!(
            words.iter().all(|word| stdout.contains(word)),
            "{command}: {stdout}"
        );
    }
    let (_, stdout, _) = ledger(&["--help"]).await?;
    for word in ["conformance", "reconcile", "verify", "close", "serve", "69"] {
        assert!(stdout.contains(word), "{word}: {stdout}");
    }
    let nobody = "http://127.0.0.1:1";
    for (line, expected) in [
        (&["conformance", "--url", nobody][..], UNAVAILABLE),
        (&["close", "--url", nobody, "--by", "Ada"], UNAVAILABLE),
        (&["close", "--url", nobody, "--list"], UNAVAILABLE),
        (&["verify", "--url", nobody], UNAVAILABLE),
        (
            &["reconcile", "--url", nobody, "--gateway", nobody],
            UNAVAILABLE,
        ),
        (&["conformance", "--url", "https://h"], CROOKED),
        (&["conformance", "--url", nobody, "--only", "tea"], CROOKED),
        (&["conformance"], USAGE),
        (&["close", "--url", nobody], USAGE),
        (
            &["close", "--url", nobody, "--by", "4111 1111 1111 1111"],
            USAGE,
        ),
        (
            &[
                "close",
                "--url",
                nobody,
                "--by",
                "Ada",
                "--day",
                "2026-02-30",
            ],
            USAGE,
        ),
        (&["reconcile", "--url", nobody], USAGE),
        (&["conformance", "--list"], STRAIGHT),
    ] {
        let (code, _, stderr) = ledger(line).await?;
        assert_eq!(code, expected, "{line:?}: {stderr}");
        assert_eq!(stderr.is_empty(), code == STRAIGHT, "{line:?}: {stderr}");
    }
    Ok(())
}
