//! `run`: one container more of a service, with another program if need be, for as long as that runs.

use std::collections::HashSet;
use std::path::PathBuf;

use crate::app::error::{AppError, Result};
use crate::app::perform::judge;
use crate::app::project::Project;
use crate::app::up::{Aim, UpRequest};
use crate::app::wiring::Engine;
use crate::driver::container::AnonymousVolumes;
use crate::engine::{Report, StepError};
use crate::model::environment::Environment;
use crate::model::mount::{BindOptions, Mount, MountKind, VolumeOptions};
use crate::model::observed::Container;
use crate::model::resource::Volume;
use crate::model::service::{Port, Service};
use crate::plan::{OneOff, Options, Pull, StepId};
use crate::spec::discover::{self, Disk, Files as _};
use crate::spec::{dotenv, port, volume};

/// What the command line says of the container.
#[derive(Debug, Clone, Default)]
pub struct RunRequest {
    /// Its service.
    pub service: String,
    /// Instead of the service's; none: the service's.
    pub command: Vec<String>,
    /// Instead of the service's; an empty text clears it.
    pub entrypoint: Option<String>,
    /// `NAME=value`.
    pub environment: Vec<String>,
    /// `[SOURCE:]TARGET[:OPTIONS]`.
    pub volumes: Vec<String>,
    /// `[[ADDRESS:]PUBLISHED:]TARGET[/PROTOCOL]`.
    pub ports: Vec<String>,
    /// Publishes the service's own ports.
    pub service_ports: bool,
    /// Name of the container.
    pub name: Option<String>,
    /// User inside.
    pub user: Option<String>,
    /// Folder inside.
    pub working_dir: Option<String>,
    /// `NAME[=VALUE]`.
    pub labels: Vec<String>,
    /// Capabilities of Linux added.
    pub cap_add: Vec<String>,
    /// Capabilities of Linux dropped.
    pub cap_drop: Vec<String>,
    /// A terminal.
    pub tty: bool,
    /// Standard input.
    pub stdin: bool,
    /// What the service depends on is left as it is.
    pub no_deps: bool,
    /// Builds the image even where it exists.
    pub build: bool,
    /// Overrides every `pull_policy`.
    pub pull: Option<Pull>,
    /// Others find it by the service's name too.
    pub use_aliases: bool,
    /// Removes containers of services that are not in the spec.
    pub remove_orphans: bool,
}

/// The two requests to `up` that a `run` is made of.
pub struct Requests {
    /// Brings up what the service depends on; `None`: nothing.
    pub dependencies: Option<UpRequest>,
    /// Makes the container.
    pub container: UpRequest,
    /// The container's name.
    pub name: String,
}

/// Takes the command line apart. `slug`: hex digits that no other run has.
pub fn requests(project: &Project, wish: &RunRequest, slug: &str, folders: &Folders<'_>) -> Result<Requests> {
    let mut environment = project.environment()?.clone();
    project.check_services(std::slice::from_ref(&wish.service), &[])?;
    let Environment { services, disabled, volumes, .. } = &mut environment;
    let service = services.get_mut(&wish.service).or_else(|| disabled.get_mut(&wish.service));
    let service = service.ok_or_else(|| AppError::failed(format!("no such service: {}", wish.service)))?;
    if let Some(provider) = &service.provider {
        let what = format!("service {} has no containers: the program `{}` provides it", wish.service, provider.kind);
        return Err(AppError::failed(what).help("name a service that has an `image` or a `build` section"));
    }
    let needed = needed(service);
    overlay(service, volumes, wish, folders)?;
    let derived = environment.derived(&[&wish.service, "run", slug]);
    let name = wish.name.clone().unwrap_or(derived);
    let options = Options { pull: wish.pull, build: wish.build, ..Options::default() };
    let dependencies = (!wish.no_deps && !needed.is_empty()).then(|| UpRequest {
        options: Options {
            services: needed,
            remove_orphans: wish.remove_orphans,
            ignore_orphans: !wish.remove_orphans,
            ..options.clone()
        },
        ..UpRequest::default()
    });
    let one_off = OneOff {
        service: wish.service.clone(),
        name: name.clone(),
        slug: slug.to_owned(),
        use_aliases: wish.use_aliases,
    };
    let aim = Aim::OneOff(one_off);
    let container = UpRequest { options, aim, environment: Some(environment), ..UpRequest::default() };
    Ok(Requests { dependencies, container, name })
}

