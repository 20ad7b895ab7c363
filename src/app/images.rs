//! `build`, `pull` and `push`: the images of services, without their containers.

use std::time::Instant;

use crate::app::bake;
use crate::app::error::{AppError, Result};
use crate::app::project::Project;
use crate::app::up::{Aim, UpRequest};
use crate::app::wiring::Engine;
use crate::driver::image::ImageProgress;
use crate::engine::{Cancel, Level};
use crate::model::build::Build;
use crate::model::environment::Environment;
use crate::model::event::{Event, Listener, Outcome};
use crate::model::quantity::Bytes;
use crate::model::service::Service;
use crate::plan::{self, Options, Pull};

/// What `build` is asked for.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "one flag each")]
pub struct BuildWish {
    /// Services; none: all.
    pub services: Vec<String>,
    /// Without the cache.
    pub no_cache: bool,
    /// Base images are refreshed.
    pub pull: bool,
    /// `NAME[=VALUE]`: instead of the spec's.
    pub arguments: Vec<(String, Option<String>)>,
    /// What the services depend on as well.
    pub with_dependencies: bool,
    /// `default`, or `ID=PATH`: beside the spec's.
    pub ssh: Option<String>,
    /// Instead of the spec's.
    pub provenance: Option<String>,
    /// Instead of the spec's.
    pub sbom: Option<String>,
    /// Memory of the steps' containers.
    pub memory: Option<Bytes>,
    /// The images are pushed afterwards.
    pub push: bool,
    /// Nothing is built, only checked.
    pub check: bool,
}

/// `build` as a request to `up`, which goes no further than images. `None`: there is nothing to build.
pub fn build(project: &Project, wish: &BuildWish) -> Result<Option<UpRequest>> {
    let mut environment = project.environment()?.clone();
    let services = to_build(project, &environment, wish)?;
    if services.is_empty() {
        return Ok(None);
    }
    override_builds(&mut environment, wish);
    for build in builds(&mut environment) {
        build.memory = wish.memory;
        for (own, given) in [(&mut build.provenance, &wish.provenance), (&mut build.sbom, &wish.sbom)] {
            if given.is_some() {
                own.clone_from(given);
            }
        }
    }
    let options = Options { services, no_deps: true, build: true, ..Options::default() };
    Ok(Some(UpRequest { options, aim: Aim::Images, environment: Some(environment), ..UpRequest::default() }))
}

/// Whether a request to build asks for a limit of memory.
pub fn limits_memory(request: &UpRequest) -> bool {
    let services = request.environment.iter().flat_map(|environment| environment.services.values());
    services.filter_map(|service| service.build.as_ref()).any(|build| build.memory.is_some())
}

/// `build --print`. `None`: there is nothing to build.
pub fn bake(project: &Project, wish: &BuildWish) -> Result<Option<bake::Printed>> {
    let mut environment = project.environment()?.clone();
    let services = to_build(project, &environment, wish)?;
    let is_built = |name: &String| service(&environment, name).is_some_and(|service| service.build.is_some());
    let (built, made): (Vec<String>, Vec<String>) = services.into_iter().partition(is_built);
    let remark =
        |name: String| format!("service {name} is left out: devup makes its image itself, without a Dockerfile");
    let remarks: Vec<String> = made.into_iter().map(remark).collect();
    if built.is_empty() {
        return Ok(None);
    }
    override_builds(&mut environment, wish);
    let mut printed = bake::file(&environment, &built, wish)?;
    printed.remarks.extend(remarks);
    Ok(Some(printed))
}

/// The services whose images are made: those named, and what their builds stand on.
pub(super) fn to_build(project: &Project, environment: &Environment, wish: &BuildWish) -> Result<Vec<String>> {
    project.check_services(&wish.services, &[])?;
    let mut services = names(environment, &wish.services);
    if wish.with_dependencies {
        services = with_dependencies(environment, services);
    }
    // another service's image as a context is built before
    let mut at = 0;
    while at < services.len() {
        let build = service(environment, &services[at]).and_then(|service| service.build.as_ref());
        let needed = build.into_iter().flat_map(Build::services).map(|(_, other)| other.to_owned());
        for name in needed.collect::<Vec<_>>() {
            if !services.contains(&name) {
                services.push(name);
            }
        }
        at += 1;
    }
    services.retain(|name| {
        service(environment, name)
            .is_some_and(|service| service.build.is_some() || service.env.is_some() || !service.provision.is_empty())
    });
    Ok(services)
}

