//! Everything that is read from the books. A single statement needs no transaction; what needs one
//! snapshot gets one.

use ledger_api::{
    AccountId, AccountView, AccountsPage, AuthorizationId, AuthorizationView, AuthorizationsPage,
    FeedPage, GatewayId, JournalHead, ListingPage, Mark,
};
use sqlx::PgConnection;

use super::tx::TxError;
use super::{Postgres, rows};
use crate::posting::{Account, Card, Head, Record};
use crate::store::StoreError;
use crate::store::listing::{ListingCursor, listing_page, next};

const ACCOUNTS: &str = "SELECT id, currency, closed, debits_pending, debits_posted,
         credits_pending, credits_posted, position AS account_position
     FROM account WHERE bucket = $1 AND id > $2 AND id < $3 ORDER BY id LIMIT $4";

impl Postgres {
    pub(in crate::store) async fn read_mark(&self) -> Result<Mark, StoreError> {
        let bucket = self.bucket;
        let head = self.read("mark", |connection| {
            Box::pin(async move { Ok(rows::head(connection, bucket).await?) })
        });
        Ok(head.await?.mark())
    }

    pub(in crate::store) async fn account(
        &self,
        id: AccountId,
    ) -> Result<Option<AccountView>, StoreError> {
        let bucket = self.bucket;
        let found = self.read("account", move |connection| {
            Box::pin(async move { account(connection, bucket, id).await })
        });
        Ok(found.await?.map(|account| account.view()))
    }

    pub(in crate::store) async fn accounts(
        &self,
        after: Option<AccountId>,
        limit: usize,
    ) -> Result<AccountsPage, StoreError> {
        let bucket = self.bucket;
        let found = self.read("accounts", move |connection| {
            Box::pin(accounts(connection, bucket, after, i64::MAX, limit))
        });
        let found = found.await?;
        let next = next(&found, limit, |account| account.id);
        Ok(AccountsPage {
            accounts: found.iter().map(Account::view).collect(),
            next,
        })
    }

    pub(in crate::store) async fn authorization(
        &self,
        id: AuthorizationId,
    ) -> Result<Option<AuthorizationView>, StoreError> {
        let bucket = self.bucket;
        self.read("authorization", move |connection| {
            Box::pin(async move {
                let head = rows::head(connection, bucket).await?;
                let found =
                    sqlx::query("SELECT * FROM authorization_record WHERE bucket = $1 AND id = $2")
                        .bind(bucket)
                        .bind(id.0.to_vec())
                        .fetch_optional(connection)
                        .await?;
                let record = found.as_ref().map(rows::record).transpose()?;
                Ok(record.map(|record| record.view(head.epoch)))
            })
        })
        .await
    }

    pub(in crate::store) async fn authorizations(
        &self,
        after: Option<AuthorizationId>,
        limit: usize,
    ) -> Result<AuthorizationsPage, StoreError> {
        let all = "SELECT * FROM authorization_record WHERE bucket = $1 AND id > $2
             ORDER BY id LIMIT $3";
        self.page("authorizations", all, after, limit).await
    }

    pub(in crate::store) async fn suspense(
        &self,
        after: Option<AuthorizationId>,
        limit: usize,
    ) -> Result<AuthorizationsPage, StoreError> {
        let waiting = "SELECT * FROM authorization_record
             WHERE bucket = $1 AND id > $2 AND (parked IS NOT NULL OR contested) AND NOT settled
             ORDER BY id LIMIT $3";
        self.page("suspense", waiting, after, limit).await
    }

    async fn page(
        &self,
        name: &'static str,
        statement: &'static str,
        after: Option<AuthorizationId>,
        limit: usize,
    ) -> Result<AuthorizationsPage, StoreError> {
        let bucket = self.bucket;
        self.read(name, move |connection| {
            Box::pin(async move {
                let head = rows::head(connection, bucket).await?;
                let found = sqlx::query(statement)
                    .bind(bucket)
                    .bind(after.map(|id| id.0.to_vec()).unwrap_or_default())
                    .bind(rows_max(limit))
                    .fetch_all(connection)
                    .await?;
                let records: Vec<Record> =
                    found.iter().map(rows::record).collect::<Result<_, _>>()?;
                let next = next(&records, limit, |record| record.id);
                let views = records
                    .iter()
                    .map(|record| record.view(head.epoch))
                    .collect();
                Ok(AuthorizationsPage {
                    authorizations: views,
                    next,
                })
            })
        })
        .await
    }

