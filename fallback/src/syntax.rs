//! What is wrong with a TOML file, without a word of what is in it: somebody may have given the wrong
//! file, and it may hold keys (I15).

use serde::de::DeserializeOwned;

/// Reads a file's text; the error is a line's number and what is wrong with it.
pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    toml::from_str(text).map_err(|error| {
        let what = without_value(error.message()).replace('\n', " ");
        match error.span() {
            Some(span) => {
                let before = text.get(..span.start).unwrap_or_default();
                format!("line {}: {what}", before.matches('\n').count() + 1)
            }
            None => what,
        }
    })
}

/// `invalid type: string "…", expected u64` without the text.
fn without_value(message: &str) -> String {
    let of_serde = ["invalid type", "invalid value"];
    let kind = of_serde.iter().find(|kind| message.starts_with(**kind));
    match (kind, message.rsplit_once(", expected ")) {
        (Some(kind), Some((_, expected))) => format!("{kind}, expected {expected}"),
        (Some(kind), None) => (*kind).to_owned(),
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::homes::Homes;
    use crate::policy::Policy;

    #[test]
    fn no_error_repeats_what_is_in_the_file_i15() {
        let secret = "5ec2e7".repeat(10);
        for (text, line) in [
            (format!("# keys\ncard {secret}\nid {secret}\n"), "line 2: "),
            (format!("card {secret}"), "line 1: "),
            (format!("\nversion = '{secret}'"), "line 2: "),
            (format!("version = 1\ngateways = '{secret}'"), "line 2: "),
            (
                format!("version = 1\ngateways = [{{ name = '{secret}' }}]"),
                "line 2: ",
            ),
            (format!("version = 1\nother = '{secret}'"), "line 2: "),
            (format!("version = 1\nversion = '{secret}'"), "line 2: "),
            (format!("version = '{secret}"), "line 1: "),
            (format!("version = {secret}"), "line 1: "),
        ] {
            let homes = Homes::parse(&text).unwrap_err().to_string();
            let policy = Policy::parse(&text).unwrap_err().to_string();
            for refused in [&homes, &policy] {
                assert!(!refused.contains("5ec2e7"), "{text}: {refused}");
                assert!(!refused.contains('\n'), "{text}: {refused}");
            }
            assert!(homes.contains(line), "{text}: {homes}");
        }
    }
}
