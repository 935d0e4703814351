//! The audit file of orders: what happened, line by line, so that nobody can change a line unseen.
//!
//! Each line is JSON. It holds the hash of the line before, and ends with its own:
//!
//! ```text
//! {"line":2,"before":"<64 hex>","boot":"<32 hex>","boot_ms":…,"at":…,"event":"placed",…,"hash":"<64 hex>"}
//! ```
//!
//! | field | |
//! |---|---|
//! | `line` | from 1 |
//! | `before` | the `hash` of the line before; zeros in the first |
//! | `boot`, `boot_ms` | which start of the machine, and milliseconds since then: what counts |
//! | `at` | seconds since 1970 in UTC, for people: nothing is computed from it |
//! | `hash` | SHA-256 of the line's bytes before `,"hash":` |
//!
//! A line is on the disk before what it says counts. Bytes behind the last line feed are what a crash cut
//! off: nothing of them has counted, and they are taken away at the next start. Everything else that does
//! not fit is damage. A chain shows that a line was changed, not that lines are missing at its end: keep
//! the last hash elsewhere, as `GET /v1/orders` tells it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Moment;
use super::history::Event;

/// Its name in the data directory.
pub const FILE: &str = "orders.jsonl";

const HASH_KEY: &str = ",\"hash\":\"";
const HASH_END: &str = "\"}";
const HASH_HEX: usize = 64;

/// A line without its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Its number, from 1.
    pub line: u64,
    /// The hash of the line before.
    pub before: String,
    /// Which start of the machine, in hexadecimal.
    boot: String,
    /// Milliseconds since then.
    boot_ms: u64,
    /// Seconds since 1970 in UTC.
    at: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

impl Line {
    /// When it was written.
    pub fn moment(&self) -> Moment {
        Moment {
            boot: u128::from_str_radix(&self.boot, 16).unwrap_or_default(),
            boot_ms: self.boot_ms,
            wall_s: self.at,
        }
    }
}

/// What is in an audit file.
#[derive(Debug, Default)]
pub struct Contents {
    /// The lines before any damage.
    pub lines: Vec<Line>,
    /// The hash of the last of them.
    pub head: Head,
    /// How many bytes are behind the last line feed.
    pub torn: usize,
    /// What does not fit, if anything.
    pub damage: Option<Damage>,
}

/// The hash of a line, as in the file; zeros before the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head(String);

impl Default for Head {
    fn default() -> Self {
        Self("0".repeat(HASH_HEX))
    }
}

impl Head {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A line that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} {what}")]
pub struct Damage {
    /// Which.
    pub line: u64,
    /// What is wrong with it.
    pub what: &'static str,
}

/// Checks the bytes of an audit file, from the first to the last or to the first damage.
pub fn read(bytes: &[u8]) -> Contents {
    let mut contents = Contents::default();
    let mut rest = bytes;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (text, behind) = rest.split_at(end);
        rest = behind.get(1..).unwrap_or_default();
        let number = contents.lines.len() as u64 + 1;
        match line(text, number, &contents.head) {
            Ok((line, head)) => {
                contents.lines.push(line);
                contents.head = head;
            }
            Err(what) => {
                contents.damage = Some(Damage { line: number, what });
                return contents;
            }
        }
    }
    contents.torn = rest.len();
    contents
}

fn line(bytes: &[u8], number: u64, before: &Head) -> Result<(Line, Head), &'static str> {
    const SHAPE: &str = "is not one of an audit file";
    let text = str::from_utf8(bytes).map_err(|_| SHAPE)?;
    let text = text.strip_suffix(HASH_END).ok_or(SHAPE)?;
    let (text, hash) = (text.len().checked_sub(HASH_HEX))
        .and_then(|at| text.split_at_checked(at))
        .ok_or(SHAPE)?;
    let body = text.strip_suffix(HASH_KEY).ok_or(SHAPE)?;
    if hash_of(body) != hash {
        return Err("was changed: its hash is another one");
    }
    let line: Line = serde_json::from_str(&format!("{body}}}")).map_err(|_| SHAPE)?;
    if line.before != before.0 {
        return Err("does not follow the one before: lines were changed, taken away or put in");
    }
    if line.line != number {
        return Err("has another number than its place");
    }
    Ok((line, Head(hash.to_owned())))
}

