use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::Mode;
use super::dice::Dice;
use super::upstreams::Upstreams;

type Modes = watch::Receiver<Mode>;

/// How much is read at once; small requests come as one piece, so that one piece is one request.
const PIECE_BYTES: usize = 64 * 1024;

/// Accepts for ever; every connection lives in a task of its own.
pub(super) async fn accept(
    listener: TcpListener,
    upstreams: Upstreams,
    modes: Modes,
    seed: u64,
) -> anyhow::Result<()> {
    for number in 0.. {
        let (client, _) = listener.accept().await?;
        tokio::spawn(connection(
            client,
            upstreams.clone(),
            modes.clone(),
            Dice::new(seed, number),
        ));
    }
    Ok(())
}

async fn connection(mut client: TcpStream, upstreams: Upstreams, mut modes: Modes, dice: Dice) {
    let _ = client.set_nodelay(true);
    let mut cut = modes.clone();
    let relayed = async {
        if *modes.borrow_and_update() == Mode::Cut {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let mut server = upstreams.connect().await?;
        let _ = server.set_nodelay(true);
        let relayed = relay(&mut client, &mut server, &modes, dice).await;
        if relayed.is_err() {
            let _ = server.set_zero_linger();
        }
        relayed
    };
    let ended = tokio::select! {
        ended = relayed => ended,
        _ = cut.wait_for(|mode| *mode == Mode::Cut) => Err(io::ErrorKind::ConnectionReset.into()),
    };
    if ended.is_err() {
        // The peer sees a reset instead of a polite end.
        let _ = client.set_zero_linger();
    }
}

async fn relay(
    client: &mut TcpStream,
    server: &mut TcpStream,
    modes: &Modes,
    dice: Dice,
) -> io::Result<()> {
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    tokio::try_join!(
        requests(from_client, to_server, modes.clone(), dice),
        replies(from_server, to_client, modes.clone()),
    )?;
    Ok(())
}

/// Client to server: here requests are delayed, hung and refused.
async fn requests(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut modes: Modes,
    mut dice: Dice,
) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let read = from.read(&mut piece).await?;
        let mode = *modes.borrow_and_update();
        match mode {
            Mode::Slow {
                latency_ms,
                jitter_ms,
            } => {
                pause(latency_ms + dice.up_to(jitter_ms)).await;
            }
            Mode::Grey {
                slow_share,
                hang_share,
                refuse_share,
                latency_ms,
            } if read > 0 => {
                let roll = dice.share();
                if roll < refuse_share {
                    return Err(io::ErrorKind::ConnectionReset.into());
                } else if roll < refuse_share + hang_share {
                    until_changed(&mut modes).await;
                } else if roll < refuse_share + hang_share + slow_share {
                    pause(latency_ms).await;
                }
            }
            _ => {}
        }
        until_moving(&mut modes).await;
        if read == 0 {
            return to.shutdown().await;
        }
        to.write_all(&piece[..read]).await?;
    }
}

/// Server to client: here replies are lost.
async fn replies(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut modes: Modes,
) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let read = from.read(&mut piece).await?;
        until_moving(&mut modes).await;
        if *modes.borrow_and_update() == Mode::ReplyLost {
            // Bytes are missing from here on: the connection is of no more use.
            until_changed(&mut modes).await;
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        if read == 0 {
            return to.shutdown().await;
        }
        to.write_all(&piece[..read]).await?;
    }
}

async fn until_moving(modes: &mut Modes) {
    // The sender lives as long as the process.
    let _ = modes.wait_for(|mode| *mode != Mode::Stall).await;
}

async fn until_changed(modes: &mut Modes) {
    let _ = modes.changed().await;
}

async fn pause(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}
