//! Bad input: a named problem (RFC 9457) that says whether a retry is safe, and never money.

use ledger_api::{AdviceOutcome, AuthorizeAnswer, Retry};
use serde_json::{Value, json};

use super::customer::{CURRENCY, Customer};
use super::ground::{Broken, Ground};

/// More than any ledger takes.
const BODY_TOO_LARGE: usize = 5 * 1024 * 1024;

/// Sends each, and expects a problem with one of the statuses and retry never.
async fn all_refused(ground: &Ground, calls: &[(&str, &str, &str, &[u16])]) -> Result<(), Broken> {
    for (method, path, body, statuses) in calls {
        let sent = (!body.is_empty()).then(|| body.as_bytes().to_vec());
        let answer = ground.call(method, path, sent).await?;
        ground.refused(&format!("{method} {path} {body}"), &answer, statuses)?;
    }
    Ok(())
}

pub(super) async fn unknown_paths_and_methods(ground: &Ground) -> Result<(), Broken> {
    all_refused(
        ground,
        &[
            ("GET", "/nowhere", "", &[404]),
            ("GET", "/v1", "", &[404]),
            ("POST", "/v2/authorizations", "{}", &[404]),
            ("DELETE", "/v1/books", "", &[405]),
            ("PUT", "/v1/authorizations", "{}", &[405]),
            ("GET", "/v1/advices", "", &[405]),
            ("PATCH", "/v1/accounts", "{}", &[405]),
        ],
    )
    .await
}

pub(super) async fn bad_ids_and_queries(ground: &Ground) -> Result<(), Broken> {
    all_refused(
        ground,
        &[
            ("GET", "/v1/authorizations/zz", "", &[400]),
            ("GET", "/v1/accounts/x", "", &[400]),
            ("GET", "/v1/accounts/-1", "", &[400]),
            ("GET", "/v1/accounts/1/entries?after=x", "", &[400]),
            ("GET", "/v1/gateways/Not%20One", "", &[400]),
            ("GET", "/v1/accounts?limit=x", "", &[400]),
            ("GET", "/v1/accounts?before=3", "", &[400]),
            ("GET", "/v1/authorizations?after=zz", "", &[400]),
            ("GET", "/v1/listing?after=x", "", &[400]),
            ("GET", "/v1/feed", "", &[400]),
            ("GET", "/v1/feed?epoch=one", "", &[400]),
        ],
    )
    .await
}

pub(super) async fn bodies_that_do_not_parse(ground: &Ground) -> Result<(), Broken> {
    let refused: &[u16] = &[400, 422];
    for body in ["{", "[]", "7", "{}", r#"{"items":[]}x"#, "\u{0}"] {
        for path in ["/v1/authorizations", "/v1/advices", "/v1/reversals"] {
            all_refused(ground, &[("POST", path, body, refused)]).await?;
        }
    }
    let customer = Customer::new(ground, 1_000).await?;
    let good = customer.request(ground.id(), 100);
    let gateway = &customer.gateway;
    let mut unknown = good.clone();
    unknown["surcharge_minor"] = json!(5);
    let mut absent = good.clone();
    absent["currency"].take();
    let bodies = [
        json!({"gateway": gateway, "items": [good.clone(), unknown]}),
        json!({"gateway": gateway, "items": [good.clone(), absent]}),
        json!({"gateway": gateway, "items": [good.clone()], "priority": 1}),
        json!({"gateway": "Not A Gateway", "items": [good]}),
    ];
    for body in bodies {
        let body = body.to_string();
        all_refused(ground, &[("POST", "/v1/authorizations", &body, refused)]).await?;
    }
    customer
        .expect_available("after refused batches", 1_000)
        .await
}

pub(super) async fn amounts_that_cannot_be(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, 1_000).await?;
    let amounts = [
        json!(-1),
        json!(1_000_000_000_000_i64),
        json!(u64::MAX),
        json!(1.5),
        json!("100"),
        Value::Null,
    ];
    for amount in amounts {
        let mut request = customer.request(ground.id(), 1);
        request["amount_minor"] = amount.clone();
        no_money(&customer, "/v1/authorizations", request).await?;
        let mut advice = customer.advice(ground.id(), Some(1));
        advice["approved_minor"] = amount.clone();
        no_money(&customer, "/v1/advices", advice).await?;
        let opening = json!({"account": ground.account_id(), "currency": CURRENCY,
            "opening_minor": amount});
        no_money(&customer, "/v1/accounts", opening).await?;
    }
    for currency in ["XXX", "eur", "978", ""] {
        let mut request = customer.request(ground.id(), 1);
        request["currency"] = json!(currency);
        no_money(&customer, "/v1/authorizations", request).await?;
    }
    customer
        .expect_available("after amounts that cannot be", 1_000)
        .await
}

