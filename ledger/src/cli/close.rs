//! `ledger close`.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use ledger_api::{Close, CloseRequest, ClosesPage, Currency, Day, Totals, Words};

use super::outside::{self, say, unasked};
use crate::ask::{AskError, Peer};

/// A close reads every entry of the day, and the sums of all.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// Which day, and who closes it.
#[derive(Debug, Clone, Args)]
pub(super) struct CloseCommand {
    /// The ledger that keeps the books.
    #[arg(long)]
    url: String,
    /// Who closes the day; it is kept with the close.
    #[arg(long, value_name = "NAME", value_parser = words, required_unless_present = "list")]
    by: Option<Words>,
    /// The day, YYYY-MM-DD; today in UTC where it is not given.
    #[arg(long, value_name = "DAY")]
    day: Option<Day>,
    /// Say what was closed so far, and close nothing.
    #[arg(long, conflicts_with_all = ["by", "day"])]
    list: bool,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

fn words(text: &str) -> Result<Words, String> {
    Words::try_from(text.to_owned()).map_err(|error| error.to_string())
}

impl CloseCommand {
    /// Exit code 0 where the day is closed, 1 where the ledger refuses.
    pub(super) fn run(self) -> ExitCode {
        outside::run(async move {
            match self.ask().await {
                Ok(closes) => {
                    self.tell(&closes);
                    ExitCode::SUCCESS
                }
                Err(error) => unasked(&error),
            }
        })
    }

    async fn ask(&self) -> Result<Vec<Close>, AskError> {
        let peer = Peer::new(&self.url, PATIENCE)?;
        let Some(by) = self.by.clone() else {
            return closes(&peer).await;
        };
        let request = CloseRequest { day: self.day, by };
        Ok(vec![peer.post("/v1/closes", &request).await?])
    }

    fn tell(&self, closes: &[Close]) {
        if !self.json {
            closes.iter().for_each(|close| say(&text(close)));
            return;
        }
        let json = if self.list {
            serde_json::to_value(closes)
        } else {
            serde_json::to_value(closes.first())
        };
        say(&format!("{:#}\n", json.unwrap_or_default()));
    }
}

/// Every close there is.
pub(super) async fn closes(peer: &Peer) -> Result<Vec<Close>, AskError> {
    let (mut closes, mut after) = (Vec::new(), Some(0));
    while let Some(number) = after {
        let page: ClosesPage = peer.get(&format!("/v1/closes?after={number}")).await?;
        closes.extend(page.closes);
        after = page.next.filter(|next| *next > number);
    }
    Ok(closes)
}

fn text(close: &Close) -> String {
    let mut text = format!(
        "close {} of {}: {} entries ({} to {}), by {}\n",
        close.number, close.day, close.entries, close.first_entry, close.last_entry, close.by
    );
    for line in &close.currencies {
        text += &sums(line.currency, "of the day", line.range);
        text += &sums(line.currency, "cumulated", line.cumulated);
    }
    text + &format!("  sha256 {}\n", close.hash)
}

/// One line of sums.
pub(super) fn sums(currency: Currency, of: &str, totals: Totals) -> String {
    let Totals {
        debits_pending,
        debits_posted,
        credits_pending,
        credits_posted,
    } = totals;
    format!(
        "  {currency} {of}: held {} = {}, posted {} = {}\n",
        currency.format(debits_pending),
        currency.format(credits_pending),
        currency.format(debits_posted),
        currency.format(credits_posted)
    )
}
