use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use testcontainers::bollard::models::{HostConfig, PortBinding};
use testcontainers::core::{AccessMode, IntoContainerPort, Mount};
use testcontainers::{ContainerRequest, GenericImage, ImageExt};
use testcontainers_modules::postgres::Postgres;
use tests::cluster::Node;
use tests::ports;

use crate::engine::{image, postgres_image};
use crate::run::Run;

/// How many there are of each.
pub(crate) const LEDGERS: usize = 2;
pub(crate) const GATEWAYS: usize = 2;

const LEDGER_PORT: u16 = 7400;
const HTTP_PORT: u16 = 7401;
const CONTROL_PORT: u16 = 7406;
const ISO_PORT: u16 = 7411;
/// Where a gateway keeps its journal.
pub(crate) const DATA: &str = "/var/lib/holdfast";
const KEYS: &str = "/run/secrets/card-keys";
const HOMES: &str = "/etc/holdfast/homes.toml";
/// What PostgreSQL needs until it has become its own user.
const POSTGRES_RIGHTS: [&str; 5] = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"];

/// Everything that can be in the house, in the order in which it is started.
pub(crate) fn nodes() -> Vec<Node> {
    let ledgers = (0..LEDGERS).map(Node::Ledger);
    let gateways = (0..GATEWAYS).map(Node::Gateway);
    let books = [Node::Database].into_iter().chain(ledgers);
    books.chain([Node::Proxy]).chain(gateways).collect()
}

/// What a part is called: as in `compose.yaml`, gateways as in the homes file.
pub(crate) fn name(node: Node) -> String {
    match node {
        Node::Database => "ledger-db".into(),
        Node::Ledger(index) => format!("ledger-{}", index + 1),
        Node::Proxy => "faultproxy".into(),
        Node::Gateway(index) => format!("gw{}", index + 1),
    }
}

/// Where each part is reached from here. The ports are fixed, and stay over a restart.
#[derive(Debug)]
pub(crate) struct Ports(HashMap<(Node, u16), SocketAddr>);

impl Ports {
    /// Free ports for everything.
    ///
    /// # Errors
    /// Where there are none.
    pub(crate) fn choose() -> anyhow::Result<Self> {
        let inner = nodes().into_iter().flat_map(|node| {
            let ports: &[u16] = match node {
                Node::Database => &[],
                Node::Ledger(_) => &[LEDGER_PORT],
                Node::Proxy => &[CONTROL_PORT],
                Node::Gateway(_) => &[HTTP_PORT, ISO_PORT],
            };
            ports.iter().map(move |port| (node, *port))
        });
        let chosen = inner.map(|key| Ok((key, ports::free()?)));
        Ok(Self(chosen.collect::<anyhow::Result<_>>()?))
    }

    /// Where a part answers over HTTP; nothing for the database.
    pub(crate) fn http(&self, node: Node) -> anyhow::Result<String> {
        let port = match node {
            Node::Gateway(_) => HTTP_PORT,
            Node::Proxy => CONTROL_PORT,
            Node::Ledger(_) | Node::Database => LEDGER_PORT,
        };
        let address = self.0.get(&(node, port)).context("it has no HTTP door")?;
        Ok(format!("http://{address}"))
    }

    /// A gateway's ISO 8583 door.
    pub(crate) fn iso(&self, gateway: usize) -> anyhow::Result<SocketAddr> {
        let address = self.0.get(&(Node::Gateway(gateway), ISO_PORT));
        address.copied().context("no such gateway")
    }

    fn of(&self, node: Node) -> impl Iterator<Item = (u16, SocketAddr)> {
        let mine = self.0.iter().filter(move |((of, _), _)| *of == node);
        mine.map(|((_, port), address)| (*port, *address))
    }
}

/// A file of this repository.
pub(crate) fn repository(path: &str) -> anyhow::Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = root.join(path);
    path.canonicalize()
        .with_context(|| path.display().to_string())
}

/// The keys and homes that every gateway has.
pub(crate) fn shared_files() -> anyhow::Result<(PathBuf, PathBuf)> {
    Ok((
        repository("deploy/secrets/keys.txt")?,
        repository("deploy/homes.toml")?,
    ))
}

