//! Ports that a dev container's image asks for by its label: published like those of the file, with what both say of them.

use indexmap::IndexMap;

use super::metadata::Metadata;
use super::ports;
use crate::model::development::{Development, PortAttributes};
use crate::model::service::{Port, Service};

impl Metadata {
    /// Publishes what the image's entries forward, and completes what is said of ports. The project's own word on a port
    /// takes the place of the image's, as a whole.
    pub fn ports(&self, services: &mut IndexMap<String, Service>, development: &mut Development) {
        for entry in self.each("portsAttributes").collect::<Vec<_>>().into_iter().rev() {
            for (port, said) in ports::attributes(entry) {
                development.ports.entry(port).or_insert(said);
            }
        }
        if development.other_ports.is_none() {
            development.other_ports = self.each("otherPortsAttributes").last().map(ports::of_port);
        }
        for (host, number) in self.lists("forwardPorts").filter_map(ports::number) {
            let name = if ports::is_own(&host) { &development.service } else { &host };
            if let Some(service) = services.get_mut(name) {
                publish(service, number);
            }
        }
        for (name, service) in services.iter_mut() {
            for port in &mut service.ports {
                complete(port, *name == development.service, development);
            }
        }
    }
}

/// A container on the host's own network has its ports there already.
fn publish(service: &mut Service, number: u16) {
    let is_there = |port: &Port| port.target == number && port.protocol.as_deref().unwrap_or("tcp") == "tcp";
    if service.network_mode.is_none() && !service.ports.iter().any(is_there) {
        service.ports.push(Port {
            mode: Some("ingress".to_owned()),
            target: number,
            published: Some(number.to_string()),
            protocol: Some("tcp".to_owned()),
            ..Port::default()
        });
    }
}

fn complete(port: &mut Port, is_own: bool, development: &mut Development) {
    let Development { ports, other_ports, required_ports, .. } = development;
    let Some(said) = said_of(port.target, ports, other_ports.as_ref()) else { return };
    if port.name.is_none() {
        port.name.clone_from(&said.label);
    }
    if port.app_protocol.is_none() {
        port.app_protocol.clone_from(&said.protocol);
    }
    if said.required && is_own && !required_ports.contains(&port.target) {
        required_ports.push(port.target);
    }
}

/// Of the port itself, of a range that holds it, or of all others.
fn said_of<'a>(
    port: u16,
    ports: &'a IndexMap<String, PortAttributes>,
    others: Option<&'a PortAttributes>,
) -> Option<&'a PortAttributes> {
    ports.iter().find(|(key, _)| ports::holds(key, port)).map(|(_, said)| said).or(others)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(label: &str, development: &mut Development) -> IndexMap<String, Service> {
        let own = Port { target: 8000, published: Some("8000".into()), ..Port::default() };
        let dev = Service { ports: vec![own], ..Service::default() };
        let mut services = IndexMap::from([("dev".to_owned(), dev), ("db".to_owned(), Service::default())]);
        development.service = "dev".to_owned();
        Metadata::parse(label, "base").unwrap().ports(&mut services, development);
        services
    }

    #[test]
    fn ports_of_the_image_are_published_beside_those_of_the_file() {
        let label =
            r#"[{"forwardPorts": [3000, "8000", "localhost:3000"]}, {"forwardPorts": ["db:5432", "gone:1", "x"]}]"#;
        let services = merged(label, &mut Development::default());
        let targets = |name: &str| services[name].ports.iter().map(|port| port.target).collect::<Vec<_>>();
        assert_eq!(targets("dev"), [8000, 3000]);
        assert_eq!(targets("db"), [5432]);
        assert_eq!(services["dev"].ports[1].published.as_deref(), Some("3000"));
    }

    #[test]
    fn the_file_then_the_last_entry_says_what_a_port_is() {
        let label = r#"[
            {"portsAttributes": {"8000": {"label": "first", "requireLocalPort": true}, "3000-3010": {"label": "range"}}},
            {"portsAttributes": {"8000": {"label": "last", "protocol": "http"}}, "otherPortsAttributes": {"label": "other"},
             "forwardPorts": [3005, 9000]}]"#;
        let mut development = Development::default();
        let services = merged(label, &mut development);
        let names: Vec<_> = services["dev"].ports.iter().map(|port| port.name.as_deref().unwrap_or_default()).collect();
        assert_eq!(names, ["last", "range", "other"]);
        assert_eq!(services["dev"].ports[0].app_protocol.as_deref(), Some("http"));
        assert!(development.required_ports.is_empty(), "the last word on 8000 does not want it");

        let own = PortAttributes { required: true, ..PortAttributes::default() };
        let mut development = Development { ports: [("8000".to_owned(), own)].into(), ..Development::default() };
        let services = merged(label, &mut development);
        assert_eq!(services["dev"].ports[0].name, None, "the file's word on a port stands for itself");
        assert_eq!(development.required_ports, [8000]);
    }

    #[test]
    fn the_hosts_own_network_publishes_nothing() {
        let mut service = Service { network_mode: Some("host".into()), ..Service::default() };
        publish(&mut service, 80);
        assert!(service.ports.is_empty());
    }
}
