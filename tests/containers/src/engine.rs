use anyhow::{Context, anyhow};
use testcontainers::bollard::Docker;
use testcontainers::core::client::docker_client_instance;
use tests::docker::skipped;
use tokio::process::Command;

/// A Docker engine that answers and has our image.
#[derive(Debug, Clone)]
pub struct Engine {
    pub(crate) docker: Docker,
}

/// The engine of this machine. Where there is none, or our image is missing, says so once, loudly,
/// and is `None`: the test passes.
///
/// # Errors
/// The same where tests on containers may not be left out.
pub async fn engine() -> anyhow::Result<Option<Engine>> {
    let missing = match find().await {
        Ok(docker) => return Ok(Some(Engine { docker })),
        Err(missing) => missing,
    };
    skipped("all tests on containers", format!("{missing:#}"))?;
    Ok(None)
}

/// True where this machine has Compose, beside an engine; says so once, loudly, where it has not.
///
/// # Errors
/// The same where tests on containers may not be left out.
pub async fn has_compose() -> anyhow::Result<bool> {
    let mut compose = Command::new("docker");
    let output = compose.args(["compose", "version", "--short"]).output();
    let missing = match output.await {
        Ok(output) if output.status.success() => return Ok(true),
        Ok(output) => anyhow!(
            "there is no Compose v2: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        ),
        Err(error) => anyhow!("there is no `docker` command: {error}"),
    };
    skipped("compose.yaml on containers", format!("{missing:#}"))?;
    Ok(false)
}

/// Name and tag of our image, by the same variables as in `compose.yaml`.
pub fn image() -> (String, String) {
    (
        variable("HOLDFAST_IMAGE", "holdfast"),
        variable("HOLDFAST_TAG", "dev"),
    )
}

/// Name and tag of the image of PostgreSQL.
pub(crate) fn postgres_image() -> (String, String) {
    (
        variable("POSTGRES_IMAGE", "postgres"),
        variable("POSTGRES_TAG", "15"),
    )
}

async fn find() -> anyhow::Result<Docker> {
    let docker = docker_client_instance()
        .await
        .context("there is no Docker engine")?;
    docker
        .ping()
        .await
        .context("the Docker engine does not answer")?;
    let (name, tag) = image();
    let image = format!("{name}:{tag}");
    docker.inspect_image(&image).await.with_context(|| {
        format!("the image {image} is missing; make it with `docker build -t {image} .`")
    })?;
    Ok(docker)
}

/// An empty variable, as compose files leave behind, means the default.
fn variable(name: &str, default: &str) -> String {
    std::env::var(name)
        .ok()
        .filter(|value| !value.is_empty())
        .unwrap_or_else(|| default.to_owned())
}
