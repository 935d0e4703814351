//! What `compose.yaml` promises, read as Docker Compose reads it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::Value;

/// Images that are not ours: tools with rights and checks of their own.
const OBSERVABILITY: &str = "observability";
const DATABASE: &str = "ledger-db";

/// Every profile, with every variable at its default.
fn compose() -> anyhow::Result<Option<Value>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("the repository")?;
    let output = Command::new("docker")
        .args(["compose", "--profile", "load", "--profile", "obs"])
        .args(["config", "--format", "json"])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", std::env::var_os("HOME").unwrap_or_default())
        .current_dir(root)
        .output();
    let complaint = match output {
        Ok(output) if output.status.success() => {
            return Ok(Some(serde_json::from_slice(&output.stdout)?));
        }
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    // A file that Compose refuses is a failure; a Compose that is not there is not.
    let absent = complaint.contains("is not a docker command")
        || complaint.contains("unknown flag: --profile")
        || complaint.contains("No such file");
    if !absent {
        bail!("docker compose config: {complaint}");
    }
    let why = format!("Docker Compose is not there: {complaint}");
    tests::docker::skipped("tests of compose.yaml", why)?;
    Ok(None)
}

fn services(compose: &Value) -> impl Iterator<Item = (&String, &Value)> {
    compose["services"].as_object().into_iter().flatten()
}

fn texts(value: &Value) -> Vec<&str> {
    let items = value.as_array().into_iter().flatten();
    items.filter_map(Value::as_str).collect()
}

#[test]
fn every_service_is_locked_down_reachable_from_here_only_and_watched() -> anyhow::Result<()> {
    let Some(compose) = compose()? else {
        return Ok(());
    };
    let names: Vec<_> = services(&compose).map(|(name, _)| name.as_str()).collect();
    let expected = [
        "faultproxy",
        "gateway-1",
        "gateway-2",
        "ledger-1",
        "ledger-2",
        "ledger-db",
        "loadgen",
        "migrate",
        "observability",
    ];
    assert_eq!(names, expected);
    for (name, service) in services(&compose) {
        let image = service["image"].as_str().unwrap_or_default();
        let (_, tag) = image.rsplit_once(':').unwrap_or_default();
        assert!(!tag.is_empty() && tag != "latest", "{name}: image {image}");
        for port in service["ports"].as_array().into_iter().flatten() {
            assert_eq!(port["host_ip"], "127.0.0.1", "{name}: {port}");
        }
        let log = &service["logging"]["options"];
        assert!(
            log["max-size"].is_string(),
            "{name}: its log grows for ever"
        );
        let options = texts(&service["security_opt"]);
        assert!(options.contains(&"no-new-privileges:true"), "{name}");
        if name == OBSERVABILITY {
            continue;
        }
        assert_eq!(texts(&service["cap_drop"]), ["ALL"], "{name}");
        assert_eq!(service["read_only"], true, "{name}: a writable root");
        let ends = matches!(name.as_str(), "migrate" | "loadgen");
        let watched = service["healthcheck"]["test"].is_array();
        assert!(watched || ends, "{name}: no health check");
        if name != DATABASE {
            assert_eq!(service["user"], "65532:65532", "{name}");
            assert!(service["cap_add"].is_null(), "{name}");
        }
    }
    Ok(())
}

#[test]
fn no_gateway_waits_for_a_ledger_or_a_database() -> anyhow::Result<()> {
    let Some(compose) = compose()? else {
        return Ok(());
    };
    for gateway in ["gateway-1", "gateway-2"] {
        // Everything that has to be there first, step by step.
        let mut first = vec![(gateway.to_owned(), "service_started".to_owned())];
        let mut seen = 0;
        while seen < first.len() {
            let needs = compose["services"][&first[seen].0]["depends_on"].as_object();
            for (name, how) in needs.into_iter().flatten() {
                let how = how["condition"].as_str().unwrap_or_default().to_owned();
                first.push((name.clone(), how));
            }
            seen += 1;
        }
        let mut names: Vec<_> = first.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["faultproxy", gateway], "what {gateway} waits for");
        assert!(first.iter().all(|(_, how)| how == "service_started"));
    }
    Ok(())
}

#[test]
fn secrets_are_files_and_journals_are_apart() -> anyhow::Result<()> {
    let Some(compose) = compose()? else {
        return Ok(());
    };
    for (name, service) in services(&compose) {
        for (variable, value) in service["environment"].as_object().into_iter().flatten() {
            let secret = ["PASSWORD", "SECRET", "TOKEN", "KEY"];
            let told = secret.iter().any(|word| variable.contains(word));
            assert!(
                !told || variable.ends_with("_FILE"),
                "{name}: {variable} is a secret in the environment"
            );
            let url = value.as_str().unwrap_or_default();
            let user = url
                .split_once("://")
                .and_then(|(_, rest)| rest.split_once('@'));
            assert!(
                !user.is_some_and(|(user, _)| user.contains(':')),
                "{name}: {variable} has a password in it"
            );
        }
    }
    // The journal is on a volume of its own: the root is read-only, and a tmpfs forgets.
    let journal = |gateway: &str| {
        let service = &compose["services"][gateway];
        let data = &service["environment"]["HOLDFAST_GATEWAY_DATA"];
        assert!(data.is_string(), "{gateway}: where its journal is");
        let volumes = service["volumes"].as_array().into_iter().flatten();
        let mut kept = volumes.filter(|volume| volume["target"] == *data);
        let volume = kept.next().cloned().unwrap_or_default();
        assert_eq!(volume["type"], "volume", "{gateway}: its journal at {data}");
        let name = volume["source"].as_str().unwrap_or_default().to_owned();
        assert!(!name.is_empty(), "{gateway}: its journal has no name");
        name
    };
    assert_ne!(journal("gateway-1"), journal("gateway-2"), "one each");
    Ok(())
}