/// The batch is refused, or its item is; asking again will not help.
async fn no_money(customer: &Customer<'_>, path: &str, item: Value) -> Result<(), Broken> {
    let ground = customer.ground;
    let at = format!("POST {path} with {item}");
    let head = json!({"epoch": 1, "seq": 2, "hash": 3});
    let body = match path {
        "/v1/authorizations" => json!({"gateway": customer.gateway, "items": [item]}),
        "/v1/advices" => json!({"gateway": customer.gateway, "head": head, "items": [item]}),
        _ => json!({"items": [item]}),
    };
    let sent = Some(body.to_string().into_bytes());
    let answer = ground.call("POST", path, sent).await?;
    if answer.status != 200 {
        return ground.refused(&at, &answer, &[400, 422]);
    }
    let problem = match path {
        "/v1/authorizations" => match answer.json::<ledger_api::AuthorizeAnswers>() {
            Ok(answers) => answers.items.into_iter().find_map(|answer| match answer {
                AuthorizeAnswer::Failed(problem) => Some(problem),
                _ => None,
            }),
            Err(_) => None,
        },
        _ => match answer.json::<ledger_api::AdviceAnswers>() {
            Ok(answers) => answers
                .items
                .into_iter()
                .find_map(|answer| match answer.outcome {
                    AdviceOutcome::Failed { problem } => Some(problem),
                    _ => None,
                }),
            Err(_) => None,
        },
    };
    let retry = problem.map(|problem| problem.retry);
    let seen = answer.gist();
    ground.holds(
        &at,
        "a problem that says retry never",
        retry == Some(Retry::Never),
        seen,
    )
}

/// Whoever is sent too much may hang up before it has read it all, and its answer may be lost with the
/// connection: so each attempt has one of its own, and one of them must be answered.
pub(super) async fn a_body_that_is_too_large(ground: &Ground) -> Result<(), Broken> {
    let mut attempts = 5;
    loop {
        let body = vec![b' '; BODY_TOO_LARGE];
        let stranger = ground.stranger()?;
        attempts -= 1;
        match stranger
            .call("POST", "/v1/authorizations", Some(body))
            .await
        {
            Ok(answer) => return ground.refused("a body of 5 MiB", &answer, &[413]),
            Err(_) if attempts > 0 => {}
            Err(error) => return Err(error.into()),
        }
    }
}

pub(super) async fn what_is_not_there(ground: &Ground) -> Result<(), Broken> {
    let (id, account, gateway) = (ground.id(), ground.account_id(), ground.gateway()?);
    for path in [
        format!("/v1/authorizations/{id}"),
        format!("/v1/accounts/{account}"),
        format!("/v1/accounts/{account}/entries"),
        format!("/v1/gateways/{gateway}"),
    ] {
        all_refused(ground, &[("GET", &path, "", &[404])]).await?;
    }
    let card = json!({"items": [{"card": ground.card_token(), "account": account,
        "status": "open", "expiry": 9912, "transaction_max_minor": 1}]});
    let body = card.to_string();
    all_refused(ground, &[("POST", "/v1/cards", &body, &[422])]).await?;
    // Ids from 2^62 on are the ledger's own.
    let own = json!({"items": [{"account": 1_u64 << 62, "currency": CURRENCY,
        "opening_minor": 0}]});
    all_refused(
        ground,
        &[("POST", "/v1/accounts", &own.to_string(), &[422])],
    )
    .await
}

pub(super) async fn an_account_keeps_its_currency(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, 1_000).await?;
    let opening = json!({"items": [{"account": customer.account, "currency": "USD",
        "opening_minor": 5}]});
    let sent = Some(opening.to_string().into_bytes());
    let answer = ground.call("POST", "/v1/accounts", sent).await?;
    ground.refused("the same account in USD", &answer, &[409, 422])?;
    let seen = customer.account().await?.currency.to_string();
    ground.same("the account's currency", CURRENCY, seen.as_str())?;
    customer.expect_available("after it", 1_000).await
}
