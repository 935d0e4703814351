//! Asks a service whether it is ready, for images that have nothing else to ask with.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use crate::clock::{BootMillis, boot_now};

/// The most of an answer that is read, in bytes.
const ANSWER_MAX: usize = 4_096;

/// How to ask.
#[derive(Debug, Clone, Args)]
pub struct Healthcheck {
    /// What to ask; `/readyz` of the configured HTTP address where it is not given.
    #[arg(long)]
    url: Option<String>,
    /// How long it may take, in milliseconds.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..))]
    timeout_ms: u64,
}

impl Healthcheck {
    /// Exit code 0 where the service answers 200, else 1 with a line on stderr that says why.
    /// `listens` is the service's configured address, where it is known.
    pub fn run(&self, service: &str, listens: Option<SocketAddr>) -> ExitCode {
        match self.ask(listens) {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                let _unread = writeln!(std::io::stderr(), "{service}: not healthy: {why}");
                ExitCode::FAILURE
            }
        }
    }

    fn ask(&self, listens: Option<SocketAddr>) -> Result<(), String> {
        let url = match (&self.url, listens) {
            (Some(url), _) => url.clone(),
            (None, Some(listens)) if listens.port() != 0 => {
                format!("http://{}/readyz", reachable(listens))
            }
            (None, _) => return Err("its address is not known; give --url".to_owned()),
        };
        let (host, path) = split(&url)?;
        let deadline = BootMillis(boot_now().0.saturating_add(self.timeout_ms));
        let answer = get(&host, &path, deadline).map_err(|error| format!("{url}: {error}"))?;
        if is_good(answer.as_bytes()) {
            Ok(())
        } else {
            Err(format!("{url}: {}", gist(&answer)))
        }
    }
}

/// Where something that listens on every address can be reached from the same machine.
fn reachable(listens: SocketAddr) -> SocketAddr {
    let ip = match listens.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listens.port())
}

/// Host with port, and path.
fn split(url: &str) -> Result<(String, String), String> {
    let rest = url.strip_prefix("http://");
    let rest = rest.ok_or_else(|| format!("`{url}` must begin with http://"))?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let has_port = host.rsplit(':').next().is_some_and(|port| {
        port != host && !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
    });
    let port = if has_port { "" } else { ":80" };
    Ok((format!("{host}{port}"), format!("/{path}")))
}

fn get(host: &str, path: &str, deadline: BootMillis) -> std::io::Result<String> {
    let mut stream = connect(host, deadline)?;
    stream.set_write_timeout(Some(left(deadline)?))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    let mut buffer = [0; 1_024];
    // More than the status only matters where it is not the good one.
    while answer.len() <= ANSWER_MAX && !is_good(&answer) {
        stream.set_read_timeout(Some(left(deadline)?))?;
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => answer.extend_from_slice(buffer.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Err(late()),
            Err(error) => return Err(error),
        }
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// The first address that takes a connection.
fn connect(host: &str, deadline: BootMillis) -> std::io::Result<TcpStream> {
    let mut failed = std::io::Error::other("the name has no address");
    for address in host.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, left(deadline)?) {
            Ok(stream) => return Ok(stream),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn is_good(answer: &[u8]) -> bool {
    answer.starts_with(b"HTTP/1.1 200 ") || answer.starts_with(b"HTTP/1.0 200 ")
}

fn left(deadline: BootMillis) -> std::io::Result<Duration> {
    match deadline.0.saturating_sub(boot_now().0) {
        0 => Err(late()),
        left => Ok(Duration::from_millis(left)),
    }
}

fn late() -> std::io::Error {
    std::io::Error::other("no answer in time")
}

/// Status and reason of an answer in one line.
fn gist(answer: &str) -> String {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let status = head.lines().next().unwrap_or_default();
    let body: String = body.split_whitespace().collect::<Vec<_>>().join(" ");
    let body: String = body.chars().take(200).collect();
    match (status, body.as_str()) {
        ("", _) => "the connection was closed without an answer".to_owned(),
        (status, "") => status.to_owned(),
        (status, body) => format!("{status}: {body}"),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn ask(answer: &'static str) -> Result<(), String> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let served = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut buffer = [0; 512];
            let read = stream.read(&mut buffer).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(buffer[..read].to_vec()).unwrap()
        });
        let check = Healthcheck {
            url: None,
            timeout_ms: 10_000,
        };
        let asked = check.ask(Some(SocketAddr::from(([0, 0, 0, 0], port))));
        assert!(
            served
                .join()
                .unwrap()
                .starts_with("GET /readyz HTTP/1.1\r\n")
        );
        asked
    }

    #[test]
    fn only_200_is_healthy_and_anything_else_is_said() {
        assert_eq!(ask("HTTP/1.1 200 OK\r\n\r\nready\n"), Ok(()));
        let refused =
            ask("HTTP/1.1 503 Service Unavailable\r\n\r\nnot ready: the\njournal failed\n");
        let why = refused.unwrap_err();
        assert!(
            why.ends_with(
                "/readyz: HTTP/1.1 503 Service Unavailable: not ready: the journal failed"
            ),
            "{why}"
        );
        assert!(ask("").unwrap_err().ends_with("closed without an answer"));
    }

    #[test]
    fn what_does_not_listen_or_is_not_known_is_not_healthy() {
        let check = |url: Option<&str>, listens| {
            let url = url.map(str::to_owned);
            let timeout_ms = 10_000;
            Healthcheck { url, timeout_ms }.ask(listens)
        };
        let any = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
        assert!(check(None, any).unwrap_err().contains("give --url"));
        assert!(check(None, None).unwrap_err().contains("give --url"));
        assert!(
            check(Some("https://h/"), None)
                .unwrap_err()
                .contains("http://")
        );
        let closed = SocketAddr::from(([127, 0, 0, 1], 1));
        assert!(check(None, Some(closed)).unwrap_err().contains("refused"));
    }

    #[test]
    fn urls_are_split_and_everywhere_is_here() {
        for (url, host, path) in [
            ("http://127.0.0.1:7401/readyz", "127.0.0.1:7401", "/readyz"),
            ("http://gateway", "gateway:80", "/"),
            ("http://[::1]/x/y", "[::1]:80", "/x/y"),
            ("http://[::1]:7401", "[::1]:7401", "/"),
        ] {
            assert_eq!(split(url), Ok((host.to_owned(), path.to_owned())), "{url}");
        }
        for (listens, here) in [
            ("0.0.0.0:7401", "127.0.0.1:7401"),
            ("[::]:7401", "[::1]:7401"),
            ("10.0.0.7:7401", "10.0.0.7:7401"),
        ] {
            assert_eq!(reachable(listens.parse().unwrap()).to_string(), here);
        }
    }
}
