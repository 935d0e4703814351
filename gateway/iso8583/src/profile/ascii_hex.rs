//! The 1987 table in ASCII.
//!
//! Fields 2 to 128 are complete except 65, which announces a third bitmap: a 1987 message that
//! has one is refused. Binary fields (52, 55, 64, 96, 128) are pairs of hex digits, and the length
//! in front of 55 counts digits. Fields of variable length may be empty, as some hosts send them;
//! only the card number has 12 digits at least. 49 to 51 are three letters or three digits. 37 and
//! 38 may hold spaces. 46 to 48, 56 to 63 and 105 to 127 belong to whoever agreed on them and are
//! known to carry card verification values, so they count as sensitive.

use super::Content::{
    AlphaNumeric as An, AlphaNumericSpace as Anp, Hex, Numeric as N, SignedNumeric as Xn, Text,
    Track,
};
use super::Secrecy::{Open, Pan, Personal, Sensitive};
use super::{Field, Length, Profile, Secrecy};
use crate::pan::{PAN_LENGTH_MAX, PAN_LENGTH_MIN};
use crate::{Content, presence};

/// ISO 8583:1987, all characters ASCII, bitmaps in hex (either case read, upper case written).
pub static ASCII_HEX: Profile = Profile {
    name: "ascii-hex",
    version: 0,
    fields: FIELDS,
    presence: presence::GENERIC_1987,
    index: Profile::index(FIELDS),
};

