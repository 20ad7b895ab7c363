//! The dev container of a project: what its image says about working in it, what runs on this machine first, and how
//! programs of the person run inside.

use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::future;

use crate::app::error::{AppError, Result};
use crate::app::project::Project;
use crate::app::request::Request;
use crate::app::secret;
use crate::app::wiring::Engine;
use crate::app::workplace;
use crate::base::process::Call;
use crate::driver::session::ExecRequest;
use crate::engine::session;
use crate::feature::Feature;
use crate::model::development::{Command, Development, Requirements, Stage, Wish};
use crate::model::environment::Environment;
use crate::model::event::{Event, Listener, Outcome};
use crate::model::mount::MountKind;
use crate::model::observed::{Container, Image};
use crate::model::resource::{SecretSource, Volume};
use crate::spec::devcontainer::metadata::Below;
use crate::state::port::choose::Chosen;
use crate::state::store::State;

/// Merges what the dev container's image says below what the project says.
pub fn describe(environment: &mut Environment, image: Option<&Image>, features: &[Feature]) -> Result<()> {
    let Environment { development: Some(development), services, volumes, .. } = environment else { return Ok(()) };
    let (Some(image), Some(service)) = (image, services.get_mut(&development.service)) else { return Ok(()) };
    let mut metadata = workplace::metadata(image, features)?;
    if metadata.is_empty() {
        return Ok(());
    }
    metadata.substitute(&workplace::known(development))?;
    let lookup = |name: &str| variable(image, name);
    let below = Below { variable: &lookup, entrypoint: &image.entrypoint, command: &image.command };
    metadata.apply(service, development, &below)?;
    for mount in service.volumes.iter().filter(|mount| mount.kind == MountKind::Volume) {
        if let Some(source) = &mount.source {
            let volume = || Volume { name: source.clone(), ..Volume::default() };
            volumes.entry(source.clone()).or_insert_with(volume);
        }
    }
    metadata.ports(services, development);
    Ok(())
}

fn variable(image: &Image, name: &str) -> Option<String> {
    let pairs = image.environment.iter().filter_map(|line| line.split_once('='));
    pairs.filter(|(known, _)| *known == name).map(|(_, value)| value.to_owned()).next()
}

/// Runs what belongs before everything else on this machine. Consent was given.
pub async fn initialize(development: &Development, listener: &dyn Listener) -> Result<()> {
    for stage in &development.initialize {
        let began = Instant::now();
        let subject = format!("Stage {} on this machine", stage.name);
        let step = stage.name.clone();
        let action = "Running".to_owned();
        listener.on(Event::Started { step: step.clone(), subject: subject.clone(), action });
        let ended = on_this_machine(development, stage, listener).await;
        let outcome = match &ended {
            Ok(()) => Outcome::Done,
            Err(error) => Outcome::Failed { error: error.to_string() },
        };
        listener.on(Event::Ended { step, subject, action: "Done".to_owned(), outcome, took: began.elapsed() });
        ended?;
    }
    Ok(())
}

async fn on_this_machine(development: &Development, stage: &Stage, listener: &dyn Listener) -> Result<()> {
    let run = |(name, command): (&String, &Command)| {
        let words = command.words();
        let what = if name.is_empty() { stage.name.clone() } else { format!("{} {name}", stage.name) };
        async move {
            let Some((program, arguments)) = words.split_first() else { return Ok(()) };
            let call = Call::new(program).args(arguments).dir(&development.local_folder).deadline(DAY);
            let told = |_, bytes: &[u8]| {
                for line in String::from_utf8_lossy(bytes).lines() {
                    let (step, message) = (stage.name.clone(), line.to_owned());
                    listener.on(Event::Progress { step, part: String::new(), message, current: None, total: None });
                }
            };
            let done = call.watch(told).await.and_then(crate::base::process::Finished::checked);
            done.map(drop).map_err(|error| {
                AppError::failed(format!("{what} on this machine: {error}"))
                    .help(format!("it stands in {}; nothing else was done", development.file.display()))
            })
        }
    };
    future::join_all(stage.commands.iter().map(run)).await.into_iter().collect()
}

