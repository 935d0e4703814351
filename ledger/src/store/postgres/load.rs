//! Loading, and locking, what a batch needs.

use std::collections::BTreeSet;

use ledger_api::{AccountId, GatewayId};
use sqlx::{PgConnection, Row};

use super::rows;
use super::tx::TxError;
use crate::posting::{Needs, WorkingSet};

/// Locks the accounts that the commands lead to, in order of id, then reads cards and
/// authorizations: behind those locks, because whoever changes them takes the locks first.
pub(super) async fn working_set(
    connection: &mut PgConnection,
    needs: &Needs,
) -> Result<WorkingSet, TxError> {
    let cards: Vec<Vec<u8>> = needs
        .cards
        .iter()
        .map(|card| card.to_bytes().to_vec())
        .collect();
    let ids: Vec<Vec<u8>> = needs
        .authorizations
        .iter()
        .map(|id| id.0.to_vec())
        .collect();
    let mut set = WorkingSet::default();
    let locked = lock_accounts(connection, needs, &cards, &ids, &mut set).await?;
    if !cards.is_empty() {
        let found = sqlx::query(
            "SELECT token, account, status, expiry, transaction_max_minor, position
             FROM card WHERE bucket = 0 AND token = ANY ($1)",
        )
        .bind(&cards)
        .fetch_all(&mut *connection)
        .await?;
        for row in &found {
            set.load_card(rows::card(row)?);
        }
    }
    load_records(connection, ids, &mut set).await?;
    load_heads(connection, needs, &mut set).await?;
    // A card or an authorization came to another account between the statements: start over.
    let mut wanted = set.accounts_needed(needs);
    wanted.retain(|account| !needs.accounts.contains(account));
    if wanted.is_subset(&locked) {
        Ok(set)
    } else {
        Err(TxError::Raced)
    }
}

/// Reads and locks authorizations, and then the originals that they name, which change with them.
async fn load_records(
    connection: &mut PgConnection,
    mut ids: Vec<Vec<u8>>,
    set: &mut WorkingSet,
) -> Result<(), TxError> {
    while !ids.is_empty() {
        let found = sqlx::query(
            "SELECT * FROM authorization_record WHERE bucket = 0 AND id = ANY ($1)
             ORDER BY id FOR UPDATE",
        )
        .bind(&ids)
        .fetch_all(&mut *connection)
        .await?;
        for row in &found {
            set.load_record(rows::record(row)?);
        }
        if found.is_empty() {
            break;
        }
        let missing = set.originals_missing().into_iter();
        ids = missing.map(|id| id.0.to_vec()).collect();
    }
    Ok(())
}

async fn lock_accounts(
    connection: &mut PgConnection,
    needs: &Needs,
    cards: &[Vec<u8>],
    ids: &[Vec<u8>],
    set: &mut WorkingSet,
) -> Result<BTreeSet<AccountId>, TxError> {
    let named: Vec<i64> = (needs.accounts.iter())
        .filter(|account| !account.is_internal())
        .map(|account| account.0.cast_signed())
        .collect();
    if named.is_empty() && cards.is_empty() && ids.is_empty() {
        return Ok(BTreeSet::new());
    }
    let found = sqlx::query(
        "SELECT id, currency, closed, debits_pending, debits_posted, credits_pending,
                credits_posted, position
         FROM account
         WHERE bucket = 0 AND id = ANY (ARRAY(
             SELECT account FROM card WHERE bucket = 0 AND token = ANY ($1)
             UNION
             SELECT unnest(ARRAY[own.account, original.account, first.account])
             FROM authorization_record AS own
             LEFT JOIN authorization_record AS original
                 ON original.bucket = own.bucket AND original.id = own.original
             LEFT JOIN authorization_record AS first
                 ON first.bucket = original.bucket AND first.id = original.original
             WHERE own.bucket = 0 AND own.id = ANY ($2)
             UNION
             SELECT unnest($3::bigint[])
         ))
         ORDER BY id FOR UPDATE",
    )
    .bind(cards)
    .bind(ids)
    .bind(&named)
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
    needs: &Needs,
    set: &mut WorkingSet,
) -> Result<(), TxError> {
    if needs.gateways.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = needs.gateways.iter().map(GatewayId::as_str).collect();
    let found = sqlx::query(
        "SELECT gateway, epoch, seq, hash, undrained FROM gateway_head
         WHERE bucket = 0 AND gateway = ANY ($1) ORDER BY gateway FOR UPDATE",
    )
    .bind(&names)
    .fetch_all(connection)
    .await?;
    for row in &found {
        let name: &str = row.try_get("gateway")?;
        if let Some(gateway) = needs
            .gateways
            .iter()
            .find(|gateway| gateway.as_str() == name)
        {
            set.load_journal(gateway.clone(), rows::journal(row)?);
        }
    }
    Ok(())
}
