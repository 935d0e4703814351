//! Where a span of another process hangs: W3C Trace Context.

use std::fmt;
use std::str::FromStr;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A `traceparent` of W3C Trace Context: a span that somebody else has begun. Written as
/// `00-<32 hex digits>-<16 hex digits>-<flags>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    /// The trace; never all zeros.
    pub trace_id: [u8; 16],
    /// The span; never all zeros.
    pub span_id: [u8; 8],
    /// True where whoever began the span records it.
    pub sampled: bool,
}

/// A text that is no `traceparent`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a traceparent must be `00-<32 hex digits>-<16 hex digits>-<2 hex digits>`")]
pub struct TraceParentError;

/// How long version 00 is, and how much of a later version we read.
const LENGTH: usize = 55;

impl FromStr for TraceParent {
    type Err = TraceParentError;

    fn from_str(text: &str) -> Result<Self, TraceParentError> {
        parse(text.as_bytes()).ok_or(TraceParentError)
    }
}

/// A later version may have more after a dash; ff is no version.
fn parse(text: &[u8]) -> Option<TraceParent> {
    let (known, more) = text.split_at_checked(LENGTH)?;
    let [version] = hex(known.get(0..2)?)?;
    let ends = more.is_empty() || (version != 0 && more.starts_with(b"-"));
    let dashes = [2, 35, 52].iter().all(|&at| known.get(at) == Some(&b'-'));
    let trace_id = hex(known.get(3..35)?)?;
    let span_id = hex(known.get(36..52)?)?;
    let [flags] = hex(known.get(53..55)?)?;
    let named = trace_id != [0; 16] && span_id != [0; 8];
    (version != 0xff && ends && dashes && named).then_some(TraceParent {
        trace_id,
        span_id,
        sampled: flags & 1 == 1,
    })
}

/// Lower-case digits, as the standard asks for.
fn hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(*pair.first()?)? << 4 | digit(*pair.last()?)?;
    }
    Some(bytes)
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trace_id = u128::from_be_bytes(self.trace_id);
        let span_id = u64::from_be_bytes(self.span_id);
        let flags = u8::from(self.sampled);
        write!(f, "00-{trace_id:032x}-{span_id:016x}-{flags:02x}")
    }
}

impl Serialize for TraceParent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Whatever is no `traceparent`, of whatever type, reads as `None`: a trace must not fail a payment.
pub(crate) fn lenient<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<TraceParent>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Sent {
        Text(String),
        Other(IgnoredAny),
    }
    Ok(match Sent::deserialize(deserializer)? {
        Sent::Text(text) => text.parse().ok(),
        Sent::Other(IgnoredAny) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AdviceItem, AuthorizeRequest};

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    #[test]
    fn a_traceparent_is_read_as_the_standard_says() {
        let good = [
            (format!("00-{TRACE}-{SPAN}-01"), true),
            (format!("00-{TRACE}-{SPAN}-00"), false),
            (format!("00-{TRACE}-{SPAN}-03"), true),
            (format!("00-{TRACE}-{SPAN}-fe"), false),
            (format!("cc-{TRACE}-{SPAN}-01"), true),
            (format!("cc-{TRACE}-{SPAN}-01-what-comes-later"), true),
        ];
        for (text, sampled) in good {
            let parent: TraceParent = text.parse().unwrap();
            let hex: String = parent.trace_id.iter().map(|b| format!("{b:02x}")).collect();
            assert_eq!((hex.as_str(), parent.sampled), (TRACE, sampled), "{text}");
            assert_eq!(parent.to_string().parse(), Ok(parent), "{text}");
        }
        let zeros = "0".repeat(32);
        let bad = [
            String::new(),
            "00".into(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-"),
            format!("00-{TRACE}-{SPAN}-1"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("00-{TRACE}-{SPAN}-01 "),
            format!(" 00-{TRACE}-{SPAN}-01"),
            format!("cc-{TRACE}-{SPAN}-01.more"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("0-{TRACE}-{SPAN}-01x"),
            format!("00-{zeros}-{SPAN}-01"),
            format!("00-{TRACE}-{}-01", &zeros[..16]),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-{SPAN}-0G"),
            format!("00_{TRACE}_{SPAN}_01"),
            format!("00-{}+-{SPAN}-01", &TRACE[..31]),
            "é".repeat(27) + "-",
        ];
        for text in bad {
            assert_eq!(text.parse::<TraceParent>(), Err(TraceParentError), "{text}");
        }
    }

    #[test]
    fn what_is_no_traceparent_reads_as_none_and_fails_no_payment() {
        let request = |traceparent: &str| {
            let text = format!(
                r#"{{"id": "{TRACE}", "card": "k1-{TRACE}", "amount_minor": 1, "currency": "EUR",
                "fingerprint": 1{traceparent}}}"#
            );
            serde_json::from_str::<AuthorizeRequest>(&text).unwrap()
        };
        let sent = format!("00-{TRACE}-{SPAN}-01");
        let read = request(&format!(r#", "traceparent": "{sent}""#));
        assert_eq!(read.traceparent.map(|it| it.to_string()), Some(sent));
        for other in [
            r#""""#,
            r#""00-zz""#,
            "null",
            "7",
            "-1.5e3",
            "true",
            "[1, {}]",
            r#"{"a": []}"#,
        ] {
            let read = request(&format!(r#", "traceparent": {other}"#));
            assert_eq!(read.traceparent, None, "{other}");
        }
        // The tag of an item makes serde read it in another way.
        let told = |traceparent: &str| {
            let text = format!(
                r#"{{"kind": "reversal", "traceparent": {traceparent}, "id": "{TRACE}",
                "card": "k1-{TRACE}", "remaining_minor": 0, "seq": 1}}"#
            );
            serde_json::from_str::<AdviceItem>(&text)
                .unwrap()
                .traceparent()
        };
        assert_eq!(told("7"), None);
        assert_eq!(told(r#"{"a": []}"#), None);
        assert!(told(&format!(r#""{}""#, read.traceparent.unwrap())).is_some());
        let absent = request("");
        assert_eq!(absent.traceparent, None);
        let text = serde_json::to_string(&absent).unwrap();
        assert!(!text.contains("traceparent"), "{text}");
    }
}