/// Variables of the program: those of files, and before them those given one by one. As in Compose, a name that is known
/// already keeps its value, and files refer to no variables but those.
pub fn environment(request: &discover::Request, files: &[PathBuf], given: Vec<String>) -> Result<Vec<String>> {
    let mut all = given;
    for file in files {
        let path = request.current_dir.join(file);
        let source = Disk.read(&path, file)?;
        let known: dotenv::Variables =
            all.iter().filter_map(|entry| entry.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        let read = dotenv::parse(&source, &|name| known.get(name).cloned())?;
        let new = read.variables.into_iter().filter(|(name, _)| !known.contains_key(name));
        all.extend(new.map(|(name, value)| format!("{name}={value}")));
    }
    Ok(all)
}

/// For paths on the command line.
#[derive(Debug, Clone, Copy)]
pub struct Folders<'a> {
    /// Relative paths begin here.
    pub current: &'a std::path::Path,
    /// `~`
    pub home: &'a std::path::Path,
}

/// Services that have to be up before: as the spec says, and those whose namespaces and volumes it takes.
fn needed(service: &Service) -> Vec<String> {
    let mut names: Vec<String> = service.depends_on.keys().cloned().collect();
    let joined = [&service.network_mode, &service.pid, &service.ipc];
    names.extend(joined.into_iter().filter_map(|mode| Some(mode.as_deref()?.strip_prefix("service:")?.to_owned())));
    let volumes = service.volumes_from.iter().filter(|entry| !entry.starts_with("container:"));
    names.extend(volumes.chain(&service.links).filter_map(|entry| Some(entry.split(':').next()?.to_owned())));
    let mut seen = HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

fn overlay(
    service: &mut Service,
    volumes: &mut indexmap::IndexMap<String, Volume>,
    wish: &RunRequest,
    folders: &Folders<'_>,
) -> Result<()> {
    service.tty = wish.tty;
    service.stdin_open = wish.stdin;
    if let Some(entrypoint) = &wish.entrypoint {
        let words = shlex::split(entrypoint)
            .ok_or_else(|| AppError::usage(format!("--entrypoint {entrypoint:?}: a quote is not closed")))?;
        service.entrypoint = Some(words);
        // as in Compose, the service's command belonged to the other entrypoint
        service.command = None;
    }
    if !wish.command.is_empty() {
        service.command = Some(wish.command.clone());
    }
    for entry in &wish.environment {
        let (name, value) = entry.split_once('=').unwrap_or((entry, ""));
        service.environment.insert(name.to_owned(), Some(value.to_owned()));
    }
    for entry in &wish.labels {
        let (name, value) = entry.split_once('=').unwrap_or((entry, ""));
        service.labels.insert(name.to_owned(), value.to_owned());
    }
    service.user = wish.user.clone().or(service.user.take());
    service.working_dir = wish.working_dir.clone().or(service.working_dir.take());
    service.cap_add.extend(wish.cap_add.iter().cloned());
    service.cap_drop.retain(|dropped| !wish.cap_add.contains(dropped));
    service.cap_drop.extend(wish.cap_drop.iter().cloned());
    service.cap_add.retain(|added| !wish.cap_drop.contains(added));
    if !wish.service_ports {
        service.ports.clear();
    }
    for text in &wish.ports {
        service.ports.extend(ports(text)?);
    }
    for text in &wish.volumes {
        let mount = mount(text, volumes, folders)?;
        service.volumes.retain(|known| known.target != mount.target);
        service.volumes.push(mount);
    }
    Ok(())
}

fn ports(text: &str) -> Result<Vec<Port>> {
    let parsed = port::parse_ports(text).map_err(|reason| AppError::usage(format!("--publish {text:?}: {reason}")))?;
    let ports = parsed.into_iter().map(|short| {
        // one of several: the engine chooses any free one rather than none
        let published = Some(short.published).filter(|published| !published.is_empty() && !published.contains('-'));
        Port {
            target: short.target,
            published,
            host_ip: Some(short.host_ip).filter(|ip| !ip.is_empty()),
            protocol: Some(short.protocol),
            ..Port::default()
        }
    });
    Ok(ports.collect())
}

/// A named volume that the spec has not is the engine's, under exactly that name.
fn mount(text: &str, volumes: &mut indexmap::IndexMap<String, Volume>, folders: &Folders<'_>) -> Result<Mount> {
    let short = volume::parse_mount(text).map_err(|reason| AppError::usage(format!("--volume {text:?}: {reason}")))?;
    let is_bind = short.is_bind();
    let mut mount = Mount { target: short.target, read_only: short.read_only, ..Mount::default() };
    match short.source {
        Some(source) if is_bind => {
            mount.kind = MountKind::Bind;
            let path = match source.strip_prefix('~') {
                Some(rest) => folders.home.join(rest.trim_start_matches('/')),
                None => folders.current.join(&source),
            };
            mount.source = Some(plain(&path).display().to_string());
            mount.bind = Some(BindOptions {
                create_host_path: true,
                propagation: short.propagation,
                selinux: short.selinux,
                ..BindOptions::default()
            });
        }
        Some(source) => {
            if !volumes.contains_key(&source) {
                let foreign = Volume { name: source.clone(), external: true, ..Volume::default() };
                volumes.insert(source.clone(), foreign);
            }
            mount.source = Some(source);
            mount.volume = short.nocopy.then(|| VolumeOptions { nocopy: true, ..VolumeOptions::default() });
        }
        None => {}
    }
    Ok(mount)
}

/// `a/./b/../c` as `a/c`, without looking at the disk.
fn plain(path: &std::path::Path) -> std::path::PathBuf {
    let mut plain = std::path::PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => drop(plain.pop()),
            std::path::Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

/// Six random bytes as hex.
pub fn slug() -> Result<String> {
    let mut bytes = [0; 6];
    getrandom::fill(&mut bytes).map_err(|error| AppError::failed(format!("asking for random numbers: {error}")))?;
    Ok(hex::encode(bytes))
}

/// Volumes of the command line that no engine has yet are made, as `docker run` does.
pub async fn make_volumes(engine: &Engine, project: &Project, wish: &UpRequest) -> Result<()> {
    let (Some(environment), known) = (&wish.environment, project.environment()?) else { return Ok(()) };
    for (key, volume) in environment.volumes.iter().filter(|(key, _)| !known.volumes.contains_key(*key)) {
        if engine.containers.volume(key).await?.is_none() {
            engine.containers.create_volume(volume, &indexmap::IndexMap::new()).await?;
        }
    }
    Ok(())
}

/// The container that was made.
pub async fn made(engine: &Engine, name: &str) -> Result<Container> {
    let found = engine.containers.container(name).await?;
    found.ok_or_else(|| AppError::failed(format!("container {name} is gone")))
}

/// What became of the start and its hooks ([`crate::app::lifecycle::start_of`]). A program that ended before a hook was
/// done in it needs none any more.
pub async fn judge_start(engine: &Engine, container: &Container, report: &Report) -> Result<()> {
    let Some((failed, error)) = report.failures().next() else { return judge(report) };
    if let (StepId(1), StepError::Driver(error)) = (failed.step, error) {
        // as it is: the exit code depends on what the engine said
        return Err(AppError::Driver(error.clone()));
    }
    let now = engine.containers.container(&container.id).await?;
    if now.is_some_and(|now| now.is_up()) { judge(report) } else { Ok(()) }
}

/// Removes the container of a run, with its anonymous volumes.
pub async fn remove(engine: &Engine, id: &str) -> Result<()> {
    Ok(engine.containers.remove(id, AnonymousVolumes::Remove).await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::name::ProjectName;
    use crate::model::service::Dependency;
    use std::path::Path;

    const FOLDERS: fn() -> Folders<'static> = || Folders { current: Path::new("/here"), home: Path::new("/home/u") };

    fn project() -> Project {
        let mut environment = Environment { project: ProjectName::parse("shop").ok(), ..Environment::default() };
        let mut web = Service { image: Some("w:1".into()), command: Some(vec!["serve".into()]), ..Service::default() };
        web.depends_on.insert("db".into(), Dependency::default());
        web.links.push("db:database".into());
        web.ports.push(Port { target: 80, ..Port::default() });
        environment.services.insert("web".into(), web);
        environment.services.insert("db".into(), Service { image: Some("d:1".into()), ..Service::default() });
        let (spec, decision) = (None, None);
        Project {
            name: "shop".into(),
            environment: Some(environment),
            spec,
            decision,
            named_by_folder: false,
            remarks: Vec::new(),
        }
    }

    fn made(wish: RunRequest) -> (Requests, Service, Environment) {
        let wish = RunRequest { service: "web".into(), ..wish };
        let requests = requests(&project(), &wish, "0a", &FOLDERS()).unwrap();
        let environment = requests.container.environment.clone().unwrap();
        (requests, environment.services["web"].clone(), environment)
    }

    #[test]
    fn dependencies_come_up_first_unless_told_otherwise() {
        let (requests, service, _) = made(RunRequest::default());
        assert_eq!(requests.name, "shop-web-run-0a");
        assert_eq!(requests.dependencies.unwrap().options.services, ["db"]);
        assert_eq!(service.command.unwrap(), ["serve"]);
        assert!(service.ports.is_empty());
        assert!(made(RunRequest { no_deps: true, ..RunRequest::default() }).0.dependencies.is_none());
    }

    #[test]
    fn the_command_line_wins_over_the_spec() {
        let text = str::to_owned;
        let (_, service, environment) = made(RunRequest {
            entrypoint: Some(text("sh -c 'a b'")),
            environment: vec![text("A=1=2")],
            volumes: vec![text("./x/../src:/src:ro"), text("~/k:/k"), text("cache:/c"), text("/anon")],
            ports: vec![text("8080:80")],
            service_ports: true,
            cap_add: vec![text("NET_ADMIN")],
            ..RunRequest::default()
        });
        assert_eq!(service.entrypoint.unwrap(), ["sh", "-c", "a b"]);
        assert_eq!(service.command, None);
        assert_eq!(service.environment["A"].as_deref(), Some("1=2"));
        assert_eq!(service.ports.len(), 2);
        let sources: Vec<_> = service.volumes.iter().map(|mount| mount.source.as_deref()).collect();
        assert_eq!(sources, [Some("/here/src"), Some("/home/u/k"), Some("cache"), None]);
        assert!(service.volumes[0].read_only);
        assert!(environment.volumes["cache"].external);
        assert_eq!(service.cap_add, ["NET_ADMIN"]);
    }

    #[test]
    fn nonsense_is_a_wrong_command_line() {
        for wish in [
            RunRequest { ports: vec!["x".into()], ..RunRequest::default() },
            RunRequest { volumes: vec!["aa:/b:ro:dd".into()], ..RunRequest::default() },
            RunRequest { entrypoint: Some("'".into()), ..RunRequest::default() },
        ] {
            let wish = RunRequest { service: "web".into(), ..wish };
            assert!(matches!(requests(&project(), &wish, "0a", &FOLDERS()), Err(AppError::Usage { .. })));
        }
    }
}
