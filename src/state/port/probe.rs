//! Whether a port of this machine is free, by trying to bind it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};

use crate::model::container::PortBinding;

use super::owner::listeners;

/// Whether something listens where this binding wants to. Addresses that this machine does not have, and protocols that
/// can't be tried (sctp), count as free: the engine has the last word.
pub fn is_taken(binding: &PortBinding) -> bool {
    let bare = binding.host_ip.trim_start_matches('[').trim_end_matches(']');
    let Ok(ip) = (if bare.is_empty() { Ok(IpAddr::V4(Ipv4Addr::UNSPECIFIED)) } else { bare.parse::<IpAddr>() }) else {
        return false;
    };
    let address = SocketAddr::new(ip, binding.published);
    let tried = match binding.protocol.as_str() {
        "tcp" => TcpListener::bind(address).map(drop),
        "udp" => UdpSocket::bind(address).map(drop),
        _ => return false,
    };
    match tried.map_err(|error| error.kind()) {
        Err(io::ErrorKind::AddrInUse) => true,
        // a port below 1024 that only the engine may bind: look instead of trying
        Err(io::ErrorKind::PermissionDenied) => listeners(binding).next().is_some(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_are_noticed_on_their_own_and_on_all_addresses() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let binding = |ip: &str, protocol: &str| PortBinding {
            host_ip: ip.to_owned(),
            published: port,
            target: 80,
            protocol: protocol.to_owned(),
        };
        assert!(is_taken(&binding("127.0.0.1", "tcp")));
        assert!(is_taken(&binding("0.0.0.0", "tcp")));
        assert!(is_taken(&binding("", "tcp")));
        assert!(!is_taken(&binding("127.0.0.1", "sctp")));
        assert!(!is_taken(&binding("203.0.113.9", "tcp")), "not an address of this machine");
        drop(listener);
        assert!(!is_taken(&binding("127.0.0.1", "tcp")));
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let taken = PortBinding { published: socket.local_addr().unwrap().port(), ..binding("127.0.0.1", "udp") };
        assert!(is_taken(&taken));
    }
}
