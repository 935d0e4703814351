//! The limits of stand-in: what they see of a payment at both doors, and how they are changed while a
//! gateway runs.

use std::path::PathBuf;

use fallback::Policy;
use ledger_api::Reason;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tests::cluster::{Node, one_till};
use tests::payment::Payment;
use tests::waiting::wait_until;
use tokio::process::Command;

use crate::support::{PATIENCE, Running, stack, stack_with};

#[tokio::test]
async fn both_doors_say_what_a_payment_is_for_and_where_and_how_it_is_made_i5() -> anyhow::Result<()>
{
    let stack = stack().await?;
    let card = stack.card_at(0, 100_000_00).await?;
    stack.cut().await?;
    let with = |amount, change: fn(&mut Payment)| {
        let mut payment = stack.payment(&card, amount);
        change(&mut payment);
        payment
    };
    type Changed = (i64, fn(&mut Payment), Reason, &'static str);
    let cases: [Changed; 6] = [
        (
            250_01,
            |p| p.entry_mode = "810".into(),
            Reason::OverEntryModeLimit,
            "61",
        ),
        (
            200_01,
            |p| p.processing_code = "010000".into(),
            Reason::OverCashLimit,
            "61",
        ),
        (
            1,
            |p| p.processing_code = "500000".into(),
            Reason::TransactionNotPermitted,
            "57",
        ),
        (
            1,
            |p| p.processing_code = "300000".into(),
            Reason::TransactionNotPermitted,
            "57",
        ),
        (
            1,
            |p| p.mcc = "7995".into(),
            Reason::MerchantCategoryNotPermitted,
            "57",
        ),
        (
            150_01,
            |p| p.mcc = "5542".into(),
            Reason::OverMerchantCategoryLimit,
            "61",
        ),
    ];
    for (amount, change, reason, code) in cases {
        let by_http = stack.pay(0, &with(amount, change)).await?;
        assert_eq!(by_http.reason, Some(reason));
        let by_iso = stack.pay_iso(0, &with(amount, change)).await?;
        assert_eq!(
            (by_iso.approved, by_iso.response_code.as_str()),
            (false, code),
            "{reason}"
        );
    }
    let cash = with(200_00, |p| p.processing_code = "010000".into());
    assert!(stack.pay_iso(0, &cash).await?.approved);
    stack.heal().await?;
    stack.settled().await?;
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_terminal_that_takes_less_is_approved_what_there_is_by_ledger_and_stand_in_i4()
-> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let links = directory.path().join("links.toml");
    std::fs::write(&links, "[[link]]\nname = 'iso'\npartial_approval = true\n")?;
    let argument = links.display().to_string();
    let stack = stack_with(|config| config.gateway_args = vec!["--links".into(), argument]).await?;
    let card = stack.card_at(0, 100_00).await?;
    let asks = |amount, partial| {
        let mut payment = stack.payment(&card, amount);
        payment.partial = partial;
        payment
    };
    stack.cut().await?;
    assert!(stack.pay(0, &asks(30_00, false)).await?.approved);
    // More than the ledger could have approved either, so nothing may be held for it there.
    let declined = stack.pay(0, &asks(120_00, false)).await?;
    assert_eq!(declined.reason, Some(Reason::InsufficientFunds));
    let part = stack.pay(0, &asks(80_00, true)).await?;
    assert_eq!((part.approved, part.approved_minor), (true, 70_00));
    assert_eq!(part.reason, Some(Reason::PartiallyApproved));
    let nothing = stack.pay_iso(0, &asks(10_00, true)).await?;
    assert_eq!(nothing.response_code, "51");
    stack.heal().await?;
    stack.settled().await?;
    assert_eq!(stack.available(&card).await?, 0);

    // A link whose terminals all take less, and a ledger that is there.
    let card = stack.card("takes less", 40_00).await?;
    let part = stack.pay_iso(0, &stack.payment(&card, 50_00)).await?;
    assert_eq!(
        (part.response_code.as_str(), part.approved_minor),
        ("10", 40_00)
    );
    stack.settled().await?;
    stack.finish().await?;
    Ok(())
}

/// Asks a gateway to read its file again, and waits until it has: then its status has this hash, and says
/// this of what it refused.
async fn read_again(stack: &Running, hash: u64, refused: &str) -> anyhow::Result<()> {
    let processes = stack.processes().await;
    let gateway = processes.iter().find(|it| it.node == Node::Gateway(0));
    let pid = gateway.and_then(|process| Pid::from_raw(process.pid?));
    let pid = pid.ok_or_else(|| anyhow::anyhow!("no gateway"))?;
    kill_process(pid, Signal::HUP)?;
    let what = format!("policy {hash:016x}, {refused:?}");
    wait_until(&what, PATIENCE, async || {
        let Ok(status) = stack.status(0).await else {
            return false;
        };
        let said = status.rest.get("policy_refused").and_then(Value::as_str);
        let said = said.unwrap_or_default();
        let in_force = status.rest.get("policy_hash") == Some(&format!("{hash:016x}").into());
        in_force && said.contains(refused) && said.is_empty() == refused.is_empty()
    })
    .await?;
    Ok(())
}

#[tokio::test]
async fn a_policy_is_changed_while_the_gateway_runs_and_a_bad_one_or_a_higher_bound_is_not_taken()
-> anyhow::Result<()> {
    let keys = tempfile::tempdir()?;
    let key = keys.path().join("approval.txt");
    std::fs::write(&key, format!("approval {}\n", "33".repeat(32)))?;
    let argument = key.display().to_string();
    let stack = stack_with(|config| {
        config.gateway_args = vec!["--policy-approval-key".into(), argument];
    })
    .await?;
    let file = stack.directory().join("policy.toml");
    let card = stack.card_at(0, 100_000_00).await?;
    stack.cut().await?;
    assert!(stack.pay(0, &stack.payment(&card, 100_00)).await?.approved);

    let hash = |text: &str| Policy::parse(text).map(|policy| policy.hash());
    let tighter = one_till().replace("chip_max_minor = 50_000", "chip_max_minor = 5_000");
    std::fs::write(&file, &tighter)?;
    read_again(&stack, hash(&tighter)?, "").await?;
    let over = stack.pay(0, &stack.payment(&card, 50_01)).await?;
    assert_eq!(over.reason, Some(Reason::OverEntryModeLimit));

    std::fs::write(&file, "version = 2\n")?;
    read_again(&stack, hash(&tighter)?, "does not parse").await?;
    let higher = one_till().replace(
        "gateway_max_minor = 10_000_000",
        "gateway_max_minor = 11_000_000",
    );
    std::fs::write(&file, &higher)?;
    read_again(&stack, hash(&tighter)?, "no approval is beside it").await?;
    let page = stack.scrape(0).await?;
    assert_eq!(page.value("holdfast_policy_refused", &[]), Some(1.0));
    let over = stack.pay(0, &stack.payment(&card, 50_01)).await?;
    assert_eq!(
        over.reason,
        Some(Reason::OverEntryModeLimit),
        "the one before counts"
    );

    let homes = stack.directory().join("homes.toml");
    let said = Command::new(env!("CARGO_BIN_EXE_node"))
        .args(["gateway", "policy", "approve"])
        .arg(&file)
        .args([PathBuf::from("--homes"), homes, "--key".into(), key])
        .output()
        .await?;
    assert!(said.status.success(), "{said:?}");
    std::fs::write(stack.directory().join("policy.toml.approval"), said.stdout)?;
    read_again(&stack, hash(&higher)?, "").await?;
    assert!(stack.pay(0, &stack.payment(&card, 50_01)).await?.approved);
    assert_eq!(stack.status(0).await?.exposure_max_minor, 110_000_00);

    stack.heal().await?;
    stack.settled().await?;
    stack.finish().await?;
    Ok(())
}
