//! Where the editions of 1993 and 2003 differ from 1987 in data alone.
//!
//! These are the differences that public sources agree on: dates with a year, the point of
//! service data code, function and reason codes, longer action codes and original data. Fields
//! that are not listed stay as in 1987, and so do the presence rules, whose field 90 is field 56
//! here: bring rules of your own.

use super::iso1987::Format::{Fixed, Ll, Lll};
use super::iso1987::{Row, row};
use crate::Content::{AlphaNumeric as An, Bytes as B, Numeric as N, Text};
use crate::Secrecy::{Open, Sensitive};

pub(super) const IN_1993: &[Row] = &[
    row(12, "date and time, local transaction", N, Fixed(12), Open),
    row(22, "point of service data code", An, Fixed(12), Open),
    row(24, "function code", N, Fixed(3), Open),
    row(25, "message reason code", N, Fixed(4), Open),
    row(26, "card acceptor business code", N, Fixed(4), Open),
    row(28, "date, reconciliation", N, Fixed(6), Open),
    row(29, "reconciliation indicator", N, Fixed(3), Open),
    row(30, "amounts, original", N, Fixed(24), Open),
    row(31, "acquirer reference data", Text, Ll(99), Open),
    row(39, "action code", N, Fixed(3), Open),
    row(
        53,
        "security related control information",
        B,
        Ll(48),
        Sensitive,
    ),
    row(56, "original data elements", N, Ll(35), Open),
];

pub(super) const IN_2003: &[Row] = &[
    row(11, "system trace audit number", N, Fixed(12), Open),
    row(12, "date and time, local transaction", N, Fixed(14), Open),
    row(22, "point of service data code", B, Fixed(16), Open),
    row(24, "function code", N, Fixed(3), Open),
    row(25, "message reason code", N, Fixed(4), Open),
    row(26, "card acceptor business code", N, Fixed(4), Open),
    row(28, "date, reconciliation", N, Fixed(6), Open),
    row(29, "reconciliation indicator", N, Fixed(3), Open),
    row(30, "amounts, original", N, Fixed(32), Open),
    row(31, "acquirer reference data", Text, Ll(99), Open),
    row(39, "action code", N, Fixed(4), Open),
    row(
        53,
        "security related control information",
        B,
        Lll(48),
        Sensitive,
    ),
    row(56, "original data elements", An, Ll(41), Open),
];
