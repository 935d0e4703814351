//! The message that tests, and the bench, have in common.

/// A usual authorization request. Three independent implementations agree on these 215 bytes.
pub(crate) const REQUEST: &str = concat!(
    "0100",
    "723C648128E08000",
    "164111111111111111",
    "000000",
    "000000010000",
    "1122083400",
    "123456",
    "083400",
    "1122",
    "2912",
    "5411",
    "840",
    "051",
    "00",
    "1112345678901",
    "244111111111111111D2912201",
    "632608123456",
    "TERM0001",
    "MERCHANT0000001",
    "ACME STORES          SPRINGFIELD  CA  US",
    "840",
);

/// Its fields.
pub(crate) const REQUEST_FIELDS: [(u8, &str); 19] = [
    (2, "4111111111111111"),
    (3, "000000"),
    (4, "000000010000"),
    (7, "1122083400"),
    (11, "123456"),
    (12, "083400"),
    (13, "1122"),
    (14, "2912"),
    (18, "5411"),
    (19, "840"),
    (22, "051"),
    (25, "00"),
    (32, "12345678901"),
    (35, "4111111111111111D2912201"),
    (37, "632608123456"),
    (41, "TERM0001"),
    (42, "MERCHANT0000001"),
    (43, "ACME STORES          SPRINGFIELD  CA  US"),
    (49, "840"),
];
