//! What `deploy/ha` ships, read by the programs that it is for.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::ensure;
use tests::patroni::{Files, HAPROXY, Ports, haproxy, python};

/// Where `deploy/ha/prepare` puts Patroni.
fn patroni() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/patroni")
}

fn said(output: &Output) -> String {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&text).into_owned()
}

#[test]
fn haproxy_reads_its_configuration_without_a_complaint() -> anyhow::Result<()> {
    let Some(haproxy) = haproxy() else {
        return tests::skipped("the check of deploy/ha/haproxy.cfg", "haproxy is not there");
    };
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("haproxy.cfg");
    std::fs::write(&file, HAPROXY)?;
    let check = |environment: Vec<_>| {
        let mut command = Command::new(&haproxy);
        command.args(["-c", "-f"]).arg(&file).envs(environment);
        command.output()
    };
    let output = check(Ports::choose()?.haproxy_environment())?;
    let text = said(&output);
    ensure!(output.status.success(), "{text}");
    ensure!(
        !text.contains("WARNING") && !text.contains("ALERT"),
        "{text}"
    );
    let without = check(Vec::new())?;
    ensure!(!without.status.success(), "addresses came from nowhere");
    Ok(())
}

#[test]
fn patroni_reads_its_configuration_and_complains_of_nothing_but_that_etcd_is_down()
-> anyhow::Result<()> {
    let patroni = patroni();
    let (Some(python), true) = (python(&patroni), tests::postgres::is_installed()?) else {
        let why = "Patroni is not there: deploy/ha/prepare installs it";
        return tests::skipped("the check of deploy/ha/patroni.yml", why);
    };
    let bin = std::fs::read_dir("/usr/lib/postgresql")?
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .find(|bin| bin.join("postgres").is_file());
    for files in [Files::Node, Files::Restoring] {
        let directory = tempfile::tempdir()?;
        let config = directory.path().join("config");
        files.write(&config)?;
        let data = directory.path().join("data");
        let output = Command::new(&python)
            .args(["-m", "patroni", "--validate-config"])
            .arg(&config)
            .env("PYTHONPATH", &patroni)
            .envs(Ports::choose()?.patroni_environment(0, &data))
            .envs(bin.iter().map(|bin| ("PATRONI_POSTGRESQL_BIN_DIR", bin)))
            .output()?;
        let text = said(&output);
        let complaints = text.lines().filter(|line| !line.trim().is_empty());
        let others: Vec<_> = complaints
            .filter(|line| !line.ends_with("is not reachable"))
            .collect();
        ensure!(others.is_empty(), "{files:?}: {others:?}");
        ensure!(text.contains("etcd3.hosts.0"), "{files:?}: {text}");
    }
    Ok(())
}

#[test]
fn no_commit_is_acknowledged_that_only_one_node_has() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config");
    Files::Node.write(&config).unwrap();
    let text = std::fs::read_to_string(config.join("10-patroni.yml")).unwrap();
    for setting in [
        "synchronous_mode: true",
        "synchronous_mode_strict: true",
        "use_pg_rewind: true",
    ] {
        assert!(text.contains(setting), "{setting}");
    }
    for never in ["synchronous_commit", "fsync", "full_page_writes"] {
        assert!(!text.contains(never), "{never} stays as PostgreSQL has it");
    }
    assert!(HAPROXY.contains("on-marked-down shutdown-sessions"));
}
