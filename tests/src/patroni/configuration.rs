//! The files of `deploy/ha`, and what they leave to the environment.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

use anyhow::Context;

use super::{Installed, NODES};
use crate::ports;

/// HAProxy's configuration as it ships.
pub const HAPROXY: &str = include_str!("../../../deploy/ha/haproxy.cfg");
const PATRONI: &str = include_str!("../../../deploy/ha/patroni.yml");
const RESTORE: &str = include_str!("../../../deploy/ha/restore.yml");
const RESTORE_SCRIPT: &str = include_str!("../../../deploy/ha/restore");

/// What is otherwise here than on machines of their own. Three nodes share one, whose watchdog must not
/// fire because one of them is frozen; and Patroni reaches its own PostgreSQL by a socket, because a
/// node's connection to its own loopback address comes from 127.0.0.1.
fn here(sockets: &Path) -> String {
    let sockets = serde_json::Value::from(sockets.to_string_lossy());
    format!(
        "watchdog: {{mode: \"off\"}}\n\
         postgresql:\n  use_unix_socket: true\n  parameters: {{unix_socket_directories: {sockets}, \
         log_min_messages: warning}}\n"
    )
}

/// Passwords of a cluster that nobody else reaches and that lives for minutes.
const SUPERUSER_PASSWORD: &str = "superuser";
const REPLICATION_PASSWORD: &str = "replication";
pub(super) const LEDGER_PASSWORD: &str = "holdfast";

/// The same on every node's address, and HAProxy's on 127.0.0.1.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    pub(super) haproxy: u16,
    postgres: u16,
    pub(super) patroni: u16,
    pub(super) etcd_clients: u16,
    etcd_peers: u16,
}

pub(super) fn etcd_address(node: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, 11 + u8::try_from(node).unwrap_or_default())
}

pub(super) fn node_address(node: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, 21 + u8::try_from(node).unwrap_or_default())
}

impl Ports {
    /// Ports that are free now, below the kernel's ephemeral range.
    ///
    /// # Errors
    /// Where there are none, or this machine has one loopback address only.
    pub fn choose() -> anyhow::Result<Self> {
        let etcds: Vec<_> = (0..NODES).map(etcd_address).collect();
        let nodes: Vec<_> = (0..NODES).map(node_address).collect();
        Ok(Self {
            haproxy: ports::free()?.port(),
            postgres: free_on(&nodes)?,
            patroni: free_on(&nodes)?,
            etcd_clients: free_on(&etcds)?,
            etcd_peers: free_on(&etcds)?,
        })
    }

    fn postgres_at(&self, node: usize) -> String {
        format!("{}:{}", node_address(node), self.postgres)
    }

    fn patroni_at(&self, node: usize) -> String {
        format!("{}:{}", node_address(node), self.patroni)
    }

    pub(super) fn etcd_at(&self, node: usize) -> String {
        format!("{}:{}", etcd_address(node), self.etcd_clients)
    }

    pub(super) fn etcds(&self) -> String {
        let all: Vec<_> = (0..NODES).map(|node| self.etcd_at(node)).collect();
        all.join(",")
    }

    pub(super) fn etcd_arguments(&self, node: usize, data: &Path) -> Vec<OsString> {
        let client = format!("http://{}", self.etcd_at(node));
        let peer = |node| format!("http://{}:{}", etcd_address(node), self.etcd_peers);
        let all: Vec<_> = (0..NODES)
            .map(|node| format!("e{}={}", node + 1, peer(node)))
            .collect();
        let mut arguments: Vec<OsString> = vec!["--data-dir".into(), data.into()];
        for (flag, value) in [
            ("--name", format!("e{}", node + 1)),
            ("--listen-client-urls", client.clone()),
            ("--advertise-client-urls", client),
            ("--listen-peer-urls", peer(node)),
            ("--initial-advertise-peer-urls", peer(node)),
            ("--initial-cluster", all.join(",")),
            ("--initial-cluster-state", "new".into()),
            ("--log-level", "warn".into()),
        ] {
            arguments.extend([flag.into(), value.into()]);
        }
        arguments
    }

    /// What `haproxy.cfg` reads.
    pub fn haproxy_environment(&self) -> Vec<(String, OsString)> {
        let mut variables = vec![
            (
                "HOLDFAST_HAPROXY_BIND".to_owned(),
                format!("127.0.0.1:{}", self.haproxy).into(),
            ),
            (
                "HOLDFAST_PATRONI_PORT".to_owned(),
                self.patroni.to_string().into(),
            ),
        ];
        for node in 0..NODES {
            let name = format!("HOLDFAST_PG{}", node + 1);
            variables.push((name, self.postgres_at(node).into()));
        }
        variables
    }

