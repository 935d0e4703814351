//! Field 43: where the card was used.

use super::{CompositeError, Short};
use crate::Value;
use crate::profile::LocationLayout;

/// Name, city, region and country, without the spaces that fill them up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Location {
    /// Name, and street where it has one.
    pub name: Short<40>,
    /// City.
    pub city: Short<40>,
    /// State or region; empty where the layout has none.
    pub region: Short<40>,
    /// Country.
    pub country: Short<40>,
}

impl Location {
    /// Divides 40 characters as the layout says.
    ///
    /// # Errors
    /// If the field has not as many characters as the layout.
    pub fn of(value: &Value<'_>, layout: LocationLayout) -> Result<Self, CompositeError> {
        let mut room = [0; 40];
        let text = value.copy_to(&mut room).ok_or(CompositeError::Location)?;
        let mut rest = text;
        let mut part = |length: u8| {
            let (part, behind) = rest.split_at_checked(length.into())?;
            rest = behind;
            Short::new(part.trim_end())
        };
        let mut parts = || {
            Some(Self {
                name: part(layout.name)?,
                city: part(layout.city)?,
                region: part(layout.region)?,
                country: part(layout.country)?,
            })
        };
        let parts = parts();
        parts
            .filter(|_| rest.is_empty())
            .ok_or(CompositeError::Location)
    }
}
