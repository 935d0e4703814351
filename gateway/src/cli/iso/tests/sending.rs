//! `iso send`, to hosts on this machine.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

use super::super::framing::Framing;
use super::{ECHO, arguments, pipe, tool};

/// A host that takes one connection, gives the next of `answers` for each frame, and then waits
/// for the other side to close, or closes itself. Gives its address, and all that it heard.
fn host(answers: Vec<Vec<u8>>, frame_length: usize, waits: bool) -> (String, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut heard = Vec::new();
        let mut frame = vec![0; frame_length];
        for answer in answers {
            stream.read_exact(&mut frame).unwrap();
            heard.extend_from_slice(&frame);
            stream.write_all(&answer).unwrap();
        }
        if waits {
            stream.read_to_end(&mut heard).unwrap();
        }
        heard
    });
    (address, serving)
}

fn framed(framing: Framing, message: &[u8]) -> Vec<u8> {
    framing.framed(message).unwrap().to_vec()
}

const ANSWER: &[u8] = b"081082200000020000000400000000000000112208340000004200301";

#[test]
fn an_answer_is_described_whatever_the_framing() {
    for framing in Framing::all() {
        let sent = framed(framing, ECHO);
        let answer = framed(framing, ANSWER);
        let (address, serving) = host(vec![answer], sent.len(), true);
        let word = framing.word();
        let said = tool(&format!("send {address} --framing {word}"), ECHO);
        assert_eq!((said.code, &*said.err), (0, ""), "{word}");
        assert!(said.text().starts_with("0810 network management answer"));
        assert!(said.text().contains("approved"), "{}", said.text());
        assert_eq!(serving.join().unwrap(), sent, "{word}");
    }
}

#[test]
fn json_is_written_and_sent_again_after_each_answer() {
    let answer = framed(Framing::BE2, ANSWER);
    let polled = [&b"\0\0"[..], &answer].concat();
    let (address, serving) = host(vec![answer, polled.clone(), polled], ECHO.len() + 2, true);
    let json = br#"{"mti": "0800", "7": "1122083400", "11": "000042", "70": "301"}"#;
    let said = tool(&format!("send {address} --repeat 3 --json"), json);
    assert_eq!((said.code, &*said.err), (0, ""));
    assert_eq!(said.text().lines().count(), 3);
    let sent = framed(Framing::BE2, ECHO);
    assert_eq!(serving.join().unwrap(), sent.repeat(3));
}

#[test]
fn no_answer_is_said_with_what_may_help() {
    for (answer, waits, flags, words) in [
        (
            &b""[..],
            false,
            "",
            "closed the connection: check --profile",
        ),
        (b"\0", false, "", "after 1 bytes of an answer"),
        (b"\0\0", true, " --timeout-ms 50", "too long"),
    ] {
        let (address, serving) = host(vec![answer.to_vec()], ECHO.len() + 2, waits);
        let said = tool(&format!("send {address}{flags}"), ECHO);
        assert_eq!(said.code, 1, "{words}");
        assert!(said.err.contains(words), "{words}: {}", said.err);
        serving.join().unwrap();
    }
    let said = tool("send 127.0.0.1:1", ECHO);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("no connection"), "{}", said.err);
}

#[test]
fn an_answer_that_cannot_be_read_is_described_as_such() {
    let (address, serving) = host(vec![framed(Framing::BE2, b"0810zz")], ECHO.len() + 2, true);
    let said = tool(&format!("send {address}"), ECHO);
    assert_eq!(said.code, 1);
    assert!(said.text().starts_with("not readable as ascii-hex"));
    serving.join().unwrap();
}

#[test]
fn an_answer_to_something_else_is_shown_and_said_to_be_that() {
    let answer = str::from_utf8(ANSWER).unwrap();
    for (from, to, words) in [
        ("0810", "0800", "it is a 0800, not a 0810"),
        ("0810", "0130", "it is a 0130, not a 0810"),
        ("000042", "000043", "its field 11 is another"),
    ] {
        let other = framed(Framing::BE2, answer.replacen(from, to, 1).as_bytes());
        let (address, serving) = host(vec![other], ECHO.len() + 2, true);
        let said = tool(&format!("send {address}"), ECHO);
        assert_eq!(said.code, 1, "{words}");
        assert!(said.err.contains(words), "{words}: {}", said.err);
        assert!(said.text().contains("approved"), "{}", said.text());
        serving.join().unwrap();
    }
}

#[test]
fn the_examples_of_the_help_work() {
    let examples: Vec<&str> = arguments::SEND
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .collect();
    assert_eq!(examples.len(), 2);
    for line in examples {
        let times = if line.contains("--repeat 3") { 3 } else { 1 };
        let answers = vec![framed(Framing::BE2, ANSWER); times];
        let (address, serving) = host(answers, ECHO.len() + 2, true);
        let said = pipe(&line.replace("127.0.0.1:7411", &address));
        assert_eq!((said.code, &*said.err), (0, ""), "{line}");
        assert_eq!(said.text().matches("0810").count(), times, "{line}");
        serving.join().unwrap();
    }
}