const FIELDS: &[Field] = &[
    pan(2, "primary account number"),
    fixed(3, "processing code", N, 6, Open),
    fixed(4, "amount, transaction", N, 12, Open),
    fixed(5, "amount, settlement", N, 12, Open),
    fixed(6, "amount, cardholder billing", N, 12, Open),
    fixed(7, "transmission date and time", N, 10, Open),
    fixed(8, "amount, cardholder billing fee", N, 8, Open),
    fixed(9, "conversion rate, settlement", N, 8, Open),
    fixed(10, "conversion rate, cardholder billing", N, 8, Open),
    fixed(11, "system trace audit number", N, 6, Open),
    fixed(12, "time, local transaction", N, 6, Open),
    fixed(13, "date, local transaction", N, 4, Open),
    fixed(14, "date, expiration", N, 4, Personal),
    fixed(15, "date, settlement", N, 4, Open),
    fixed(16, "date, conversion", N, 4, Open),
    fixed(17, "date, capture", N, 4, Open),
    fixed(18, "merchant type", N, 4, Open),
    fixed(19, "acquiring institution country", N, 3, Open),
    fixed(20, "pan country", N, 3, Open),
    fixed(21, "forwarding institution country", N, 3, Open),
    fixed(22, "point of service entry mode", N, 3, Open),
    fixed(23, "pan sequence number", N, 3, Personal),
    fixed(24, "network international id", N, 3, Open),
    fixed(25, "point of service condition", N, 2, Open),
    fixed(26, "point of service pin capture", N, 2, Open),
    fixed(27, "authorization id length", N, 1, Open),
    fixed(28, "amount, transaction fee", Xn, 9, Open),
    fixed(29, "amount, settlement fee", Xn, 9, Open),
    fixed(30, "amount, transaction processing fee", Xn, 9, Open),
    fixed(31, "amount, settlement processing fee", Xn, 9, Open),
    ll(32, "acquiring institution id", N, 11, Open),
    ll(33, "forwarding institution id", N, 11, Open),
    ll(34, "primary account number, extended", Text, 28, Pan),
    ll(35, "track 2", Track, 37, Sensitive),
    lll(36, "track 3", Track, 104, Sensitive),
    fixed(37, "retrieval reference number", Anp, 12, Open),
    fixed(38, "authorization id response", Anp, 6, Open),
    fixed(39, "response code", An, 2, Open),
    fixed(40, "service restriction code", An, 3, Open),
    fixed(41, "card acceptor terminal id", Text, 8, Open),
    fixed(42, "card acceptor id", Text, 15, Open),
    fixed(43, "card acceptor name and location", Text, 40, Open),
    ll(44, "additional response data", Text, 25, Open),
    ll(45, "track 1", Text, 76, Sensitive),
    lll(46, "additional data, iso", Text, 999, Sensitive),
    lll(47, "additional data, national", Text, 999, Sensitive),
    lll(48, "additional data, private", Text, 999, Sensitive),
    fixed(49, "currency, transaction", An, 3, Open),
    fixed(50, "currency, settlement", An, 3, Open),
    fixed(51, "currency, cardholder billing", An, 3, Open),
    fixed(52, "pin block", Hex, 16, Sensitive),
    fixed(53, "security control information", N, 16, Sensitive),
    lll(54, "additional amounts", An, 120, Personal),
    lll(55, "chip data", Hex, 510, Sensitive),
    lll(56, "reserved, iso", Text, 999, Sensitive),
    lll(57, "reserved, national", Text, 999, Sensitive),
    lll(58, "reserved, national", Text, 999, Sensitive),
    lll(59, "reserved, national", Text, 999, Sensitive),
    lll(60, "reserved, private", Text, 999, Sensitive),
    lll(61, "reserved, private", Text, 999, Sensitive),
    lll(62, "reserved, private", Text, 999, Sensitive),
    lll(63, "reserved, private", Text, 999, Sensitive),
    fixed(64, "message authentication code", Hex, 16, Open),
    fixed(66, "settlement code", N, 1, Open),
    fixed(67, "extended payment code", N, 2, Open),
    fixed(68, "receiving institution country", N, 3, Open),
    fixed(69, "settlement institution country", N, 3, Open),
    fixed(70, "network management code", N, 3, Open),
    fixed(71, "message number", N, 4, Open),
    fixed(72, "message number, last", N, 4, Open),
    fixed(73, "date, action", N, 6, Open),
    fixed(74, "credits, number", N, 10, Open),
    fixed(75, "credits, reversal number", N, 10, Open),
    fixed(76, "debits, number", N, 10, Open),
    fixed(77, "debits, reversal number", N, 10, Open),
    fixed(78, "transfer, number", N, 10, Open),
    fixed(79, "transfer, reversal number", N, 10, Open),
    fixed(80, "inquiries, number", N, 10, Open),
    fixed(81, "authorizations, number", N, 10, Open),
    fixed(82, "credits, processing fee amount", N, 12, Open),
    fixed(83, "credits, transaction fee amount", N, 12, Open),
    fixed(84, "debits, processing fee amount", N, 12, Open),
    fixed(85, "debits, transaction fee amount", N, 12, Open),
    fixed(86, "credits, amount", N, 16, Open),
    fixed(87, "credits, reversal amount", N, 16, Open),
    fixed(88, "debits, amount", N, 16, Open),
    fixed(89, "debits, reversal amount", N, 16, Open),
    fixed(90, "original data elements", N, 42, Open),
    fixed(91, "file update code", An, 1, Open),
    fixed(92, "file security code", An, 2, Sensitive),
    fixed(93, "response indicator", An, 5, Open),
    fixed(94, "service indicator", An, 7, Open),
    fixed(95, "replacement amounts", An, 42, Open),
    fixed(96, "message security code", Hex, 16, Sensitive),
    fixed(97, "amount, net settlement", Xn, 17, Open),
    fixed(98, "payee", Text, 25, Personal),
    ll(99, "settlement institution id", N, 11, Open),
    ll(100, "receiving institution id", N, 11, Open),
    ll(101, "file name", Text, 17, Open),
    ll(102, "account id 1", Text, 28, Personal),
    ll(103, "account id 2", Text, 28, Personal),
    lll(104, "transaction description", Text, 100, Personal),
    lll(105, "reserved, iso", Text, 999, Sensitive),
    lll(106, "reserved, iso", Text, 999, Sensitive),
    lll(107, "reserved, iso", Text, 999, Sensitive),
    lll(108, "reserved, iso", Text, 999, Sensitive),
    lll(109, "reserved, iso", Text, 999, Sensitive),
    lll(110, "reserved, iso", Text, 999, Sensitive),
    lll(111, "reserved, iso", Text, 999, Sensitive),
    lll(112, "reserved, national", Text, 999, Sensitive),
    lll(113, "reserved, national", Text, 999, Sensitive),
    lll(114, "reserved, national", Text, 999, Sensitive),
    lll(115, "reserved, national", Text, 999, Sensitive),
    lll(116, "reserved, national", Text, 999, Sensitive),
    lll(117, "reserved, national", Text, 999, Sensitive),
    lll(118, "reserved, national", Text, 999, Sensitive),
    lll(119, "reserved, national", Text, 999, Sensitive),
    lll(120, "reserved, private", Text, 999, Sensitive),
    lll(121, "reserved, private", Text, 999, Sensitive),
    lll(122, "reserved, private", Text, 999, Sensitive),
    lll(123, "reserved, private", Text, 999, Sensitive),
    lll(124, "reserved, private", Text, 999, Sensitive),
    lll(125, "reserved, private", Text, 999, Sensitive),
    lll(126, "reserved, private", Text, 999, Sensitive),
    lll(127, "reserved, private", Text, 999, Sensitive),
    fixed(128, "message authentication code", Hex, 16, Open),
];

