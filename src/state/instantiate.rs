//! Turns an environment into that of an instance: every name that reaches the engine becomes the instance's own, names
//! that are seen inside stay. Pure.

use std::collections::BTreeMap;
use std::fmt;

use indexmap::IndexMap;
use serde::Serialize;

use crate::model::environment::{Environment, Instance};
use crate::model::mount::MountKind;
use crate::model::name::ProjectName;
use crate::model::resource::SecretSource;
use crate::model::service::Service;

/// Something an instance does differently from what the spec's text says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "said")]
pub enum Said {
    /// A name written out in the spec got the instance's suffix.
    Renamed {
        /// `container`, `volume`, `network`, `image`.
        what: &'static str,
        /// In the spec.
        from: String,
        /// Here.
        to: String,
    },
    /// Something external is used by all instances.
    Shared {
        /// `volume` or `network`.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A fixed address pool was left to the engine, because two networks can't have the same.
    PoolFreed {
        /// The network.
        network: String,
    },
    /// A fixed address pool had to stay, because services have fixed addresses in it.
    PoolFixed {
        /// The network.
        network: String,
    },
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Renamed { what, from, to } => write!(f, "{what} {from} is {to} in this instance"),
            Self::Shared { what, name } => write!(f, "external {what} {name} is shared by all instances"),
            Self::PoolFreed { network } => {
                write!(
                    f,
                    "network {network}: the spec's address pool is left to the first instance, the engine chooses here"
                )
            }
            Self::PoolFixed { network } => write!(
                f,
                "network {network}: services have fixed addresses in it, so only one instance can run at a time"
            ),
        }
    }
}

/// The environment under the name of an instance. `environment` carries the names that the spec gave it.
pub fn instantiate(
    mut environment: Environment,
    name: &ProjectName,
    instance: Option<&Instance>,
) -> (Environment, Vec<Said>) {
    let old = environment.project_name().to_owned();
    if old == name.as_str() && instance.is_none() {
        return (environment, Vec::new());
    }
    let names = Names { old: &old, new: name.as_str(), instance: instance.map(|instance| instance.0.as_str()) };
    let mut said = Vec::new();
    name_volumes(&mut environment, &names, &mut said);
    name_networks(&mut environment, &names, &mut said);
    name_sources(&mut environment.secrets, &names);
    name_sources(&mut environment.configs, &names);
    if names.instance.is_some() {
        name_containers(&mut environment, &names, &mut said);
        name_images(&mut environment, &names, &mut said);
    }
    environment.project = Some(name.clone());
    environment.instance = instance.cloned();
    (environment, said)
}

struct Names<'a> {
    old: &'a str,
    new: &'a str,
    instance: Option<&'a str>,
}

impl Names<'_> {
    /// The engine's name for a resource: derived ones are derived anew, written ones get the suffix.
    fn resource(&self, what: &'static str, key: &str, name: &str, said: &mut Vec<Said>) -> String {
        if name.is_empty() || name == format!("{}_{key}", self.old) {
            return format!("{}_{key}", self.new);
        }
        self.written(what, name, said)
    }

    /// A name written in the spec. One that holds the instance's name already (by interpolation) is its own.
    fn written(&self, what: &'static str, name: &str, said: &mut Vec<Said>) -> String {
        let Some(instance) = self.instance else { return name.to_owned() };
        if name.contains(self.new) {
            return name.to_owned();
        }
        let to = format!("{name}-{instance}");
        said.push(Said::Renamed { what, from: name.to_owned(), to: to.clone() });
        to
    }
}

fn name_volumes(environment: &mut Environment, names: &Names<'_>, said: &mut Vec<Said>) {
    for (key, volume) in &mut environment.volumes {
        if volume.external {
            said.push(Said::Shared { what: "volume", name: volume.name.clone() });
        } else {
            volume.name = names.resource("volume", key, &volume.name, said);
        }
    }
}

fn name_networks(environment: &mut Environment, names: &Names<'_>, said: &mut Vec<Said>) {
    for (key, network) in &mut environment.networks {
        if network.external {
            said.push(Said::Shared { what: "network", name: network.name.clone() });
            continue;
        }
        network.name = names.resource("network", key, &network.name, said);
        if names.instance.is_none() || network.ipam.config.is_empty() {
            continue;
        }
        let fixed = |service: &Service| {
            let join = service.networks.get(key).and_then(Option::as_ref);
            join.is_some_and(|join| join.ipv4_address.is_some() || join.ipv6_address.is_some())
        };
        if environment.services.values().any(fixed) {
            said.push(Said::PoolFixed { network: network.name.clone() });
        } else {
            network.ipam.config.clear();
            said.push(Said::PoolFreed { network: network.name.clone() });
        }
    }
}

