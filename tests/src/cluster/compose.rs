//! The stack as containers: the `compose.yaml` of this repository, under a project name of its own.
//!
//! Everything is done with the `docker` command, as an operator does it. Only containers of the own
//! project are touched, and they are removed with their data however this process ends.

mod cli;
mod machinery;
mod watch;
mod watchdog;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, bail};

use super::layout::{Layout, store_in};
use super::{Directory, Node, Stack};
use crate::gateway_node::GatewayNode;
use crate::ports;
use cli::Docker;
use watch::{Part, Parts};
use watchdog::Watchdog;

/// Docker, or its Compose plugin, is not on this machine, or does not answer.
#[derive(Debug, thiserror::Error)]
#[error(
    "no Docker Engine with Compose v2 that answers ({0}); install it, or run without containers"
)]
pub struct Missing(String);

/// What to start.
#[derive(Debug, Clone, Default)]
pub struct ComposeConfig {
    /// The compose file; that of the checkout where `None`.
    pub file: Option<PathBuf>,
    /// Where logs go; a temporary directory where `None`, which is kept only when something failed.
    pub directory: Option<PathBuf>,
    /// Build the image even where there is one.
    pub build: bool,
    /// The log filter of the services.
    pub log: String,
}

/// A project that is up, and who can act on it.
#[derive(Debug)]
pub struct Compose {
    // First: it takes everything down, and uses nothing of what follows.
    #[expect(dead_code, reason = "it is there to be dropped")]
    watchdog: Watchdog,
    docker: Docker,
    parts: Arc<Parts>,
    addresses: BTreeMap<Node, String>,
    directory: PathBuf,
    description: String,
}

/// The host's ports, by the variable of the compose file that sets each.
const PORTS: [(&str, Node, &str); 7] = [
    ("HOLDFAST_GW1_HTTP_PORT", Node::Gateway(0), "http"),
    ("HOLDFAST_GW1_ISO_PORT", Node::Gateway(0), "iso"),
    ("HOLDFAST_GW2_HTTP_PORT", Node::Gateway(1), "http"),
    ("HOLDFAST_GW2_ISO_PORT", Node::Gateway(1), "iso"),
    ("HOLDFAST_LEDGER1_PORT", Node::Ledger(0), "http"),
    ("HOLDFAST_LEDGER2_PORT", Node::Ledger(1), "http"),
    ("HOLDFAST_CONTROL_PORT", Node::Proxy, "http"),
];

static PROJECTS: AtomicU32 = AtomicU32::new(0);

impl Stack {
    /// Starts the services of the compose file and returns when they are healthy.
    ///
    /// # Errors
    /// [`Missing`] where there is no Docker; others where the image cannot be built or a service does
    /// not become healthy.
    pub async fn compose(config: ComposeConfig) -> anyhow::Result<Self> {
        let versions = Docker::versions().await?;
        let directory = Directory::make(config.directory.as_deref())?;
        let file = match &config.file {
            Some(file) => file.clone(),
            None => checkout().join("compose.yaml"),
        };
        let file = (file.canonicalize())
            .with_context(|| format!("there is no compose file {}", file.display()))?;
        let root = file.parent().unwrap_or(Path::new("/")).to_owned();
        let image = image();
        build(&image, &root, config.build).await?;

        let mut environment = vec![
            ("HOLDFAST_LOG".to_owned(), config.log.clone()),
            // Whoever dies unasked stays dead, and is seen.
            ("HOLDFAST_RESTART".to_owned(), "no".to_owned()),
        ];
        let mut ports = BTreeMap::new();
        for (variable, node, door) in PORTS {
            let address = ports::free()?;
            environment.push((variable.to_owned(), address.port().to_string()));
            ports.insert((node, door), address);
        }
        let docker = Docker::new(project(), file, environment);
        // Before anything is started.
        let watchdog = Watchdog::start(&docker, directory.path())?;
        eprintln!("  docker compose up, as project {}", docker.project);
        docker
            .compose(&["up", "--detach", "--wait", "--no-build"])
            .await
            .context("the services did not become healthy")?;
        let inspect = ["image", "inspect", "--format", "{{.Id}}", &image];
        let id = docker.run(&inspect).await?.trim().replace("sha256:", "");
        let http = ports.iter().filter(|((_, door), _)| *door == "http");
        let compose = Compose {
            parts: Parts::watch(&docker, parts(&docker).await?)?,
            watchdog,
            docker,
            addresses: http
                .map(|((node, _), address)| (*node, format!("http://{address}")))
                .collect(),
            directory: directory.path().to_owned(),
            description: format!("{versions}, image {image} {id:.12}"),
        };
        let layout = Layout {
            gateways: gateways(&ports)?,
            ledgers: urls(&ports, |node| matches!(node, Node::Ledger(_))),
            control: urls(&ports, |node| node == Node::Proxy).pop(),
            keys_file: keys_file(&root),
            homes_file: root.join("deploy/homes.toml"),
            store_line: compose.store().await,
            directory,
        };
        Self::assemble(Box::new(compose), layout)
    }
}

/// A name that no other project of this machine has.
fn project() -> String {
    match PROJECTS.fetch_add(1, Ordering::Relaxed) {
        0 => format!("holdfast-run-{}", std::process::id()),
        number => format!("holdfast-run-{}-{number}", std::process::id()),
    }
}

