//! `gateway orders`: what operators order of a running gateway, and whether their audit file is whole.

mod ask;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::orders::audit;
use ask::Gateway;

/// The gateway refused, or the file is damaged.
const NOT_DONE: u8 = 1;
/// Nobody answered.
const NOBODY: u8 = 69;

/// What to do.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) enum OrdersCommand {
    /// Say which orders are in force.
    List(List),
    /// Say what an order would do and what money is at stake, and place nothing.
    Preview(Drafted),
    /// Place an order. It counts once this says so.
    Place(Drafted),
    /// Take an order back.
    Cancel(Cancel),
    /// Check every line of an audit file, and its hash chain.
    Verify(Verify),
}

const EXAMPLES: &str = "\
Examples:
  gateway orders preview stand-in --for-s 600 --author ada --reason 'ledger upgrade' --token-file operator.token
  gateway orders place decline --bin 499900 --for-s 900 --author ada --reason 'attack' --token-file operator.token
  gateway orders list --url http://127.0.0.1:7402 --token-file operator.token
  gateway orders cancel 3 --author bob --reason 'over' --token-file operator.token
  gateway orders verify data/gw1/orders.jsonl

An order is of one gateway. It ends by itself.

Exit codes: 0 done, 1 refused or damaged, 69 nobody answered.";

/// Which gateway, and as whom.
#[derive(Debug, Args)]
struct Whom {
    /// The gateway's HTTP door.
    #[arg(long, default_value = "http://127.0.0.1:7401")]
    url: String,
    /// The file with the operators' token.
    #[arg(long, env = "HOLDFAST_OPERATOR_TOKEN_FILE")]
    token_file: PathBuf,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// What to list.
#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    whom: Whom,
}

/// Who, and why.
#[derive(Debug, Args)]
struct Who {
    /// Who you are.
    #[arg(long)]
    author: String,
    /// Why, for whoever reads the audit file.
    #[arg(long)]
    reason: String,
}

/// What is ordered.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum What {
    /// Stand-in decides; the ledger is told, not asked.
    StandIn,
    /// The ledger alone decides; what it does not answer is declined.
    Ledger,
    /// Nothing is approved.
    Decline,
}

/// An order.
#[derive(Debug, Args)]
pub(in crate::cli) struct Drafted {
    /// What is ordered.
    what: What,
    /// For how many seconds.
    #[arg(long, value_name = "SECONDS")]
    for_s: u64,
    /// The share of authorizations, in basis points: 5000 is half of them.
    #[arg(long, default_value_t = 10_000)]
    share_bp: u16,
    /// A BIN of 4 to 8 digits, or a range such as 49990001-49990017; several may be given.
    #[arg(long = "bin", value_name = "BIN")]
    bins: Vec<String>,
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    whom: Whom,
}

/// What to take back.
#[derive(Debug, Args)]
pub(in crate::cli) struct Cancel {
    /// The number of the order.
    number: u64,
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    whom: Whom,
}

/// What to check.
#[derive(Debug, Args)]
pub(in crate::cli) struct Verify {
    /// The file: `orders.jsonl` in a gateway's data directory, or a copy of it.
    file: PathBuf,
}

/// Why it is not done.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("{0}")]
    Refused(ledger_api::Problem),
    #[error("{url}: {why}; is the gateway running there?")]
    Nobody { url: String, why: String },
    #[error("{} cannot be read: {why}", path.display())]
    Unreadable { path: PathBuf, why: io::Error },
    #[error("{} is damaged: {damage}", path.display())]
    Damaged {
        path: PathBuf,
        damage: audit::Damage,
    },
    #[error(
        "{} ends with {bytes} bytes of a line that a crash cut off, or somebody: the gateway cuts them off at \
         its next start", path.display()
    )]
    Torn { path: PathBuf, bytes: usize },
    #[error("the output cannot be written: {0}")]
    Unwritten(#[from] io::Error),
}

