//! What fields are called, apart from their formats: reading a message needs no names.

use super::iso1987::{ROWS, Row};

/// The names of fields, by number.
#[derive(Clone)]
pub(crate) enum Names {
    /// Those of 1987, but for these rows.
    BuiltIn(&'static [Row]),
    /// Of a profile that was read.
    #[cfg(feature = "toml")]
    Read(Vec<String>),
}

impl Names {
    pub(crate) fn of(&self, number: u8) -> &str {
        match self {
            Self::BuiltIn(rows) => {
                let mut rows = rows.iter().chain(ROWS);
                rows.find(|row| row.number == number)
                    .map(|row| row.name)
                    .unwrap_or_default()
            }
            #[cfg(feature = "toml")]
            Self::Read(names) => names
                .get(usize::from(number))
                .map(String::as_str)
                .unwrap_or_default(),
        }
    }
}

impl PartialEq for Names {
    fn eq(&self, other: &Self) -> bool {
        (0..=128).all(|number| self.of(number) == other.of(number))
    }
}

impl Eq for Names {}