impl Compose {
    /// The store, as the first ledger said when it was ready.
    async fn store(&self) -> String {
        let Ok(ledger) = self.parts.container(Node::Ledger(0)) else {
            return String::new();
        };
        let log = self.docker.run(&["logs", &ledger]).await;
        let log = log.unwrap_or_default();
        let ready = log.lines().find(|line| line.starts_with("ledger ready"));
        ready.map_or_else(|| "postgres".into(), store_in)
    }
}

/// The checkout that this was built from, or the working directory where that is gone.
fn checkout() -> PathBuf {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    if built.join("compose.yaml").is_file() {
        built
    } else {
        PathBuf::from(".")
    }
}

/// The image that the compose file uses.
fn image() -> String {
    let or = |name: &str, default: &str| {
        let value = std::env::var(name).ok().filter(|value| !value.is_empty());
        value.unwrap_or_else(|| default.to_owned())
    };
    format!(
        "{}:{}",
        or("HOLDFAST_IMAGE", "holdfast"),
        or("HOLDFAST_TAG", "dev")
    )
}

/// As the compose file has it.
fn keys_file(root: &Path) -> PathBuf {
    match std::env::var_os("HOLDFAST_CARD_KEYS").filter(|value| !value.is_empty()) {
        // Absolute, or from the compose file.
        Some(file) => root.join(file),
        None => root.join("deploy/secrets/keys.txt"),
    }
}

/// Builds the image where it is absent or asked for. Says on standard error how it goes.
async fn build(image: &str, root: &Path, wanted: bool) -> anyhow::Result<()> {
    if !wanted && Docker::has_image(image).await {
        return Ok(());
    }
    if !root.join("Dockerfile").is_file() {
        bail!(
            "there is no image {image}, and no Dockerfile in {}",
            root.display()
        );
    }
    eprintln!("  docker build --tag {image}: some minutes, the first time");
    Docker::build(image, root).await
}

/// The containers of the services that can be acted on.
async fn parts(docker: &Docker) -> anyhow::Result<BTreeMap<Node, Part>> {
    let listed = docker.containers().await?;
    let parts: BTreeMap<Node, Part> = listed
        .into_iter()
        .filter_map(|(service, container)| {
            let part = Part::new(service, container);
            Some((node_of(&part.service)?, part))
        })
        .collect();
    for node in [
        Node::Database,
        Node::Proxy,
        Node::Ledger(0),
        Node::Gateway(0),
    ] {
        if !parts.contains_key(&node) {
            bail!("the compose file starts no {}", service_of(node));
        }
    }
    Ok(parts)
}

/// What the compose file calls it.
fn service_of(node: Node) -> String {
    match node {
        Node::Ledger(index) => format!("ledger-{}", index + 1),
        Node::Gateway(index) => format!("gateway-{}", index + 1),
        Node::Proxy => "faultproxy".into(),
        Node::Database => "ledger-db".into(),
    }
}

/// `None` for services that nothing is done to.
fn node_of(service: &str) -> Option<Node> {
    let numbered = |prefix: &str| {
        let number: usize = service.strip_prefix(prefix)?.parse().ok()?;
        number.checked_sub(1)
    };
    match service {
        "faultproxy" => Some(Node::Proxy),
        "ledger-db" => Some(Node::Database),
        _ => (numbered("ledger-").map(Node::Ledger))
            .or_else(|| numbered("gateway-").map(Node::Gateway)),
    }
}

fn gateways(ports: &BTreeMap<(Node, &str), SocketAddr>) -> anyhow::Result<Vec<GatewayNode>> {
    let mut gateways = Vec::new();
    for ((node, door), http) in ports {
        if let Node::Gateway(index) = node
            && *door == "http"
        {
            let name = format!("gw{}", index + 1).parse()?;
            let iso = *ports
                .get(&(*node, "iso"))
                .context("a gateway has two doors")?;
            gateways.push(GatewayNode::new(name, format!("http://{http}"), iso)?);
        }
    }
    Ok(gateways)
}

fn urls(
    ports: &BTreeMap<(Node, &str), SocketAddr>,
    is_wanted: impl Fn(Node) -> bool,
) -> Vec<String> {
    let wanted = ports
        .iter()
        .filter(|((node, door), _)| is_wanted(*node) && *door == "http");
    wanted
        .map(|(_, address)| format!("http://{address}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_that_can_be_acted_on_have_a_node_and_back() {
        let nodes = [
            Node::Database,
            Node::Proxy,
            Node::Ledger(0),
            Node::Ledger(1),
            Node::Gateway(1),
        ];
        for node in nodes {
            assert_eq!(node_of(&service_of(node)), Some(node));
        }
        for other in [
            "migrate",
            "loadgen",
            "ledger-x",
            "gateway-0",
            "observability",
        ] {
            assert_eq!(node_of(other), None, "{other}");
        }
    }

    #[test]
    fn doors_come_in_the_order_of_their_gateways() {
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let ports = (1_u16..).zip(PORTS);
        let ports = ports.map(|(port, (_, node, door))| ((node, door), address(port)));
        let ports = ports.collect();
        let doors: Vec<_> = gateways(&ports).unwrap();
        let doors: Vec<_> = doors
            .iter()
            .map(|it| (it.http.as_str(), it.iso.port()))
            .collect();
        assert_eq!(
            doors,
            [("http://127.0.0.1:1", 2), ("http://127.0.0.1:3", 4)]
        );
        let ledgers = urls(&ports, |node| matches!(node, Node::Ledger(_)));
        assert_eq!(ledgers, ["http://127.0.0.1:5", "http://127.0.0.1:6"]);
    }
}
