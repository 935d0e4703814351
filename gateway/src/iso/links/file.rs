//! A links file as it is written.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

/// How many keys of the example have a default, and the name.
#[cfg(test)]
pub(super) const DEFAULTS: usize = 16;
/// Every key.
#[cfg(test)]
pub(super) const KEYS: &[&str] = &[
    "name",
    "listen",
    "network",
    "profile",
    "framing",
    "message_max_bytes",
    "frame_ms",
    "idle_ms",
    "write_ms",
    "echo_ms",
    "answer_ms",
    "connections_max",
    "in_flight_max",
    "sign_on",
    "sign_off",
    "verification_field",
    "partial_approval",
    "echo",
    "certificate",
    "key",
    "client_ca",
    "clients",
    "handshake_ms",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LinksFile {
    #[serde(default, rename = "link")]
    pub(super) links: Vec<LinkEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LinkEntry {
    pub(super) name: String,
    pub(super) listen: Option<SocketAddr>,
    pub(super) network: Option<String>,
    pub(super) profile: Option<String>,
    pub(super) framing: Option<String>,
    pub(super) message_max_bytes: Option<u64>,
    pub(super) frame_ms: Option<u64>,
    pub(super) idle_ms: Option<u64>,
    pub(super) write_ms: Option<u64>,
    pub(super) echo_ms: Option<u64>,
    pub(super) answer_ms: Option<u64>,
    pub(super) connections_max: Option<u64>,
    pub(super) in_flight_max: Option<u64>,
    pub(super) sign_on: Option<bool>,
    pub(super) sign_off: Option<bool>,
    pub(super) verification_field: Option<u8>,
    pub(super) partial_approval: Option<bool>,
    pub(super) codes: Option<CodesEntry>,
    pub(super) tls: Option<TlsEntry>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CodesEntry {
    pub(super) sign_on: Option<Vec<String>>,
    pub(super) sign_off: Option<Vec<String>>,
    pub(super) echo: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TlsEntry {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
    pub(super) client_ca: Option<PathBuf>,
    #[serde(default)]
    pub(super) clients: Vec<String>,
    pub(super) handshake_ms: Option<u64>,
}
