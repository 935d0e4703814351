//! The command line of the tools.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::framing::Framing;
use super::input::Form;

/// ISO 8583 messages at a shell: what one says, how one is written, what a host answers.
///
/// Card numbers are shown with their first six and last four digits, tracks, PIN blocks and
/// verification values never.
#[derive(Debug, Parser)]
#[command(name = "gateway iso", bin_name = "gateway iso", after_help = EXIT_CODES)]
pub(super) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(super) tool: Tool,
}

/// What can be done with messages.
#[derive(Debug, Subcommand)]
pub(super) enum Tool {
    /// Say what messages say; of one that cannot be read, where and why, and what may help.
    #[command(after_help = DESCRIBE)]
    Describe(Describe),
    /// Write messages from JSON: raw bytes, or --hex.
    #[command(after_help = ENCODE)]
    Encode(Encode),
    /// Send a message to a host and describe its answer.
    #[command(after_help = SEND)]
    Send(Send),
}

/// What to describe.
#[derive(Debug, Args)]
pub(super) struct Describe {
    #[command(flatten)]
    pub(super) dialect: Dialect,
    #[command(flatten)]
    pub(super) form: FormFlags,
    /// What stands in front of each message.
    #[arg(long, value_enum, default_value = "none")]
    pub(super) framing: Framing,
    /// One line of JSON for each message.
    #[arg(long)]
    pub(super) json: bool,
    /// The file; stdin where it is not given or `-`.
    pub(super) file: Option<PathBuf>,
}

/// What to write.
#[derive(Debug, Args)]
pub(super) struct Encode {
    #[command(flatten)]
    pub(super) dialect: Dialect,
    /// What to put in front of each message.
    #[arg(long, value_enum, default_value = "none")]
    pub(super) framing: Framing,
    /// Hex digits, a line for each message, instead of raw bytes.
    #[arg(long)]
    pub(super) hex: bool,
    /// The file; stdin where it is not given or `-`.
    pub(super) file: Option<PathBuf>,
}

/// What to send, and where.
#[derive(Debug, Args)]
pub(super) struct Send {
    #[command(flatten)]
    pub(super) dialect: Dialect,
    #[command(flatten)]
    pub(super) form: FormFlags,
    /// What stands in front of each message on the connection; `none` is not possible there.
    #[arg(long, value_enum, default_value = "be2")]
    pub(super) framing: Framing,
    /// How long connecting may take, in milliseconds.
    #[arg(long, default_value_t = 3_000, value_parser = clap::value_parser!(u64).range(1..=600_000))]
    pub(super) connect_timeout_ms: u64,
    /// How long one answer may take, in milliseconds.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=600_000))]
    pub(super) timeout_ms: u64,
    /// How many times it is sent on the connection, each after the answer to the one before.
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(super) repeat: u16,
    /// One line of JSON for each answer.
    #[arg(long)]
    pub(super) json: bool,
    /// Host and port, such as 127.0.0.1:7411.
    pub(super) host: String,
    /// The message, without framing: bytes, hex digits, or JSON as `encode` takes it. stdin where it
    /// is not given or `-`.
    pub(super) file: Option<PathBuf>,
}

/// Which dialect is spoken.
#[derive(Debug, Args)]
pub(super) struct Dialect {
    /// ascii-hex, ascii-binary, bcd, ebcdic, base1, ascii-hex-1993, ascii-hex-2003, or a FILE.toml.
    #[arg(long, default_value = "ascii-hex")]
    pub(super) profile: String,
}

/// How bytes are given.
#[derive(Debug, Args)]
pub(super) struct FormFlags {
    /// The input is hex digits; without --hex and --raw, whichever can be read.
    #[arg(long, conflicts_with = "raw")]
    hex: bool,
    /// The input is bytes as they are.
    #[arg(long)]
    raw: bool,
}

impl FormFlags {
    /// What they say.
    pub(super) const fn form(&self) -> Form {
        match (self.hex, self.raw) {
            (true, _) => Form::Hex,
            (false, true) => Form::Raw,
            (false, false) => Form::Either,
        }
    }
}

const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 not readable, not writable or no answer, 2 usage.";

pub(super) const DESCRIBE: &str = r#"Examples:
  echo 0800822000000000000004000000000000001122083400000042301 | gateway iso describe
  echo 0800 8220000000000000 0400000000000000 1122083400 000042 0301 | gateway iso describe --hex --profile bcd
  echo '{"mti": "0800", "7": "1122083400", "11": "000042", "70": "301"}' | gateway iso encode --framing be2 | gateway iso describe --framing be2 --json

Exit codes: 0 all messages read, 1 one could not be read, 2 usage."#;

pub(super) const ENCODE: &str = r#"Values are given as they are: fields of fixed length filled up, bytes as pairs of hex digits.

Examples:
  echo '{"mti": "0800", "7": "1122083400", "11": "000042", "70": "301"}' | gateway iso encode
  echo '{"mti": "0800", "7": "1122083400", "11": "000042", "70": "301"}' | gateway iso encode --hex --profile bcd --framing be2

Exit codes: 0 written, 1 a message cannot be written, 2 usage."#;

pub(super) const SEND: &str = r#"Examples, with a gateway on this machine:
  echo '{"mti": "0800", "7": "1122083400", "11": "000042", "70": "301"}' | gateway iso send 127.0.0.1:7411
  echo 0800822000000000000004000000000000001122083400000042301 | gateway iso send 127.0.0.1:7411 --repeat 3 --json

Exit codes: 0 all answers read, 1 no answer, one to another message or one that could not be read, 2 usage."#;
