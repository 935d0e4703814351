//! Everything started and kept, with examples that work when pasted.

use ::tests::cluster::{Process, Stack, StackConfig};
use ::tests::http_client::authorization_body;
use ::tests::iso_client::authorization_message;
use ::tests::payment::NewCard;
use ::tests::process::Program;
use anyhow::Context;
use ledger_api::CardStatus;
use serde_json::Value;
use tokio::time::Instant;

use crate::cli::UpArguments;
use crate::deaths::{self, Deaths};

/// How many cards there are to play with.
const CARDS: u64 = 100;
const OPENING_MINOR: i64 = 100_000;

/// Starts everything, prints how to reach it, and keeps it until the process is asked to stop.
///
/// # Errors
/// Where something does not come up.
pub(crate) async fn up(arguments: &UpArguments) -> anyhow::Result<()> {
    let config = StackConfig {
        store: arguments.store.into(),
        log: arguments.log.clone(),
        ..StackConfig::new(Program::current()?)
    };
    let stack = Stack::start(config).await?;
    let mut issued: Vec<NewCard> = (1..=CARDS)
        .map(|number| NewCard::nth(number, OPENING_MINOR))
        .collect();
    if let Some(last) = issued.last_mut() {
        last.status = CardStatus::Frozen;
    }
    let cards = stack.seed(&issued).await?;
    let first = cards.first().context("no card was seeded")?;
    let home = stack.home_of(&first.token);
    let http = authorization_body(&stack.payment(first, 1_250), false);
    let later = authorization_body(&stack.payment(first, 1_999), false);
    let last = authorization_body(&stack.payment(first, 2_150), false);
    let iso = authorization_message(&stack.payment(first, 980), false)?;
    let processes = stack.processes().await;
    let text = guide(&stack, &processes, home, [&http, &later, &last], &iso)?;
    println!("{text}");
    let stopped = process::stop::requested();
    tokio::pin!(stopped);
    let (mut deaths, start) = (Deaths::default(), Instant::now());
    let signal = loop {
        tokio::select! {
            signal = &mut stopped => break signal,
            () = tokio::time::sleep(deaths::EVERY) => {}
        }
        for death in deaths.look(&stack, start).await {
            eprintln!(
                "{} ended ({}); its line above starts it again",
                death.name, death.how
            );
        }
    };
    eprintln!("{signal}: stopping");
    stack.stop().await
}

fn guide(
    stack: &Stack,
    processes: &[Process],
    home: usize,
    http: [&Value; 3],
    iso: &[u8],
) -> anyhow::Result<String> {
    let gateway = stack.gateway(home);
    let (door, control) = (&gateway.http, stack.control_url());
    let pay = |key: &str, body: &Value| {
        format!(
            "curl -s {door}/v1/authorizations -H 'content-type: application/json' \
             -H 'idempotency-key: {key}' -d '{body}'; echo"
        )
    };
    let line = |mode: &str| {
        format!(
            "curl -s -X PUT {control}/mode -H 'content-type: application/json' \
             -d '{{\"mode\":\"{mode}\"}}'"
        )
    };
    let [first, later, last] = http;
    let gateways: Vec<String> = (stack.gateways().iter())
        .map(|it| format!("{:<12} {}  iso8583 {}", it.name, it.http, it.iso))
        .collect();
    let lines = [
        format!(
            "ledger       {}  ({})",
            stack.ledger_url(),
            stack.store_line()
        ),
        format!("fault proxy  {control}"),
        gateways.join("\n"),
        format!("logs         {}", stack.directory().display()),
        "\nA payment over HTTP; the same again gets the same answer:".into(),
        pay("example-1", first),
        "\nA payment over ISO 8583 (0100 → 0110):".into(),
        paste(&gateway.iso.ip().to_string(), gateway.iso.port(), iso)?,
        "\nTake the line to the ledger away, pay by stand-in, look, and give it back:".into(),
        line("cut"),
        pay("example-2", later),
        format!("curl -s {door}/v1/status; echo"),
        line("pass"),
        "\nThe books, where the stand-in's payment arrives by itself:".into(),
        format!("curl -s {}/v1/accounts/1; echo", stack.ledger_url()),
        format!("curl -s {}/v1/books; echo", stack.ledger_url()),
        "\nThe processes, and the line that starts each again by hand, where it was:".into(),
        processes.iter().map(started).collect::<Vec<_>>().join("\n"),
        replay(stack, processes, door, &pay("example-3", last)),
        "\nCtrl-C stops everything and removes it, but not what you started by hand.".into(),
    ];
    Ok(lines.join("\n"))
}

fn started(process: &Process) -> String {
    let pid = process.pid.map_or("-".into(), |pid| pid.to_string());
    format!("{:<12} pid {pid}\n  {}", process.name, process.command_line)
}

/// A ledger that is killed, a payment that it does not know, and its return.
fn replay(stack: &Stack, processes: &[Process], door: &str, pay: &str) -> String {
    let Some(ledger) = processes.iter().find(|process| process.name == "ledger") else {
        return String::new();
    };
    let backlog = format!("curl -s {door}/v1/status | grep -o '\"backlog\":[0-9]*'");
    let kill = ledger.pid.map(|pid| format!("kill -9 {pid}"));
    let lines = [
        "\nThe replay: kill the ledger, pay, start it again, and see the backlog go to 0:".into(),
        kill.unwrap_or_default(),
        pay.into(),
        backlog.clone(),
        // Its log goes where it went.
        format!(
            "{} 2>> '{}' &",
            ledger.command_line,
            stack.directory().join("ledger.log").display()
        ),
        format!("for i in 1 2 3 4 5; do sleep 1; {backlog}; done"),
        "kill %%    # in the end: it is not tied to this process".into(),
    ];
    lines.join("\n")
}

/// A line for any shell that sends one framed message and prints the answer; needs bash and
/// coreutils.
fn paste(host: &str, port: u16, message: &[u8]) -> anyhow::Result<String> {
    let text = str::from_utf8(message).context("the message is not text")?;
    anyhow::ensure!(
        !text.contains(['"', '\'', '$', '`', '\\']),
        "the message would need quoting in a shell"
    );
    let [high, low] = u16::try_from(text.len())?.to_be_bytes();
    Ok(format!(
        "bash -c 'exec 3<>/dev/tcp/{host}/{port}; printf \"\\{high:03o}\\{low:03o}%s\" \"{text}\" >&3; \
         timeout 2 cat <&3 | tail -c +3; echo'"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pasted_line_carries_the_length_in_two_bytes_big_endian() {
        let message = vec![b'7'; 300];
        let line = paste("127.0.0.1", 7411, &message).unwrap();
        assert!(line.contains("printf \"\\001\\054%s\" \"777"), "{line}");
        assert!(paste("127.0.0.1", 7411, b"0100$HOME").is_err());
    }

    #[test]
    fn the_pasted_line_is_answered_by_whoever_speaks_iso8583() {
        use std::io::{Read, Write};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut frame = [0; 6];
            stream.read_exact(&mut frame).unwrap();
            stream.write_all(b"\x00\x040110").unwrap();
            frame
        });
        let line = paste("127.0.0.1", port, b"0100").unwrap();
        let output = std::process::Command::new("sh")
            .arg("-c")
            .arg(&line)
            .output()
            .unwrap();
        assert_eq!(server.join().unwrap(), *b"\x00\x040100");
        assert_eq!(output.stdout, b"0110\n");
    }
}
