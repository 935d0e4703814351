//! Calls that change the books.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ledger_api::{
    AccountBatch, AdviceAnswer, AdviceAnswers, AdviceBatch, AdviceItem, AdviceOutcome,
    AuthorizationId, AuthorizeAnswer, AuthorizeAnswers, AuthorizeBatch, CaptureBatch, CardBatch,
    GatewayId, Mark, Problem, RefundBatch, Retry, ReversalBatch,
};

use super::Ledger;
use super::extract::{Body, bounded, segment};
use super::failure::Failure;
use super::items::{Bad, Sifted, weave};
use super::reads::Segment;
use super::spans::Spans;
use crate::batcher::BatchError;
use crate::posting::{Command, Outcome};
use crate::store::StoreError;

pub(super) async fn authorize(
    State(ledger): State<Ledger>,
    Sifted { batch, bad }: Sifted<AuthorizeBatch>,
) -> Result<Json<AuthorizeAnswers>, Failure> {
    let gateway = batch.gateway;
    let items = bounded(batch.items)?;
    let ids: Vec<AuthorizationId> = items.iter().map(|request| request.id).collect();
    let parents = items.iter().map(|request| request.traceparent);
    let spans = Spans::begin(&ledger.telemetry, "ledger.decide", &gateway, parents);
    let commands = (items.into_iter())
        .map(|request| Command::Authorize {
            gateway: gateway.clone(),
            request,
        })
        .collect();
    let outcomes = ledger.batcher.submit(commands).await?;
    spans.end(&outcomes);
    let mut items = (outcomes.into_iter())
        .map(|outcome| match outcome {
            Outcome::Authorized(answer, _) => Ok(answer),
            other => Err(unexpected(other)),
        })
        .collect::<Result<Vec<_>, _>>()?;
    for (id, _) in (ids.iter().zip(&items)).filter(|(_, it)| **it == AuthorizeAnswer::Conflict) {
        alarm(&gateway, id);
    }
    weave(&mut items, bad, |bad| AuthorizeAnswer::Failed(bad.problem));
    Ok(Json(AuthorizeAnswers { items }))
}

pub(super) async fn advise(
    State(ledger): State<Ledger>,
    Sifted { batch, bad }: Sifted<AdviceBatch>,
) -> Result<Json<AdviceAnswers>, Failure> {
    let gateway = batch.gateway;
    let items = bounded(batch.items)?;
    let parents = items.iter().map(AdviceItem::traceparent);
    let spans = Spans::begin(&ledger.telemetry, "ledger.book", &gateway, parents);
    let advises = items.into_iter().map(|item| Command::Advise {
        gateway: gateway.clone(),
        item,
    });
    let mut commands: Vec<Command> = advises.collect();
    commands.push(Command::NoteHead {
        gateway: gateway.clone(),
        head: batch.head,
        undrained: batch.undrained.unwrap_or_default(),
    });
    let mut outcomes = ledger.batcher.submit(commands).await?;
    spans.end(&outcomes);
    // Money first: what was told is booked, whatever became of the journal that it was told from.
    if let Some(Outcome::Refused(problem)) = outcomes.pop() {
        tracing::error!(%gateway, %problem, "a gateway has lost its journal, or an older one came back");
    }
    // What was not done has not left the journal: the hold clock goes on only behind it (rule 17).
    let failed = outcomes.iter().filter(|outcome| is_failed(outcome)).count();
    if failed > 0 {
        let behind = batch.undrained.unwrap_or_default();
        let head = Command::NoteHead {
            gateway: gateway.clone(),
            head: batch.head,
            undrained: behind.saturating_add(failed as u64),
        };
        // Items were booked: whatever came of this, nobody may say that nothing was.
        let unknown = |error: BatchError| StoreError::Unknown(error.to_string());
        ledger.batcher.submit(vec![head]).await.map_err(unknown)?;
    }
    advice_answers(&gateway, outcomes, bad)
}

pub(super) async fn reverse(
    State(ledger): State<Ledger>,
    Sifted { batch, bad }: Sifted<ReversalBatch>,
) -> Result<Json<AdviceAnswers>, Failure> {
    let items = bounded(batch.items)?.into_iter();
    let items = items.map(AdviceItem::Reversal).collect();
    let advise = |gateway, item| Command::Advise { gateway, item };
    book(&ledger, &batch.gateway, items, bad, advise).await
}

