//! What numbers of the standard mean, in words.

use iso8583::{Class, Coding, Content, Field, Function, Length, Mti, Origin, PrefixCoding};

/// `authorization request from an acquirer (1987)`.
pub(super) fn mti(mti: Mti) -> String {
    let class = match mti.class() {
        Class::Authorization => "authorization",
        Class::Financial => "financial",
        Class::FileAction => "file action",
        Class::Reversal => "reversal",
        Class::Reconciliation => "reconciliation",
        Class::Administrative => "administrative",
        Class::FeeCollection => "fee collection",
        Class::NetworkManagement => "network management",
        Class::Reserved => "reserved class of",
    };
    let function = match mti.function() {
        Function::Request => "request",
        Function::RequestResponse => "answer to a request",
        Function::Advice => "advice",
        Function::AdviceResponse => "answer to an advice",
        Function::Notification => "notification",
        Function::NotificationAcknowledgement => "confirmation of a notification",
        Function::Reserved => "reserved function",
    };
    let origin = match mti.origin() {
        Origin::Acquirer => "begun by an acquirer",
        Origin::Issuer => "begun by an issuer",
        Origin::Other => "begun by another party",
        Origin::Reserved => "of a reserved origin",
    };
    let repeat = if mti.is_repeat() { ", repeated" } else { "" };
    let edition = match mti.version() {
        0 => "1987",
        1 => "1993",
        2 => "2003",
        _ => "of no edition",
    };
    format!("{class} {function}, {origin}{repeat} ({edition})")
}

/// `n 6`, `ans ..25, length of 2 digits`, `n ..19 bcd, length of 1 byte`.
pub(super) fn format(field: &Field) -> String {
    let content = match field.content {
        Content::Numeric => "n",
        Content::AlphaNumeric => "an",
        Content::AlphaNumericSpace => "anp",
        Content::Text => "ans",
        Content::Track => "z",
        Content::SignedNumeric => "x+n",
        Content::Bytes => "b",
    };
    let coding = match field.coding {
        Coding::Ascii if field.content == Content::Bytes => " in hex",
        Coding::Ascii | Coding::Raw => "",
        Coding::Ebcdic(_) => " ebcdic",
        Coding::Bcd(_) => " bcd",
    };
    match field.length {
        Length::Fixed(length) => format!("{content} {length}{coding}"),
        Length::Variable { prefix, max, .. } => {
            let (size, unit) = match prefix.coding {
                PrefixCoding::Binary => (prefix.size, "byte"),
                _ => (prefix.size, "digit"),
            };
            let many = if size == 1 { "" } else { "s" };
            format!("{content} ..{max}{coding}, length of {size} {unit}{many}")
        }
    }
}

/// What the value of a field says, where it is one of a list.
pub(super) fn value(number: u8, text: &str) -> Option<&'static str> {
    let list = match number {
        39 => RESPONSES,
        70 => NETWORK,
        _ => return None,
    };
    word(list, text)
}

/// What kind of transaction, first part of field 3.
pub(super) fn transaction(number: u8) -> &'static str {
    match number {
        0 => "purchase",
        1 => "cash",
        2 => "adjustment, debit",
        9 => "purchase with cash-back",
        17 => "cash disbursement",
        20 => "refund",
        21 => "deposit",
        22 => "adjustment, credit",
        28 => "payment to the card",
        30 | 31 => "balance inquiry",
        32..=39 => "inquiry",
        40..=49 => "transfer",
        50..=59 => "payment",
        _ => "not in our list",
    }
}

/// What kind of account, further parts of field 3.
pub(super) fn account(number: u8) -> &'static str {
    match number {
        0 => "default",
        10 => "savings",
        20 => "checking",
        30 => "credit",
        40 => "universal",
        _ => "not in our list",
    }
}

/// What an amount of field 54 is.
pub(super) fn amount(kind: u8) -> &'static str {
    match kind {
        1 => "ledger balance",
        2 => "available balance",
        40 => "cash-back",
        _ => "amount",
    }
}

/// How the card was read, first part of field 22.
pub(super) fn reading(number: u8) -> &'static str {
    match number {
        0 => "unknown",
        1 | 79 => "by hand",
        2 => "stripe",
        3 => "barcode",
        5 => "chip",
        7 => "contactless chip",
        80 => "chip that fell back to stripe",
        81 => "electronic commerce",
        90 => "whole stripe",
        91 => "contactless stripe",
        95 => "chip, not reliable",
        _ => "not in our list",
    }
}

/// Whether the terminal takes a PIN, second part of field 22.
pub(super) fn pin_capability(number: u8) -> &'static str {
    match number {
        0 => "unknown",
        1 => "takes a PIN",
        2 => "takes no PIN",
        _ => "not in our list",
    }
}

/// The name of a chip data element, and whether its value is shown. What is not listed is not shown:
/// issuers put into their own elements what they like.
pub(super) fn element(tag: u32) -> (&'static str, bool) {
    let found = ELEMENTS.iter().find(|(listed, ..)| *listed == tag);
    found.map_or(("", false), |(_, name, shown)| (name, *shown))
}