impl OrdersCommand {
    /// Does it.
    pub(in crate::cli) fn run(&self) -> ExitCode {
        let mut out = io::stdout().lock();
        let done = match self {
            Self::List(list) => list.run(&mut out),
            Self::Preview(drafted) => drafted.preview(&mut out),
            Self::Place(drafted) => drafted.place(&mut out),
            Self::Cancel(cancel) => cancel.run(&mut out),
            Self::Verify(verify) => verify.run(&mut out),
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            // Whoever reads has enough.
            Err(Failed::Unwritten(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                ExitCode::SUCCESS
            }
            Err(failed) => {
                eprintln!("gateway orders: {failed}");
                ExitCode::from(match failed {
                    Failed::Nobody { .. } => NOBODY,
                    _ => NOT_DONE,
                })
            }
        }
    }
}

impl List {
    fn run(&self, out: &mut dyn Write) -> Result<(), Failed> {
        let listed = Gateway::of(&self.whom)?.list()?;
        if self.whom.json {
            return Ok(writeln!(out, "{listed:#}")?);
        }
        let orders = listed.get("orders").and_then(Value::as_array);
        let orders = orders.map(Vec::as_slice).unwrap_or_default();
        for order in orders {
            line(out, order)?;
        }
        if orders.is_empty() {
            writeln!(out, "no order is in force")?;
        }
        match listed.get("audit_error").and_then(Value::as_str) {
            Some(error) => writeln!(out, "{error}")?,
            None => writeln!(
                out,
                "audit file: {} lines, the last with hash {}",
                word(&listed, "audit_lines"),
                word(&listed, "audit_head")
            )?,
        }
        Ok(())
    }
}

impl Drafted {
    fn body(&self) -> Value {
        let what = match self.what {
            What::StandIn => "stand_in",
            What::Ledger => "ledger",
            What::Decline => "decline",
        };
        json!({
            "what": what,
            "scope": {"share_bp": self.share_bp, "bins": self.bins},
            "reason": self.who.reason,
            "author": self.who.author,
            "seconds": self.for_s,
        })
    }

    fn preview(&self, out: &mut dyn Write) -> Result<(), Failed> {
        let preview = Gateway::of(&self.whom)?.post("/v1/orders/preview", &self.body())?;
        if self.whom.json {
            return Ok(writeln!(out, "{preview:#}")?);
        }
        writeln!(out, "{}", word(&preview, "effect"))?;
        for (words, key) in [
            ("at stake with it, at most", "at_stake_minor"),
            ("charged against the cap of this gateway", "charged_minor"),
            ("the cap of this gateway", "gateway_exposure_max_minor"),
            ("the bound of all gateways", "bound_minor"),
        ] {
            let (minor, currency) = (word(&preview, key), word(&preview, "currency"));
            writeln!(out, "{words}: {minor} {currency}, in minor units")?;
        }
        Ok(())
    }

    fn place(&self, out: &mut dyn Write) -> Result<(), Failed> {
        let placed = Gateway::of(&self.whom)?.post("/v1/orders", &self.body())?;
        if self.whom.json {
            return Ok(writeln!(out, "{placed:#}")?);
        }
        line(out, &placed)
    }
}

impl Cancel {
    fn run(&self, out: &mut dyn Write) -> Result<(), Failed> {
        let body = json!({"author": self.who.author, "reason": self.who.reason});
        let cancelled = Gateway::of(&self.whom)?.cancel(self.number, &body)?;
        if self.whom.json {
            return Ok(writeln!(out, "{cancelled:#}")?);
        }
        Ok(writeln!(out, "order {} is cancelled", self.number)?)
    }
}

impl Verify {
    fn run(&self, out: &mut dyn Write) -> Result<(), Failed> {
        let path = self.file.clone();
        let bytes = std::fs::read(&path).map_err(|why| Failed::Unreadable {
            path: path.clone(),
            why,
        })?;
        let contents = audit::read(&bytes);
        if let Some(damage) = contents.damage {
            return Err(Failed::Damaged { path, damage });
        }
        if contents.torn > 0 {
            let bytes = contents.torn;
            return Err(Failed::Torn { path, bytes });
        }
        let (lines, head) = (contents.lines.len(), contents.head.as_str());
        Ok(writeln!(
            out,
            "sound: {lines} lines, the last with hash {head}"
        )?)
    }
}

/// A field of an answer, as text.
fn word(answer: &Value, key: &str) -> String {
    match answer.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => "?".to_owned(),
    }
}

fn line(out: &mut dyn Write, order: &Value) -> Result<(), Failed> {
    let words = [
        "number",
        "what",
        "seconds_left",
        "scope",
        "author",
        "reason",
    ];
    let [number, what, seconds, scope, author, reason] = words.map(|key| word(order, key));
    Ok(writeln!(
        out,
        "order {number}: {what} for {seconds} s more, {scope}, by {author}: {reason}"
    )?)
}
