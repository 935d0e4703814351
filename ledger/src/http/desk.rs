//! Calls for people: releases, closing accounts, suspense, and the clock by which holds expire.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ledger_api::{
    AccountId, AuthorizationId, AuthorizationView, CloseAccount, Holds, Problem, ReleaseAnswers,
    ReleaseBatch, Resolution, Retry,
};

use super::Ledger;
use super::extract::{Body, bounded, segment};
use super::failure::Failure;
use super::reads::Segment;
use super::writes::unexpected;
use crate::posting::{Command, Outcome};

pub(super) async fn release(
    State(ledger): State<Ledger>,
    Body(batch): Body<ReleaseBatch>,
) -> Result<Json<ReleaseAnswers>, Failure> {
    let items = bounded(batch.items)?;
    tracing::info!(by = %batch.by, items = items.len(), "holds are released");
    let commands = (items.into_iter())
        .map(|item| Command::Release(item.id))
        .collect();
    let outcomes = ledger.batcher.submit(commands).await?;
    let items = (outcomes.into_iter())
        .map(|outcome| match outcome {
            Outcome::Released(answer) => Ok(answer),
            other => Err(unexpected(other)),
        })
        .collect::<Result<_, _>>()?;
    Ok(Json(ReleaseAnswers { items }))
}

pub(super) async fn close_account(
    State(ledger): State<Ledger>,
    path: Segment,
    Body(asked): Body<CloseAccount>,
) -> Result<StatusCode, Failure> {
    let account = AccountId(segment(path)?);
    tracing::warn!(by = %asked.by, %account, "an account is closed");
    done(&ledger, Command::CloseAccount(account)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a person has decided about an advice that waits; answered with where it stands now.
pub(super) async fn resolve(
    State(ledger): State<Ledger>,
    path: Segment,
    Body(resolution): Body<Resolution>,
) -> Result<Json<AuthorizationView>, Failure> {
    let id: AuthorizationId = segment(path)?;
    let Some(waiting) = ledger.store.authorization(id).await? else {
        return Err(not_found().into());
    };
    let (by, note) = (&resolution.by, &resolution.note);
    tracing::warn!(%by, %note, %id, action = ?resolution.action, "an advice is resolved");
    let command = Command::Resolve {
        id,
        card: waiting.card,
        resolution,
    };
    done(&ledger, command).await?;
    let resolved = ledger.store.authorization(id).await?;
    resolved.map(Json).ok_or_else(|| not_found().into())
}

pub(super) async fn holds(State(ledger): State<Ledger>) -> Result<Json<Holds>, Failure> {
    let clock = ledger.store.hold_clock().await?;
    Ok(Json(Holds {
        clock_s: clock.seconds,
        expire_after_s: ledger.holds.expire_after_s,
        paused: !clock.undrained.is_empty(),
        undrained: clock.undrained,
    }))
}

async fn done(ledger: &Ledger, command: Command) -> Result<(), Failure> {
    match ledger.batcher.submit(vec![command]).await?.pop() {
        Some(Outcome::Stored(_)) => Ok(()),
        Some(other) => Err(unexpected(other)),
        None => Err(Problem::new("fault", 500, Retry::SameKeyOnly, "it has no outcome").into()),
    }
}

fn not_found() -> Problem {
    let detail = "the books hold nothing under this id";
    Problem::new("not_found", 404, Retry::Never, detail)
}