fn name_sources(sources: &mut IndexMap<String, SecretSource>, names: &Names<'_>) {
    for (key, source) in sources {
        if !source.external && source.name == format!("{}_{key}", names.old) {
            source.name = format!("{}_{key}", names.new);
        }
    }
}

fn all_services(environment: &mut Environment) -> impl Iterator<Item = &mut Service> {
    environment.services.values_mut().chain(environment.disabled.values_mut())
}

/// Fixed container names get the suffix, and stay as names inside the networks. References to them follow.
fn name_containers(environment: &mut Environment, names: &Names<'_>, said: &mut Vec<Said>) {
    let mut renamed = BTreeMap::new();
    for service in all_services(environment) {
        let Some(from) = service.container_name.clone() else { continue };
        let to = names.written("container", &from, said);
        if to == from {
            continue;
        }
        for join in service.networks.values_mut() {
            let aliases = &mut join.get_or_insert_default().aliases;
            if !aliases.contains(&from) {
                aliases.push(from.clone());
            }
        }
        service.container_name = Some(to.clone());
        renamed.insert(from, to);
    }
    for service in all_services(environment) {
        for mode in [&mut service.network_mode, &mut service.pid, &mut service.ipc].into_iter().flatten() {
            follow(mode, &renamed);
        }
        for source in &mut service.volumes_from {
            follow(source, &renamed);
        }
        for link in &mut service.external_links {
            let (container, alias) = link.split_once(':').unwrap_or((link, link));
            if let Some(to) = renamed.get(container) {
                *link = format!("{to}:{alias}");
            }
        }
    }
}

/// `container:NAME[:…]` with the instance's name.
fn follow(reference: &mut String, renamed: &BTreeMap<String, String>) {
    let Some(rest) = reference.strip_prefix("container:") else { return };
    let (name, tail) = rest.split_once(':').map_or((rest, String::new()), |(name, tail)| (name, format!(":{tail}")));
    if let Some(to) = renamed.get(name) {
        *reference = format!("container:{to}{tail}");
    }
}

/// Images that the project builds under a written name: two branches would build them over each other.
fn name_images(environment: &mut Environment, names: &Names<'_>, said: &mut Vec<Said>) {
    let Some(instance) = names.instance else { return };
    let mut renamed: BTreeMap<String, String> = BTreeMap::new();
    for service in all_services(environment) {
        let Some(build) = &mut service.build else { continue };
        for from in service.image.iter_mut().chain(&mut build.tags) {
            if from.contains(names.new) || from.contains('@') {
                continue;
            }
            let to = tagged(from, instance);
            renamed.insert(std::mem::replace(from, to.clone()), to);
        }
    }
    for service in all_services(environment) {
        if service.build.is_none()
            && let Some(image) = &mut service.image
            && let Some(to) = renamed.get(image)
        {
            image.clone_from(to);
        }
        for mount in &mut service.volumes {
            if mount.kind == MountKind::Image
                && let Some(source) = &mut mount.source
                && let Some(to) = renamed.get(source)
            {
                source.clone_from(to);
            }
        }
    }
    said.extend(renamed.into_iter().map(|(from, to)| Said::Renamed { what: "image", from, to }));
}