const fn pan(number: u8, name: &'static str) -> Field {
    let (min, max) = (PAN_LENGTH_MIN as u16, PAN_LENGTH_MAX as u16);
    let length = Length::Variable {
        digits: 2,
        min,
        max,
    };
    Field {
        number,
        name,
        content: N,
        length,
        secrecy: Pan,
    }
}

const fn fixed(
    number: u8,
    name: &'static str,
    content: Content,
    length: u16,
    secrecy: Secrecy,
) -> Field {
    Field {
        number,
        name,
        content,
        length: Length::Fixed(length),
        secrecy,
    }
}

const fn ll(number: u8, name: &'static str, content: Content, max: u16, secrecy: Secrecy) -> Field {
    let length = Length::Variable {
        digits: 2,
        min: 0,
        max,
    };
    Field {
        number,
        name,
        content,
        length,
        secrecy,
    }
}

const fn lll(
    number: u8,
    name: &'static str,
    content: Content,
    max: u16,
    secrecy: Secrecy,
) -> Field {
    let length = Length::Variable {
        digits: 3,
        min: 0,
        max,
    };
    Field {
        number,
        name,
        content,
        length,
        secrecy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_1987_has_its_row() {
        let numbers: Vec<u8> = ASCII_HEX.fields.iter().map(|field| field.number).collect();
        let expected: Vec<u8> = (2..=128).filter(|&number| number != 65).collect();
        assert_eq!(numbers, expected);
        for number in 0..=u8::MAX {
            let row = ASCII_HEX.field(number).map(|field| field.number);
            assert_eq!(row, expected.contains(&number).then_some(number));
        }
    }

    #[test]
    fn every_length_fits_its_prefix() {
        for field in ASCII_HEX.fields {
            let (min, max) = field.length.bounds();
            assert!(min <= max, "{field:?}");
            if let Length::Variable { digits, .. } = field.length {
                assert!(max < 10_u16.pow(digits.into()), "{field:?}");
            }
        }
    }

    #[test]
    fn card_data_is_never_open() {
        for number in [
            2, 14, 34, 35, 36, 45, 48, 52, 53, 55, 60, 61, 62, 63, 96, 120, 126,
        ] {
            assert_ne!(ASCII_HEX.field(number).unwrap().secrecy, Open, "DE{number}");
        }
    }
}
