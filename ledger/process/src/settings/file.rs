//! The file: TOML, with the line of every value, and every key in it known.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use strsim::damerau_levenshtein;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::keys::{Key, join};
use super::report::{Origin, Report};

/// Values by key.
pub(super) type Values = BTreeMap<String, Found>;

/// A value in the file.
pub(super) struct Found {
    /// The value.
    pub(super) value: toml::Value,
    /// Where it stands; the first line is 1.
    pub(super) line: usize,
}

/// Everything that a file says; nothing where there is no file. `None` where it cannot be read, which
/// is in the report then.
pub(super) fn read(path: Option<&Path>, keys: &[Key], report: &mut Report) -> Option<Values> {
    let Some(path) = path else {
        return Some(Values::new());
    };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            let what = format!(
                "the configuration file {} cannot be read: {error}",
                path.display()
            );
            report.refuse("", what, "give the path of a file, or none");
            return None;
        }
    };
    let (table, errors) = DeTable::parse_recoverable(&text);
    let mut reader = Reader {
        path,
        text: &text,
        keys,
        report,
        values: Values::new(),
    };
    if !errors.is_empty() {
        let mut last = 0;
        for error in errors {
            // What follows an error on its line is most often the same one.
            let line = reader.line(&error.span().unwrap_or_default());
            if line != last {
                let what = error.message().replace('\n', " ");
                reader.refuse(
                    "",
                    error.span(),
                    &what,
                    "write `key = value`, and text in quotes",
                );
            }
            last = line;
        }
        return None;
    }
    reader.table("", table.into_inner());
    let values = reader.values;
    report.sort_by_line();
    Some(values)
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    keys: &'a [Key],
    report: &'a mut Report,
    values: Values,
}

impl Reader<'_> {
    fn table(&mut self, section: &str, table: DeTable<'_>) {
        for (name, value) in table {
            let (span, path) = (name.span(), join(section, name.get_ref()));
            if self.keys.iter().any(|key| key.path == path) {
                self.value(path, span, value);
            } else if !self.is_section(&path) {
                let cure = self.cure(section, &path);
                self.refuse(&path, Some(span), "there is no such key", &cure);
            } else if let DeValue::Table(table) = value.into_inner() {
                self.table(&path, table);
            } else {
                let cure = format!("write [{path}], and its keys below");
                self.refuse(
                    &path,
                    Some(span),
                    "this is a section and has no value",
                    &cure,
                );
            }
        }
    }

    fn value(&mut self, path: String, span: Range<usize>, value: Spanned<DeValue<'_>>) {
        let line = self.line(&span);
        match toml::Value::deserialize(ValueDeserializer::from(value)) {
            Ok(value) => {
                self.values.insert(path, Found { value, line });
            }
            Err(error) => {
                let what = error.message().to_owned();
                self.refuse(&path, Some(span), &what, "see `config default`");
            }
        }
    }

    fn is_section(&self, path: &str) -> bool {
        let inside = |key: &Key| {
            let rest = key.path.strip_prefix(path);
            rest.is_some_and(|rest| rest.starts_with('.'))
        };
        self.keys.iter().any(inside)
    }

    /// What was meant, where that can be guessed; otherwise what there is.
    fn cure(&self, section: &str, path: &str) -> String {
        if let Some(meant) = self.meant(path) {
            return format!("did you mean `{meant}`?");
        }
        let siblings = self.keys.iter().filter_map(|key| match key.split() {
            (within, name) if within.unwrap_or_default() == section => Some(name),
            _ => None,
        });
        let siblings: Vec<_> = siblings.collect();
        match section {
            "" => "`config default` shows every key".to_owned(),
            _ => format!("[{section}] has {}", siblings.join(", ")),
        }
    }

    /// The key or section that is nearest: written almost so, or of this name in another section.
    fn meant(&self, path: &str) -> Option<&str> {
        let sections = self.keys.iter().filter_map(|key| key.split().0);
        let known = sections.chain(self.keys.iter().map(|key| key.path.as_str()));
        let name = last(path);
        let far = 1 + name.chars().count() / 3;
        known
            .map(|known| {
                let as_it_is = damerau_levenshtein(path, known);
                let elsewhere = damerau_levenshtein(name, last(known)) + 1;
                (as_it_is.min(elsewhere), known)
            })
            .filter(|(distance, _)| *distance <= far)
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, known)| known)
    }

    fn refuse(&mut self, key: &str, span: Option<Range<usize>>, what: &str, cure: &str) {
        let origin = Origin::File {
            path: self.path.to_owned(),
            line: self.line(&span.unwrap_or_default()),
        };
        self.report.refuse_at(key, origin, what, cure);
    }

    fn line(&self, span: &Range<usize>) -> usize {
        let before = self.text.get(..span.start).unwrap_or_default();
        before.matches('\n').count() + 1
    }
}

fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}