fn hash_of(body: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(body.as_bytes()).into();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An audit file that is open for more lines.
#[derive(Debug)]
pub struct Audit {
    file: File,
    path: PathBuf,
    bytes: u64,
    lines: u64,
    head: Head,
    failed: Option<String>,
}

/// Why nothing is written down, and so nothing is changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    /// It is damaged.
    #[error(
        "the audit file {} is damaged ({damage}): no order is taken; keep a copy of the file for \
         whoever looks into it, move it away, and restart the gateway", path.display()
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Where.
        damage: Damage,
    },
    /// It cannot be read or written.
    #[error(
        "the audit file {} cannot be used ({why}): no order is taken; make room or repair the disk, and \
         restart the gateway", path.display()
    )]
    Failed {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
}

impl Audit {
    /// Opens or makes the file in a directory, and cuts off what a crash left of a line. What is in it
    /// before any damage is told even where it cannot be written to.
    ///
    /// # Errors
    /// It cannot be read or written, or is damaged.
    pub fn open(directory: &Path) -> (Contents, Result<Self, AuditError>) {
        let path = directory.join(FILE);
        let opened = open(&path, directory);
        let failed = |error: std::io::Error| AuditError::Failed {
            path: path.clone(),
            why: error.to_string(),
        };
        let (mut file, contents, whole) = match opened {
            Ok(opened) => opened,
            Err(error) => return (Contents::default(), Err(failed(error))),
        };
        if let Some(damage) = contents.damage.clone() {
            return (contents, Err(AuditError::Damaged { path, damage }));
        }
        if let Err(error) = cut(&mut file, whole) {
            return (contents, Err(failed(error)));
        }
        let audit = Self {
            file,
            path,
            bytes: whole,
            lines: contents.lines.len() as u64,
            head: contents.head.clone(),
            failed: None,
        };
        (contents, Ok(audit))
    }

    /// Writes a line, and returns once it survives a power cut.
    ///
    /// # Errors
    /// It does not, or may not: nothing is written any more.
    pub fn append(&mut self, at: Moment, event: &Event) -> Result<(), AuditError> {
        if let Some(why) = self.failed.clone() {
            let path = self.path.clone();
            return Err(AuditError::Failed { path, why });
        }
        let line = Line {
            line: self.lines + 1,
            before: self.head.0.clone(),
            boot: format!("{:032x}", at.boot),
            boot_ms: at.boot_ms,
            at: at.wall_s,
            event: event.clone(),
        };
        match self.write(&line) {
            Ok((head, bytes)) => {
                self.head = head;
                self.bytes += bytes;
                self.lines += 1;
                Ok(())
            }
            Err(error) => {
                // What did not count should not count after a restart either.
                let _ = cut(&mut self.file, self.bytes);
                let why = self.failed.insert(error.to_string()).clone();
                let path = self.path.clone();
                Err(AuditError::Failed { path, why })
            }
        }
    }

    /// The hash of the last line, and how many lines there are.
    pub fn head(&self) -> (&Head, u64) {
        (&self.head, self.lines)
    }

    fn write(&mut self, line: &Line) -> std::io::Result<(Head, u64)> {
        let json = serde_json::to_string(line)?;
        let body = json.strip_suffix('}').unwrap_or(&json);
        let head = hash_of(body);
        let text = format!("{body}{HASH_KEY}{head}{HASH_END}\n");
        self.file.write_all(text.as_bytes())?;
        self.file.sync_data()?;
        Ok((Head(head), text.len() as u64))
    }
}

/// The file, what is in it, and where its last whole line ends.
fn open(path: &Path, directory: &Path) -> std::io::Result<(File, Contents, u64)> {
    let mut options = OpenOptions::new();
    let mut file = (options.read(true).write(true).create(true).truncate(false)).open(path)?;
    File::open(directory)?.sync_all()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let contents = read(&bytes);
    let whole = bytes.len().saturating_sub(contents.torn) as u64;
    Ok((file, contents, whole))
}

fn cut(file: &mut File, bytes: u64) -> std::io::Result<()> {
    file.set_len(bytes)?;
    file.seek(SeekFrom::Start(bytes))?;
    file.sync_all()
}

#[cfg(test)]
mod tests;
