//! A gateway's stand-in, and a ledger that can be told what to say.

use std::sync::Arc;

use ledger_api::{
    AccountId, AccountState, AccountStatus, AdviceAnswer, AdviceItem, AdviceOutcome, Amount,
    AuthorizationId, CardState, CardStatus, CardToken, Cause, Change, Changed, Currency, Expiry,
    FeedPage, Mark, Reason,
};
use tempfile::TempDir;

use crate::copy::LocalCopy;
use crate::disk::SimDisk;
use crate::homes::Homes;
use crate::journal::{Journal, Settings};
use crate::policy::Policy;
use crate::stand_in::{Setup, StandIn, Status};
use crate::words::{Answer, LedgerAnswer, Now, Request};

pub(super) const EPOCH: u64 = 1;

/// The files outlive the process.
pub(super) struct Rig {
    pub(super) disk: SimDisk,
    pub(super) directory: TempDir,
    pub(super) policy: Policy,
    pub(super) boot_id: u128,
    /// Of a journal that is made.
    pub(super) journal_epoch: u64,
    pub(super) now: Now,
    stand_in: Option<StandIn>,
}

impl Rig {
    /// The default policy with these replacements, and nothing known yet.
    pub(super) fn new(replace: &[(&str, &str)]) -> Self {
        let text = replace
            .iter()
            .fold(Policy::default_text().to_owned(), |text, (from, to)| {
                assert!(text.contains(from), "{from}");
                text.replace(from, to)
            });
        Self::under(&text)
    }

    /// The same under this policy.
    pub(super) fn under(text: &str) -> Self {
        let mut rig = Self {
            disk: SimDisk::new(),
            directory: tempfile::tempdir().unwrap(),
            policy: Policy::parse(text).unwrap(),
            boot_id: 7,
            journal_epoch: 42,
            now: Now {
                boot_ms: 1_000_000,
                yymm: 2611,
            },
            stand_in: None,
        };
        rig.start();
        rig
    }

    /// The same, with cards 1 to 9 on accounts 1 to 9, each with this much.
    pub(super) fn listed(replace: &[(&str, &str)], available: i64) -> Self {
        Self::new(replace).with_cards(available)
    }

    /// The same under this policy.
    pub(super) fn listed_under(text: &str, available: i64) -> Self {
        Self::under(text).with_cards(available)
    }

    fn with_cards(self, available: i64) -> Self {
        let rig = self;
        rig.list(
            Mark {
                epoch: EPOCH,
                position: 0,
            },
            available,
        );
        rig
    }

    pub(super) fn list(&self, mark: Mark, available: i64) {
        let states = (1..=9)
            .flat_map(|n| [card(0, n), account(0, n, available)])
            .collect();
        self.replace_listing(mark, states, self.now);
    }

    pub(super) fn start(&mut self) {
        let gateway = "gw1".parse().unwrap();
        let settings = Settings {
            segment_bytes: 1 << 16,
            ..Settings::default()
        };
        let disk = Arc::new(self.disk.clone());
        let (journal, records) =
            Journal::open_with(disk, &gateway, self.journal_epoch, settings).unwrap();
        let copy = LocalCopy::open(self.directory.path(), self.boot_id, self.now).unwrap();
        let homes = "version = 1\ngateways = [{ name = \"gw1\" }, { name = \"gw2\" }]";
        let setup = Setup {
            gateway,
            homes: Homes::parse(homes).unwrap(),
            policy: self.policy.clone(),
            journal,
            records,
            copy,
            boot_id: self.boot_id,
        };
        let stand_in = StandIn::open(setup, self.now).unwrap();
        stand_in.last_seen_check(None);
        self.stand_in = Some(stand_in);
    }

    /// `kill -9`, and a new start.
    pub(super) fn restart(&mut self) {
        let disk = self.disk.after_kill();
        self.stand_in = None;
        self.disk = disk;
        self.start();
    }

    pub(super) fn stop(&mut self) {
        self.stand_in = None;
    }

    pub(super) async fn approve(&self, request: Request) -> Answer {
        let answer = self.ask(request).await;
        assert!(answer.approved, "{}", answer.reason);
        answer
    }

    pub(super) async fn decline(&self, request: Request) -> Reason {
        let answer = self.ask(request).await;
        assert!(!answer.approved);
        answer.reason
    }

    pub(super) async fn ask(&self, request: Request) -> Answer {
        self.decide(request, Cause::LedgerUnreachable, false, self.now)
            .await
            .unwrap()
    }

    /// The ledger approves at this position of its feed.
    pub(super) async fn ledger_approves(&self, request: Request, position: u64) -> Answer {
        let ledger = LedgerAnswer {
            account: Some(AccountId(u64::from(request.card.mac[0]))),
            approved: true,
            approved_amount: request.amount,
            reason: Reason::Approved,
            mark: Mark {
                epoch: EPOCH,
                position,
            },
        };
        self.record(request, ledger, self.now).await.unwrap()
    }

