//! What was found where, and everything that is wrong with it.

use std::fmt;
use std::path::{Path, PathBuf};

use confique::Config;
use toml::Value;

use super::keys::Key;
use super::mask::masked;

/// Where a value is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A flag, without its dashes.
    Flag(&'static str),
    /// An environment variable.
    Env(&'static str),
    /// A line of the configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// The line; the first one is 1.
        line: usize,
    },
    /// Nobody has set it.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "flag --{name}"),
            Self::Env(name) => write!(f, "env {name}"),
            Self::File { path, line } => write!(f, "file {}:{line}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// One thing that is wrong, and how to make it right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key; empty where it is no key's.
    pub key: String,
    /// Where the value is from; `None` where there is none.
    pub origin: Option<Origin>,
    /// What is wrong.
    pub what: String,
    /// How to make it right; empty where `what` says it.
    pub cure: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.key.as_str(), &self.origin) {
            ("", None) => {}
            ("", Some(origin)) => write!(f, "{origin}: ")?,
            (key, None) => write!(f, "{key}: ")?,
            (key, Some(origin)) => write!(f, "{key} ({origin}): ")?,
        }
        f.write_str(&self.what)?;
        if self.cure.is_empty() {
            return Ok(());
        }
        write!(f, "; {}", self.cure)
    }
}

/// The value of one key. Passwords in it are masked.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Effective {
    /// The key.
    pub(super) key: String,
    /// Its value; `None` where it has none and needs none.
    pub(super) value: Option<Value>,
    /// Where it is from.
    pub(super) origin: Origin,
}

/// Every key's value and origin, and all that is wrong.
#[derive(Debug)]
pub struct Report {
    file: Option<PathBuf>,
    values: Vec<Effective>,
    problems: Vec<Problem>,
}

impl Report {
    pub(super) fn new(file: Option<PathBuf>) -> Self {
        Self {
            file,
            values: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// Everything that is wrong.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The configuration file, where one was named.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    pub(super) fn values(&self) -> &[Effective] {
        &self.values
    }

    /// Where the value of a key is from; `None` where it has no value that could be read.
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        let value = self.values.iter().find(|value| value.key == key)?;
        Some(&value.origin)
    }

    /// Adds something that is wrong with a key's value, or with none in particular where `key` is
    /// empty. Neither text may hold a secret.
    pub fn refuse(&mut self, key: &str, what: impl fmt::Display, cure: impl fmt::Display) {
        let problem = Problem {
            key: key.to_owned(),
            origin: self.origin(key).cloned(),
            what: what.to_string(),
            cure: cure.to_string(),
        };
        self.problems.push(problem);
    }

    /// The value, or one more thing that is wrong with a key, where the error says how to make it
    /// right.
    pub fn keep<T>(&mut self, key: &str, result: Result<T, impl fmt::Display>) -> Option<T> {
        result.map_err(|error| self.refuse(key, error, "")).ok()
    }

    /// The configuration; `None` where anything is wrong.
    pub fn complete<C: Config>(&mut self, layer: C::Layer) -> Option<C> {
        if !self.problems.is_empty() {
            return None;
        }
        // Every required value is there, or there was a problem.
        self.keep("", C::from_layer(layer))
    }

    pub(super) fn refuse_at(&mut self, key: &str, origin: Origin, what: &str, cure: &str) {
        self.problems.push(Problem {
            key: key.to_owned(),
            origin: Some(origin),
            what: what.to_owned(),
            cure: cure.to_owned(),
        });
    }

    /// What is wrong in the file, in its order.
    pub(super) fn sort_by_line(&mut self) {
        self.problems.sort_by_key(|problem| match problem.origin {
            Some(Origin::File { line, .. }) => line,
            _ => 0,
        });
    }

    pub(super) fn found(&mut self, key: &Key, origin: Origin, value: Value) {
        let value = match value {
            Value::String(text) => Value::String(masked(&text)),
            other => other,
        };
        self.values.push(Effective {
            key: key.path.clone(),
            value: Some(value),
            origin,
        });
    }

    /// A key that has no value: right where it needs none.
    pub(super) fn absent(&mut self, key: &Key) {
        if !key.required {
            self.values.push(Effective {
                key: key.path.clone(),
                value: None,
                origin: Origin::Default,
            });
            return;
        }
        let (section, name) = key.split();
        let mut ways = Vec::new();
        ways.extend(key.flag.map(|flag| format!("--{}", flag.name)));
        ways.extend(key.env.map(str::to_owned));
        let section = section.map_or_else(|| "the file".to_owned(), |it| format!("[{it}]"));
        ways.push(format!("`{name}` in {section}"));
        let cure = format!("set {}", ways.join(" or "));
        self.refuse(&key.path, "it is required and has no value", cure);
    }

    /// A value that is not of the key's type.
    pub(super) fn unreadable(&mut self, key: &Key, origin: &Origin, value: &Value, what: &str) {
        let shown = match (value, origin) {
            (Value::String(text), Origin::File { .. }) => Value::String(masked(text)).to_string(),
            (Value::String(text), _) => masked(text),
            // What is in them is not looked through for passwords.
            (Value::Array(_), _) => "[…]".to_owned(),
            (Value::Table(_), _) => "{…}".to_owned(),
            (other, _) => other.to_string(),
        };
        // A message may repeat the value.
        let what = match value {
            Value::String(text) => what.replace(text.as_str(), &shown),
            _ => what.to_owned(),
        };
        let example = key.example();
        let bare = match &example {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let example = match origin {
            Origin::Flag(name) => format!("--{name} {bare}"),
            Origin::Env(name) => format!("{name}={bare}"),
            Origin::File { .. } | Origin::Default => format!("{} = {example}", key.split().1),
        };
        let what = format!("`{shown}` cannot be used: {what}");
        let cure = format!("write it as in `{example}`");
        self.refuse_at(&key.path, origin.clone(), &what, &cure);
    }
}