fn builds(environment: &mut Environment) -> impl Iterator<Item = &mut Build> {
    let Environment { services, disabled, .. } = environment;
    services.values_mut().chain(disabled.values_mut()).filter_map(|service| service.build.as_mut())
}

/// What the command line says stands above the spec.
pub(super) fn override_builds(environment: &mut Environment, wish: &BuildWish) {
    for build in builds(environment) {
        build.no_cache |= wish.no_cache;
        build.pull |= wish.pull;
        for (name, value) in &wish.arguments {
            build.args.insert(name.clone(), value.clone());
        }
        if let Some(key) = &wish.ssh {
            let id = |key: &str| key.split('=').next().unwrap_or_default().to_owned();
            build.ssh.retain(|known| id(known) != id(key));
            build.ssh.push(key.clone());
        }
    }
}

/// What `pull` is asked for.
#[derive(Debug, Clone, Default)]
pub struct PullWish {
    /// Services; none: all.
    pub services: Vec<String>,
    /// Images that can be built are left out.
    pub ignore_buildable: bool,
    /// What the services depend on as well.
    pub with_dependencies: bool,
    /// Only where an image is missing.
    pub missing_only: bool,
}

/// `pull` as a request to `up`, which goes no further than images. `None`: there is nothing to pull.
pub fn pull(project: &Project, wish: &PullWish) -> Result<Option<UpRequest>> {
    let mut environment = project.environment()?.clone();
    project.check_services(&wish.services, &[])?;
    let mut services = names(&environment, &wish.services);
    if wish.with_dependencies {
        services = with_dependencies(&environment, services);
    }
    let Environment { services: enabled, disabled, .. } = &mut environment;
    services.retain(|name| {
        let Some(service) = enabled.get_mut(name).or_else(|| disabled.get_mut(name)) else { return false };
        let named = service.image.is_some() && service.env.is_none();
        let never = matches!(service.pull_policy.as_deref(), Some("never" | "build"));
        if !named || never || (service.build.is_some() && wish.ignore_buildable) {
            return false;
        }
        service.build = None;
        service.provision.clear();
        true
    });
    if services.is_empty() {
        return Ok(None);
    }
    let pull = if wish.missing_only { Pull::Missing } else { Pull::Always };
    let options = Options { services, no_deps: true, pull: Some(pull), ..Options::default() };
    Ok(Some(UpRequest { options, aim: Aim::Images, environment: Some(environment), ..UpRequest::default() }))
}

/// Whether a service's image can be built where it can't be pulled.
pub fn is_buildable(project: &Project, image: &str) -> bool {
    project
        .environment
        .iter()
        .flat_map(|environment| environment.services.values().chain(environment.disabled.values()))
        .any(|service| service.build.is_some() && service.image.as_deref() == Some(image))
}

/// References that `push` sends: those of services that are built, with the tags of their builds.
pub fn pushed(project: &Project, services: &[String], with_dependencies_too: bool) -> Result<Vec<String>> {
    let environment = project.environment()?;
    project.check_services(services, &[])?;
    let mut chosen = names(environment, services);
    if with_dependencies_too {
        chosen = with_dependencies(environment, chosen);
    }
    let mut references = Vec::new();
    for name in chosen {
        let Some(service) = service(environment, &name) else { continue };
        let Some(build) = &service.build else { continue };
        let own = plan::own_image(environment, &name, service).map_err(|error| AppError::failed(error.to_string()))?;
        for reference in std::iter::once(own).chain(build.tags.iter().cloned()) {
            if !references.contains(&reference) {
                references.push(reference);
            }
        }
    }
    Ok(references)
}

/// Sends images to their registries, one after the other. Returns how many failed.
pub async fn push(
    engine: &Engine,
    references: &[String],
    keep_going: bool,
    listener: &dyn Listener,
    cancel: &Cancel,
) -> Result<usize> {
    let mut failed = 0;
    for reference in references {
        if cancel.level() > Level::Go {
            return Err(AppError::Interrupted { message: format!("interrupted; left: {reference}") });
        }
        let (step, subject) = (reference.clone(), format!("Image {reference}"));
        listener.on(Event::Started { step: step.clone(), subject: subject.clone(), action: "Pushing".to_owned() });
        let began = Instant::now();
        let sink = |progress: ImageProgress| {
            listener.on(Event::Progress {
                step: step.clone(),
                part: progress.part,
                message: progress.message,
                current: progress.current,
                total: progress.total,
            });
        };
        let sent = tokio::select! {
            sent = engine.images.push(reference, &sink) => sent,
            () = cancel.reaches(Level::Stop) => {
                return Err(AppError::Interrupted { message: format!("interrupted while pushing {reference}") });
            }
        };
        let outcome = match &sent {
            Ok(()) => Outcome::Done,
            Err(error) => Outcome::Failed { error: error.to_string() },
        };
        listener.on(Event::Ended {
            step: step.clone(),
            subject,
            action: "Pushed".to_owned(),
            outcome,
            took: began.elapsed(),
        });
        match sent {
            Ok(()) => {}
            Err(_) if keep_going => failed += 1,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(failed)
}

fn service<'a>(environment: &'a Environment, name: &str) -> Option<&'a Service> {
    environment.services.get(name).or_else(|| environment.disabled.get(name))
}

