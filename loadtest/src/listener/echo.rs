//! The yardstick: whole frames go back as they came, and nobody looks into them.

use std::net::{Ipv4Addr, SocketAddr};

use clap::Args;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Arguments of `listener-echo`.
#[derive(Debug, Args)]
pub(crate) struct EchoArguments {
    /// Where it listens.
    #[arg(long, default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))]
    pub listen: SocketAddr,
}

/// Serves until standard input ends; whoever started it holds the other end.
///
/// # Errors
/// Where it cannot listen.
pub(crate) async fn serve(arguments: &EchoArguments) -> anyhow::Result<()> {
    let listener = TcpListener::bind(arguments.listen).await?;
    println!("echo ready {}", listener.local_addr()?);
    let mut held = tokio::io::stdin();
    let mut nothing = [0; 1];
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                stream.set_nodelay(true)?;
                tokio::spawn(echo(stream));
            }
            _ = held.read(&mut nothing) => return Ok(()),
        }
    }
}

/// Reads what is there, and sends back as much of it as is whole frames.
async fn echo(mut stream: TcpStream) -> std::io::Result<()> {
    let mut buffer = Vec::with_capacity(64 * 1024);
    loop {
        if stream.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
        let whole = whole_frames(&buffer);
        stream
            .write_all(buffer.get(..whole).unwrap_or_default())
            .await?;
        buffer.drain(..whole);
    }
}

/// How many bytes at the beginning are whole frames.
fn whole_frames(bytes: &[u8]) -> usize {
    let mut whole = 0;
    while let Some(header) = bytes.get(whole..).and_then(<[u8]>::first_chunk) {
        let end = whole + header.len() + usize::from(u16::from_be_bytes(*header));
        if end > bytes.len() {
            break;
        }
        whole = end;
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_frames_go_back() {
        for (bytes, whole) in [
            (&b""[..], 0),
            (b"\0", 0),
            (b"\0\x02a", 0),
            (b"\0\x02ab", 4),
            (b"\0\x02ab\0\x01c\0", 7),
        ] {
            assert_eq!(whole_frames(bytes), whole, "{bytes:?}");
        }
    }
}
