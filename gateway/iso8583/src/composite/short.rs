//! Text of a few characters that owns them without a heap.

use std::fmt;
use std::ops::Deref;

/// Up to `N` ASCII characters. Reads as `str`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Short<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Short<N> {
    /// None if the text is longer than `N` bytes or not ASCII.
    pub fn new(text: &str) -> Option<Self> {
        let mut bytes = [0; N];
        let length = text.len();
        if !text.is_ascii() {
            return None;
        }
        bytes.get_mut(..length)?.copy_from_slice(text.as_bytes());
        Some(Self { bytes, length })
    }

    /// No characters.
    pub const fn empty() -> Self {
        Self {
            bytes: [0; N],
            length: 0,
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..self.length).unwrap_or_default();
        str::from_utf8(bytes).unwrap_or_default()
    }
}

impl<const N: usize> Deref for Short<N> {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl<const N: usize> fmt::Debug for Short<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl<const N: usize> fmt::Display for Short<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_text_is_what_it_was_made_of() {
        let text = Short::<4>::new("ab").unwrap();
        assert_eq!((&*text, text.len()), ("ab", 2));
        assert_eq!(format!("{text} {text:?}"), "ab \"ab\"");
        assert_eq!(Short::<4>::new(""), Some(Short::new("").unwrap()));
        assert!(Short::<4>::new("abcde").is_none() && Short::<4>::new("é").is_none());
    }
}
