//! Loading, and locking, what a batch needs.
//!
//! Whoever changes a card or an authorization holds the lock of its account's row. A batch passes by
//! rows that somebody else has locked, and the commands that need them go elsewhere to wait (rule
//! 19); what waits locks in order of id, so that nobody waits in a circle.

use std::collections::BTreeSet;

use ledger_api::{AccountId, AuthorizationId, CardToken, GatewayId};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use super::gate::Gate;
use super::memory::Stamp;
use super::rows;
use super::tx::TxError;
use crate::posting::{Account, Card, Head, Needs, WorkingSet};
use crate::store::HeldRow;

// Each key is looked up by itself, so that no plan is left but the index on it: a server that has seen
// the tables small would rather read the whole bucket, and go on doing so as they grow.
const CARDS: &str = "SELECT card.*
     FROM unnest($2::bytea[]) AS wanted (token) CROSS JOIN LATERAL (
         SELECT token, account, status, expiry, transaction_max_minor, position
         FROM card WHERE card.bucket = $1 AND card.token = wanted.token OFFSET 0
     ) AS card";
const CARDS_WITH_ACCOUNTS: &str = "SELECT card.*, owner.*
     FROM unnest($2::bytea[]) AS wanted (token) CROSS JOIN LATERAL (
         SELECT token, account, status, expiry, transaction_max_minor, position
         FROM card WHERE card.bucket = $1 AND card.token = wanted.token OFFSET 0
     ) AS card CROSS JOIN LATERAL (
         SELECT id, currency, closed, debits_pending, debits_posted, credits_pending,
             credits_posted, position AS account_position
         FROM account WHERE account.bucket = $1 AND account.id = card.account
         FOR UPDATE SKIP LOCKED
     ) AS owner";
/// With the head row as it was when they were read, even where none is found.
const UNLOCKED: &str = "SELECT head.epoch, head.position AS head_position, head.entry, head.stamp,
         card.*, owner.*
     FROM head LEFT JOIN (
         unnest($2::bytea[]) AS wanted (token) CROSS JOIN LATERAL (
             SELECT token, account, status, expiry, transaction_max_minor, position
             FROM card WHERE card.bucket = $1 AND card.token = wanted.token OFFSET 0
         ) AS card CROSS JOIN LATERAL (
             SELECT id, currency, closed, debits_pending, debits_posted, credits_pending,
                 credits_posted, position AS account_position
             FROM account WHERE account.bucket = $1 AND account.id = card.account OFFSET 0
         ) AS owner
     ) ON true
     WHERE head.bucket = $1";
const ACCOUNTS: &str = "SELECT owner.*
     FROM unnest($2::bigint[]) AS wanted (id) CROSS JOIN LATERAL (
         SELECT id, currency, closed, debits_pending, debits_posted, credits_pending,
             credits_posted, position AS account_position
         FROM account WHERE account.bucket = $1 AND account.id = wanted.id
         FOR UPDATE SKIP LOCKED
     ) AS owner";
const ACCOUNTS_THAT_ARE: &str = "SELECT owner.id
     FROM unnest($2::bigint[]) AS wanted (id) CROSS JOIN LATERAL (
         SELECT id FROM account WHERE account.bucket = $1 AND account.id = wanted.id OFFSET 0
     ) AS owner";
const RECORDS: &str = "SELECT record.*
     FROM unnest($2::bytea[]) AS wanted (id) CROSS JOIN LATERAL (
         SELECT * FROM authorization_record AS own
         WHERE own.bucket = $1 AND own.id = wanted.id OFFSET 0
     ) AS record";
const RECORDS_WAITED_FOR: &str = "SELECT record.*
     FROM unnest($2::bytea[]) AS wanted (id) CROSS JOIN LATERAL (
         SELECT * FROM authorization_record AS own
         WHERE own.bucket = $1 AND own.id = wanted.id FOR UPDATE
     ) AS record";