fn word(list: &[(&'static str, &'static str)], text: &str) -> Option<&'static str> {
    let found = list.iter().find(|(code, _)| *code == text);
    found.map(|(_, word)| *word)
}

const RESPONSES: &[(&str, &str)] = &[
    ("00", "approved"),
    ("01", "ask the issuer"),
    ("03", "no such merchant"),
    ("04", "keep the card"),
    ("05", "declined"),
    ("08", "approved with identification"),
    ("10", "approved for less"),
    ("11", "approved"),
    ("12", "no such transaction"),
    ("13", "no such amount"),
    ("14", "no such card"),
    ("17", "the customer cancelled"),
    ("21", "nothing was done"),
    ("22", "suspected malfunction"),
    ("25", "original not found"),
    ("30", "cannot be read"),
    ("32", "completed in part"),
    ("41", "lost card"),
    ("43", "stolen card"),
    ("51", "not enough money"),
    ("54", "expired card"),
    ("55", "wrong PIN"),
    ("57", "not permitted to the cardholder"),
    ("58", "not permitted to the terminal"),
    ("59", "suspected fraud"),
    ("61", "over the limit of amount"),
    ("62", "restricted card"),
    ("63", "security was broken"),
    ("65", "over the limit of number"),
    ("68", "the answer came too late"),
    ("75", "too many wrong PINs"),
    ("85", "nothing to decline"),
    ("91", "the issuer does not answer"),
    ("92", "no route to the issuer"),
    ("94", "sent twice"),
    ("96", "malfunction"),
];

const NETWORK: &[(&str, &str)] = &[
    ("001", "sign-on"),
    ("002", "sign-off"),
    ("161", "key exchange"),
    ("201", "cut-over"),
    ("301", "echo"),
];

const ELEMENTS: &[(u32, &str, bool)] = &[
    (0x4F, "application id", true),
    (0x50, "application label", true),
    (0x56, "track 1 equivalent", false),
    (0x57, "track 2 equivalent", false),
    (0x5A, "card number", false),
    (0x5F20, "cardholder name", false),
    (0x5F24, "expiry", false),
    (0x5F2A, "transaction currency", true),
    (0x5F34, "card number sequence", false),
    (0x71, "issuer script 1", false),
    (0x72, "issuer script 2", false),
    (0x77, "response template", false),
    (0x82, "application interchange profile", true),
    (0x84, "dedicated file name", true),
    (0x86, "issuer script command", false),
    (0x8A, "authorization response code", true),
    (0x91, "issuer authentication data", false),
    (0x95, "terminal verification results", true),
    (0x9A, "transaction date", true),
    (0x9B, "transaction status", true),
    (0x9C, "transaction type", true),
    (0x9F02, "amount", true),
    (0x9F03, "other amount", true),
    (0x9F06, "application id of the terminal", true),
    (0x9F09, "application version", true),
    (0x9F0B, "cardholder name, extended", false),
    (0x9F10, "issuer application data", false),
    (0x9F1A, "terminal country", true),
    (0x9F1E, "terminal serial number", true),
    (0x9F1F, "track 1 discretionary data", false),
    (0x9F20, "track 2 discretionary data", false),
    (0x9F26, "application cryptogram", true),
    (0x9F27, "cryptogram information", true),
    (0x9F33, "terminal capabilities", true),
    (0x9F34, "cardholder verification results", true),
    (0x9F35, "terminal type", true),
    (0x9F36, "transaction counter", true),
    (0x9F37, "unpredictable number", true),
    (0x9F41, "transaction sequence counter", true),
    (0x9F53, "transaction category", true),
    (0x9F6B, "track 2 data", false),
    (0x9F6E, "form factor", false),
];

#[cfg(test)]
mod tests {
    use super::*;
    use iso8583::profile::{ASCII_HEX, BASE1};

    #[test]
    fn message_types_and_formats_are_said_in_words() {
        for (digits, words) in [
            ("0100", "authorization request, begun by an acquirer (1987)"),
            (
                "0421",
                "reversal advice, begun by an acquirer, repeated (1987)",
            ),
            (
                "1812",
                "network management answer to a request, begun by an issuer (1993)",
            ),
        ] {
            assert_eq!(mti(Mti::parse(digits).unwrap()), words);
        }
        let ascii = |number| format(ASCII_HEX.field(number).unwrap());
        assert_eq!(ascii(3), "n 6");
        assert_eq!(ascii(2), "n ..19, length of 2 digits");
        assert_eq!(ascii(52), "b 8 in hex");
        let base1 = format(BASE1.field(2).unwrap());
        assert_eq!(base1, "n ..19 bcd, length of 1 byte");
    }

    #[test]
    fn elements_that_name_a_card_are_not_shown() {
        let sensitive = |tag| {
            iso8583::tlv::Element {
                tag,
                value: &[],
                depth: 0,
                offset: 0,
            }
            .is_sensitive()
        };
        for (tag, name, shown) in ELEMENTS {
            assert!(!(*shown && sensitive(*tag)), "{name}");
        }
        assert_eq!(element(0xDF01), ("", false));
    }
}
