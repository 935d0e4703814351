//! What every store must prove. Run [`all`] on an empty store, and [`reopened`] on one that can be
//! closed and opened again; both panic with the broken fact.

#![expect(
    clippy::expect_used,
    reason = "a suite of facts: a broken one must stop the test"
)]

mod advices;
mod closes;
mod desk;
mod feed;
mod life;
mod money;
mod waiting;

use ledger_api::{AccountId, AdviceOutcome, GatewayId, JournalHead};

use crate::posting::Command;
use crate::store::Store;
use desk::Desk;

/// Every fact, one after the other, on one store.
pub async fn all(store: &Store) {
    store.prepare().await.expect("the store can be prepared");
    payments(store).await;
    afterwards(store).await;
    numbers(store).await;
    accounting(store).await;
    money::sixty_four_callers_at_once_keep_the_books_balanced_i6(store).await;
    closes::everything_can_be_computed_again(store).await;
}

async fn payments(store: &Store) {
    money::a_repeat_gets_the_first_answer_and_holds_nothing_more_i2_i3(store).await;
    money::other_content_under_a_known_id_is_a_conflict_i3(store).await;
    money::what_a_gateway_has_spent_and_not_booked_cannot_be_spent_again(store).await;
    money::accounts_and_cards_are_left_alone_when_put_again(store).await;
    advices::the_answer_that_was_told_wins_in_all_six_rows_i4_rule_6(store).await;
    advices::a_late_live_request_gets_the_told_verdict_and_holds_nothing_more_rule_4(store).await;
    advices::the_network_outranks_us_rule_5(store).await;
    advices::an_approval_beats_another_gateways_decline_rule_3(store).await;
    advices::a_reversal_before_its_original_leaves_a_tombstone(store).await;
    advices::a_reversal_gives_back_once_and_a_partial_one_what_it_says(store).await;
    advices::what_cannot_be_booked_is_parked_in_plain_sight_i13(store).await;
}

async fn afterwards(store: &Store) {
    life::a_capture_posts_its_amount_whatever_was_held(store).await;
    life::several_captures_take_their_parts_and_the_last_one_lets_go_the_rest(store).await;
    life::a_capture_before_its_authorization_is_the_same_in_the_end_i13_rule_20(store).await;
    life::a_reversal_of_a_capture_or_a_refund_gives_back_once_in_any_order(store).await;
    life::completions_and_refunds_are_booked_without_a_hold_or_a_check_rule_18(store).await;
    life::an_increment_adds_to_its_original_until_that_is_over(store).await;
    life::an_increment_before_its_original_waits_for_it_rule_20(store).await;
    life::too_little_money_is_approved_in_part_where_the_terminal_takes_less(store).await;
    life::verifications_and_balance_inquiries_hold_nothing(store).await;
    life::a_release_is_for_good_and_refused_where_nothing_is_open(store).await;
    waiting::holds_expire_by_the_hold_clock_and_late_captures_are_posted_rule_17(store).await;
    waiting::the_hold_clock_stands_still_while_a_journal_is_undrained_rule_17(store).await;
    waiting::a_closed_account_bears_what_it_bore_and_nothing_new(store).await;
    waiting::an_advice_that_waited_for_its_card_is_booked_by_a_person_i1(store).await;
    waiting::an_id_with_other_content_has_no_second_effect_i2(store).await;
    waiting::another_cards_message_does_not_touch_an_authorization(store).await;
    waiting::money_that_makes_no_sense_is_refused_by_name_or_parked(store).await;
}

async fn numbers(store: &Store) {
    feed::positions_have_no_holes_and_a_reader_can_resume_rule_13(store).await;
    feed::a_mark_includes_its_effect_rule_12(store).await;
    feed::another_epoch_is_refused_rule_13(store).await;
    feed::listing_then_feed_is_the_state(store).await;
    feed::a_journal_head_never_goes_back_until_a_grant_rule_11(store).await;
    feed::restored_books_have_a_new_epoch_rule_13(store).await;
}

async fn accounting(store: &Store) {
    closes::statements_add_up_page_by_page_i6(store).await;
    closes::a_day_is_closed_once_and_chained(store).await;
    closes::closing_while_others_write_loses_no_entry(store).await;
}

/// Everything is there after `reopen` has opened the same store again: decisions, money, feed and
/// epoch.
pub async fn reopened(store: Store, reopen: impl AsyncFnOnce(Store) -> Store) {
    store.prepare().await.expect("the store can be prepared");
    let desk = Desk::open(&store, 900, 10_000).await;
    let approved = desk.authorize("gw1", 1, 2_500).await;
    let advised = desk.approve("gw1", 2, 500).await;
    assert_eq!(advised.outcome, AdviceOutcome::Applied);
    let head = JournalHead {
        epoch: 7,
        seq: u64::MAX,
        hash: u64::MAX,
    };
    let gateway: GatewayId = "gw1".parse().expect("a gateway's name");
    desk.run(Command::NoteHead {
        gateway: gateway.clone(),
        head,
        undrained: 0,
    })
    .await;
    let (id, account) = (desk.id(1), desk.account);
    let before = snapshot(&store, account).await;

    let store = reopen(store).await;
    store
        .prepare()
        .await
        .expect("the store can be prepared again");
    assert_eq!(
        snapshot(&store, account).await,
        before,
        "what was committed is there"
    );
    assert_eq!(
        store.journal_head(gateway).await.expect("readable"),
        Some(head)
    );
    let view = store
        .authorization(id)
        .await
        .expect("readable")
        .expect("the decision is there");
    assert_eq!(view.effect_minor, 2_500);
    let desk = Desk::known(&store, 900);
    let again = desk.authorize("gw1", 1, 2_500).await;
    assert_eq!(
        (again.approved, again.approved_minor),
        (true, approved.approved_minor),
        "I3"
    );
    assert_eq!(desk.available().await, 7_000, "I2");
    desk.assert_balanced().await;
}

async fn snapshot(store: &Store, account: AccountId) -> String {
    let mark = store.mark().await.expect("readable");
    let statement = store.entries_of(account, 0, 1_000).await.expect("readable");
    let feed = store.feed(mark.epoch, 0, 1_000).await.expect("readable");
    format!("{mark:?} {statement:?} {feed:?}")
}
