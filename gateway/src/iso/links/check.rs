//! What may be agreed on, and what may not.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use iso8583::Profile;
use iso8583::frame::Framing;
use iso8583::profile::BUILT_IN;

use super::Fault;
use super::file::{CodesEntry, LinkEntry, LinksFile, TlsEntry};
use crate::iso::management::{self, Codes};
use crate::iso::terms::Terms;
use crate::iso::tls::{Files, Tls};
use crate::iso::translate;
use crate::verification::FIELDS;

/// The most links of one gateway: each has metrics of its own.
pub const LINKS_MAX: usize = 16;
/// A day, in milliseconds.
const MS_MAX: u64 = 86_400_000;
/// More connections, or requests in flight, than any peer needs.
const COUNT_MAX: u64 = 65_536;
/// Fields without which a message of the gateway's could not be written, or a payment not be known.
const NEEDED: &[u8] = &[
    2, 3, 4, 7, 11, 14, 32, 33, 37, 38, 39, 41, 42, 44, 49, 70, 90, 95,
];

pub(super) fn checked(
    file: LinksFile,
    iso: SocketAddr,
    http: SocketAddr,
) -> Result<Vec<Terms>, Vec<Fault>> {
    let mut faults = Vec::new();
    let count = file.links.len();
    if count == 0 || count > LINKS_MAX {
        let (what, cure) = match count {
            0 => (
                "there is no [[link]]".to_owned(),
                "add one, or leave the file out".to_owned(),
            ),
            _ => (
                format!("{count} links"),
                format!("at most {LINKS_MAX} belong to one gateway"),
            ),
        };
        faults.push(Fault {
            place: String::new(),
            what,
            cure,
        });
    }
    let (mut names, mut taken) = (BTreeSet::new(), BTreeSet::from([http]));
    let mut all = Vec::new();
    for entry in file.links {
        let mut entrance = Checks {
            name: entry.name.clone(),
            faults: &mut faults,
        };
        entrance.name(&mut names);
        let listen = entry.listen.unwrap_or(iso);
        // Port 0 is a free one each time.
        if listen.port() != 0 && !taken.insert(listen) {
            let what = format!("{listen} is taken by another link or the HTTP door");
            entrance.refuse("listen", what, "give every link an address of its own");
        }
        all.push(entrance.link(entry, listen));
    }
    if faults.is_empty() {
        Ok(all)
    } else {
        Err(faults)
    }
}

/// Notes what is wrong with one link.
struct Checks<'f> {
    name: String,
    faults: &'f mut Vec<Fault>,
}

