//! Real processes on loopback, real faults, and an audit at the end of every test.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where it stopped"
)]
#![expect(
    clippy::inconsistent_digit_grouping,
    reason = "`100_00` reads as euros and cents"
)]

mod accounting;
mod breaker;
mod brown_out;
mod card_data;
mod compose_file;
mod configuration;
mod crash;
mod disk_full;
mod drain;
mod fault_proxy;
mod ha_configuration;
mod histories;
mod idempotency;
mod journal_tools;
mod ledger_down;
mod link;
mod link_client;
mod lost_database;
mod malformed;
mod matching;
mod metrics;
mod oracle;
mod orders;
mod overload;
mod policy;
mod postgres;
mod pyiso8583;
#[path = "../../gateway/iso8583/tests/it/random.rs"]
mod random;
mod random_kill;
mod replies_lost;
mod restored_ledger;
mod reversal;
mod rolling_restart;
mod rule_11;
mod shell;
mod slow_peers;
mod support;
mod system_calls;
mod tidy;
mod traces;
mod two_gateways;
mod unconfirmed;
mod verification;
