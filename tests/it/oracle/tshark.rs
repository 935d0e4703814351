//! `tshark`, which reads the ascii-hex dialect and does not write: random messages, and what went
//! through a gateway's door.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::{Context, ensure};
use iso8583::decode;
use iso8583::frame::{Framing, Routing, encode_frame};
use iso8583::profile::ASCII_HEX;
use serde_json::Value;
use tokio::process::Command;

use super::pcap::{Capture, From, PORT};
use super::{Difference, Question, Said, Told, check, conversation, examples, questions};
use crate::random::{Random, seeds};
use crate::support::stack;

pub(super) const DIFFERENCES: &[Difference] = &[
    Difference {
        reason: "its fields of variable length are not empty",
        avoid: |_, fields| fields.retain(|_, text| !text.is_empty()),
        example: &[(44, "")],
    },
    Difference {
        reason: "its field 34 has no letters",
        avoid: |_, fields| drop(fields.remove(&34)),
        example: &[(34, "A")],
    },
    Difference {
        reason: "its field 36 is not parted by =",
        avoid: |_, fields| {
            fields
                .entry(36)
                .and_modify(|text| *text = text.replace('=', "D"));
        },
        example: &[(36, "12=34")],
    },
    Difference {
        reason: "its fields 37 and 38 have no spaces",
        avoid: |_, fields| {
            for number in [37, 38] {
                fields
                    .entry(number)
                    .and_modify(|text| *text = text.replace(' ', "0"));
            }
        },
        example: &[(38, "1234 6")],
    },
    Difference {
        reason: "its field 53 has 8 digits, not 16",
        avoid: |_, fields| drop(fields.remove(&53)),
        example: &[(53, "1234567890123456")],
    },
    Difference {
        reason: "its fields 86 to 89 have 15 digits, not 16",
        avoid: |_, fields| fields.retain(|number, _| !(86..=89).contains(number)),
        example: &[(86, "1234567890123456")],
    },
    Difference {
        reason: "its fields 92 and 93 have no letters",
        avoid: |_, fields| fields.retain(|number, _| !matches!(number, 92 | 93)),
        example: &[(93, "ABCDE")],
    },
];

/// As many answers come back.
const REQUESTS: usize = 600;

/// Type and field 39 of what a conversation brings about.
const ANSWERS: [(&str, &str); 6] = [
    ("0110", "00"),
    ("0110", "51"),
    ("0130", "00"),
    ("0410", "00"),
    ("0430", "00"),
    ("0810", "00"),
];

/// Distributions bring their own version: only this one is known to have all the differences.
const KNOWN: &str = "TShark (Wireshark) 4.0.";

#[tokio::test]
async fn tshark_reads_what_we_write() -> anyhow::Result<()> {
    let Some(version) = version().await? else {
        return Ok(());
    };
    let differences = match version.starts_with(KNOWN) {
        true => DIFFERENCES,
        false => &[],
    };
    let examples = examples(&ASCII_HEX, differences)?;
    let questions = questions(&ASCII_HEX, 1_000, DIFFERENCES)?;
    let asked = examples.iter().chain(&questions);
    let messages: Vec<_> = asked.map(|it| (From::Client, it.bytes.clone())).collect();
    check(
        "tshark",
        &ASCII_HEX,
        &examples,
        &questions,
        &ask(&messages).await?,
    )
}

#[tokio::test]
async fn tshark_reads_a_conversation_with_a_gateway_as_both_ends_do() -> anyhow::Result<()> {
    if version().await?.is_none() {
        return Ok(());
    }
    let stack = stack().await?;
    let seed = seeds(1).next().context("one seed")?;
    let messages = conversation::held(&stack, REQUESTS, &mut Random::new(seed)).await?;
    assert!(messages.len() >= 1_000, "an answer to every request");
    let recorded = messages.iter().enumerate().map(|(number, (_, bytes))| {
        let said = Said::by(&decode(&ASCII_HEX, bytes)?);
        let origin = format!("ISO8583_SEED={seed}, message {number}");
        let bytes = bytes.clone();
        Ok(Question {
            origin,
            said,
            bytes,
        })
    });
    let questions = recorded.collect::<anyhow::Result<Vec<_>>>()?;
    let told = ask(&messages).await?;
    check("tshark", &ASCII_HEX, &[], &questions, &told)?;
    for (mti, code) in ANSWERS {
        let is_it =
            |said: &Said| said.mti == mti && said.fields.get(&39).is_some_and(|it| it == code);
        let seen = questions.iter().any(|question| is_it(&question.said));
        assert!(
            seen,
            "a conversation about everything has {mti} with {code}"
        );
    }
    stack.settled().await?;
    stack.finish().await?;
    Ok(())
}

/// The first line that it says of itself; `None` where it is not installed, which is said.
async fn version() -> anyhow::Result<Option<String>> {
    match Command::new("tshark").arg("--version").output().await {
        Ok(output) => Ok(Some(String::from_utf8(output.stdout)?)),
        Err(error) => {
            tests::skipped("tshark", format!("it does not run: {error}"))?;
            Ok(None)
        }
    }
}

/// What it reads in a conversation of these messages.
async fn ask(messages: &[(From, Vec<u8>)]) -> anyhow::Result<Vec<Told>> {
    let mut capture = Capture::new();
    for (number, (from, message)) in messages.iter().enumerate() {
        let mut framed = Vec::new();
        encode_frame(Framing::Be2, Routing::default(), message, &mut framed)?;
        // A packet has the end of one message at most, so that its fields are that message's. Some
        // messages come in two packets.
        let first = match number % 7 {
            0 => 1 + number % (framed.len() - 1),
            _ => framed.len(),
        };
        let (first, second) = framed.split_at(first);
        for segment in [first, second] {
            if !segment.is_empty() {
                capture.segment(*from, segment)?;
            }
        }
    }
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(&capture.into_file())?;
    let output = Command::new("tshark")
        .arg("-r")
        .arg(file.path())
        .args(["-d", &format!("tcp.port=={PORT},iso8583")])
        .args(["-o", "iso8583.len_endian:bigendian"])
        .args(["-o", "iso8583.charset:ascii"])
        .args(["-o", "iso8583.binencode:ascii"])
        .args(["-Y", "iso8583", "-T", "json", "-J", "iso8583"])
        .output()
        .await?;
    ensure!(
        output.status.success(),
        "tshark failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let packets: Vec<Value> = serde_json::from_slice(&output.stdout)?;
    packets
        .iter()
        .map(|packet| told(&packet["_source"]["layers"]))
        .collect()
}

/// What it shows of one message.
fn told(layers: &Value) -> anyhow::Result<Told> {
    let shown = layers["iso8583"].as_object().context("a message")?;
    let mut read = BTreeMap::new();
    for (key, value) in shown {
        let key = match key.as_str() {
            "iso8583.mti" => "t",
            key => key.strip_prefix("iso8583.bit").unwrap_or_default(),
        };
        // Beside fields it shows lengths and bitmaps, and notes in trees.
        let is_field = key.parse::<u8>().is_ok_and(|number| number > 1);
        if let Some(text) = value.as_str().filter(|_| key == "t" || is_field) {
            read.insert(key.to_owned(), text.to_owned());
        }
    }
    let complaint = layers.to_string().to_lowercase().contains("malformed");
    Ok(Told {
        error: complaint.then(|| format!("malformed after {read:?}")),
        read,
        wrote: None,
    })
}
