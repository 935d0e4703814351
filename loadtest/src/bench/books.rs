//! Accounts and cards to measure on, and one authorization to ask for.

use anyhow::{bail, ensure};
use ledger::batcher::Batcher;
use ledger::metrics::Metrics;
use ledger::posting::{Command, Outcome};
use ledger::store::Store;
use ledger_api::{
    AccountId, Amount, AuthorizationId, AuthorizationKind, AuthorizeAnswer, AuthorizeRequest,
    CardState, CardStatus, CardToken, Currency, Expiry, Fingerprint, GatewayId, OpenAccount,
};
use tokio::task::JoinSet;

use super::crowd::{Crowd, Draws, Spread};
use crate::live::say;

/// So much that no authorization is declined: a thousand million.
const OPENING_MINOR: i64 = 100_000_000_000;
/// How many commands go to the ledger at once when accounts are opened.
const TOGETHER: u64 = 512;
/// Who fills books, each with so many batches between two looks at how full they are.
const WRITERS: u32 = 4;
const BATCHES: u32 = 20;
/// The number of the sample that filling counts as; no other has it.
const FILLING: u32 = 0;

/// Books that this process writes.
#[derive(Debug)]
pub(crate) struct Books {
    pub(crate) store: Store,
    pub(crate) batcher: Batcher,
}

impl Books {
    /// Those at a URL; the schema is made where it is not there.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub(crate) async fn open(url: &str) -> anyhow::Result<Self> {
        let store = Store::postgres(url)?;
        store.prepare().await?;
        let batcher = Batcher::start(store.clone(), Metrics::default());
        Ok(Self { store, batcher })
    }

    /// Opens accounts 1 to `accounts`, each with money and a card.
    ///
    /// # Errors
    /// Where the ledger refuses one.
    pub(crate) async fn seed(&self, accounts: u64) -> anyhow::Result<()> {
        let euro: Currency = "EUR".parse()?;
        let (opening_minor, limit) = (Amount::new(OPENING_MINOR)?, Amount::MAX);
        let expiry = Expiry::try_from(9912)?;
        let open = |account| {
            Command::OpenAccount(OpenAccount {
                account: AccountId(account),
                currency: euro,
                opening_minor,
            })
        };
        let issue = |account| {
            Command::PutCard(CardState {
                card: card(account),
                account: AccountId(account),
                status: CardStatus::Open,
                expiry,
                transaction_max_minor: limit,
            })
        };
        for first in (1..=accounts).step_by(TOGETHER as usize) {
            let these = first..(first + TOGETHER).min(accounts + 1);
            self.stored(these.clone().map(open).collect()).await?;
            self.stored(these.map(issue).collect()).await?;
            if (first - 1) % (TOGETHER * 200) == 0 && first > 1 {
                say(&format!("  {} of {accounts} accounts", first - 1));
            }
        }
        Ok(())
    }

    async fn stored(&self, commands: Vec<Command>) -> anyhow::Result<()> {
        for outcome in self.batcher.submit(commands).await? {
            ensure!(
                matches!(outcome, Outcome::Stored(_)),
                "the ledger refuses an account or a card: {outcome:?}"
            );
        }
        Ok(())
    }

    /// Authorizations through the ledger, as many at once as it takes, until `done` says that it is
    /// enough. They are as any others, only faster.
    ///
    /// # Errors
    /// Where one is not approved, or the ledger fails.
    pub(crate) async fn fill<F>(&self, crowd: &Crowd, done: impl Fn() -> F) -> anyhow::Result<u64>
    where
        F: Future<Output = anyhow::Result<bool>>,
    {
        let gateway = gateway()?;
        let writers = (0..WRITERS).map(|writer| crowd.draws(Spread::Uniform, FILLING, writer));
        let mut writers: Vec<Draws> = writers.collect();
        let mut approved = 0;
        while !done().await? {
            let mut written = JoinSet::new();
            for mut draws in writers.drain(..) {
                let (batcher, gateway) = (self.batcher.clone(), gateway.clone());
                written.spawn(async move {
                    let ended = write(&batcher, &gateway, &mut draws).await;
                    (draws, ended)
                });
            }
            while let Some(ended) = written.join_next().await {
                let (draws, ended) = ended?;
                writers.push(draws);
                approved += ended?;
            }
        }
        Ok(approved)
    }

    /// Σ debits = Σ credits in every currency, and every account's totals are those of its entries (I6).
    ///
    /// # Errors
    /// Where they cannot be read.
    pub(crate) async fn balanced(&self) -> anyhow::Result<bool> {
        let books = self.store.books().await?;
        if books.currencies.is_empty() {
            bail!("the books are empty");
        }
        Ok(books.balanced)
    }
}

/// Some batches of authorizations, one after the other.
async fn write(batcher: &Batcher, gateway: &GatewayId, draws: &mut Draws) -> anyhow::Result<u64> {
    let mut approved = 0;
    for _ in 0..BATCHES {
        let commands = (0..TOGETHER).map(|_| Command::Authorize {
            gateway: gateway.clone(),
            request: draws.next(),
        });
        for outcome in batcher.submit(commands.collect()).await? {
            match outcome {
                Outcome::Authorized(AuthorizeAnswer::Decided(it), _) if it.approved => {
                    approved += 1;
                }
                other => bail!("not approved while the books were filled: {other:?}"),
            }
        }
    }
    Ok(approved)
}

/// The card of an account: like a real token it says nothing about the account's place in a table.
pub(crate) fn card(account: u64) -> CardToken {
    let mut mac = [0; 16];
    mac[..8].copy_from_slice(&mixed(account).to_be_bytes());
    mac[8..].copy_from_slice(&mixed(!account).to_be_bytes());
    CardToken { key_id: 1, mac }
}

/// The finalizer of splitmix64: a permutation without a pattern.
fn mixed(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// Who asks.
///
/// # Errors
/// Never: the name is one.
pub(crate) fn gateway() -> anyhow::Result<GatewayId> {
    Ok("gw1".parse()?)
}

/// What is the same in all authorizations, and makes them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Purchases {
    euro: Currency,
}

impl Purchases {
    /// In euro.
    ///
    /// # Errors
    /// Never: the currency is one.
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self {
            euro: "EUR".parse()?,
        })
    }

    /// A plain purchase.
    pub(crate) fn one(
        &self,
        account: u64,
        id: [u8; 16],
        fingerprint: u64,
        amount: Amount,
    ) -> AuthorizeRequest {
        AuthorizeRequest {
            id: AuthorizationId(id),
            card: card(account),
            amount_minor: amount,
            currency: self.euro,
            fingerprint: Fingerprint(fingerprint),
            unbooked_minor: 0,
            kind: AuthorizationKind::Purchase,
            partial: false,
            original: None,
            exponent: None,
            transaction: None,
            traceparent: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_account_has_a_card_of_its_own() {
        let cards: BTreeSet<_> = (1..=10_000).map(card).collect();
        assert_eq!(cards.len(), 10_000);
    }

    #[tokio::test]
    async fn seeded_books_balance_and_approve() {
        let store = Store::memory(1);
        let batcher = Batcher::start(store.clone(), Metrics::default());
        let books = Books { store, batcher };
        books.seed(700).await.unwrap();
        assert!(books.balanced().await.unwrap());
        let all = books.store.accounts(None, 10_000).await.unwrap().accounts;
        assert_eq!(
            all.iter().filter(|it| !it.account.is_internal()).count(),
            700
        );
    }
}
