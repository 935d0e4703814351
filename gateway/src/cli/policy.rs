//! `gateway policy`: what the limits of stand-in mean, before anybody starts with them.

mod print;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use fallback::disk::ReadOnlyDisk;
use fallback::journal::Reading;
use fallback::simulate::{Place, simulate};
use fallback::{Homes, Policy};
use ledger_api::GatewayId;
use process::settings::{EXIT_CONFIGURATION, Output};

use crate::approval::ApprovalKey;
use print::{Checked, Compared, Simulated};

/// The words behind `gateway policy`, read by a parser of their own: the flags of the gateway's settings
/// mean nothing here, and some have the same names.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(super) struct Policies {
    /// default, check, diff, approve or simulate; `gateway policy --help` says more.
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "TOOL"
    )]
    words: Vec<OsString>,
}

/// What the limits of stand-in mean, and what a change of them would.
#[derive(Debug, Parser)]
#[command(name = "gateway policy", after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    tool: Tool,
}

/// What can be asked about a policy.
#[derive(Debug, Subcommand)]
enum Tool {
    /// Print the built-in policy, with what every key means.
    Default,
    /// Check a file, and print what it says and the worst case in money, with its formula.
    Check {
        /// The policy.
        file: PathBuf,
        /// The gateways: how many count, and whether their caps fit into the programme's.
        #[arg(long, value_name = "FILE")]
        homes: Option<PathBuf>,
        /// How it is printed.
        #[arg(long, value_enum, default_value = "text")]
        output: Output,
    },
    /// Say what a change adds to the worst case, and which keys it changes.
    Diff {
        /// The policy in force.
        before: PathBuf,
        /// The one that is to follow.
        after: PathBuf,
        /// The gateways: how many count.
        #[arg(long, value_name = "FILE")]
        homes: Option<PathBuf>,
        /// How it is printed.
        #[arg(long, value_enum, default_value = "text")]
        output: Output,
    },
    /// Print the second approval that a policy needs which raises the worst case: what running gateways of
    /// this fleet look for in FILE.approval beside it.
    Approve {
        /// The policy.
        file: PathBuf,
        /// The gateways: an approval is of a policy and of the worst case that follows from it.
        #[arg(long, value_name = "FILE")]
        homes: PathBuf,
        /// The key of whoever approves: `approval <64 hex digits>` on one line.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
    /// Decide what a journal has of stand-in again under another policy, and print what would differ, in
    /// number and in money. What the gateway knew of cards and balances is taken as it was. Reads only.
    Simulate {
        /// The journal's directory, or the data directory that it is in.
        #[arg(long, value_name = "DIRECTORY")]
        journal: PathBuf,
        /// The other policy.
        #[arg(long, value_name = "FILE")]
        policy: PathBuf,
        /// The gateways, so that cards are away from home where they were; with --gateway.
        #[arg(long, value_name = "FILE", requires = "gateway")]
        homes: Option<PathBuf>,
        /// Whose journal it is.
        #[arg(long, value_name = "NAME", requires = "homes")]
        gateway: Option<GatewayId>,
        /// How it is printed.
        #[arg(long, value_enum, default_value = "text")]
        output: Output,
    },
}

const EXAMPLES: &str = "\
Examples:
  gateway policy default > policy.toml
      a file with every key, to be changed
  gateway policy check policy.toml --homes homes.toml
      whether it can be used, what it says, and the most that an outage can cost
  gateway policy diff policy.toml next.toml --homes homes.toml
      what the change adds to that
  gateway policy approve next.toml --homes homes.toml --key approval.txt > policy.toml.approval
      the second approval, by whoever has that key; then: mv next.toml policy.toml, and SIGHUP
  gateway policy simulate --journal var/gateway --policy next.toml
      what next.toml would have decided otherwise

Exit codes: 0 done, and for diff: the worst case is not raised; 1 diff: it is raised; 64 a file cannot be
used.";

/// The worst case is raised.
const EXIT_RAISED: u8 = 1;

/// What is printed, and how it ends.
type Done = Result<(String, u8), String>;

impl Policies {
    /// Does what they say.
    pub(super) fn run(self) -> ExitCode {
        let words = std::iter::once(OsString::from("gateway policy")).chain(self.words);
        let done = match Arguments::try_parse_from(words) {
            Ok(arguments) => arguments.tool.done(),
            Err(error) => {
                // Help is no error, and goes to stdout.
                let _unread = error.print();
                let code = if error.use_stderr() {
                    EXIT_CONFIGURATION
                } else {
                    0
                };
                return ExitCode::from(code);
            }
        };
        let (text, code) = match done {
            Ok(done) => done,
            Err(error) => {
                eprintln!("gateway policy: {error}");
                return ExitCode::from(EXIT_CONFIGURATION);
            }
        };
        // Whoever does not read it needs no error.
        let _unread = std::io::stdout().lock().write_all(text.as_bytes());
        ExitCode::from(code)
    }
}

impl Tool {
    fn done(self) -> Done {
        match self {
            Self::Default => Ok((Policy::default_text().to_owned(), 0)),
            Self::Check {
                file,
                homes,
                output,
            } => check(&file, homes.as_deref(), output),
            Self::Diff {
                before,
                after,
                homes,
                output,
            } => diff(&before, &after, homes.as_deref(), output),
            Self::Approve { file, homes, key } => approve(&file, &homes, &key),
            Self::Simulate {
                journal,
                policy,
                homes,
                gateway,
                output,
            } => {
                let homes = homes.as_deref().map(read_homes).transpose()?;
                let place = homes.as_ref().zip(gateway.as_ref());
                let place = place.map(|(homes, gateway)| Place { homes, gateway });
                again(&journal, &policy, place, output)
            }
        }
    }
}

fn check(file: &Path, homes: Option<&Path>, output: Output) -> Done {
    let policy = read_policy(file)?;
    let homes = homes.map(read_homes).transpose()?;
    if let Some(homes) = &homes {
        policy.fits(homes).map_err(|error| error.to_string())?;
    }
    let checked = Checked::new(file, &policy, homes.as_ref());
    Ok((checked.print(output), 0))
}

fn diff(before: &Path, after: &Path, homes: Option<&Path>, output: Output) -> Done {
    let (before, after) = (read_policy(before)?, read_policy(after)?);
    let homes = homes.map(read_homes).transpose()?;
    if let Some(homes) = &homes {
        after.fits(homes).map_err(|error| error.to_string())?;
    }
    let compared = Compared::new(&before, &after, homes.as_ref());
    let code = if compared.raises { EXIT_RAISED } else { 0 };
    Ok((compared.print(output), code))
}

fn approve(file: &Path, homes: &Path, key: &Path) -> Done {
    let (policy, homes) = (read_policy(file)?, read_homes(homes)?);
    policy.fits(&homes).map_err(|error| error.to_string())?;
    let key = ApprovalKey::parse(&read(key)?).map_err(|e| format!("{}: {e}", key.display()))?;
    Ok((key.token(&policy, &homes) + "\n", 0))
}

fn again(directory: &Path, file: &Path, place: Option<Place<'_>>, output: Output) -> Done {
    let policy = read_policy(file)?;
    let inside = directory.join("journal");
    let directory = if inside.is_dir() { &inside } else { directory };
    let mut records = Vec::new();
    let disk = ReadOnlyDisk::new(directory);
    let reading = Reading::of(&disk, &mut |entry| records.push((entry.seq, entry.record)));
    if reading.map_err(|error| error.to_string())?.is_none() {
        let directory = directory.display();
        return Err(format!(
            "there is no journal in {directory}; name a gateway's data directory, or its journal's"
        ));
    }
    let simulated = Simulated::new(&policy, &simulate(&records, &policy, place));
    Ok((simulated.print(output), 0))
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|e| format!("{} cannot be read: {e}", path.display()))
}

fn read_policy(path: &Path) -> Result<Policy, String> {
    Policy::parse(&read(path)?).map_err(|e| format!("{}: {e}", path.display()))
}

fn read_homes(path: &Path) -> Result<Homes, String> {
    Homes::parse(&read(path)?).map_err(|e| format!("{}: {e}", path.display()))
}
