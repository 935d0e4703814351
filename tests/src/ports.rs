//! Free ports that stay ours over a restart.
//!
//! A port that the kernel chose (port 0) may be taken by an outgoing connection while its owner is
//! down, and the restart would fail. Ports below the kernel's ephemeral range are never taken that
//! way.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::bail;

const FIRST: u32 = 15_000;
const COUNT: u32 = 17_000;
static NEXT: AtomicU32 = AtomicU32::new(0);

/// A port on 127.0.0.1 that nobody listens on.
///
/// # Errors
/// Where a thousand ports in a row are taken.
pub fn free() -> anyhow::Result<SocketAddr> {
    // Harnesses that run at the same time start at different places.
    let start = std::process::id().wrapping_mul(97);
    for _ in 0..1_000 {
        let step = start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let Ok(port) = u16::try_from(FIRST + step % COUNT) else {
            continue;
        };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
    bail!(
        "no free port from {FIRST} to {} on 127.0.0.1",
        FIRST + COUNT
    )
}
