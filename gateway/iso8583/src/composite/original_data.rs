//! Field 90: the message that this one takes back or follows up.

use super::{CompositeError, Short};
use crate::{Mti, Value};

/// What identifies the original.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OriginalData {
    /// Its type; 0000 from peers that do not keep it.
    pub mti: Mti,
    /// Its field 11, six digits.
    pub stan: Short<6>,
    /// Its field 7, MMDDhhmmss in UTC, ten digits.
    pub transmitted_at: Short<10>,
    /// Its field 32, without leading zeros.
    pub acquirer_id: Short<11>,
    /// Its field 33, without leading zeros; none if it is all zeros, as it is when nobody
    /// forwarded.
    pub forwarder_id: Option<Short<11>>,
}

impl OriginalData {
    /// Puts the parts together.
    ///
    /// # Errors
    /// If a part is not digits, or not as long as its place.
    pub fn new(
        mti: Mti,
        stan: &str,
        transmitted_at: &str,
        acquirer_id: &str,
        forwarder_id: Option<&str>,
    ) -> Result<Self, CompositeError> {
        let id = |id: &str| Short::new(id.trim_start_matches('0')).filter(|id| all_digits(id));
        let original = Self {
            mti,
            stan: whole(stan)?,
            transmitted_at: whole(transmitted_at)?,
            acquirer_id: id(acquirer_id).ok_or(CompositeError::OriginalData)?,
            forwarder_id: match forwarder_id {
                None => None,
                Some(forwarder) => {
                    let id = id(forwarder).ok_or(CompositeError::OriginalData)?;
                    Some(id).filter(|id| !id.is_empty())
                }
            },
        };
        Ok(original)
    }

    /// Reads the 42 digits of field 90.
    ///
    /// # Errors
    /// If the text is anything else.
    pub fn parse(text: &str) -> Result<Self, CompositeError> {
        if text.len() != 42 || !all_digits(text) {
            return Err(CompositeError::OriginalData);
        }
        let (mti, rest) = text.split_at(4);
        let (stan, rest) = rest.split_at(6);
        let (transmitted_at, rest) = rest.split_at(10);
        let (acquirer_id, forwarder_id) = rest.split_at(11);
        let mti = Mti::parse(mti).map_err(|_| CompositeError::OriginalData)?;
        Self::new(mti, stan, transmitted_at, acquirer_id, Some(forwarder_id))
    }

    /// Reads a field.
    ///
    /// # Errors
    /// If it is not 42 digits.
    pub fn of(value: &Value<'_>) -> Result<Self, CompositeError> {
        let mut room = [0; 42];
        let text = value
            .copy_to(&mut room)
            .ok_or(CompositeError::OriginalData)?;
        Self::parse(text)
    }

    /// The 42 digits.
    pub fn encode(&self) -> String {
        let Self {
            mti,
            stan,
            transmitted_at,
            acquirer_id,
            forwarder_id,
        } = self;
        let (acquirer, forwarder) = (
            acquirer_id.as_str(),
            forwarder_id.as_deref().unwrap_or_default(),
        );
        format!("{mti}{stan}{transmitted_at}{acquirer:0>11}{forwarder:0>11}")
    }
}

/// A part that fills its place.
fn whole<const N: usize>(text: &str) -> Result<Short<N>, CompositeError> {
    let part = Short::new(text).filter(|part| part.len() == N && all_digits(part));
    part.ok_or(CompositeError::OriginalData)
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
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
            (&*original.stan, &*original.transmitted_at),
            ("123456", "1122083400")
        );
        assert_eq!(
            (&*original.acquirer_id, original.forwarder_id),
            ("12345678", None)
        );
        assert_eq!(original.encode(), ORIGINAL);

        let forwarded = OriginalData {
            forwarder_id: Short::new("98765432101"),
            ..original
        };
        assert_eq!(OriginalData::parse(&forwarded.encode()), Ok(forwarded));
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
        for (stan, transmitted_at, acquirer_id, forwarder_id) in [
            ("12345", "1122083400", "12345678", None),
            ("12345x", "1122083400", "12345678", None),
            ("123456", "11220834000", "12345678", None),
            ("12345", "11220834000", "12345678", None), // 42 in all, but not at their places
            ("123456", "1122083400", "123456789012", None),
            ("123456", "1122083400", "12345678", Some("123456789012")),
            ("123456", "1122083400", "1234x", None),
        ] {
            let bad =
                OriginalData::new(Mti::M0100, stan, transmitted_at, acquirer_id, forwarder_id);
            assert_eq!(
                bad,
                Err(CompositeError::OriginalData),
                "{stan} {transmitted_at}"
            );
        }
    }
}