fn names(environment: &Environment, named: &[String]) -> Vec<String> {
    if named.is_empty() { environment.services.keys().cloned().collect() } else { named.to_vec() }
}

fn with_dependencies(environment: &Environment, mut services: Vec<String>) -> Vec<String> {
    let mut at = 0;
    while at < services.len() {
        let needed = service(environment, &services[at]).map(|service| service.depends_on.keys().cloned());
        for name in needed.into_iter().flatten().collect::<Vec<_>>() {
            if !services.contains(&name) {
                services.push(name);
            }
        }
        at += 1;
    }
    services
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::name::ProjectName;

    fn project() -> Project {
        let mut environment = Environment { project: ProjectName::parse("shop").ok(), ..Environment::default() };
        let built = |image: Option<&str>, context: Option<&str>| Service {
            image: image.map(str::to_owned),
            build: Some(Build {
                additional_contexts: context.map(|c| ("base".to_owned(), c.to_owned())).into_iter().collect(),
                tags: vec!["r/x:2".into()],
                ..Build::default()
            }),
            ..Service::default()
        };
        environment.services.insert("web".into(), built(None, Some("service:base")));
        environment.services.insert("base".into(), built(Some("r/base:1"), None));
        environment.services.insert("db".into(), Service { image: Some("db:1".into()), ..Service::default() });
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

    #[test]
    fn a_build_takes_along_what_it_stands_on() {
        let arguments = vec![("V".to_owned(), Some("2".to_owned()))];
        let wish = BuildWish { services: vec!["web".into()], no_cache: true, arguments, ..BuildWish::default() };
        let request = build(&project(), &wish).unwrap().unwrap();
        assert_eq!(request.options.services, ["web", "base"]);
        let made = request.environment.unwrap().services["web"].build.clone().unwrap();
        assert!(made.no_cache && made.args["V"].as_deref() == Some("2"));
        let nothing = BuildWish { services: vec!["db".into()], ..BuildWish::default() };
        assert!(build(&project(), &nothing).unwrap().is_none());
    }

    #[test]
    fn the_command_line_stands_above_the_spec() {
        let mut project = project();
        let own = project.environment.as_mut().unwrap().services.get_mut("web").unwrap().build.as_mut().unwrap();
        own.ssh = vec!["default=/spec.sock".into(), "other=/o.sock".into()];
        own.sbom = Some("true".into());
        let wish = BuildWish {
            ssh: Some("default".into()),
            provenance: Some("mode=max".into()),
            memory: Some(Bytes(1)),
            ..BuildWish::default()
        };
        let request = build(&project, &wish).unwrap().unwrap();
        let made = request.environment.unwrap().services["web"].build.clone().unwrap();
        assert_eq!(made.ssh, ["other=/o.sock", "default"]);
        let said = (made.provenance.as_deref(), made.sbom.as_deref(), made.memory);
        assert_eq!(said, (Some("mode=max"), Some("true"), Some(Bytes(1))));
        assert!(project.environment().unwrap().services["web"].build.as_ref().unwrap().memory.is_none());
    }

    #[test]
    fn only_what_has_a_name_of_its_own_is_pulled() {
        let pulled = |wish: &PullWish| pull(&project(), wish).unwrap().unwrap().options.services;
        assert_eq!(pulled(&PullWish::default()), ["base", "db"]);
        assert_eq!(pulled(&PullWish { ignore_buildable: true, ..PullWish::default() }), ["db"]);
        assert!(is_buildable(&project(), "r/base:1") && !is_buildable(&project(), "db:1"));
    }

    #[test]
    fn what_is_built_is_pushed_under_all_its_names() {
        assert_eq!(pushed(&project(), &[], false).unwrap(), ["shop-web", "r/x:2", "r/base:1"]);
    }
}
