//! The listening socket: open to all, then to nobody new.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};
#[cfg(target_os = "linux")]
use tracing::debug;

/// The socket's backlog: connections that wait to be accepted; the system may allow fewer. Connections
/// beyond it are dropped without a word, and their clients try again after a second.
const BACKLOG: u32 = 4096;

/// Listens at an address.
pub(crate) fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Without it, a port stays taken for a minute after its server ended. On Windows it would let
    // this server take a port that another one is using.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    if address.ip().is_loopback() {
        do_not_pace(&socket);
    }
    socket.listen(BACKLOG)
}

/// Has connections send as fast as their clients read. Where the system's congestion control is BBR, it
/// measures each path and sends by a timer, which for hundreds of clients on the same machine (a proxy's
/// connections) takes almost half of the time; there is no path to measure there. Reno is in every
/// kernel and open to every process.
#[cfg(target_os = "linux")]
fn do_not_pace(socket: &TcpSocket) {
    if let Err(error) = socket2::SockRef::from(socket).set_tcp_congestion(b"reno") {
        debug!("connections keep the system's congestion control: {error}");
    }
}

/// Other systems do not send by a timer.
#[cfg(not(target_os = "linux"))]
fn do_not_pace(_socket: &TcpSocket) {}

/// Has the system ignore whoever begins to connect from now on: they try again after a second, and are
/// refused by then, or let in by the next server. Those half connected still get in.
///
/// A socket that is simply closed resets who connected after the last one was accepted, and their
/// request is lost: of several thousand clients a second, one in ten stops hits one.
#[cfg(target_os = "linux")]
pub(crate) fn let_nobody_new_in(listener: &TcpListener) -> std::io::Result<()> {
    use socket2::{SockFilter, SockRef};
    // Classic BPF over the TCP header, see networking/filter in Linux's documentation.
    const LOAD_BYTE: u16 = 0x30;
    const AND: u16 = 0x54;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    const FLAGS_AT: u32 = 13;
    const SYN: u32 = 0x02;
    const ACK: u32 = 0x10;
    SockRef::from(listener).attach_filter(&[
        SockFilter::new(LOAD_BYTE, 0, 0, FLAGS_AT),
        SockFilter::new(AND, 0, 0, SYN | ACK),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, SYN),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ])
}

/// Other systems know no such thing: who connects in the last moment is reset.
#[cfg(not(target_os = "linux"))]
pub(crate) fn let_nobody_new_in(_listener: &TcpListener) -> std::io::Result<()> {
    Ok(())
}
