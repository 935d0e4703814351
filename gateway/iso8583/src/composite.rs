//! Fields that hold several values side by side, taken apart on demand.

use crate::Mti;

/// Field 90: the message that this one takes back or follows up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OriginalData<'a> {
    /// Its type; 0000 from peers that do not keep it.
    pub mti: Mti,
    /// Its field 11, six digits.
    pub stan: &'a str,
    /// Its field 7, MMDDhhmmss in UTC, ten digits.
    pub transmitted_at: &'a str,
    /// Its field 32, without leading zeros.
    pub acquirer_id: &'a str,
    /// Its field 33, without leading zeros; none if it is all zeros, as it is when nobody
    /// forwarded.
    pub forwarder_id: Option<&'a str>,
}

impl<'a> OriginalData<'a> {
    /// Reads the 42 digits of field 90.
    pub fn parse(text: &'a str) -> Result<Self, CompositeError> {
        if text.len() != 42 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(CompositeError::OriginalData);
        }
        let (mti, rest) = text.split_at(4);
        let (stan, rest) = rest.split_at(6);
        let (transmitted_at, rest) = rest.split_at(10);
        let (acquirer_id, forwarder_id) = rest.split_at(11);
        Ok(Self {
            mti: Mti::parse(mti).map_err(|_| CompositeError::OriginalData)?,
            stan,
            transmitted_at,
            acquirer_id: acquirer_id.trim_start_matches('0'),
            forwarder_id: Some(forwarder_id.trim_start_matches('0')).filter(|id| !id.is_empty()),
        })
    }

    /// The 42 digits. An error if a part is not digits or too long for its place.
    pub fn encode(&self) -> Result<String, CompositeError> {
        let Self {
            mti,
            stan,
            transmitted_at,
            acquirer_id,
            forwarder_id,
        } = self;
        let forwarder_id = forwarder_id.unwrap_or_default();
        let text = format!("{mti}{stan}{transmitted_at}{acquirer_id:0>11}{forwarder_id:0>11}");
        if stan.len() != 6 || transmitted_at.len() != 10 || acquirer_id.len() > 11 {
            return Err(CompositeError::OriginalData);
        }
        OriginalData::parse(&text)?;
        Ok(text)
    }
}

/// The actual amount of field 95, its first 12 digits, in minor units. The settlement amount and
/// the two fees behind it are not read.
pub fn parse_replacement_amount(text: &str) -> Result<u64, CompositeError> {
    let digits = text.get(..12).ok_or(CompositeError::ReplacementAmounts)?;
    if text.len() != 42 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(CompositeError::ReplacementAmounts);
    }
    digits
        .parse()
        .map_err(|_| CompositeError::ReplacementAmounts)
}

/// Field 95 with this actual amount in minor units, no settlement amount and no fees. An error if
/// the amount has more than 12 digits.
pub fn encode_replacement_amount(actual_minor: u64) -> Result<String, CompositeError> {
    if actual_minor > 999_999_999_999 {
        return Err(CompositeError::ReplacementAmounts);
    }
    Ok(format!(
        "{actual_minor:012}{:012}{fee}{fee}",
        0,
        fee = "C00000000"
    ))
}

/// The characters do not fall into the parts that the field should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CompositeError {
    /// Field 90.
    #[error("field 90 is 42 digits: type 4, trace number 6, time 10, acquirer 11, forwarder 11")]
    OriginalData,
    /// Field 95.
    #[error("field 95 is 42 characters and begins with the actual amount in 12 digits")]
    ReplacementAmounts,
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGINAL: &str = "010012345611220834000001234567800000000000";

    #[test]
    fn original_data_round_trips() {
        let original = OriginalData::parse(ORIGINAL).unwrap();
        assert_eq!(original.mti, Mti::M0100);
        assert_eq!(
            (original.stan, original.transmitted_at),
            ("123456", "1122083400")
        );
        assert_eq!(
            (original.acquirer_id, original.forwarder_id),
            ("12345678", None)
        );
        assert_eq!(original.encode().unwrap(), ORIGINAL);

        let forwarded = OriginalData {
            forwarder_id: Some("98765432101"),
            ..original
        };
        assert_eq!(
            OriginalData::parse(&forwarded.encode().unwrap()),
            Ok(forwarded)
        );
    }

    #[test]
    fn original_data_of_the_wrong_shape_is_refused() {
        let letter = ORIGINAL.replace('8', "x");
        for text in ["", &ORIGINAL[1..], &letter, &"٠".repeat(21)] {
            assert_eq!(
                OriginalData::parse(text),
                Err(CompositeError::OriginalData),
                "{text}"
            );
        }
        let good = OriginalData::parse(ORIGINAL).unwrap();
        for bad in [
            OriginalData {
                stan: "12345",
                ..good
            },
            OriginalData {
                stan: "12345x",
                ..good
            },
            OriginalData {
                transmitted_at: "11220834000",
                ..good
            },
            // The parts add up to 42, but not at their places.
            OriginalData {
                stan: "12345",
                transmitted_at: "11220834000",
                ..good
            },
            OriginalData {
                acquirer_id: "123456789012",
                ..good
            },
            OriginalData {
                forwarder_id: Some("123456789012"),
                ..good
            },
        ] {
            assert_eq!(bad.encode(), Err(CompositeError::OriginalData), "{bad:?}");
        }
    }

    #[test]
    fn replacement_amounts_round_trip() {
        for amount in [0, 1, 5_000, 999_999_999_999] {
            let text = encode_replacement_amount(amount).unwrap();
            assert_eq!(text.len(), 42);
            assert_eq!(parse_replacement_amount(&text), Ok(amount));
        }
        let error = Err(CompositeError::ReplacementAmounts);
        assert_eq!(
            encode_replacement_amount(1_000_000_000_000).map(|_| 0),
            error
        );
        let letter = format!("+{}", "0".repeat(41));
        for text in ["", "000000005000", &letter, &"ä".repeat(21)] {
            assert_eq!(parse_replacement_amount(text), error, "{text}");
        }
    }
}
