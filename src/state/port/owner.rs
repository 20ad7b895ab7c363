//! Which program listens on a port: Linux tells it under `/proc`. Elsewhere the owner stays unnamed.

use crate::model::container::PortBinding;

use super::Owner;

/// The program that has the binding's port; without pid and name where the system does not tell this user.
pub fn owner_of(binding: &PortBinding) -> Owner {
    let found = listeners(binding).find_map(process_with);
    match found {
        Some((pid, name)) => Owner::Program { pid: Some(pid), name },
        None => Owner::Program { pid: None, name: None },
    }
}

/// Inodes of the sockets that stand in the binding's way.
#[cfg(target_os = "linux")]
pub(super) fn listeners(binding: &PortBinding) -> impl Iterator<Item = u64> {
    let tables = match binding.protocol.as_str() {
        "udp" => ["/proc/net/udp", "/proc/net/udp6"],
        _ => ["/proc/net/tcp", "/proc/net/tcp6"],
    };
    let binding = binding.clone();
    let texts = tables.into_iter().filter_map(|table| std::fs::read_to_string(table).ok());
    let rows: Vec<Row> = texts.flat_map(|text| text.lines().skip(1).filter_map(row).collect::<Vec<_>>()).collect();
    rows.into_iter()
        .filter(move |row| {
            let other = PortBinding { host_ip: row.address.to_string(), published: row.port, ..binding.clone() };
            super::collide(&binding, &other)
        })
        .map(|row| row.inode)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn listeners(_: &PortBinding) -> impl Iterator<Item = u64> {
    std::iter::empty()
}

/// A socket that waits for others, as `/proc/net/tcp` and its siblings list it (proc(5)).
#[cfg(any(target_os = "linux", test))]
#[derive(Debug, PartialEq, Eq)]
struct Row {
    address: std::net::IpAddr,
    port: u16,
    inode: u64,
}

/// Fields: number, local address, remote address, state, …, inode (the tenth). TCP sockets that listen have state 0A, UDP
/// sockets without a peer 07.
#[cfg(any(target_os = "linux", test))]
fn row(line: &str) -> Option<Row> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    if !matches!(*fields.get(3)?, "0A" | "07") {
        return None;
    }
    let (address, port) = fields.get(1)?.split_once(':')?;
    Some(Row {
        address: address_of(address)?,
        port: u16::from_str_radix(port, 16).ok()?,
        inode: fields.get(9)?.parse().ok()?,
    })
}

/// Each group of eight digits is a word in the machine's own byte order.
#[cfg(any(target_os = "linux", test))]
fn address_of(text: &str) -> Option<std::net::IpAddr> {
    let bytes = hex::decode(text).ok()?;
    let mut ordered = Vec::with_capacity(16);
    for word in bytes.chunks_exact(4) {
        let word: [u8; 4] = word.try_into().ok()?;
        ordered.extend(u32::from_be_bytes(word).to_ne_bytes());
    }
    if let Ok(four) = <[u8; 4]>::try_from(ordered.as_slice()) {
        return Some(std::net::IpAddr::from(four));
    }
    let sixteen = <[u8; 16]>::try_from(ordered.as_slice()).ok()?;
    Some(std::net::IpAddr::from(sixteen).to_canonical())
}

/// Process that holds the socket, with its name. Other users' processes can't be looked into without root.
#[cfg(target_os = "linux")]
fn process_with(inode: u64) -> Option<(u32, Option<String>)> {
    let wanted = format!("socket:[{inode}]");
    for process in std::fs::read_dir("/proc").ok()?.flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(files) = std::fs::read_dir(process.path().join("fd")) else { continue };
        let holds = |file: std::fs::DirEntry| {
            std::fs::read_link(file.path()).is_ok_and(|target| target.as_os_str() == wanted.as_str())
        };
        if files.flatten().any(holds) {
            let name = std::fs::read_to_string(process.path().join("comm")).ok();
            return Some((pid, name.map(|name| name.trim().to_owned())));
        }
    }
    None
}

#[cfg(not(target_os = "linux"))]
fn process_with(_: u64) -> Option<(u32, Option<String>)> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_endian = "little")]
    #[test]
    fn rows_of_proc_are_read() {
        let listening =
            "  0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4242 1";
        let expected = Row { address: "127.0.0.1".parse().unwrap(), port: 8080, inode: 4242 };
        assert_eq!(row(listening), Some(expected));
        assert_eq!(row(&listening.replace(" 0A ", " 01 ")), None, "a connection is no listener");
        let six =
            "  0: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 7 1";
        assert_eq!(row(six).unwrap().address, "::1".parse::<std::net::IpAddr>().unwrap());
        assert_eq!(row("torn"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_owner_is_named() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let binding = PortBinding {
            host_ip: "127.0.0.1".to_owned(),
            published: listener.local_addr().unwrap().port(),
            target: 80,
            protocol: "tcp".to_owned(),
        };
        let Owner::Program { pid, name } = owner_of(&binding) else { panic!("a program") };
        assert_eq!(pid, Some(std::process::id()));
        assert!(name.is_some());
        drop(listener);
        assert_eq!(owner_of(&binding), Owner::Program { pid: None, name: None });
    }
}
