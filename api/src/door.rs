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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::ErrorKind;
    use std::time::Duration;

    use socket2::SockRef;
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn only_on_this_machine_is_the_systems_congestion_control_left() {
        for (address, is_local) in [("127.0.0.1:0", true), ("[::1]:0", true), ("0.0.0.0:0", false)]
        {
            let listener = match listen(address.parse().unwrap()) {
                // A machine without IPv6.
                Err(error) if error.kind() == ErrorKind::AddrNotAvailable => continue,
                listener => listener.unwrap(),
            };
            let port = listener.local_addr().unwrap().port();
            let host = if address.starts_with('[') { "::1" } else { "127.0.0.1" };
            let _client = TcpStream::connect((host, port)).await.unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            let used = SockRef::from(&stream).tcp_congestion().unwrap();
            let used = used.split(|byte| *byte == 0).next().unwrap_or_default();
            let systems = std::fs::read("/proc/sys/net/ipv4/tcp_congestion_control").unwrap();
            let expected = if is_local { &b"reno"[..] } else { systems.trim_ascii() };
            assert_eq!(used, expected, "{address}");
        }
    }

    #[tokio::test]
    async fn who_comes_once_the_door_is_closed_waits_and_who_came_before_gets_in() {
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let _before = TcpStream::connect(address).await.unwrap();
        let_nobody_new_in(&listener).unwrap();
        let connect = tokio::spawn(TcpStream::connect(address));
        let (_stream, _) = listener.accept().await.unwrap();
        let another = tokio::time::timeout(Duration::from_millis(300), listener.accept()).await;
        assert!(another.is_err(), "nobody gets in");
        assert!(!connect.is_finished(), "nor is anybody turned away as yet");
        drop(listener);
        let refused = connect.await.unwrap().unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    }
}
