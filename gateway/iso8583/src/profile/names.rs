//! What fields are called, apart from their formats: reading a message needs no names.

/// The names of fields, by number.
#[derive(Clone)]
pub(crate) enum Names {
    /// Of a profile that was compiled in.
    BuiltIn([&'static str; 129]),
    /// Of a profile that was read.
    Read(Vec<String>),
}

impl Names {
    pub(crate) fn of(&self, number: u8) -> &str {
        let place = usize::from(number);
        match self {
            Self::BuiltIn(names) => names.get(place).copied().unwrap_or_default(),
            Self::Read(names) => names.get(place).map(String::as_str).unwrap_or_default(),
        }
    }
}

impl PartialEq for Names {
    fn eq(&self, other: &Self) -> bool {
        (0..=128).all(|number| self.of(number) == other.of(number))
    }
}

impl Eq for Names {}