/// In order of id, all that the cards, the authorizations, the originals that these name, and theirs lead
/// to.
const ACCOUNTS_WAITED_FOR: &str = "SELECT owner.*
     FROM (
         SELECT card.account AS id
         FROM unnest($2::bytea[]) AS wanted (token) CROSS JOIN LATERAL (
             SELECT account FROM card
             WHERE card.bucket = $1 AND card.token = wanted.token OFFSET 0
         ) AS card
         UNION
         SELECT unnest(ARRAY[own.account, original.account, first.account])
         FROM unnest($3::bytea[]) AS wanted (id) CROSS JOIN LATERAL (
             SELECT account, original FROM authorization_record AS record
             WHERE record.bucket = $1 AND record.id = wanted.id OFFSET 0
         ) AS own LEFT JOIN LATERAL (
             SELECT account, original FROM authorization_record AS record
             WHERE record.bucket = $1 AND record.id = own.original OFFSET 0
         ) AS original ON true LEFT JOIN LATERAL (
             SELECT account FROM authorization_record AS record
             WHERE record.bucket = $1 AND record.id = original.original OFFSET 0
         ) AS first ON true
         UNION
         SELECT unnest($4::bigint[])
         ORDER BY id
     ) AS wanted CROSS JOIN LATERAL (
         SELECT id, currency, closed, debits_pending, debits_posted, credits_pending,
             credits_posted, position AS account_position
         FROM account WHERE account.bucket = $1 AND account.id = wanted.id
         FOR UPDATE
     ) AS owner";
const RECORDS_LOCKED: &str = "SELECT record.*
     FROM unnest($2::bytea[]) AS wanted (id) CROSS JOIN LATERAL (
         SELECT * FROM authorization_record AS own
         WHERE own.bucket = $1 AND own.id = wanted.id FOR UPDATE SKIP LOCKED
     ) AS record";

/// What a batch works on.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    pub(super) set: WorkingSet,
    pub(super) held: Held,
}

/// What somebody else has locked.
#[derive(Debug, Default)]
pub(super) struct Held {
    accounts: BTreeSet<AccountId>,
    records: BTreeSet<AuthorizationId>,
}

impl Held {
    pub(super) fn is_empty(&self) -> bool {
        self.accounts.is_empty() && self.records.is_empty()
    }

    pub(super) fn accounts(&self) -> &BTreeSet<AccountId> {
        &self.accounts
    }

    /// What keeps the commands with these needs from being done now.
    pub(super) fn by(&self, set: &WorkingSet, needs: &Needs) -> Option<HeldRow> {
        let accounts = set.accounts_needed_by(needs);
        let account = accounts.intersection(&self.accounts).next();
        let records = set.authorizations_needed_by(needs);
        let record = || {
            let held = records.intersection(&self.records).next().copied();
            held.map(HeldRow::Authorization)
        };
        account.copied().map(HeldRow::Account).or_else(record)
    }
}

/// Loads what the commands need, and locks it where it can be had without waiting. A gateway's journal is
/// waited for before its turn, which others wait for.
pub(super) async fn passing(
    connection: &mut PgConnection,
    bucket: i16,
    needs: &Needs,
    gate: &Gate,
) -> Result<Loaded, TxError> {
    let mut loaded = Loaded::default();
    load_heads(connection, bucket, needs, &mut loaded.set).await?;
    gate.pass().await?;
    let mut locked = BTreeSet::new();
    if !needs.cards.is_empty() {
        cards_with_accounts(connection, bucket, needs, &mut loaded, &mut locked).await?;
    }
    free_records(connection, bucket, &needs.authorizations, &mut loaded).await?;
    let mut others = loaded.set.accounts_needed(needs);
    others.retain(|account| !locked.contains(account) && !loaded.held.accounts.contains(account));
    if !others.is_empty() {
        free_accounts(connection, bucket, &others, &mut loaded).await?;
        // What led here was read before the lock. Whatever it leads to now beyond that is not ours.
        free_records(connection, bucket, &needs.authorizations, &mut loaded).await?;
        locked.extend(others);
        let mut beyond = loaded.set.accounts_needed(needs);
        beyond.retain(|account| !locked.contains(account));
        loaded.held.accounts.extend(beyond);
    }
    Ok(loaded)
}

