//! What an authorization is for, and where and how it was made: what the rules weigh beside card and money.
//!
//! No part of the fingerprint: a repeat through a link that tells less asks for the same, and gets the
//! answer that was given.

/// What is asked for, from the first two digits of DE3.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Goods or services, with or without cash-back.
    #[default]
    Purchase = 0,
    /// Cash, at a machine or over a counter.
    Cash = 1,
    /// Money for the cardholder: a refund, a deposit, an original credit.
    Credit = 2,
    /// Money that leaves in another way: quasi-cash, account funding, transfers, payments.
    Other = 3,
    /// Nothing moves: something is asked.
    Inquiry = 4,
}

impl Kind {
    /// Every kind, in order of its number.
    pub const ALL: &[Self] = &[
        Self::Purchase,
        Self::Cash,
        Self::Credit,
        Self::Other,
        Self::Inquiry,
    ];

    /// Its name, as in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Purchase => "purchase",
            Self::Cash => "cash",
            Self::Credit => "credit",
            Self::Other => "other",
            Self::Inquiry => "inquiry",
        }
    }

    /// The kind of a processing code, by its first two digits as a number.
    pub const fn of_processing_code(transaction: u8) -> Self {
        match transaction {
            0 | 9 => Self::Purchase,
            1 | 17 => Self::Cash,
            20..=29 => Self::Credit,
            30..=39 => Self::Inquiry,
            _ => Self::Other,
        }
    }
}

/// How the card was read, from the first two digits of DE22.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Entry {
    /// Not told, or in a way that these rules do not know.
    #[default]
    Unknown = 0,
    /// The chip, by contact.
    Chip = 1,
    /// The chip or the stripe, without contact.
    Contactless = 2,
    /// The stripe, also where a chip could not be read.
    Magstripe = 3,
    /// Without the card: electronic commerce, or a number that a merchant keeps.
    Ecommerce = 4,
    /// The number was typed.
    Keyed = 5,
}

impl Entry {
    /// Every way, in order of its number.
    pub const ALL: &[Self] = &[
        Self::Unknown,
        Self::Chip,
        Self::Contactless,
        Self::Magstripe,
        Self::Ecommerce,
        Self::Keyed,
    ];

    /// Its name, as in the policy and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Chip => "chip",
            Self::Contactless => "contactless",
            Self::Magstripe => "magstripe",
            Self::Ecommerce => "ecommerce",
            Self::Keyed => "keyed",
        }
    }

    /// The way that an entry mode says, by its first two digits as a number.
    pub const fn of_entry_mode(reading: u8) -> Self {
        match reading {
            1 | 79 => Self::Keyed,
            2 | 80 | 90 => Self::Magstripe,
            5 | 95 => Self::Chip,
            7 | 91 => Self::Contactless,
            9 | 10 | 81 | 82 => Self::Ecommerce,
            _ => Self::Unknown,
        }
    }
}

/// What an authorization is for, and where and how it was made. Zero is what was not told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Circumstances {
    /// What is asked for.
    pub kind: Kind,
    /// How the card was read.
    pub entry: Entry,
    /// Merchant category code (DE18).
    pub mcc: u16,
    /// The acquirer's country, ISO 3166 numeric (DE19).
    pub country: u16,
    /// Keyed digest of the merchant.
    pub merchant: u32,
    /// Keyed digest of the first digits of the card number, where the door has seen it.
    pub bin: u32,
    /// True where the terminal takes less than it asks for.
    pub partial: bool,
}

/// MCC and country are of four and of three digits.
const MCC_MAX: u16 = 9_999;
const COUNTRY_MAX: u16 = 999;

impl Circumstances {
    /// As bytes: MCC, country, merchant and BIN little-endian, kind, entry, 1 for partial, zero.
    pub(crate) fn to_bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        let parts = (self.mcc.to_le_bytes().into_iter())
            .chain(self.country.to_le_bytes())
            .chain(self.merchant.to_le_bytes())
            .chain(self.bin.to_le_bytes())
            .chain([self.kind as u8, self.entry as u8, u8::from(self.partial)]);
        bytes
            .iter_mut()
            .zip(parts)
            .for_each(|(slot, byte)| *slot = byte);
        bytes
    }

    /// The inverse of [`Circumstances::to_bytes`]; `None` for anything else.
    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Option<Self> {
        let [a, b, c, d, e, f, g, h, i, j, k, l, kind, entry, partial, 0] = bytes else {
            return None;
        };
        let (mcc, country) = (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
        if mcc > MCC_MAX || country > COUNTRY_MAX || partial > 1 {
            return None;
        }
        Some(Self {
            kind: *Kind::ALL.get(usize::from(kind))?,
            entry: *Entry::ALL.get(usize::from(entry))?,
            mcc,
            country,
            merchant: u32::from_le_bytes([e, f, g, h]),
            bin: u32::from_le_bytes([i, j, k, l]),
            partial: partial == 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_digits_of_de3_say_what_is_asked_for() {
        for (code, kind) in [
            (0, Kind::Purchase),
            (9, Kind::Purchase),
            (1, Kind::Cash),
            (17, Kind::Cash),
            (20, Kind::Credit),
            (28, Kind::Credit),
            (2, Kind::Other),
            (11, Kind::Other),
            (40, Kind::Other),
            (50, Kind::Other),
            (92, Kind::Other),
            (30, Kind::Inquiry),
            (39, Kind::Inquiry),
        ] {
            assert_eq!(Kind::of_processing_code(code), kind, "{code}");
        }
    }

    #[test]
    fn the_first_digits_of_de22_say_how_the_card_was_read_and_what_is_not_known_is_unknown() {
        for (mode, entry) in [
            (0, Entry::Unknown),
            (6, Entry::Unknown),
            (99, Entry::Unknown),
            (1, Entry::Keyed),
            (79, Entry::Keyed),
            (5, Entry::Chip),
            (7, Entry::Contactless),
            (91, Entry::Contactless),
            (80, Entry::Magstripe),
            (90, Entry::Magstripe),
            (10, Entry::Ecommerce),
            (81, Entry::Ecommerce),
        ] {
            assert_eq!(Entry::of_entry_mode(mode), entry, "{mode}");
        }
    }

    #[test]
    fn numbers_are_places_in_the_lists_and_names_are_told_apart() {
        for (place, kind) in Kind::ALL.iter().enumerate() {
            assert_eq!(usize::from(*kind as u8), place, "{}", kind.name());
        }
        for (place, entry) in Entry::ALL.iter().enumerate() {
            assert_eq!(usize::from(*entry as u8), place, "{}", entry.name());
        }
    }

    #[test]
    fn what_was_not_told_is_zero_and_what_cannot_be_is_refused() {
        assert_eq!(Circumstances::default().to_bytes(), [0; 16]);
        for (at, byte) in [(1, 0x28), (3, 4), (12, 5), (13, 6), (14, 2), (15, 1)] {
            let mut bytes = [0; 16];
            bytes[at] = byte;
            assert_eq!(Circumstances::from_bytes(bytes), None, "byte {at}");
        }
    }
}
