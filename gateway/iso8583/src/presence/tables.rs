//! The two tables that come with this crate, for 1987.

use std::borrow::Cow;

use super::When::{Always, Approved, Chip, Keyed, NotInquiry, NotPartial, With, Without};
use super::{Demand, Need, Rule, When};
use crate::Mti;

/// What a decision and its matching need, and no more: local time (12, 13), merchant type (18),
/// entry mode (22) and condition (25) are mandatory for many hosts and optional here. An amount is
/// always asked for, so inquiries without one are refused, and so is a card number, so a request
/// with track 2 alone is refused. An original may be named by field 90, or by card, reference number,
/// terminal and amount.
pub const ESSENTIAL_1987: &[Rule] = &[
    rule(
        &[Mti::M0100, Mti::M0101, Mti::M0200, Mti::M0201],
        &[
            must(2),
            must(3),
            must(4),
            must(7),
            must(11),
            must(32),
            must(37),
            must(41),
            must(42),
            must(49),
        ],
    ),
    rule(
        &[Mti::M0120, Mti::M0121],
        &[
            must(2),
            must(3),
            must(4),
            must(7),
            must(11),
            must(32),
            must(37),
            must(39),
            must(41),
            must(42),
            must(49),
        ],
    ),
    rule(
        &[
            Mti::M0220,
            Mti::M0221,
            Mti::M0400,
            Mti::M0401,
            Mti::M0420,
            Mti::M0421,
        ],
        &[
            must(2),
            must(3),
            must(4),
            must(7),
            must(11),
            must(32),
            must(37),
            must(41),
            must(42),
            must(49),
        ],
    ),
    rule(&[Mti::M0800, Mti::M0801], &[must(7), must(11), must(70)]),
];

/// What an issuer's host may ask of acquirers, and what it answers. A proposal: hosts differ, so
/// copy it and change what yours does otherwise. The conditions are those that public tables of
/// jPOS' common message format name; what no rule mentions may be there or not.
pub const ISSUER_1987: &[Rule] = &[
    rule(&[Mti::M0100, Mti::M0101, Mti::M0200, Mti::M0201], REQUEST),
    rule(&[Mti::M0110, Mti::M0210], ANSWER),
    rule(&[Mti::M0120, Mti::M0121, Mti::M0220, Mti::M0221], ADVICE),
    rule(&[Mti::M0130, Mti::M0230], ADVICE_ANSWER),
    rule(&[Mti::M0400, Mti::M0401, Mti::M0420, Mti::M0421], REVERSAL),
    rule(&[Mti::M0410, Mti::M0430], REVERSAL_ANSWER),
    rule(
        &[Mti::M0302],
        &[
            must(7),
            must(11),
            must(91),
            must(101),
            must_when(2, Without(102)),
        ],
    ),
    rule(
        &[Mti::M0312],
        &[echo(7), echo(11), must(39), echo(91), echo(101)],
    ),
    rule(
        &[Mti::M0600, Mti::M0620],
        &[must(7), must(11), must(33), absent(39)],
    ),
    rule(
        &[Mti::M0610, Mti::M0630],
        &[echo(7), echo(11), echo(33), must(39)],
    ),
    rule(
        &[Mti::M0800, Mti::M0801],
        &[must(7), must(11), absent(39), must(70)],
    ),
    rule(&[Mti::M0810], &[echo(7), echo(11), must(39), echo(70)]),
];

const REQUEST: &[Demand] = &[
    must_when(2, Without(35)),
    must(3),
    must_when(4, NotInquiry),
    must(7),
    must(11),
    must(12),
    must(13),
    must_when(14, Keyed),
    must(18),
    must(22),
    must(25),
    must_when(26, With(52)),
    must(32),
    must(37),
    absent(38),
    absent(39),
    must(41),
    must(42),
    absent(44),
    must_when(49, With(4)),
    must_when(55, Chip),
];

const ANSWER: &[Demand] = &[
    echo(2),
    echo(3),
    Demand {
        field: 4,
        need: Need::Echo,
        when: NotPartial,
    },
    must_when(4, With(49)),
    echo(7),
    echo(11),
    echo(12),
    echo(13),
    absent(14),
    absent(18),
    absent(22),
    absent(25),
    absent(26),
    echo(32),
    echo(33),
    absent(35),
    echo(37),
    must_when(38, Approved),
    must(39),
    echo(41),
    echo(42),
    absent(43),
    echo(49),
    absent(52),
];

const ADVICE: &[Demand] = &[
    must(2),
    must(3),
    must_when(4, NotInquiry),
    must(7),
    must(11),
    must(12),
    must(13),
    must(18),
    must(22),
    must(25),
    absent(26),
    must(32),
    absent(35),
    must(37),
    must_when(38, Approved),
    must(39),
    must(41),
    must(42),
    absent(44),
    must_when(49, With(4)),
    absent(52),
    absent(53),
];

const ADVICE_ANSWER: &[Demand] = &[
    echo(2),
    echo(3),
    echo(4),
    echo(7),
    echo(11),
    echo(12),
    echo(13),
    absent(14),
    absent(18),
    absent(22),
    absent(25),
    absent(26),
    echo(32),
    echo(33),
    absent(35),
    echo(37),
    must(39),
    echo(41),
    echo(42),
    absent(43),
    echo(49),
    absent(52),
    absent(53),
    absent(54),
    absent(55),
];

const REVERSAL: &[Demand] = &[
    must(2),
    must(3),
    must(4),
    must(7),
    must(11),
    must(12),
    must(13),
    absent(26),
    must(32),
    absent(35),
    must(37),
    must(39),
    must(41),
    must(42),
    absent(44),
    must(49),
    absent(52),
    absent(53),
    must(90),
];

const REVERSAL_ANSWER: &[Demand] = &[
    echo(2),
    echo(3),
    echo(4),
    echo(7),
    echo(11),
    echo(12),
    echo(13),
    absent(14),
    absent(18),
    absent(22),
    absent(25),
    absent(26),
    echo(32),
    echo(33),
    absent(35),
    echo(37),
    must(39),
    echo(41),
    echo(42),
    absent(43),
    echo(49),
    absent(52),
    absent(53),
    echo(90),
    echo(95),
];

const fn rule(mtis: &'static [Mti], demands: &'static [Demand]) -> Rule {
    Rule {
        mtis: Cow::Borrowed(mtis),
        demands: Cow::Borrowed(demands),
    }
}

const fn must(field: u8) -> Demand {
    must_when(field, Always)
}

const fn must_when(field: u8, when: When) -> Demand {
    Demand {
        field,
        need: Need::Present,
        when,
    }
}

const fn absent(field: u8) -> Demand {
    Demand {
        field,
        need: Need::Absent,
        when: Always,
    }
}

const fn echo(field: u8) -> Demand {
    Demand {
        field,
        need: Need::Echo,
        when: Always,
    }
}
