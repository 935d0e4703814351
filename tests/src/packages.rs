//! Programs that are not ours and that tests ask: packages of Python and of npm, installed once below
//! the build directory.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::Context;
use tokio::process::Command;
use tokio::sync::Mutex;

/// Tests of one run wait for each other here: the first one installs.
static INSTALLING: Mutex<()> = Mutex::const_new(());

/// Where Python finds a package such as `pyiso8583==4.0.1`; `None` where it cannot be installed, which
/// is said. For `PYTHONPATH`.
///
/// # Errors
/// Where it cannot be installed in CI.
pub async fn python(target: &Path, package: &str) -> anyhow::Result<Option<PathBuf>> {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--no-deps", package]);
    let directory = target.join(package.replace("==", "-"));
    install(pip, "--target", directory, package).await
}

/// Where Node finds the first of these packages, such as `iso_8583@2.6.7`; the others are what it
/// needs. `None` where it cannot be installed, which is said. For `NODE_PATH`.
///
/// # Errors
/// Where it cannot be installed in CI.
pub async fn npm(target: &Path, packages: &[&str]) -> anyhow::Result<Option<PathBuf>> {
    let package = packages.first().context("one package at least")?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--loglevel=error", "--no-audit", "--no-fund"])
        .args(["--ignore-scripts", "--no-package-lock"])
        .args(packages);
    let directory = target.join(package.replace('@', "-"));
    let directory = install(npm, "--prefix", directory, package).await?;
    Ok(directory.map(|directory| directory.join("node_modules")))
}

/// Runs the installer with `option` and a directory, which gets its name when all of it is there.
async fn install(
    mut installer: Command,
    option: &str,
    directory: PathBuf,
    package: &str,
) -> anyhow::Result<Option<PathBuf>> {
    let _turn = INSTALLING.lock().await;
    if directory.is_dir() {
        return Ok(Some(directory));
    }
    let mut fresh = directory.clone().into_os_string();
    fresh.push(".part");
    if Path::new(&fresh).exists() {
        std::fs::remove_dir_all(&fresh)?;
    }
    std::fs::create_dir_all(&fresh)?;
    let command = installer.arg(option).arg(&fresh).stdin(Stdio::null());
    let complaint = match command.output().await {
        Ok(output) if output.status.success() => {
            std::fs::rename(&fresh, &directory)?;
            return Ok(Some(directory));
        }
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    let program = command.as_std().get_program().to_string_lossy();
    let why = format!("{program} cannot install it: {complaint}");
    crate::skipped(package, why)?;
    Ok(None)
}
