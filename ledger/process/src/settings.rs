//! Settings: from flags, environment, a file and defaults to typed values, and where each is from.
//!
//! The types are the single source. A struct that derives [`confique::Config`] says every key, its
//! type, its default, its environment variable and what it means; the annotated file, the flags'
//! help and the loading follow from it.
//!
//! | first found counts | written as |
//! |---|---|
//! | flag | `--http 0.0.0.0:7401` |
//! | environment | `HOLDFAST_GATEWAY_HTTP=0.0.0.0:7401`; an empty variable is not set |
//! | file | `http = "0.0.0.0:7401"` below `[doors]` |
//! | default | |
//!
//! The file is checked as a whole, also where something else counts. All that is wrong is reported at
//! once: [`Report`]. Passwords in URLs are never shown.

pub mod check;
mod command;
mod file;
mod flags;
mod keys;
mod mask;
mod read;
mod report;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::PathBuf;

use confique::{Config, Layer};

pub use check::{Log, Telemetry};
pub use command::{ConfigCommand, Output, template};
pub use mask::masked;
pub use report::{Origin, Problem, Report};

use keys::Key;

/// The exit code of a configuration that cannot be used (EX_USAGE).
pub const EXIT_CONFIGURATION: u8 = 64;

/// Where an environment variable is looked up.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// The environment of this process.
pub fn environment(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// What a service calls its settings on the command line.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    /// The executable, such as `gateway`.
    pub name: &'static str,
    /// The environment variable that names the configuration file.
    pub file_env: &'static str,
    /// One for every key.
    pub flags: &'static [Flag],
}

/// The flag that overrides one key.
#[derive(Debug, Clone, Copy)]
pub struct Flag {
    /// The key, such as `doors.http`.
    pub key: &'static str,
    /// The flag without its dashes, such as `http`.
    pub name: &'static str,
    /// What stands for the value in `--help`, such as `ADDRESS`.
    pub value: &'static str,
    example: &'static str,
}

/// What a service was given to find its settings in.
pub struct Given<'a> {
    /// The configuration file, where one is named.
    pub file: Option<PathBuf>,
    /// Names and values of the flags on the command line, without dashes.
    pub flags: Vec<(&'static str, String)>,
    /// The environment.
    pub environment: Environment<'a>,
}

/// What was found.
pub struct Loaded<C: Config> {
    /// The values. A required one is `None` where it is missing or cannot be read.
    pub layer: C::Layer,
    /// Where they are from, and what is wrong.
    pub report: Report,
}

impl Flag {
    /// A flag for a key.
    pub const fn new(key: &'static str, name: &'static str, value: &'static str) -> Self {
        Self {
            key,
            name,
            value,
            example: "",
        }
    }

    /// Shows how a value is written, for a key without a default that would show it.
    #[must_use]
    pub const fn example(self, example: &'static str) -> Self {
        Self { example, ..self }
    }
}

impl Service {
    /// Finds the value of every key of `C`.
    pub fn load<C: Config>(&self, given: Given<'_>) -> Loaded<C> {
        let keys = keys::of(&C::META, self.flags);
        let mut report = Report::new(given.file.clone());
        let file = file::read(given.file.as_deref(), &keys, &mut report);
        let mut layer = C::Layer::empty();
        for key in &keys {
            let sources = Sources {
                given: &given,
                file: file.as_ref(),
            };
            if let Some(value) = sources.value::<C::Layer>(key, &mut report) {
                layer = value.with_fallback(layer);
            }
        }
        Loaded { layer, report }
    }
}

/// Where a key's value may be found.
struct Sources<'a> {
    given: &'a Given<'a>,
    /// `None` where there is a file that cannot be read: nobody knows what it says.
    file: Option<&'a file::Values>,
}

impl Sources<'_> {
    /// The value that counts, alone in its layer.
    fn value<L: Layer>(&self, key: &Key, report: &mut Report) -> Option<L> {
        let in_file = self.file.and_then(|file| file.get(&key.path)).map(|found| {
            let origin = Origin::File {
                path: self.given.file.clone().unwrap_or_default(),
                line: found.line,
            };
            let read = read::value::<L>(key, &found.value);
            (origin, found.value.clone(), read)
        });
        let (origin, shown, read) = match self.text(key, report) {
            Some((origin, text)) => {
                if let Some((origin, shown, Err(what))) = &in_file {
                    report.unreadable(key, origin, shown, what);
                }
                let (shown, read) = read::text::<L>(key, &text);
                (origin, shown, read)
            }
            None => match (in_file, &key.default) {
                (Some(found), _) => found,
                (None, _) if self.file.is_none() => return None,
                (None, Some(default)) => {
                    let read = read::value::<L>(key, default);
                    (Origin::Default, default.clone(), read)
                }
                (None, None) => {
                    report.absent(key);
                    return None;
                }
            },
        };
        match read {
            Ok(layer) => {
                report.found(key, origin, shown);
                Some(layer)
            }
            Err(what) => {
                report.unreadable(key, &origin, &shown, &what);
                None
            }
        }
    }

    /// What a flag or else the environment says.
    fn text(&self, key: &Key, report: &mut Report) -> Option<(Origin, String)> {
        let flag = key.flag?;
        let said = self.given.flags.iter().find(|(name, _)| *name == flag.name);
        if let Some((name, text)) = said {
            return Some((Origin::Flag(name), text.clone()));
        }
        let name = key.env?;
        let text = (self.given.environment)(name).filter(|text| !text.is_empty())?;
        match text.into_string() {
            Ok(text) => Some((Origin::Env(name), text)),
            Err(_) => {
                let shown = toml::Value::String("…".to_owned());
                report.unreadable(key, &Origin::Env(name), &shown, "it is not UTF-8");
                None
            }
        }
    }
}