    /// What Patroni reads besides `patroni.yml`.
    pub fn patroni_environment(&self, node: usize, data: &Path) -> Vec<(String, OsString)> {
        let pgpass = data.with_file_name("pgpass");
        let variables: [(&str, OsString); 11] = [
            ("NAME", format!("pg{}", node + 1).into()),
            ("ETCD3_HOSTS", self.etcds().into()),
            ("RESTAPI_LISTEN", self.patroni_at(node).into()),
            ("RESTAPI_CONNECT_ADDRESS", self.patroni_at(node).into()),
            ("POSTGRESQL_LISTEN", self.postgres_at(node).into()),
            ("POSTGRESQL_CONNECT_ADDRESS", self.postgres_at(node).into()),
            ("POSTGRESQL_DATA_DIR", data.into()),
            ("POSTGRESQL_PGPASS", pgpass.into()),
            ("SUPERUSER_PASSWORD", SUPERUSER_PASSWORD.into()),
            ("REPLICATION_PASSWORD", REPLICATION_PASSWORD.into()),
            ("REWIND_PASSWORD", "rewind".into()),
        ];
        variables
            .into_iter()
            .map(|(name, value)| (format!("PATRONI_{name}"), value))
            .collect()
    }

    /// The environment of PostgreSQL's own tools that talk to a node as its superuser.
    pub(super) fn superuser(&self, node: usize) -> [(&'static str, String); 6] {
        self.user(node, "postgres", SUPERUSER_PASSWORD)
    }

    /// The same for a tool that copies it.
    pub(super) fn replicator(&self, node: usize) -> [(&'static str, String); 6] {
        self.user(node, "replicator", REPLICATION_PASSWORD)
    }

    fn user(&self, node: usize, name: &str, password: &str) -> [(&'static str, String); 6] {
        [
            ("PGHOST", node_address(node).to_string()),
            ("PGPORT", self.postgres.to_string()),
            ("PGUSER", name.into()),
            ("PGPASSWORD", password.into()),
            ("PGDATABASE", "postgres".into()),
            ("PGCONNECT_TIMEOUT", "3".into()),
        ]
    }
}

/// A port that nobody listens on, on any of these addresses.
fn free_on(addresses: &[Ipv4Addr]) -> anyhow::Result<u16> {
    for _ in 0..100 {
        let port = ports::free()?.port();
        let mut bound = addresses.iter().map(|it| SocketAddr::from((*it, port)));
        if bound.all(|address| TcpListener::bind(address).is_ok()) {
            return Ok(port);
        }
    }
    anyhow::bail!("no port is free on all of {addresses:?}")
}

/// The configuration of one Patroni, as files in a directory that it reads in order of their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Files {
    /// A node of a cluster.
    Node,
    /// The node that makes the cluster again from a backup.
    Restoring,
}

impl Files {
    /// Writes them for a node that works in the directory above.
    ///
    /// # Errors
    /// Where that cannot be.
    pub fn write(self, directory: &Path) -> anyhow::Result<()> {
        let here = here(directory.parent().unwrap_or(directory));
        let mut files = vec![("10-patroni.yml", PATRONI), ("20-here.yml", &here)];
        if self == Self::Restoring {
            files.push(("30-restore.yml", RESTORE));
        }
        let written = || {
            if directory.exists() {
                std::fs::remove_dir_all(directory)?;
            }
            std::fs::create_dir_all(directory)?;
            for (name, text) in files {
                std::fs::write(directory.join(name), text)?;
            }
            std::io::Result::Ok(())
        };
        written().with_context(|| format!("cannot write {}", directory.display()))
    }
}

/// The script that a restoring node runs in its working directory.
pub(super) fn write_restore_script(directory: &Path) -> anyhow::Result<()> {
    std::fs::write(directory.join("restore"), RESTORE_SCRIPT)?;
    Ok(())
}

impl Installed {
    /// Where Patroni finds itself, Python's packages and PostgreSQL.
    pub(super) fn environment(&self) -> Vec<(String, OsString)> {
        vec![
            ("PYTHONPATH".into(), self.patroni.clone().into()),
            ("PYTHONDONTWRITEBYTECODE".into(), "1".into()),
            ("PYTHONUNBUFFERED".into(), "1".into()),
            (
                "PATRONI_POSTGRESQL_BIN_DIR".into(),
                self.postgres.clone().into(),
            ),
        ]
    }
}