/// A command may well wait for a person.
const DAY: Duration = Duration::from_hours(24);

/// Finds out where the values of the secrets come from: a variable of this run, or devup's keyring.
pub fn find_secrets(request: &Request, state: &State, project: &str, development: &mut Development) -> Result<()> {
    if development.secrets.is_empty() {
        return Ok(());
    }
    let kept = secret::list(state, project, None)?;
    for (name, wish) in &mut development.secrets {
        let source = SecretSource { name: name.clone(), ..SecretSource::default() };
        let is_set = request.spec.environment.get(name).is_some_and(|value| !value.is_empty());
        let is_kept = kept.iter().any(|line| line.name == *name && line.present);
        wish.source = match (is_set, is_kept) {
            (true, _) => Some(SecretSource { environment: Some(name.clone()), ..source }),
            (false, true) => Some(SecretSource { keyring: Some(name.clone()), ..source }),
            (false, false) => None,
        };
    }
    Ok(())
}

/// What the dev container asks for and this machine does not have, in words.
pub fn unmet(request: &Request, state: &State, project: &str, development: &Development) -> Result<Vec<String>> {
    let mut found = development.clone();
    find_secrets(request, state, project, &mut found)?;
    let missing = found.secrets.iter().filter(|(_, wish)| wish.source.is_none());
    let line = |(name, wish): (&String, &Wish)| {
        let about = if wish.about.is_empty() { String::new() } else { format!(" ({})", wish.about) };
        format!("secret {name} has no value{about}: `devup secret set {name}`, or export {name}")
    };
    let mut unmet: Vec<String> = missing.map(line).collect();
    unmet.extend(lacking(development));
    Ok(unmet)
}

/// What this machine should have and does not have, in words.
pub fn lacking(development: &Development) -> Vec<String> {
    too_small(&development.requirements, &Machine::here(&development.local_folder))
}

/// What there is; `None`: it can't be found out.
struct Machine {
    cpus: Option<u64>,
    memory: Option<u64>,
    storage: Option<u64>,
    gpu: bool,
}

/// What drivers of GPUs leave where programs find them.
const GPUS: [&str; 3] = ["/dev/nvidiactl", "/dev/kfd", "/dev/dxg"];

impl Machine {
    fn here(folder: &Path) -> Self {
        let cpus = std::thread::available_parallelism().ok().and_then(|cpus| u64::try_from(cpus.get()).ok());
        let memory = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
            let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
            line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()?.checked_mul(1024)
        });
        #[cfg(unix)]
        let storage = rustix::fs::statvfs(folder).ok().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
        #[cfg(not(unix))]
        let storage = folder.exists().then_some(u64::MAX);
        let gpu = GPUS.iter().any(|device| Path::new(device).exists());
        Self { cpus, memory, storage, gpu }
    }
}

fn too_small(wanted: &Requirements, machine: &Machine) -> Vec<String> {
    let size = |bytes: u64| format!("{} MiB", bytes >> 20);
    let less = |wanted: Option<u64>, have: Option<u64>| wanted.zip(have).filter(|(wanted, have)| have < wanted);
    let told = |wanted: String, what: &str, have: String| {
        format!("the dev container asks for {wanted} {what}, this machine has {have}")
    };
    let cpus = less(wanted.cpus, machine.cpus).map(|(wanted, have)| told(wanted.to_string(), "CPUs", have.to_string()));
    let memory = less(wanted.memory, machine.memory).map(|(wanted, have)| told(size(wanted), "of memory", size(have)));
    let disk =
        less(wanted.storage, machine.storage).map(|(wanted, have)| told(size(wanted), "free on the disk", size(have)));
    let gpu =
        (wanted.gpu && !machine.gpu).then(|| "the dev container asks for a GPU, this machine shows none".to_owned());
    [cpus, memory, disk, gpu].into_iter().flatten().collect()
}