impl Checks<'_> {
    fn refuse(&mut self, key: &str, what: impl Display, cure: impl Display) {
        self.faults.push(Fault {
            place: format!("link `{}`: {key}: ", self.name),
            what: what.to_string(),
            cure: cure.to_string(),
        });
    }

    fn name(&mut self, names: &mut BTreeSet<String>) {
        let name = self.name.clone();
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let starts_well = name.starts_with(|first: char| first.is_ascii_lowercase());
        if !starts_well || name.len() > 16 || !name.bytes().all(allowed) {
            let what = "it must be 1 to 16 of a-z, 0-9 and -, a letter first";
            self.refuse(
                "name",
                what,
                "it stands in logs, metrics and the ready line",
            );
        } else if name == "http" {
            let what = "`http` is the other door's";
            self.refuse("name", what, "choose another name");
        }
        if !names.insert(name) {
            self.refuse(
                "name",
                "two links have this name",
                "give each a name of its own",
            );
        }
    }

    fn number(&mut self, key: &str, given: Option<u64>, range: RangeInclusive<u64>) -> Option<u64> {
        let given = given?;
        if range.contains(&given) {
            return Some(given);
        }
        let (from, to) = (range.start(), range.end());
        let cure = match key.ends_with("_ms") {
            true => "the unit is milliseconds; leave it out for the default",
            false => "leave it out for the default",
        };
        self.refuse(key, format!("{given} is not from {from} to {to}"), cure);
        None
    }

    fn time(&mut self, key: &str, given: Option<u64>, place: &mut Duration) {
        if let Some(millis) = self.number(key, given, 1..=MS_MAX) {
            *place = Duration::from_millis(millis);
        }
    }

    fn count(&mut self, key: &str, given: Option<u64>) -> Option<usize> {
        let count = self.number(key, given, 1..=COUNT_MAX)?;
        usize::try_from(count).ok()
    }

    /// Everything else as agreed; what is wrong stays at its default.
    fn link(&mut self, entry: LinkEntry, listen: SocketAddr) -> Terms {
        let mut terms = Terms::new(&entry.name, listen);
        if let Some(network) = entry.network {
            let printable = network.bytes().all(|byte| byte.is_ascii_graphic());
            if !printable || !(1..=16).contains(&network.len()) {
                let cure = "it is part of the ids of payments: the same on every door and gateway";
                self.refuse(
                    "network",
                    "it must be 1 to 16 characters without spaces",
                    cure,
                );
            }
            terms.network = network.into();
        }
        if let Some(word) = entry.profile {
            match profile(&word) {
                Ok(profile) => terms.profile = profile,
                Err((what, cure)) => self.refuse("profile", what, cure),
            }
        }
        if let Some(word) = entry.framing {
            match word.parse::<Framing>() {
                Ok(framing) => terms.framing = framing,
                Err(error) => {
                    let words: Vec<&str> = Framing::ALL.iter().map(|it| it.word()).collect();
                    self.refuse("framing", error, format!("there are {}", words.join(", ")));
                }
            }
        }
        self.sizes(&mut terms, entry.message_max_bytes);
        self.time("frame_ms", entry.frame_ms, &mut terms.frame_patience);
        self.time("idle_ms", entry.idle_ms, &mut terms.idle_patience);
        self.time("write_ms", entry.write_ms, &mut terms.write_patience);
        self.time("answer_ms", entry.answer_ms, &mut terms.answer_patience);
        self.echo(&mut terms, entry.echo_ms);
        terms.connections_max = self.count("connections_max", entry.connections_max);
        if let Some(count) = self.count("in_flight_max", entry.in_flight_max) {
            terms.in_flight_max = count;
        }
        terms.sign_on = entry.sign_on.unwrap_or(terms.sign_on);
        terms.sign_off = entry.sign_off.unwrap_or(terms.sign_off);
        terms.verification_field = self.private_field(entry.verification_field);
        terms.partial_approval = entry.partial_approval.unwrap_or(terms.partial_approval);
        terms.codes = self.codes(entry.codes.unwrap_or_default());
        if let Err(error) = management::encodes(terms.profile, &terms.codes) {
            let what = format!("it cannot say a sign-on, a sign-off or an echo: {error}");
            self.refuse("profile", what, "fields 7, 11 and 70 are n10, n6 and n3");
        }
        if let Err(error) = translate::encodes(terms.profile) {
            let what = format!("it cannot say an answer: {error}");
            let cure = "fields 4, 38, 39 and 44 are n12, an6, an2 and ans..25: an approval code has letters";
            self.refuse("profile", what, cure);
        }
        terms.tls = entry.tls.and_then(|entry| self.tls(entry));
        terms
    }

    fn sizes(&mut self, terms: &mut Terms, given: Option<u64>) {
        let most = u16::try_from(terms.framing.length_max()).unwrap_or(u16::MAX);
        terms.frame_max = terms.frame_max.min(most);
        if let Some(max) = self.number("message_max_bytes", given, 1..=most.into()) {
            terms.frame_max = u16::try_from(max).unwrap_or(most);
        }
    }

    fn echo(&mut self, terms: &mut Terms, given: Option<u64>) {
        let Some(millis) = self.number("echo_ms", given, 1..=MS_MAX) else {
            return;
        };
        let after = Duration::from_millis(millis);
        if after + terms.answer_patience >= terms.idle_patience {
            let what = "the peer would be cut off as idle before it had to answer the echo";
            self.refuse(
                "echo_ms",
                what,
                "keep echo_ms and answer_ms together below idle_ms",
            );
        }
        terms.echo_after = Some(after);
    }

    fn private_field(&mut self, given: Option<u8>) -> Option<u8> {
        let field = given?;
        if !FIELDS.contains(&field) {
            let what = format!("{field} is no private field that could hold it");
            let cure = "take one of 48, 60, 61, 62, 63; 61 is free in most layouts";
            self.refuse("verification_field", what, cure);
        }
        Some(field)
    }

    fn codes(&mut self, entry: CodesEntry) -> Codes {
        let usual = Codes::default();
        let codes = Codes {
            sign_on: self.some_codes("codes.sign_on", entry.sign_on, usual.sign_on),
            sign_off: self.some_codes("codes.sign_off", entry.sign_off, usual.sign_off),
            echo: self.some_codes("codes.echo", entry.echo, usual.echo),
        };
        let mut seen = BTreeSet::new();
        for code in [&codes.sign_on, &codes.sign_off, &codes.echo]
            .into_iter()
            .flatten()
        {
            if !seen.insert(*code) {
                let what = format!("{code:03} has two meanings, or stands there twice");
                self.refuse("codes", what, "name each value of DE70 once");
            }
        }
        codes
    }

    fn some_codes(&mut self, key: &str, given: Option<Vec<String>>, usual: Vec<u16>) -> Vec<u16> {
        let Some(given) = given else {
            return usual;
        };
        if given.is_empty() {
            self.refuse(
                key,
                "there is none",
                "the first one is what the gateway sends",
            );
        }
        let mut codes = Vec::new();
        for word in given {
            match word.parse() {
                Ok(code) if word.len() == 3 => codes.push(code),
                _ => {
                    let what = format!("`{word}` is not three digits");
                    self.refuse(key, what, "write DE70 as it travels, such as \"301\"");
                }
            }
        }
        codes
    }

    fn tls(&mut self, entry: TlsEntry) -> Option<Tls> {
        let mut handshake_patience = Duration::from_secs(5);
        self.time(
            "tls.handshake_ms",
            entry.handshake_ms,
            &mut handshake_patience,
        );
        let files = Files {
            certificate: entry.certificate,
            key: entry.key,
            client_ca: entry.client_ca,
            clients: entry.clients,
            handshake_patience,
        };
        match Tls::new(files) {
            Ok(tls) => Some(tls),
            Err(fault) => {
                self.refuse(fault.key, fault.what, fault.cure);
                None
            }
        }
    }
}

