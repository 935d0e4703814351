//! The links of the ISO 8583 door, each with terms of its own, as their peers see them.

mod client;
mod framings;
mod limits;
mod links_file;
mod peer;
mod signs;
mod tls;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::Context;
use iso8583::Profile;
use iso8583::frame::Framing;
use serde_json::Value;
use tempfile::TempDir;
use tests::open_metrics::Page;
use tests::ports;
use tests::waiting::wait_until;

use crate::support::{PATIENCE, Running, stack_with};
use peer::Peer;

/// One gateway with these links.
struct Links {
    stack: Running,
    addresses: BTreeMap<&'static str, SocketAddr>,
    /// Where the links file is.
    _directory: TempDir,
}

impl Links {
    /// Starts a gateway with links of these names, each with what else its table says.
    async fn start(links: &[(&'static str, &str)]) -> anyhow::Result<Self> {
        Self::start_in(tempfile::tempdir()?, links).await
    }

    async fn start_in(directory: TempDir, links: &[(&'static str, &str)]) -> anyhow::Result<Self> {
        let (mut text, mut addresses) = (String::new(), BTreeMap::new());
        for (name, rest) in links {
            let address = ports::free()?;
            addresses.insert(*name, address);
            text.push_str(&format!(
                "[[link]]\nname = '{name}'\nlisten = '{address}'\n{rest}\n"
            ));
        }
        let file = directory.path().join("links.toml");
        std::fs::write(&file, text)?;
        let file = file.display().to_string();
        let stack = stack_with(|config| {
            config.gateways = 1;
            config.log = "info,decision=debug".into();
            config.gateway_args = vec!["--links".into(), file];
        });
        Ok(Self {
            stack: stack.await?,
            addresses,
            _directory: directory,
        })
    }

    fn address(&self, link: &str) -> anyhow::Result<SocketAddr> {
        self.addresses.get(link).copied().context("no such link")
    }

    async fn peer(
        &self,
        link: &str,
        framing: Framing,
        profile: &'static Profile,
    ) -> anyhow::Result<Peer> {
        Peer::connect(self.address(link)?, framing, profile).await
    }

    /// What the status says of a link.
    async fn status(&self, link: &str) -> anyhow::Result<Value> {
        let status = self.stack.status(0).await?;
        let links = status.rest.get("links").and_then(Value::as_array);
        let links = links.context("the status shows no links")?;
        let found = links.iter().find(|it| it["name"] == link);
        found.cloned().context("the status does not show the link")
    }

    /// A counter or gauge of a link.
    async fn metric(&self, name: &str, link: &str, labels: &[(&str, &str)]) -> anyhow::Result<f64> {
        let url = format!("{}/metrics", self.stack.gateway(0).http);
        let client = reqwest::Client::builder().no_proxy().build()?;
        let text = client.get(url).send().await?.text().await?;
        let page = Page::parse(&text).map_err(anyhow::Error::msg)?;
        let labels = [labels, &[("link", link)]].concat();
        let value = page.value(name, &labels);
        value.with_context(|| format!("{name} {labels:?} is not there"))
    }

    /// Waits until a metric of a link has a value.
    async fn counts(
        &self,
        name: &str,
        link: &str,
        labels: &[(&str, &str)],
        value: f64,
    ) -> anyhow::Result<()> {
        let what = format!("{name} {labels:?} of {link} is {value}");
        let is_there = || async {
            let now = self.metric(name, link, labels).await;
            now.is_ok_and(|now| now == value)
        };
        wait_until(&what, PATIENCE, is_there).await?;
        Ok(())
    }
}
