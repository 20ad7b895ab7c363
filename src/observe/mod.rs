//! One look at the world, with the fewest calls: one list per kind of resource, all at once, and no call that the plan
//! does not need. Containers are never inspected one by one.

use futures_util::future::{join_all, try_join_all};
use indexmap::IndexMap;

use crate::driver::container::{ContainerDriver, Scope};
use crate::driver::error::Result;
use crate::driver::image::ImageDriver;
use crate::model::environment::Environment;
use crate::model::observed::{Container, Image, Network, Observed, State, Volume};

/// What to look at besides the project's containers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request {
    /// The project's name.
    pub project: String,
    /// References of images.
    pub images: Vec<String>,
    /// Networks.
    pub networks: Look,
    /// Volumes.
    pub volumes: Look,
}

/// How to look at networks or volumes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Look {
    /// List those of the project.
    pub listed: bool,
    /// Names of the project's own: looked at one by one where the list has them not, to find those of somebody else.
    pub own: Vec<String>,
    /// Names of external ones.
    pub external: Vec<String>,
}

impl Request {
    /// What `up` of an environment has to know.
    pub fn for_up(environment: &Environment, images: Vec<String>) -> Self {
        let split = |all: Vec<(&str, bool)>| {
            let names = |external: bool| {
                all.iter().filter(|(_, is)| *is == external).map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>()
            };
            let own = names(false);
            Look { listed: !own.is_empty(), own, external: names(true) }
        };
        Self {
            project: environment.project_name().to_owned(),
            images,
            networks: split(environment.networks.values().map(|n| (n.name.as_str(), n.external)).collect()),
            volumes: split(environment.volumes.values().map(|v| (v.name.as_str(), v.external)).collect()),
        }
    }

    /// Everything that carries the project's label.
    pub fn for_project(project: &str) -> Self {
        let all = Look { listed: true, own: Vec::new(), external: Vec::new() };
        Self { project: project.to_owned(), images: Vec::new(), networks: all.clone(), volumes: all }
    }
}

/// Looks once.
pub async fn observe(
    containers: &dyn ContainerDriver,
    images: &dyn ImageDriver,
    request: &Request,
) -> Result<Observed> {
    let scope = Scope::Project(request.project.clone());
    let (listed, networks, volumes, images) = futures_util::future::try_join4(
        containers.containers(&scope),
        networks(containers, &scope, &request.networks),
        volumes(containers, &scope, &request.volumes),
        image_table(images, &request.images),
    )
    .await?;
    Ok(Observed { containers: listed.into_iter().map(with_exit_code).collect(), networks, volumes, images })
}

async fn networks(driver: &dyn ContainerDriver, scope: &Scope, look: &Look) -> Result<Vec<Network>> {
    let list = async { if look.listed { driver.networks(scope).await } else { Ok(Vec::new()) } };
    let external = try_join_all(look.external.iter().map(|name| driver.network(name)));
    let (mut found, external) = futures_util::future::try_join(list, external).await?;
    let absent = look.own.iter().filter(|name| !found.iter().any(|network| network.name == **name));
    let foreign = try_join_all(absent.map(|name| driver.network(name))).await?;
    // an engine may answer by a beginning of an id: only the exact name counts
    let foreign = foreign.into_iter().flatten().filter(|network| look.own.contains(&network.name));
    let foreign: Vec<Network> = foreign.chain(external.into_iter().flatten()).collect();
    found.extend(foreign);
    Ok(found)
}

async fn volumes(driver: &dyn ContainerDriver, scope: &Scope, look: &Look) -> Result<Vec<Volume>> {
    let list = async { if look.listed { driver.volumes(scope).await } else { Ok(Vec::new()) } };
    let external = try_join_all(look.external.iter().map(|name| driver.volume(name)));
    let (mut found, external) = futures_util::future::try_join(list, external).await?;
    let absent = look.own.iter().filter(|name| !found.iter().any(|volume| volume.name == **name));
    let foreign = try_join_all(absent.map(|name| driver.volume(name))).await?;
    let foreign: Vec<Volume> = foreign.into_iter().chain(external).flatten().collect();
    found.extend(foreign);
    Ok(found)
}

async fn image_table(driver: &dyn ImageDriver, references: &[String]) -> Result<IndexMap<String, Image>> {
    let answers = join_all(references.iter().map(|reference| driver.image(reference))).await;
    let mut table = IndexMap::new();
    for (reference, answer) in references.iter().zip(answers) {
        if let Some(image) = answer? {
            table.insert(reference.clone(), image);
        }
    }
    Ok(table)
}

/// Listings give the exit code only inside a phrase: `Exited (0) 3 minutes ago`.
fn with_exit_code(mut container: Container) -> Container {
    if container.state == State::Exited && container.exit_code.is_none() {
        container.exit_code = exit_code_of(&container.status);
    }
    container
}

fn exit_code_of(status: &str) -> Option<i64> {
    status.strip_prefix("Exited (")?.split(')').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::fake::Fake;

    #[test]
    fn exit_codes_are_read_from_the_phrase() {
        assert_eq!(exit_code_of("Exited (137) 2 hours ago"), Some(137));
        assert_eq!(exit_code_of("Exited (0) Less than a second ago"), Some(0));
        assert_eq!(exit_code_of("Up 2 minutes"), None);
    }

    #[tokio::test]
    async fn external_networks_and_those_of_others_are_found() {
        let fake = Fake::new().with_image("a", &[]);
        let network = |name: &str| crate::model::resource::Network { name: name.to_owned(), ..Default::default() };
        for name in ["corp", "shop_default"] {
            fake.create_network(&network(name), &IndexMap::new()).await.unwrap();
        }
        let request = Request {
            project: "shop".to_owned(),
            images: vec!["a".to_owned(), "b".to_owned()],
            networks: Look {
                listed: true,
                own: vec!["shop_default".to_owned(), "shop_back".to_owned()],
                external: vec!["corp".to_owned(), "absent".to_owned()],
            },
            volumes: Look::default(),
        };
        let observed = observe(&fake, &fake, &request).await.unwrap();
        let names: Vec<&str> = observed.networks.iter().map(|network| network.name.as_str()).collect();
        assert_eq!(names, ["shop_default", "corp"]);
        assert_eq!(observed.images.keys().collect::<Vec<_>>(), ["a"]);
    }
}