/// A built-in profile by its name, or one from a file whose name ends in `.toml`.
fn profile(word: &str) -> Result<&'static Profile, (String, String)> {
    let profile = match Profile::built_in(word) {
        Some(profile) => profile,
        None if word.ends_with(".toml") => {
            let text = std::fs::read_to_string(word).map_err(|error| {
                let cure = "paths are relative to where the gateway is started";
                (format!("{word} cannot be read: {error}"), cure.to_owned())
            })?;
            let profile = Profile::from_toml(&text).map_err(|error| {
                let cure = "`gateway iso describe --help` says how a profile can be tried";
                (format!("{word}: {error}"), cure.to_owned())
            })?;
            // As many as there are links, until the process ends.
            &*Box::leak(Box::new(profile))
        }
        None => {
            let names: Vec<&str> = BUILT_IN.iter().map(|profile| profile.name()).collect();
            let cure = format!(
                "use one of {}, or a file whose name ends in .toml",
                names.join(", ")
            );
            return Err((format!("no profile `{word}`"), cure));
        }
    };
    if profile.version() != 0 {
        let cure = "the gateway answers messages of 1987, such as 0100".to_owned();
        return Err((
            format!("`{word}` is of another edition of the standard"),
            cure,
        ));
    }
    let lacking: Vec<String> = NEEDED
        .iter()
        .filter(|number| profile.field(**number).is_none())
        .map(ToString::to_string)
        .collect();
    if !lacking.is_empty() {
        let what = format!("`{word}` lacks the fields {}", lacking.join(", "));
        return Err((what, "the gateway reads or writes them".to_owned()));
    }
    Ok(profile)
}