async fn cards_with_accounts(
    connection: &mut PgConnection,
    bucket: i16,
    needs: &Needs,
    loaded: &mut Loaded,
    locked: &mut BTreeSet<AccountId>,
) -> Result<(), TxError> {
    let mut missing: BTreeSet<CardToken> = needs.cards.clone();
    let found = sqlx::query(CARDS_WITH_ACCOUNTS)
        .bind(bucket)
        .bind(tokens(&needs.cards))
        .fetch_all(&mut *connection)
        .await?;
    for row in &found {
        let card = rows::card(row)?;
        missing.remove(&card.state.card);
        if locked.insert(card.state.account) {
            loaded.set.load_account(rows::account(row)?);
        }
        loaded.set.load_card(card);
    }
    if missing.is_empty() {
        return Ok(());
    }
    let found = sqlx::query(CARDS)
        .bind(bucket)
        .bind(tokens(&missing))
        .fetch_all(connection)
        .await?;
    for row in &found {
        let card = rows::card(row)?;
        if !locked.contains(&card.state.account) {
            loaded.held.accounts.insert(card.state.account);
        }
        loaded.set.load_card(card);
    }
    Ok(())
}

async fn free_accounts(
    connection: &mut PgConnection,
    bucket: i16,
    wanted: &BTreeSet<AccountId>,
    loaded: &mut Loaded,
) -> Result<(), TxError> {
    let mut missing = wanted.clone();
    let found = sqlx::query(ACCOUNTS)
        .bind(bucket)
        .bind(ids(&missing))
        .fetch_all(&mut *connection)
        .await?;
    for row in &found {
        let account = rows::account(row)?;
        missing.remove(&account.id);
        loaded.set.load_account(account);
    }
    if missing.is_empty() {
        return Ok(());
    }
    let found = sqlx::query(ACCOUNTS_THAT_ARE)
        .bind(bucket)
        .bind(ids(&missing))
        .fetch_all(connection)
        .await?;
    for row in &found {
        loaded.held.accounts.insert(rows::account_id(row)?);
    }
    Ok(())
}

/// Loads authorizations, and then the originals that they name, which change with them.
async fn free_records(
    connection: &mut PgConnection,
    bucket: i16,
    wanted: &BTreeSet<AuthorizationId>,
    loaded: &mut Loaded,
) -> Result<(), TxError> {
    let mut wanted = wanted.clone();
    while !wanted.is_empty() && free_records_named(connection, bucket, &wanted, loaded).await? {
        wanted = loaded.set.originals_missing();
    }
    Ok(())
}

/// False where there is none: a live authorization is new nearly always, and there is nothing to lock.
async fn free_records_named(
    connection: &mut PgConnection,
    bucket: i16,
    wanted: &BTreeSet<AuthorizationId>,
    loaded: &mut Loaded,
) -> Result<bool, TxError> {
    let known = sqlx::query(RECORDS)
        .bind(bucket)
        .bind(keys(wanted))
        .fetch_all(&mut *connection)
        .await?;
    if known.is_empty() {
        return Ok(false);
    }
    let mut missing = BTreeSet::new();
    for row in &known {
        // It leads to an account, even where somebody else has it.
        let record = rows::record(row)?;
        missing.insert(record.id);
        loaded.set.load_record(record);
    }
    let free = sqlx::query(RECORDS_LOCKED)
        .bind(bucket)
        .bind(keys(&missing))
        .fetch_all(connection)
        .await?;
    for row in &free {
        let record = rows::record(row)?;
        missing.remove(&record.id);
        loaded.set.load_record(record);
    }
    loaded.held.records.extend(missing);
    Ok(true)
}

/// Reads cards with their accounts, and where the head was, and locks nothing.
pub(super) async fn unlocked(
    connection: &mut PgConnection,
    bucket: i16,
    tokens: Vec<[u8; 17]>,
) -> Result<(Stamp, Vec<(Card, Account)>), TxError> {
    let found = sqlx::query(UNLOCKED)
        .bind(bucket)
        .bind(tokens)
        .fetch_all(connection)
        .await?;
    let first = found.first().ok_or(sqlx::Error::RowNotFound)?;
    let head = Head {
        epoch: rows::unsigned(first, "epoch")?,
        position: rows::unsigned(first, "head_position")?,
        entry: rows::unsigned(first, "entry")?,
    };
    let drawn = first.try_get("stamp")?;
    let mut states = Vec::with_capacity(found.len());
    for row in &found {
        if row.try_get::<Option<i64>, _>("id")?.is_some() {
            states.push((rows::card(row)?, rows::account(row)?));
        }
    }
    Ok((Stamp { head, drawn }, states))
}

