//! Our image against PostgreSQL, as containers, with real faults, and an audit at the end of every
//! test.

#![expect(
    clippy::inconsistent_digit_grouping,
    reason = "`100_00` reads as euros and cents"
)]

mod compose;
mod database;
mod gateways;
mod ledgers;
mod pyiso8583;
mod start_order;
