//! The short form of a port: `[[ADDRESS:]PUBLISHED:]TARGET[/PROTOCOL]`, with ranges, as Docker's command line reads it.

use std::net::IpAddr;

/// One port of the short form, ranges expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShortPort {
    /// Address of the host; empty where none is given.
    pub host_ip: String,
    /// A port or a range to choose from; empty for any.
    pub published: String,
    /// Inside.
    pub target: u16,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
}

/// Takes the short form apart; the order is that of the targets' texts, as Compose has it. Says what is wrong otherwise.
pub fn parse_ports(text: &str) -> Result<Vec<ShortPort>, String> {
    let (rest, protocol) = match text.split_once('/') {
        Some((rest, protocol)) => (rest, protocol.to_lowercase()),
        None => (text, "tcp".to_owned()),
    };
    check_protocol(&protocol)?;
    let (host_ip, published, target) = split(rest)?;
    if target.is_empty() {
        return Err("there is no port of the container".into());
    }
    let inside = range(target)?;
    let outside = if published.is_empty() { None } else { Some(range(published)?) };
    let length = inside.1 - inside.0;
    if let Some((first, last)) = outside
        && last - first != length
        && length != 0
    {
        return Err("the range of the host and that of the container differ in length".into());
    }
    let mut ports: Vec<ShortPort> = (0..=length)
        .map(|step| ShortPort {
            host_ip: host_ip.clone(),
            published: match outside {
                None => String::new(),
                // one target and many host ports: the engine chooses one of them
                Some((first, last)) if length == 0 && first != last => format!("{first}-{last}"),
                Some((first, _)) => (first + step).to_string(),
            },
            target: inside.0 + step,
            protocol: protocol.clone(),
        })
        .collect();
    ports.sort_by_key(|port| port.target.to_string());
    Ok(ports)
}

/// Whether engines know a protocol.
pub fn check_protocol(protocol: &str) -> Result<(), String> {
    match protocol {
        "tcp" | "udp" | "sctp" => Ok(()),
        other => Err(format!("the protocol must be tcp, udp or sctp, not {other:?}")),
    }
}

fn split(text: &str) -> Result<(String, &str, &str), String> {
    let Some((head, target)) = text.rsplit_once(':') else { return Ok((String::new(), "", text)) };
    let Some((address, published)) = head.rsplit_once(':') else { return Ok((String::new(), head, target)) };
    let address = address.strip_prefix('[').and_then(|a| a.strip_suffix(']')).unwrap_or(address);
    if !address.is_empty() && address.parse::<IpAddr>().is_err() {
        return Err(format!("{address:?} is not an IP address"));
    }
    Ok((address.to_owned(), published, target))
}

/// A port or a range of them.
pub fn range(text: &str) -> Result<(u16, u16), String> {
    let number = |part: &str| {
        part.parse::<u16>()
            .ok()
            .filter(|_| part.bytes().all(|b| b.is_ascii_digit()))
            .ok_or_else(|| format!("{part:?} is not a port from 0 to 65535"))
    };
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(text)?, number(text)?),
    };
    if first > last { Err(format!("the range {text:?} runs backwards")) } else { Ok((first, last)) }
}

/// Whether a text is an IP address.
pub fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        parse_ports(text)
            .unwrap()
            .into_iter()
            .map(|p| format!("{}|{}|{}|{}", p.host_ip, p.published, p.target, p.protocol))
            .collect()
    }

    #[test]
    fn short_ports_are_taken_apart() {
        assert_eq!(shown("80"), ["||80|tcp"]);
        assert_eq!(shown("8080:80/UDP"), ["|8080|80|udp"]);
        assert_eq!(shown("127.0.0.1::80"), ["127.0.0.1||80|tcp"]);
        assert_eq!(shown("[::1]:8000-8001:80-81"), ["::1|8000|80|tcp", "::1|8001|81|tcp"]);
        assert_eq!(shown("::1:80:80"), ["::1|80|80|tcp"]);
        assert_eq!(shown("8000-8010:80"), ["|8000-8010|80|tcp"]);
        assert_eq!(shown("9-10"), ["||10|tcp", "||9|tcp"]);
        for wrong in ["", "a", "80:", "1-2:1-3", "2-1", "x:80:80", "65536", "80/http", "+1"] {
            assert!(parse_ports(wrong).is_err(), "{wrong}");
        }
    }
}
