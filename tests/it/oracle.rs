//! The codec beside codecs that are not ours. What we write they must read, what they write we must
//! read, and it must be the same message.
//!
//! The messages are the random ones of the codec's own tests, with a seed each: a disagreement names
//! it, and `ISO8583_SEED=…` asks about that message alone. Where an oracle is known to differ, a
//! [`Difference`] says why, and each run checks that it still does.

mod conversation;
mod description;
mod iso_8583;
mod pcap;

mod pyiso8583;
mod script;
mod starkbank;
mod tshark;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail, ensure};
use iso8583::{Message, MessageBuilder, Mti, Profile, decode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::random::{Random, seeds};

/// What a message says: its type and its fields, in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    mti: String,
    fields: Fields,
}

/// Content by number.
type Fields = BTreeMap<u8, String>;

impl Said {
    fn by(message: &Message<'_>) -> Self {
        let fields = message.present().map(|number| {
            let value = message.expose_field(number);
            (number, value.map(|it| it.to_text()).unwrap_or_default())
        });
        Self {
            mti: message.mti().to_string(),
            fields: fields.collect(),
        }
    }

    /// As an oracle puts it: the type is `t`, fields go by their numbers.
    fn from_json(mut answer: BTreeMap<String, String>) -> anyhow::Result<Self> {
        let mti = answer.remove("t").context("no type was read")?;
        let fields = answer
            .into_iter()
            .map(|(number, text)| Ok((number.parse()?, text)));
        Ok(Self {
            mti,
            fields: fields.collect::<anyhow::Result<_>>()?,
        })
    }

    fn to_json(&self) -> Value {
        let mut all: Map<_, _> = self
            .fields
            .iter()
            .map(|(number, text)| (number.to_string(), json!(text)))
            .collect();
        all.insert("t".into(), json!(self.mti));
        all.into()
    }
}

/// A message of ours that an oracle is asked about.
pub(crate) struct Question {
    /// Where it comes from, for whoever has to look at it again.
    origin: String,
    said: Said,
    bytes: Vec<u8>,
}

impl Question {
    fn new(origin: String, profile: &Profile, mti: Mti, fields: Fields) -> anyhow::Result<Self> {
        let mut message = MessageBuilder::new(profile, mti);
        for (number, text) in &fields {
            message.set(*number, text)?;
        }
        let bytes = message.encode();
        let said = Said {
            mti: mti.to_string(),
            fields,
        };
        Ok(Self {
            origin,
            said,
            bytes,
        })
    }
}

/// What an oracle has to say to a question.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Told {
    /// What it read in our bytes.
    #[serde(default)]
    read: BTreeMap<String, String>,
    /// In hex, what it wrote for the same fields; nothing where it only reads.
    wrote: Option<String>,
    /// Why it did not.
    error: Option<String>,
}

/// Where an oracle is known to differ from the standard as we understand it, or cannot know better.
pub(crate) struct Difference {
    /// Which way.
    reason: &'static str,
    /// Takes out of a message, or replaces in it, what the oracle differs on.
    avoid: fn(&Profile, &mut Fields),
    /// Fields that show it.
    example: &'static [(u8, &'static str)],
}

/// Types of messages that all oracles know.
const TYPES: [&str; 12] = [
    "0100", "0101", "0110", "0120", "0130", "0200", "0210", "0220", "0400", "0421", "0430", "0800",
];

/// Some questions about messages of a profile, without what the oracle differs on.
fn questions(
    profile: &Profile,
    count: u64,
    differences: &[Difference],
) -> anyhow::Result<Vec<Question>> {
    let questions = seeds(count).map(|seed| {
        let mut random = Random::new(seed);
        let mti = Mti::parse(random.one_of(&TYPES))?;
        let mut fields = random.fields(profile).into_iter().collect();
        for difference in differences {
            (difference.avoid)(profile, &mut fields);
        }
        let origin = format!("ISO8583_SEED={seed}");
        let mti = mti.with_version(profile.version());
        Question::new(origin, profile, mti, fields)
    });
    questions.collect()
}

/// One question per difference, which shows it.
fn examples(profile: &Profile, differences: &[Difference]) -> anyhow::Result<Vec<Question>> {
    let examples = differences.iter().map(|difference| {
        let mti = Mti::M0100.with_version(profile.version());
        let fields = difference.example.iter();
        let fields = fields.map(|(number, text)| (*number, (*text).to_owned()));
        Question::new(difference.reason.into(), profile, mti, fields.collect())
    });
    examples.collect()
}

/// Both directions of one message, as the oracle sees it and as we see the oracle's.
fn agree(profile: &Profile, question: &Question, told: &Told) -> anyhow::Result<()> {
    if let Some(error) = &told.error {
        bail!("it refuses: {error}");
    }
    let read = Said::from_json(told.read.clone())?;
    ensure!(
        read == question.said,
        "it reads {}",
        differing(&question.said, &read)
    );
    let Some(wrote) = &told.wrote else {
        return Ok(());
    };
    let wrote = from_hex(wrote).context("it writes no hex")?;
    let read = Said::by(&decode(profile, &wrote).context("we refuse what it writes")?);
    ensure!(
        read == question.said,
        "we read {}",
        differing(&question.said, &read)
    );
    Ok(())
}

/// Checks all answers; examples must still differ.
fn check(
    oracle: &str,
    profile: &Profile,
    examples: &[Question],
    questions: &[Question],
    told: &[Told],
) -> anyhow::Result<()> {
    let asked = examples.len() + questions.len();
    ensure!(
        told.len() == asked,
        "{oracle} answers {} of {asked} questions",
        told.len()
    );
    let (shown, told) = told.split_at(examples.len());
    for (example, told) in examples.iter().zip(shown) {
        ensure!(
            agree(profile, example, told).is_err(),
            "{oracle} agrees now, so drop this from its differences: {}",
            example.origin
        );
    }
    let disagreements: Vec<String> = questions
        .iter()
        .zip(told)
        .filter_map(|(question, told)| {
            let error = agree(profile, question, told).err()?;
            Some(format!("{}: {error:#}", question.origin))
        })
        .collect();
    let first = disagreements
        .iter()
        .take(5)
        .map(String::as_str)
        .collect::<Vec<_>>();
    ensure!(
        disagreements.is_empty(),
        "{oracle} and {} disagree on {} of {} messages:\n{}",
        profile.name(),
        disagreements.len(),
        questions.len(),
        first.join("\n")
    );
    Ok(())
}

/// Where two messages differ, first what was meant.
fn differing(meant: &Said, read: &Said) -> String {
    let mut all = vec![];
    if meant.mti != read.mti {
        all.push(format!("type {} as {}", meant.mti, read.mti));
    }
    let numbers: BTreeSet<_> = meant.fields.keys().chain(read.fields.keys()).collect();
    for number in numbers {
        let (meant, read) = (meant.fields.get(number), read.fields.get(number));
        if meant != read {
            all.push(format!("field {number} {meant:?} as {read:?}"));
        }
    }
    all.join(", ")
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> anyhow::Result<Vec<u8>> {
    ensure!(
        text.is_ascii() && text.len().is_multiple_of(2),
        "not pairs of digits"
    );
    let pairs = (0..text.len()).step_by(2);
    pairs
        .map(|at| Ok(u8::from_str_radix(&text[at..at + 2], 16)?))
        .collect()
}
