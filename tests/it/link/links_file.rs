//! A links file as an operator gets it wrong.

use anyhow::Context;
use tokio::process::Command;

#[tokio::test]
async fn a_links_file_with_faults_is_refused_with_cause_and_cure() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("links.toml");
    let text = "[[link]]\nname = 'visa'\nprofile = 'vsa'\nframing = 'vap'\n\
        message_max_bytes = 9999\n[link.tls]\ncertificate = '/nowhere/a.pem'\nkey = '/nowhere/a.key'\n\
        [[link]]\nname = 'iso'\necho_ms = 300000\n";
    std::fs::write(&file, text)?;
    let (code, said) = check(&file).await?;
    assert_eq!(code, 64, "{said}");
    for expected in [
        "files.links (flag --links): link `visa`: profile: no profile `vsa`; use one of ascii-hex, ",
        "link `visa`: message_max_bytes: 9999 is not from 1 to 2048; ",
        "link `visa`: tls.certificate: /nowhere/a.pem: ",
        "link `iso`: listen: 127.0.0.1:7411 is taken by another link or the HTTP door; give every link",
        "link `iso`: echo_ms: the peer would be cut off",
    ] {
        assert!(said.contains(expected), "{expected} is not in\n{said}");
    }
    std::fs::write(&file, "[[link]]\nname = 'visa'\nframming = 'vap'\n")?;
    let (code, said) = check(&file).await?;
    assert_eq!(code, 64, "{said}");
    assert!(said.contains("unknown field `framming`"), "{said}");
    assert!(said.contains("gateway/links.toml has every key"), "{said}");
    std::fs::write(&file, gateway::iso::links::EXAMPLE)?;
    let (code, said) = check(&file).await?;
    assert_eq!(code, 0, "{said}");
    Ok(())
}

async fn check(links: &std::path::Path) -> anyhow::Result<(i32, String)> {
    let directory = links.parent().context("it is in a directory")?;
    let keys = directory.join("keys.txt");
    std::fs::write(&keys, format!("card {0}\nid {0}\n", "1".repeat(64)))?;
    let homes = directory.join("homes.toml");
    std::fs::write(&homes, "version = 1\n[[gateways]]\nname = \"gw1\"\n")?;
    let output = Command::new(env!("CARGO_BIN_EXE_node"))
        .arg("gateway")
        .args(["--keys".as_ref(), keys.as_os_str()])
        .args(["--homes".as_ref(), homes.as_os_str()])
        .args(["--links".as_ref(), links.as_os_str()])
        .args(["config", "check"])
        .env_clear()
        .output()
        .await?;
    let code = output.status.code().context("it was killed")?;
    let said = [output.stdout, output.stderr].concat();
    Ok((code, String::from_utf8(said)?))
}