pub(super) async fn capture(
    State(ledger): State<Ledger>,
    Sifted { batch, bad }: Sifted<CaptureBatch>,
) -> Result<Json<AdviceAnswers>, Failure> {
    let items = bounded(batch.items)?.into_iter();
    let items = items.map(AdviceItem::Capture).collect();
    let settle = |gateway, item| Command::Settle { gateway, item };
    book(&ledger, &batch.gateway, items, bad, settle).await
}

pub(super) async fn refund(
    State(ledger): State<Ledger>,
    Sifted { batch, bad }: Sifted<RefundBatch>,
) -> Result<Json<AdviceAnswers>, Failure> {
    let items = bounded(batch.items)?.into_iter();
    let items = items.map(AdviceItem::Refund).collect();
    let settle = |gateway, item| Command::Settle { gateway, item };
    book(&ledger, &batch.gateway, items, bad, settle).await
}

async fn book(
    ledger: &Ledger,
    gateway: &GatewayId,
    items: Vec<AdviceItem>,
    bad: Vec<Bad>,
    command: impl Fn(GatewayId, AdviceItem) -> Command,
) -> Result<Json<AdviceAnswers>, Failure> {
    let parents = items.iter().map(AdviceItem::traceparent);
    let spans = Spans::begin(&ledger.telemetry, "ledger.book", gateway, parents);
    let commands = items.into_iter();
    let commands = commands
        .map(|item| command(gateway.clone(), item))
        .collect();
    let outcomes = ledger.batcher.submit(commands).await?;
    spans.end(&outcomes);
    advice_answers(gateway, outcomes, bad)
}

fn advice_answers(
    gateway: &GatewayId,
    outcomes: Vec<Outcome>,
    bad: Vec<Bad>,
) -> Result<Json<AdviceAnswers>, Failure> {
    let mut items = (outcomes.into_iter())
        .map(|outcome| match outcome {
            Outcome::Advised(answer, _) => Ok(answer),
            other => Err(unexpected(other)),
        })
        .collect::<Result<Vec<_>, _>>()?;
    for answer in items.iter().filter(|answer| answer.conflict) {
        alarm(gateway, &answer.id);
    }
    weave(&mut items, bad, |bad| AdviceAnswer {
        id: bad.id,
        seq: bad.seq,
        outcome: AdviceOutcome::Failed {
            problem: bad.problem,
        },
        conflict: false,
        mark: Mark::default(),
    });
    Ok(Json(AdviceAnswers { items }))
}

/// An id that comes again with other content is a fault at whoever made it, or an attack.
fn alarm(gateway: &GatewayId, id: &AuthorizationId) {
    tracing::error!(%gateway, %id, "an id was used again with other content; nothing was booked twice");
}

pub(super) async fn open_accounts(
    State(ledger): State<Ledger>,
    Body(batch): Body<AccountBatch>,
) -> Result<StatusCode, Failure> {
    let items = bounded(batch.items)?;
    stored(
        &ledger,
        items.into_iter().map(Command::OpenAccount).collect(),
    )
    .await
}

pub(super) async fn put_cards(
    State(ledger): State<Ledger>,
    Body(batch): Body<CardBatch>,
) -> Result<StatusCode, Failure> {
    let items = bounded(batch.items)?;
    stored(&ledger, items.into_iter().map(Command::PutCard).collect()).await
}

/// An operator's grant (rule 11).
pub(super) async fn grant_journal(
    State(ledger): State<Ledger>,
    path: Segment,
) -> Result<StatusCode, Failure> {
    let gateway: GatewayId = segment(path)?;
    tracing::warn!(%gateway, "an operator grants a new journal");
    stored(&ledger, vec![Command::GrantJournal { gateway }]).await
}

/// The first refusal is the answer; it says which item, and the others stand.
async fn stored(ledger: &Ledger, commands: Vec<Command>) -> Result<StatusCode, Failure> {
    let outcomes = ledger.batcher.submit(commands).await?;
    for (place, outcome) in outcomes.into_iter().enumerate() {
        if let Outcome::Refused(problem) = outcome {
            return Err(problem.at(format!("/items/{place}")).into());
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

pub(super) fn unexpected(outcome: Outcome) -> Failure {
    match outcome {
        Outcome::Refused(problem) => problem.into(),
        _ => {
            let detail = "an item was answered with another kind of outcome";
            Problem::new("fault", 500, Retry::SameKeyOnly, detail).into()
        }
    }
}

fn is_failed(outcome: &Outcome) -> bool {
    let Outcome::Advised(answer, _) = outcome else {
        return false;
    };
    matches!(answer.outcome, AdviceOutcome::Failed { .. })
}
