//! The profile that a command was told to use.

use std::borrow::Cow;

use iso8583::Profile;
use iso8583::profile::{BUILT_IN, ProfileFileError};

use super::mask;

/// A built-in profile by its name, or one from a file whose name ends in `.toml`.
///
/// # Errors
/// With a sentence that says what there is.
pub(super) fn find(word: &str) -> Result<Cow<'static, Profile>, String> {
    if let Some(profile) = Profile::built_in(word) {
        return Ok(Cow::Borrowed(profile));
    }
    let shown = mask::typed(word);
    // Other files may be messages, and an error would show a line of them.
    if !word.ends_with(".toml") {
        let names: Vec<&str> = BUILT_IN.iter().map(|profile| profile.name()).collect();
        let names = names.join(", ");
        return Err(format!(
            "no profile `{shown}`: use one of {names}, or a file whose name ends in .toml"
        ));
    }
    let text = std::fs::read_to_string(word);
    let text = text.map_err(|error| format!("{shown} cannot be read: {error}"))?;
    let profile = Profile::from_toml(&text);
    let profile = profile.map_err(|error| format!("{shown}: {}", explained(&text, &error)))?;
    Ok(Cow::Owned(profile))
}

/// Without the line that a TOML error quotes.
fn explained(text: &str, error: &ProfileFileError) -> String {
    let ProfileFileError::Toml(error) = error else {
        return mask::typed(&error.to_string());
    };
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map_or(1, |before| before.matches('\n').count() + 1);
    mask::typed(&format!("line {line}: {}", error.message()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_found_by_name_and_in_files() {
        let directory = tempfile::tempdir().unwrap();
        let file = |text: &str| {
            let path = directory.path().join("host.toml");
            std::fs::write(&path, text).unwrap();
            find(path.to_str().unwrap()).map(|profile| profile.name().to_owned())
        };
        assert_eq!(find("bcd").unwrap().name(), "bcd");
        assert!(find("cbd").unwrap_err().contains("ascii-hex, "));
        assert!(find("none.toml").unwrap_err().contains("cannot be read"));
        assert_eq!(
            file("name = \"mine\"\nbased_on = \"bcd\""),
            Ok("mine".to_owned())
        );
        let refused = file("name = \"mine\"\nbased_on = 4111111111111111").unwrap_err();
        assert!(refused.contains("line 2"), "{refused}");
        assert!(!refused.contains("41111"), "{refused}");
    }
}
