//! Random histories on real books, beside a small model of them. Play one again with
//! `cargo run -p tests --bin node -- histories --from <number> --count 1`.

use ledger::posting::{Command, Moment, Outcome};
use ledger::store::{Store, StoreError};
use ledger_api::AdviceItem;
use tests::histories::{Bench, Difference, History, Run, in_database, on_disk};
use tests::postgres::Postgres;

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_histories_with_power_cuts_give_the_models_money_i2_i4_i6_i13()
-> anyhow::Result<()> {
    on_disk(0, 10_000).await?.conclusive()
}

#[tokio::test(flavor = "multi_thread")]
async fn histories_on_postgresql_give_the_models_money_and_so_do_cut_off_sessions_i2_i4_i6_i13()
-> anyhow::Result<()> {
    let Some(postgres) = Postgres::start().await? else {
        return Ok(());
    };
    in_database(&postgres, "calm", 0, 200, false)
        .await?
        .conclusive()?;
    in_database(&postgres, "cut_off", 200, 150, true)
        .await?
        .conclusive()
}

/// Books that lose a reversal now and then.
struct Forgetful(Store);

impl Bench for Forgetful {
    fn store(&self) -> &Store {
        &self.0
    }

    async fn interrupted(
        &mut self,
        mut commands: Vec<Command>,
        _after: u32,
    ) -> anyhow::Result<Result<Vec<Outcome>, StoreError>> {
        commands.retain(|command| {
            !matches!(
                command,
                Command::Advise {
                    item: AdviceItem::Reversal(_),
                    ..
                }
            )
        });
        let lost = StoreError::Unknown("as if it had been done".to_owned());
        let now = Moment {
            yymm: 2611,
            ..Moment::default()
        };
        self.0.transact(commands, now).await?;
        Ok(Err(lost))
    }

    fn asks_again(&self) -> bool {
        false
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn books_that_lose_a_reversal_are_found_out() -> anyhow::Result<()> {
    let mut books = Forgetful(Store::memory(1));
    let mut run = Run::default();
    for seed in 0..200 {
        if let Err(error) = run.play(&History::of(seed), &mut books).await {
            assert!(error.is::<Difference>(), "{error:#}");
            return Ok(());
        }
    }
    panic!("two hundred histories, and nobody has noticed");
}