/// `shop/web:dev` becomes `shop/web:dev-feature`, `shop/web` becomes `shop/web:feature`. A registry's port is no tag.
fn tagged(image: &str, instance: &str) -> String {
    let path_from = image.rfind('/').map_or(0, |at| at + 1);
    if image[path_from..].contains(':') { format!("{image}-{instance}") } else { format!("{image}:{instance}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::build::Build;
    use crate::model::resource::{IpamPool, Network, Volume};
    use crate::model::service::ServiceNetwork;

    fn shop() -> Environment {
        let mut environment = Environment {
            project: Some(ProjectName::parse("shop").unwrap()),
            base_name: "shop".to_owned(),
            ..Environment::default()
        };
        let volume = |name: &str, external| Volume { name: name.to_owned(), external, ..Volume::default() };
        environment.volumes.insert("data".to_owned(), volume("shop_data", false));
        environment.volumes.insert("named".to_owned(), volume("dbdata", false));
        environment.volumes.insert("outside".to_owned(), volume("common", true));
        let pool = IpamPool { subnet: Some("172.28.0.0/16".to_owned()), ..IpamPool::default() };
        let mut network = Network { name: "shop_default".to_owned(), ..Network::default() };
        network.ipam.config.push(pool);
        environment.networks.insert("default".to_owned(), network);
        let db = Service {
            container_name: Some("shop-db".to_owned()),
            image: Some("registry:5000/db".to_owned()),
            build: Some(Build::default()),
            networks: IndexMap::from([("default".to_owned(), None)]),
            ..Service::default()
        };
        let web = Service {
            image: Some("registry:5000/db".to_owned()),
            network_mode: Some("container:shop-db".to_owned()),
            volumes_from: vec!["container:shop-db:ro".to_owned()],
            external_links: vec!["shop-db:db".to_owned(), "other".to_owned()],
            ..Service::default()
        };
        environment.services.insert("db".to_owned(), db);
        environment.services.insert("web".to_owned(), web);
        environment
    }

    fn feature(environment: Environment) -> (Environment, Vec<Said>) {
        let name = ProjectName::parse("shop-feature").unwrap();
        instantiate(environment, &name, Some(&Instance("feature".to_owned())))
    }

    #[test]
    fn every_name_that_reaches_the_engine_is_the_instances_own() {
        let (environment, said) = feature(shop());
        assert_eq!(environment.project_name(), "shop-feature");
        assert_eq!(environment.base_name, "shop");
        assert_eq!(environment.volumes["data"].name, "shop-feature_data");
        assert_eq!(environment.volumes["named"].name, "dbdata-feature");
        assert_eq!(environment.volumes["outside"].name, "common");
        assert_eq!(environment.networks["default"].name, "shop-feature_default");
        assert_eq!(environment.container_name("db", 1), "shop-db-feature");
        assert_eq!(environment.container_name("web", 1), "shop-feature-web-1");
        let web = &environment.services["web"];
        assert_eq!(web.network_mode.as_deref(), Some("container:shop-db-feature"));
        assert_eq!(web.volumes_from, ["container:shop-db-feature:ro"]);
        assert_eq!(web.external_links, ["shop-db-feature:db", "other"]);
        assert_eq!(web.image.as_deref(), Some("registry:5000/db:feature"));
        assert!(said.contains(&Said::Shared { what: "volume", name: "common".to_owned() }));
        assert!(said.contains(&Said::PoolFreed { network: "shop-feature_default".to_owned() }));
        assert!(environment.networks["default"].ipam.config.is_empty());
    }

    #[test]
    fn names_inside_stay() {
        let (environment, _) = feature(shop());
        let join = environment.services["db"].networks["default"].as_ref().unwrap();
        assert_eq!(join.aliases, ["shop-db"]);
        assert_eq!(environment.services.keys().collect::<Vec<_>>(), ["db", "web"]);
    }

    #[test]
    fn the_first_instance_is_what_the_spec_says() {
        let name = ProjectName::parse("shop").unwrap();
        assert_eq!(instantiate(shop(), &name, None), (shop(), vec![]));
    }

    #[test]
    fn names_made_with_the_instances_name_are_not_suffixed_twice() {
        let mut spec = shop();
        spec.services["db"].container_name = Some("shop-feature-database".to_owned());
        let (environment, _) = feature(spec);
        assert_eq!(environment.container_name("db", 1), "shop-feature-database");
    }

    #[test]
    fn fixed_addresses_keep_their_pool_and_are_said() {
        let mut spec = shop();
        let join = ServiceNetwork { ipv4_address: Some("172.28.0.9".to_owned()), ..ServiceNetwork::default() };
        spec.services["web"].networks.insert("default".to_owned(), Some(join));
        let (environment, said) = feature(spec);
        assert_eq!(environment.networks["default"].ipam.config.len(), 1);
        assert!(said.contains(&Said::PoolFixed { network: "shop-feature_default".to_owned() }));
    }

    #[test]
    fn a_given_project_name_leaves_written_names_alone() {
        let name = ProjectName::parse("mine").unwrap();
        let (environment, said) = instantiate(shop(), &name, None);
        assert_eq!(environment.volumes["data"].name, "mine_data");
        assert_eq!(environment.volumes["named"].name, "dbdata");
        assert_eq!(environment.container_name("db", 1), "shop-db");
        assert_eq!(said, [Said::Shared { what: "volume", name: "common".to_owned() }]);
    }
}