/// Ports that must not move.
pub fn check_ports(environment: &Environment, chosen: &[Chosen]) -> Result<()> {
    let Some(development) = &environment.development else { return Ok(()) };
    for port in &development.required_ports {
        let moved = chosen.iter().find(|one| one.binding.target == *port && one.moved());
        if let Some(one) = moved {
            let message = format!(
                "port {port} is taken, and `requireLocalPort` wants it: {} would be free",
                one.binding.published
            );
            return Err(AppError::failed(message).help("`devup ports` shows who holds which port"));
        }
    }
    Ok(())
}

/// The request as the dev container's person would make it; that of another service stays as it is.
pub async fn as_person(
    engine: &Engine,
    project: &Project,
    container: &Container,
    request: ExecRequest,
) -> Result<ExecRequest> {
    let development = project.environment.as_ref().and_then(|environment| environment.development.as_ref());
    if development.is_none_or(|development| development.service != container.service()) {
        return Ok(request);
    }
    let mut environment = project.environment()?.clone();
    let image = engine.images.image(&container.image_id).await?;
    // features have left their words on the image
    describe(&mut environment, image.as_ref(), &[])?;
    let Some(development) = environment.development else { return Ok(request) };
    Ok(session::request(&*engine.sessions, &container.id, &development.session, request).await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::devcontainer::metadata::LABEL;

    #[test]
    fn what_a_machine_lacks_is_told() {
        let wanted = Requirements { cpus: Some(4), memory: Some(8 << 30), ..Requirements::default() };
        let small = Machine { cpus: Some(2), memory: Some(16 << 30), storage: Some(0), gpu: false };
        assert_eq!(too_small(&wanted, &small), ["the dev container asks for 4 CPUs, this machine has 2"]);
        let with_gpu = Requirements { gpu: true, ..Requirements::default() };
        assert_eq!(too_small(&with_gpu, &small), ["the dev container asks for a GPU, this machine shows none"]);
        assert!(too_small(&with_gpu, &Machine { gpu: true, ..small }).is_empty());
        let unknown = Machine { cpus: None, memory: Some(1 << 30), storage: None, gpu: false };
        assert_eq!(too_small(&wanted, &unknown).len(), 1);
    }

    #[test]
    fn a_volume_that_only_the_image_names_is_declared() {
        let mut environment = Environment {
            development: Some(Development { service: "dev".into(), ..Development::default() }),
            ..Environment::default()
        };
        environment.services.insert("dev".into(), crate::model::service::Service::default());
        let label = r#"[{"mounts": ["type=volume,source=cache${localEnv:HOME},target=/cache"], "init": true}]"#;
        let image = Image { labels: [(LABEL.to_owned(), label.to_owned())].into(), ..image() };
        describe(&mut environment, Some(&image), &[]).unwrap();
        assert_eq!(environment.volumes["cache"].name, "cache");
        assert_eq!(environment.services["dev"].init, Some(true));
        let wrong = Image { labels: [(LABEL.to_owned(), "[".to_owned())].into(), ..image };
        assert!(
            describe(&mut environment, Some(&wrong), &[])
                .unwrap_err()
                .to_string()
                .contains("label devcontainer.metadata")
        );
    }

    fn image() -> Image {
        Image {
            id: "sha256:1".into(),
            tags: vec!["base:1".into()],
            digests: Vec::new(),
            created: 0,
            tagged: None,
            size: 0,
            platform: "linux/amd64".into(),
            labels: indexmap::IndexMap::new(),
            volumes: Vec::new(),
            user: String::new(),
            working_dir: String::new(),
            environment: Vec::new(),
            entrypoint: Vec::new(),
            command: Vec::new(),
            has_healthcheck: false,
        }
    }
}
