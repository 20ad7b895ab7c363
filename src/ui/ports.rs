//! Ports of a container as `docker ps` words them: runs of equal mappings as a range, the others one by one.

use crate::model::container::PortBinding;

/// `9000/tcp, 127.0.0.1:18081->80/tcp`. `exposed` are ports open inside only, as `9000/tcp`.
pub fn in_words(published: &[PortBinding], exposed: &[String]) -> String {
    let mut ports: Vec<PortBinding> = published.to_vec();
    ports.extend(exposed.iter().filter_map(|text| inside_only(text)));
    ports.sort_by(|a, b| {
        (a.target, &a.host_ip, a.published, &a.protocol).cmp(&(b.target, &b.host_ip, b.published, &b.protocol))
    });
    let mut open: Vec<Run> = Vec::new();
    let (mut done, mut mapped) = (Vec::new(), Vec::new());
    for port in &ports {
        if !port.host_ip.is_empty() && port.published != port.target {
            mapped.push(format!(
                "{}->{}/{}",
                address(&port.host_ip, &port.published.to_string()),
                port.target,
                port.protocol
            ));
            continue;
        }
        match open.iter_mut().find(|run| run.ip == port.host_ip && run.protocol == port.protocol) {
            Some(run) if port.target == run.last + 1 => run.last = port.target,
            Some(run) => {
                done.push(run.text());
                *run = Run::of(port);
            }
            None => open.push(Run::of(port)),
        }
    }
    done.extend(open.iter().map(Run::text));
    done.extend(mapped);
    done.join(", ")
}

/// `9000/tcp` as a port without a place on the host.
pub fn inside_only(text: &str) -> Option<PortBinding> {
    let (port, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let target = port.parse().ok()?;
    Some(PortBinding { host_ip: String::new(), published: 0, target, protocol: protocol.to_owned() })
}

/// Host and port, an IPv6 address in brackets.
pub fn address(ip: &str, port: &str) -> String {
    if ip.contains(':') { format!("[{ip}]:{port}") } else { format!("{ip}:{port}") }
}

struct Run {
    ip: String,
    protocol: String,
    first: u16,
    last: u16,
}

impl Run {
    fn of(port: &PortBinding) -> Self {
        Self { ip: port.host_ip.clone(), protocol: port.protocol.clone(), first: port.target, last: port.target }
    }

    fn text(&self) -> String {
        let range =
            if self.first == self.last { self.first.to_string() } else { format!("{}-{}", self.first, self.last) };
        if self.ip.is_empty() {
            return format!("{range}/{}", self.protocol);
        }
        format!("{}->{range}/{}", address(&self.ip, &range), self.protocol)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(host_ip: &str, published: u16, target: u16) -> PortBinding {
        PortBinding { host_ip: host_ip.into(), published, target, protocol: "tcp".into() }
    }

    #[test]
    fn ports_read_as_docker_says_them() {
        let published = [port("0.0.0.0", 32768, 443), port("::", 32768, 443), port("127.0.0.1", 18081, 80)];
        assert_eq!(
            in_words(&published, &["9000/tcp".into()]),
            "9000/tcp, 127.0.0.1:18081->80/tcp, 0.0.0.0:32768->443/tcp, [::]:32768->443/tcp"
        );
        let run = [port("127.0.0.1", 80, 80), port("127.0.0.1", 81, 81), port("127.0.0.1", 90, 90)];
        assert_eq!(in_words(&run, &[]), "127.0.0.1:80-81->80-81/tcp, 127.0.0.1:90->90/tcp");
        assert_eq!(in_words(&[], &[]), "");
    }
}
