//! A commit that the primary has and no standby has confirmed: it may be gone with the primary.

use std::time::Duration;

use ledger_api::{
    AccountId, Amount, AuthorizeAnswer, AuthorizeAnswers, CardState, CardStatus, Expiry,
    OpenAccount,
};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::ledger_client::LedgerClient;
use tests::ports;
use tests::postgres::Postgres;
use tests::process::{Child, Program};
use tests::waiting::wait_until;

const PATIENCE: Duration = Duration::from_secs(30);
const CARD: &str = "k1-00000000000000000000000000000001";

#[tokio::test]
async fn a_repeat_is_not_answered_from_what_no_standby_has_confirmed_i1() -> anyhow::Result<()> {
    let Some(postgres) = Postgres::start().await? else {
        return Ok(());
    };
    let directory = tempfile::tempdir()?;
    let address = ports::free()?;
    let args = format!(
        "ledger --listen {address} --database-url {}",
        postgres.url()
    );
    let args = args.split_whitespace().map(Into::into).collect();
    let program = Program::node(env!("CARGO_BIN_EXE_node"));
    let _ledger = Child::start(&program, "ledger", args, directory.path()).await?;
    let url = format!("http://{address}");
    seed(&url).await?;

    standby(&postgres, "nobody").await?;
    let first = ask(&url).await?;
    assert_eq!(first.0, StatusCode::SERVICE_UNAVAILABLE, "{}", first.1);
    // The primary crashes before anybody has confirmed the hold, and has it when it is back.
    postgres.stop_immediate().await?;
    postgres.start_again().await?;
    let held = "SELECT count(*) FROM authorization_record WHERE effect_minor = 100";
    assert_eq!(postgres.query(held).await?, "1");
    let repeat = ask(&url).await?;
    assert_eq!(repeat.0, StatusCode::SERVICE_UNAVAILABLE, "{}", repeat.1);

    standby(&postgres, "").await?;
    let answered = || async {
        ask(&url)
            .await
            .is_ok_and(|(status, _)| status == StatusCode::OK)
    };
    wait_until("the repeat is answered", PATIENCE, answered).await?;
    let (_, body) = ask(&url).await?;
    let answers: AuthorizeAnswers = serde_json::from_value(body)?;
    assert!(matches!(answers.items[0], AuthorizeAnswer::Decided(it) if it.approved));
    assert_eq!(postgres.query(held).await?, "1");
    Ok(())
}

async fn seed(url: &str) -> anyhow::Result<()> {
    let ledger = LedgerClient::new(url)?;
    let account = AccountId(1);
    let open = OpenAccount {
        account,
        currency: "EUR".parse()?,
        opening_minor: Amount::new(1_000)?,
    };
    ledger.open_accounts(&[open]).await?;
    let card = CardState {
        card: CARD.parse()?,
        account,
        status: CardStatus::Open,
        expiry: Expiry::try_from(9_912)?,
        transaction_max_minor: Amount::new(1_000)?,
    };
    ledger.put_cards(&[card]).await
}

/// Who must confirm a commit before it is acknowledged; nobody where empty.
async fn standby(postgres: &Postgres, name: &str) -> anyhow::Result<()> {
    let set = format!("ALTER SYSTEM SET synchronous_standby_names = '{name}'");
    postgres.query(&set).await?;
    postgres.query("SELECT pg_reload_conf()").await?;
    let set = || async {
        let now = postgres.query("SHOW synchronous_standby_names").await;
        now.is_ok_and(|now| now == name)
    };
    wait_until("the setting counts", PATIENCE, set).await?;
    Ok(())
}

/// The same authorization every time.
async fn ask(url: &str) -> anyhow::Result<(StatusCode, Value)> {
    let item = json!({"id": "000000000000000000000000000000aa", "card": CARD, "amount_minor": 100,
        "currency": "EUR", "fingerprint": 1});
    let client = reqwest::Client::builder().no_proxy().build()?;
    let answer = client
        .post(format!("{url}/v1/authorizations"))
        .timeout(PATIENCE)
        .json(&json!({"gateway": "gw1", "items": [item]}))
        .send()
        .await?;
    Ok((answer.status(), answer.json().await?))
}