/// PostgreSQL as it comes, with `fsync`, without a password on a network without strangers.
pub(crate) fn database(run: &Run) -> ContainerRequest<Postgres> {
    let (name, tag) = postgres_image();
    let postgres = Postgres::default()
        .with_user("holdfast")
        .with_db_name("holdfast")
        .with_host_auth()
        .with_fsync_enabled();
    let request = POSTGRES_RIGHTS
        .iter()
        .fold(postgres.with_name(name).with_tag(tag), |request, right| {
            request.with_cap_add(*right)
        });
    let (label, value) = run.label();
    request
        // Its log says that it is ready once too early: it is asked instead.
        .with_ready_conditions(Vec::new())
        .with_container_name(run.called(&self::name(Node::Database)))
        .with_network(run.network())
        .with_label(label, value)
        .with_cap_drop("ALL")
        .with_security_opt("no-new-privileges:true")
        .with_host_config_modifier(|host| host.publish_all_ports = Some(false))
}

/// One of ours, as `compose.yaml` runs it.
pub(crate) fn ours(
    run: &Run,
    ports: &Ports,
    node: Node,
) -> anyhow::Result<ContainerRequest<GenericImage>> {
    let at = |node| run.called(&name(node));
    match node {
        Node::Ledger(_) => {
            let books = format!("postgres://holdfast@{}/holdfast", at(Node::Database));
            Ok(locked_down(run, ports, node, "/app/ledger")
                .with_env_var("HOLDFAST_LEDGER_LISTEN", format!("0.0.0.0:{LEDGER_PORT}"))
                .with_env_var("DATABASE_URL", books))
        }
        Node::Proxy => {
            let mut arguments = vec!["node".to_owned(), "faultproxy".to_owned()];
            arguments.push(format!("--listen=0.0.0.0:{LEDGER_PORT}"));
            let ledgers = (0..LEDGERS).map(|index| at(Node::Ledger(index)));
            arguments.extend(ledgers.map(|name| format!("--upstream={name}:{LEDGER_PORT}")));
            arguments.push(format!("--control=0.0.0.0:{CONTROL_PORT}"));
            Ok(locked_down(run, ports, node, "/app/loadtest").with_cmd(arguments))
        }
        Node::Gateway(_) => {
            let (keys, homes) = shared_files()?;
            let ledger = format!("http://{}:{LEDGER_PORT}", at(Node::Proxy));
            Ok(locked_down(run, ports, node, "/app/gateway")
                .with_env_var("HOLDFAST_GATEWAY_NAME", name(node))
                .with_env_var("HOLDFAST_GATEWAY_HTTP", format!("0.0.0.0:{HTTP_PORT}"))
                .with_env_var("HOLDFAST_GATEWAY_ISO", format!("0.0.0.0:{ISO_PORT}"))
                .with_env_var("HOLDFAST_GATEWAY_DATA", DATA)
                .with_env_var("HOLDFAST_LEDGER_URL", ledger)
                .with_env_var("HOLDFAST_KEYS_FILE", KEYS)
                .with_env_var("HOLDFAST_HOMES_FILE", HOMES)
                .with_mount(read_only(&keys, KEYS))
                .with_mount(read_only(&homes, HOMES))
                .with_mount(Mount::volume_mount(at(node), DATA)))
        }
        Node::Database => anyhow::bail!("the database is not ours"),
    }
}

fn locked_down(
    run: &Run,
    ports: &Ports,
    node: Node,
    program: &str,
) -> ContainerRequest<GenericImage> {
    let (name, tag) = image();
    let mut image = GenericImage::new(name, tag).with_entrypoint(program);
    let mut published = HashMap::new();
    for (inside, outside) in ports.of(node) {
        image = image.with_exposed_port(inside.tcp());
        let binding = PortBinding {
            host_ip: Some(outside.ip().to_string()),
            host_port: Some(outside.port().to_string()),
        };
        published.insert(format!("{inside}/tcp"), Some(vec![binding]));
    }
    let (label, value) = run.label();
    image
        .with_container_name(run.called(&self::name(node)))
        .with_network(run.network())
        .with_label(label, value)
        .with_user("65532:65532")
        .with_readonly_rootfs(true)
        .with_cap_drop("ALL")
        .with_security_opt("no-new-privileges:true")
        .with_host_config_modifier(move |host: &mut HostConfig| {
            // What the library would do by itself is to publish everything, everywhere.
            host.publish_all_ports = Some(false);
            host.port_bindings = Some(published.clone());
            let scratch = ("/tmp".to_owned(), "mode=1777,size=16m".to_owned());
            host.tmpfs = Some(HashMap::from([scratch]));
        })
}

fn read_only(file: &Path, target: &str) -> Mount {
    Mount::bind_mount(file.to_string_lossy(), target).with_access_mode(AccessMode::ReadOnly)
}