    pub(super) fn feed(&self, head: u64, changes: Vec<Change>) {
        self.apply_feed(
            &FeedPage {
                epoch: EPOCH,
                head,
                changes,
            },
            self.now,
        );
    }

    /// The ledger takes everything that waits, at this position.
    pub(super) async fn take_all(&self, position: u64) -> Vec<AdviceItem> {
        self.take_all_as(
            Mark {
                epoch: EPOCH,
                position,
            },
            &AdviceOutcome::Applied,
        )
        .await
    }

    pub(super) async fn take_all_as(&self, mark: Mark, outcome: &AdviceOutcome) -> Vec<AdviceItem> {
        let (_, items) = self.pending_advices(1_000);
        self.take_as(&items, mark, outcome).await;
        items
    }

    /// The ids of the records to tell, once this many are durable.
    pub(super) async fn told_next(&self, count: usize) -> Vec<AuthorizationId> {
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(5);
        loop {
            let (_, items) = self.pending_advices(1_000);
            if items.len() >= count || tokio::time::Instant::now() > deadline {
                return items.iter().map(AdviceItem::id).collect();
            }
            tokio::task::yield_now().await;
        }
    }

    pub(super) async fn take_some(&self, items: &[AdviceItem], position: u64) {
        let mark = Mark {
            epoch: EPOCH,
            position,
        };
        self.take_as(items, mark, &AdviceOutcome::Applied).await;
    }

    async fn take_as(&self, items: &[AdviceItem], mark: Mark, outcome: &AdviceOutcome) {
        let said: Vec<_> = items
            .iter()
            .map(|item| AdviceAnswer {
                id: item.id(),
                seq: item.seq(),
                outcome: outcome.clone(),
                conflict: false,
                mark,
            })
            .collect();
        self.acknowledge(&said, self.now).await.unwrap();
    }

    pub(super) fn state(&self) -> Status {
        self.status(self.now)
    }

    /// Exposure and realised overdraft.
    pub(super) fn charged(&self) -> (i64, i64) {
        let status = self.state();
        (status.exposure_minor, status.realised_minor)
    }

    /// A card from 1 to 9 whose home this gateway is, or is not.
    pub(super) fn card_at_home(&self, home: bool) -> u8 {
        (1..=9).find(|n| self.is_home(&token(*n)) == home).unwrap()
    }
}

impl std::ops::Deref for Rig {
    type Target = StandIn;

    fn deref(&self) -> &StandIn {
        self.stand_in.as_ref().unwrap()
    }
}

pub(super) fn minor(amount: i64) -> Amount {
    Amount::new(amount).unwrap()
}

pub(super) fn token(number: u8) -> CardToken {
    CardToken {
        key_id: 1,
        mac: [number; 16],
    }
}

pub(super) fn id(number: u32) -> AuthorizationId {
    let mut bytes = [0; 16];
    bytes[12..].copy_from_slice(&number.to_be_bytes());
    AuthorizationId(bytes)
}

pub(super) fn request(number: u32, card: u8, amount: i64) -> Request {
    crate::sample::request(number, card, amount)
}

pub(super) fn card(position: u64, number: u8) -> Change {
    let what = Changed::Card(CardState {
        card: token(number),
        account: AccountId(number.into()),
        status: CardStatus::Open,
        expiry: Expiry::try_from(2912).unwrap(),
        transaction_max_minor: minor(50_000),
    });
    Change { position, what }
}

pub(super) fn account(position: u64, number: u8, available_minor: i64) -> Change {
    let what = Changed::Account(AccountState {
        account: AccountId(number.into()),
        currency: "EUR".parse::<Currency>().unwrap(),
        status: AccountStatus::Open,
        available_minor,
    });
    Change { position, what }
}

/// The default policy with these limits: of one transaction, of a card's day at its home and elsewhere, and
/// of the gateway.
pub(super) fn limits(transaction: i64, day: i64, elsewhere: i64, gateway: i64) -> String {
    let mut policy: toml::Table = Policy::default_text().parse().unwrap();
    // Everybody pays at one till.
    policy.remove("velocity");
    let mut set = |section: &str, key: &str, minor: i64| {
        let section = policy[section].as_table_mut().unwrap();
        assert!(section.insert(key.into(), minor.into()).is_some(), "{key}");
    };
    for entry in crate::Entry::ALL {
        let key = format!("{}_max_minor", entry.name());
        set("transaction", &key, transaction);
    }
    set("transaction", "cash_max_minor", transaction);
    set("card", "elsewhere_day_max_minor", elsewhere);
    set("exposure", "gateway_max_minor", gateway);
    set("exposure", "programme_max_minor", 2 * gateway);
    for kind in ["purchase", "cash"] {
        let windows = policy["card"][kind].as_array_mut().unwrap();
        let window = windows[0].as_table_mut().unwrap();
        window.insert("max_minor".into(), day.into());
    }
    policy.to_string()
}
