//! `gateway journal`: what a gateway has answered, read from its directory without changing it.
//!
//! Also of a running gateway: then its last records may still be on their way, and what is at the end
//! says so. Card tokens are keyed hashes; a journal has no card numbers to show (I15).

mod export;
mod summary;
#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use fallback::disk::ReadOnlyDisk;
use fallback::journal::{Entry, OpenError, Reading};
use process::clock::boot_now;

use summary::Summary;

/// It is damaged, or there is none.
const NOT_SOUND: u8 = 1;
/// How often the progress is said.
const PROGRESS_EVERY_MS: u64 = 2_000;
/// After how many records the clock is looked at.
const PROGRESS_LOOKED_AT: u64 = 4_096;

/// What to do with a journal.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum JournalCommand {
    /// Say what is in it: how many of what, how much stand-in approved, what the ledger has not
    /// acknowledged.
    Inspect(Inspect),
    /// Check every byte: checksums, hash chain, sequence, and that nothing durable is missing.
    Verify(Verify),
    /// Write its records, one line of JSON each.
    Export(Export),
}

/// Where it is.
#[derive(Debug, Args)]
pub(in crate::cli) struct Place {
    /// The journal's directory: `journal` inside a gateway's data directory, or a copy of it.
    directory: PathBuf,
}

/// What to say.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gateway journal inspect data/gw1/journal
  gateway journal inspect data/gw1/journal --json | jq .waiting

Exit code 0; 1 where it is damaged or there is none.")]
pub(in crate::cli) struct Inspect {
    #[command(flatten)]
    place: Place,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// What to check.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gateway journal verify data/gw1/journal
  gateway journal verify backup/journal --of gw1

Exit code 0 where it is sound, 1 where it is damaged, of another gateway, or there is none. Bytes that a
crash cut off behind the last whole record are no damage: nobody was answered for them.")]
pub(in crate::cli) struct Verify {
    #[command(flatten)]
    place: Place,
    /// The gateway whose journal it should be.
    #[arg(long)]
    of: Option<String>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// What to write.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gateway journal export data/gw1/journal > records.jsonl
  gateway journal export data/gw1/journal --from 1000 --to 2000 | jq 'select(.kind == \"answer\")'

Exit code 0; 1 where it is damaged or there is none: what was written before that is sound.")]
pub(in crate::cli) struct Export {
    #[command(flatten)]
    place: Place,
    /// The first record, by sequence number.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// The last record.
    #[arg(long, default_value_t = u64::MAX)]
    to: u64,
}

impl JournalCommand {
    /// Does it.
    pub(in crate::cli) fn run(&self) -> ExitCode {
        let mut out = io::BufWriter::new(io::stdout().lock());
        let done = match self {
            Self::Inspect(inspect) => inspect.run(&mut out),
            Self::Verify(verify) => verify.run(&mut out),
            Self::Export(export) => export.run(&mut out),
        };
        match done.and_then(|()| Ok(out.flush()?)) {
            Ok(()) => ExitCode::SUCCESS,
            // Whoever reads has enough.
            Err(Failed::Unwritten(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                ExitCode::SUCCESS
            }
            Err(failed) => {
                let _ = out.flush();
                eprintln!("gateway journal: {failed}");
                ExitCode::from(NOT_SOUND)
            }
        }
    }
}

/// Why it did not come to its end.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Unreadable(#[from] OpenError),
    #[error("there is no journal in {}; name the directory with the files *.journal", .0.display())]
    Nothing(PathBuf),
    #[error("{} is the journal of another gateway, not of {name}", directory.display())]
    OtherGateway { directory: PathBuf, name: String },
    #[error("the output cannot be written: {0}")]
    Unwritten(#[from] io::Error),
}

impl Place {
    /// Reads all of it; says how far it is where that takes long.
    fn read(&self, visit: &mut dyn FnMut(&Entry)) -> Result<(Reading, bool), Failed> {
        let disk = ReadOnlyDisk::new(&self.directory);
        let is_in_use = disk.is_in_use();
        let mut said_ms = boot_now().0;
        let reading = Reading::of(&disk, &mut |entry| {
            if entry.seq.is_multiple_of(PROGRESS_LOOKED_AT)
                && boot_now().0 >= said_ms + PROGRESS_EVERY_MS
            {
                said_ms = boot_now().0;
                eprintln!("  record {} in segment {}", entry.seq, entry.segment);
            }
            visit(entry);
        })?;
        let reading = reading.ok_or_else(|| Failed::Nothing(self.directory.clone()))?;
        Ok((reading, is_in_use))
    }

    fn path(&self) -> &Path {
        &self.directory
    }
}

impl Inspect {
    fn run(&self, out: &mut dyn Write) -> Result<(), Failed> {
        let mut summary = Summary::default();
        let (reading, is_in_use) = self.place.read(&mut |entry| summary.add(entry))?;
        if self.json {
            writeln!(out, "{:#}", summary.json(&reading, is_in_use))?;
        } else {
            write!(out, "{}", summary.text(&reading, is_in_use))?;
        }
        Ok(())
    }
}

impl Verify {
    fn run(&self, out: &mut dyn Write) -> Result<(), Failed> {
        let (reading, is_in_use) = self.place.read(&mut |_| {})?;
        if let Some(name) = self.of.as_ref().filter(|name| !reading.is_of(name)) {
            return Err(Failed::OtherGateway {
                directory: self.place.path().to_owned(),
                name: name.clone(),
            });
        }
        if self.json {
            writeln!(out, "{:#}", summary::reading_json(&reading, is_in_use))?;
        } else {
            write!(out, "sound: {}", summary::reading_text(&reading, is_in_use))?;
        }
        Ok(())
    }
}

impl Export {
    fn run(&self, out: &mut dyn Write) -> Result<(), Failed> {
        let mut written = Ok(());
        self.place.read(&mut |entry| {
            if written.is_ok() && (self.from..=self.to).contains(&entry.seq) {
                written = writeln!(out, "{}", export::json(entry));
            }
        })?;
        Ok(written?)
    }
}