    /// The head is read first: all positions up to it are committed and stay.
    pub(in crate::store) async fn feed(
        &self,
        epoch: u64,
        after: u64,
        limit: usize,
    ) -> Result<FeedPage, StoreError> {
        let bucket = self.bucket;
        let (head, changes) = self
            .read("feed", move |connection| {
                Box::pin(async move {
                    let head = rows::head(connection, bucket).await?;
                    if head.epoch != epoch || after >= head.position {
                        return Ok((head, Vec::new()));
                    }
                    let found = sqlx::query(
                        "SELECT * FROM feed WHERE bucket = $1 AND position > $2 AND position <= $3
                         ORDER BY position LIMIT $4",
                    )
                    .bind(bucket)
                    .bind(after.cast_signed())
                    .bind(head.position.cast_signed())
                    .bind(rows_max(limit))
                    .fetch_all(connection)
                    .await?;
                    Ok((
                        head,
                        found.iter().map(rows::change).collect::<Result<_, _>>()?,
                    ))
                })
            })
            .await?;
        let Head {
            epoch: ours,
            position: head,
            ..
        } = head;
        if epoch != ours {
            return Err(StoreError::EpochChanged { epoch: ours });
        }
        // Another server than before, that has less: what the reader knows is newer, and it must not
        // forget it for this.
        if after > head {
            return Err(StoreError::FeedAhead { position: head });
        }
        Ok(FeedPage {
            epoch,
            head,
            changes,
        })
    }

    /// The head is read first: every state that follows is at least that new.
    pub(in crate::store) async fn listing(
        &self,
        after: Option<ListingCursor>,
        limit: usize,
    ) -> Result<ListingPage, StoreError> {
        let bucket = self.bucket;
        self.read("listing", move |connection| {
            Box::pin(async move {
                let mark = rows::head(connection, bucket).await?.mark();
                let customers = AccountId::INTERNAL_FROM.cast_signed();
                let accounts = match ListingCursor::accounts_from(after) {
                    Some(after) => accounts(connection, bucket, after, customers, limit).await?,
                    None => Vec::new(),
                };
                let found = sqlx::query(
                    "SELECT token, account, status, expiry, transaction_max_minor, position
                     FROM card WHERE bucket = $1 AND token > $2 ORDER BY token LIMIT $3",
                )
                .bind(bucket)
                .bind(
                    ListingCursor::cards_after(after)
                        .map(card_bytes)
                        .unwrap_or_default(),
                )
                .bind(rows_max(limit - accounts.len()))
                .fetch_all(connection)
                .await?;
                let cards: Vec<Card> = found.iter().map(rows::card).collect::<Result<_, _>>()?;
                Ok(listing_page(mark, accounts, cards, limit))
            })
        })
        .await
    }

    pub(in crate::store) async fn journal_head(
        &self,
        gateway: &GatewayId,
    ) -> Result<Option<JournalHead>, StoreError> {
        let bucket = self.bucket;
        let name = gateway.to_string();
        self.read("journal_head", move |connection| {
            let name = name.clone();
            Box::pin(async move {
                let found = sqlx::query(
                    "SELECT epoch, seq, hash FROM gateway_head WHERE bucket = $1 AND gateway = $2",
                )
                .bind(bucket)
                .bind(name)
                .fetch_optional(connection)
                .await?;
                Ok(found.as_ref().map(rows::journal_head).transpose()?)
            })
        })
        .await
    }
}

async fn account(
    connection: &mut PgConnection,
    bucket: i16,
    id: AccountId,
) -> Result<Option<Account>, TxError> {
    let found = sqlx::query(
        "SELECT *, position AS account_position FROM account WHERE bucket = $1 AND id = $2",
    )
    .bind(bucket)
    .bind(id.0.cast_signed())
    .fetch_optional(connection)
    .await?;
    Ok(found.as_ref().map(rows::account).transpose()?)
}

/// At most `limit` accounts after an id and below another.
async fn accounts(
    connection: &mut PgConnection,
    bucket: i16,
    after: Option<AccountId>,
    below: i64,
    limit: usize,
) -> Result<Vec<Account>, TxError> {
    let found = sqlx::query(ACCOUNTS)
        .bind(bucket)
        .bind(after.map_or(-1, |id| i64::try_from(id.0).unwrap_or(i64::MAX)))
        .bind(below)
        .bind(rows_max(limit))
        .fetch_all(connection)
        .await?;
    Ok(found.iter().map(rows::account).collect::<Result<_, _>>()?)
}

fn card_bytes(card: ledger_api::CardToken) -> Vec<u8> {
    card.to_bytes().to_vec()
}

pub(super) fn rows_max(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