/// Loads what the commands need, and waits for whoever has it, for as long as the server lets us.
pub(super) async fn waiting(
    connection: &mut PgConnection,
    bucket: i16,
    needs: &Needs,
    gate: &Gate,
) -> Result<Loaded, TxError> {
    let mut set = WorkingSet::default();
    let locked = lock_accounts(connection, bucket, needs, &mut set).await?;
    if !needs.cards.is_empty() {
        let found = sqlx::query(CARDS)
            .bind(bucket)
            .bind(tokens(&needs.cards))
            .fetch_all(&mut *connection)
            .await?;
        for row in &found {
            set.load_card(rows::card(row)?);
        }
    }
    records(connection, bucket, needs, &mut set).await?;
    load_heads(connection, bucket, needs, &mut set).await?;
    // A card or an authorization came to another account between the statements: start over.
    let mut wanted = set.accounts_needed(needs);
    wanted.retain(|account| !needs.accounts.contains(account));
    if wanted.is_subset(&locked) {
        gate.pass().await?;
        let held = Held::default();
        Ok(Loaded { set, held })
    } else {
        Err(TxError::Raced)
    }
}

/// Reads and locks authorizations, and then the originals that they name.
async fn records(
    connection: &mut PgConnection,
    bucket: i16,
    needs: &Needs,
    set: &mut WorkingSet,
) -> Result<(), TxError> {
    let mut wanted = needs.authorizations.clone();
    while !wanted.is_empty() {
        let found = sqlx::query(RECORDS_WAITED_FOR)
            .bind(bucket)
            .bind(keys(&wanted))
            .fetch_all(&mut *connection)
            .await?;
        for row in &found {
            set.load_record(rows::record(row)?);
        }
        if found.is_empty() {
            break;
        }
        wanted = set.originals_missing();
    }
    Ok(())
}

async fn lock_accounts(
    connection: &mut PgConnection,
    bucket: i16,
    needs: &Needs,
    set: &mut WorkingSet,
) -> Result<BTreeSet<AccountId>, TxError> {
    let mut named = needs.accounts.clone();
    named.retain(|account| !account.is_internal());
    if named.is_empty() && needs.cards.is_empty() && needs.authorizations.is_empty() {
        return Ok(BTreeSet::new());
    }
    let found = sqlx::query(ACCOUNTS_WAITED_FOR)
        .bind(bucket)
        .bind(tokens(&needs.cards))
        .bind(keys(&needs.authorizations))
        .bind(ids(&named))
        .fetch_all(connection)
        .await?;
    let mut locked = BTreeSet::new();
    for row in &found {
        let account = rows::account(row)?;
        locked.insert(account.id);
        set.load_account(account);
    }
    Ok(locked)
}

async fn load_heads(
    connection: &mut PgConnection,
    bucket: i16,
    needs: &Needs,
    set: &mut WorkingSet,
) -> Result<(), TxError> {
    if needs.gateways.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = needs.gateways.iter().map(GatewayId::as_str).collect();
    let found: Vec<PgRow> = sqlx::query(
        "SELECT gateway, epoch, seq, hash, undrained FROM gateway_head
         WHERE bucket = $1 AND gateway = ANY ($2) ORDER BY gateway FOR UPDATE",
    )
    .bind(bucket)
    .bind(&names)
    .fetch_all(connection)
    .await?;
    for row in &found {
        let name: &str = row.try_get("gateway")?;
        let named = |gateway: &&GatewayId| gateway.as_str() == name;
        if let Some(gateway) = needs.gateways.iter().find(named) {
            set.load_journal(gateway.clone(), rows::journal(row)?);
        }
    }
    Ok(())
}

pub(super) fn tokens(cards: &BTreeSet<CardToken>) -> Vec<[u8; 17]> {
    cards.iter().map(|card| card.to_bytes()).collect()
}

fn keys(authorizations: &BTreeSet<AuthorizationId>) -> Vec<[u8; 16]> {
    authorizations.iter().map(|id| id.0).collect()
}

fn ids(accounts: &BTreeSet<AccountId>) -> Vec<i64> {
    accounts.iter().map(|id| id.0.cast_signed()).collect()
}
