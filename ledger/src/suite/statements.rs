//! What an auditor reads: entries that add up and do not change.

use ledger_api::{Entry, StatementPage, Totals};

use super::customer::Customer;
use super::ground::{Broken, Ground};

/// All entries of a customer's account, in small pages that fit to each other.
async fn statement(customer: &Customer<'_>) -> Result<Vec<Entry>, Broken> {
    let ground = customer.ground;
    let mut balance = Totals::default();
    let mut entries: Vec<Entry> = Vec::new();
    let mut after = 0;
    loop {
        let account = customer.account;
        let path = format!("/v1/accounts/{account}/entries?after={after}&limit=3");
        let page: StatementPage = ground.get(&path).await?;
        ground.same("the account of a page", account, page.account)?;
        ground.same("the opening balance of a page", balance, page.opening)?;
        for line in page.entries {
            let entry = line.entry;
            let in_order = entries.last().is_none_or(|last| last.number < entry.number);
            ground.holds("the order of entries", "by number", in_order, &entry)?;
            balance = balance.checked_add(entry.totals()).ok_or_else(|| {
                Broken::new("the sum of entries", "one that fits", format!("{entry:?}"))
            })?;
            ground.same(
                "the running balance",
                balance.available(),
                line.available_minor,
            )?;
            entries.push(entry);
        }
        match page.next {
            Some(next) => after = next,
            None => break,
        }
    }
    let totals = customer.account().await?.totals;
    ground.same("the account's totals", balance, totals)?;
    Ok(entries)
}

pub(super) async fn statement_adds_up_i6(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, 10_000).await?;
    ground.same(
        "entries of an opening",
        1,
        statement(&customer).await?.len(),
    )?;
    let ids = [ground.id(), ground.id(), ground.id()];
    for id in ids {
        customer.authorize(id, 700).await?;
    }
    customer.tell(customer.reversal(ids[0], 200)).await?;
    customer.tell(customer.reversal(ids[1], 0)).await?;
    customer.tell(customer.advice(ids[2], None)).await?;
    customer
        .tell(customer.advice(ground.id(), Some(50_000)))
        .await?;
    let entries = statement(&customer).await?;
    for (id, held) in [(ids[0], 200), (ids[1], 0), (ids[2], 0)] {
        let of_id = entries
            .iter()
            .filter(|entry| entry.authorization == Some(id));
        let sum: i64 = of_id.map(|entry| entry.amount_minor).sum();
        ground.same("the entries of one authorization", held, sum)?;
    }
    Ok(())
}

pub(super) async fn entries_are_immutable(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, 10_000).await?;
    let id = ground.id();
    customer.authorize(id, 700).await?;
    let before = statement(&customer).await?;
    customer.tell(customer.reversal(id, 0)).await?;
    let after = statement(&customer).await?;
    let same = after.get(..before.len()).map(<[Entry]>::to_vec);
    ground.same("the entries that were there", Some(before.clone()), same)?;
    ground.holds(
        "a reversal",
        "entries of its own",
        after.len() > before.len(),
        &after,
    )
}
