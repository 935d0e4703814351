//! `ledger verify`.

use std::collections::HashMap;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use ledger_api::{AccountId, AccountsPage, Currency, EntriesPage, Verification};
use serde_json::json;

use super::arguments::Books;
use super::close::{closes, sums};
use super::outside::{self, say, unasked};
use super::{FAILED, fail};
use crate::ask::{AskError, Peer};
use crate::posting::Head;
use crate::store::audit::Audited;
use crate::store::verify::Verifier;
use crate::store::{Database, Store, StoreError};

/// The ledger reads all there is.
const PATIENCE: Duration = Duration::from_secs(3_600);
const PAGE: usize = 5_000;
/// After how many entries the progress is said.
const PROGRESS_EVERY: u64 = 500_000;

/// Which books.
#[derive(Debug, Clone, Args)]
pub(super) struct VerifyCommand {
    /// Ask this ledger, and compute closes and hashes from its entries here. Without it the configured
    /// books are opened: a database, or a folder that no ledger uses now.
    #[arg(long)]
    url: Option<String>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

impl VerifyCommand {
    /// True where a ledger is asked, so that no books are configured here.
    pub(super) fn asks(&self) -> bool {
        self.url.is_some()
    }

    /// Exit code 0 where nothing is crooked, 1 where something is.
    pub(super) fn run(&self) -> ExitCode {
        let url = self.url.clone().unwrap_or_default();
        outside::run(async move {
            match recount(&url).await {
                Ok(verification) => self.tell(&verification),
                Err(error) => unasked(&error),
            }
        })
    }

    /// The same for the configured books.
    pub(super) async fn open(self, books: Books) -> ExitCode {
        match opened(books).await {
            Ok(verification) => self.tell(&verification),
            Err(error) => fail(FAILED, &error),
        }
    }

    fn tell(&self, verification: &Verification) -> ExitCode {
        if self.json {
            let json = serde_json::to_value(verification).unwrap_or_default();
            let straight = verification.crooked.is_empty();
            say(&format!(
                "{:#}\n",
                json!({"straight": straight, "books": json})
            ));
        } else {
            say(&text(verification));
        }
        match verification.crooked.is_empty() {
            true => ExitCode::SUCCESS,
            false => ExitCode::from(FAILED),
        }
    }
}

async fn opened(books: Books) -> Result<Verification, StoreError> {
    let store = match books {
        Books::Folder(folder) => existing(&folder).await?,
        Books::Database(database) => {
            // Whoever looks changes nothing.
            let database = Database {
                migrate: false,
                ..database
            };
            let bad = |error: crate::store::UrlError| StoreError::Broken(error.to_string());
            Store::database(&database).map_err(bad)?
        }
    };
    store.prepare().await?;
    store.verify().await
}

/// Opening a folder makes books in it where there are none: those would be straight.
async fn existing(folder: &Path) -> Result<Store, StoreError> {
    if Store::is_in(folder) {
        return Store::embedded(folder).await;
    }
    let what = format!("there are no books in {}", folder.display());
    Err(StoreError::Unavailable(what))
}

/// What the ledger says of itself, and what its entries say, page by page.
async fn recount(url: &str) -> Result<Verification, AskError> {
    let peer = Peer::new(url, PATIENCE)?;
    let mut verification: Verification = peer.get("/v1/verification").await?;
    let first: EntriesPage = peer.get("/v1/entries?limit=1").await?;
    let last = first.last;
    let closes = closes(&peer).await?;
    let closes = closes
        .into_iter()
        .filter(|close| close.last_entry <= last)
        .collect();
    let currencies = currencies(&peer).await?;
    let head = Head {
        epoch: verification.mark.epoch,
        position: verification.mark.position,
        entry: last,
    };
    let mut verifier = Verifier::new(verification.bucket, head, closes);
    let mut after = 0;
    while after < last {
        let path = format!("/v1/entries?after={after}&limit={PAGE}");
        let page: EntriesPage = peer.get(&path).await?;
        let before = after;
        for entry in page.entries.iter().filter(|entry| entry.number <= last) {
            verifier.entry(entry, currencies.get(&entry.account).copied());
            after = after.max(entry.number);
        }
        if after == before {
            // A hole as wide as the page.
            after += PAGE as u64;
        }
        if before / PROGRESS_EVERY != after / PROGRESS_EVERY {
            eprintln!("verified {after} of {last} entries");
        }
    }
    let ours = verifier.finish(Audited::default());
    for crooked in ours.crooked {
        if !verification.crooked.contains(&crooked) {
            verification.crooked.push(crooked);
        }
    }
    Ok(verification)
}

/// The currency of every account.
async fn currencies(peer: &Peer) -> Result<HashMap<AccountId, Currency>, AskError> {
    let mut currencies = HashMap::new();
    let mut query = String::new();
    loop {
        let page: AccountsPage = peer
            .get(&format!("/v1/accounts?limit={PAGE}{query}"))
            .await?;
        let accounts = page.accounts.iter();
        currencies.extend(accounts.map(|account| (account.account, account.currency)));
        match page.next {
            Some(next) => query = format!("&after={next}"),
            None => return Ok(currencies),
        }
    }
}

fn text(verification: &Verification) -> String {
    let mut text = format!(
        "bucket {}, epoch {}, position {}: {} accounts, {} authorizations, {} entries, {} closes\n",
        verification.bucket,
        verification.mark.epoch,
        verification.mark.position,
        verification.accounts,
        verification.authorizations,
        verification.entries,
        verification.closes
    );
    for line in &verification.currencies {
        text += &sums(line.currency, "in all", line.totals);
    }
    for crooked in &verification.crooked {
        text += &format!("CROOKED {}: {}\n", crooked.kind.name(), crooked.detail);
    }
    text + &match verification.crooked.len() {
        0 => "straight\n".to_owned(),
        faults => format!("{faults} faults\n"),
    }
}
