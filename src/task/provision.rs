//! Where a provisioning step runs. Pure.
//!
//! A step's result has to be seen by the service. What it writes into the image is kept as an image layer, once per
//! content of step and inputs, and shared by all services and copies of the project that ask for the same. What it
//! writes beneath a mount would be hidden by the mount: such a step runs in a container that has the mounts.

use super::inputs::InputFile;
use crate::base::digest::{Digest, FieldHasher};
use crate::model::mount::MountKind;
use crate::model::service::Service;
use crate::model::task::Provision;
use std::path::{Path, PathBuf};

/// Name of the images that hold layers; `localhost/` is never asked of a public registry.
pub use crate::model::repository::LAYERS as REPOSITORY;

/// Programs that write below the folder they run in, and what they write: for steps that do not state `outputs`.
const WRITES_BESIDE: &[(&str, &[&str], &str)] = &[
    ("npm", &["ci", "i", "install"], "node_modules"),
    ("pnpm", &["i", "install"], "node_modules"),
    ("yarn", &["", "install"], "node_modules"),
    ("bun", &["i", "install"], "node_modules"),
    ("composer", &["install", "update"], "vendor"),
    ("go", &["mod"], "vendor"),
    ("cargo", &["build", "fetch"], "target"),
    ("mix", &["deps.get"], "deps"),
];

/// A step and the files that it reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadStep {
    /// As the spec has it.
    pub provision: Provision,
    /// What its `inputs` are now.
    pub inputs: Vec<InputFile>,
}

/// A step that runs in a container with the service's mounts, before the service starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inside {
    /// Hash over the step and its inputs.
    pub digest: String,
    /// Hash over the step without what its inputs hold.
    pub step: String,
    /// Paths inside that it writes, absolute.
    pub outputs: Vec<String>,
    /// The step; its `run` does nothing where the mount holds the result of the same digest already.
    pub provision: Provision,
}

/// Where the steps of a service run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decision {
    /// Name of the image with the layers; `None` where there are none.
    pub reference: Option<String>,
    /// Steps that become image layers, in the spec's order.
    pub layers: Vec<Provision>,
    /// Steps that run inside, in the spec's order, after all layers.
    pub inside: Vec<Inside>,
}

/// Decides for the steps of a service on an image. `base` stands for the image's content: a reference with a content
/// hash, or a reference and its id.
pub fn decide(service: &Service, project_folder: &Path, base: &str, steps: &[ReadStep]) -> Decision {
    let mounts = mount_targets(service);
    let mut decision = Decision::default();
    let mut layers = FieldHasher::new();
    layers.field(base);
    for step in steps {
        let folder = step.provision.working_dir.clone().or_else(|| service.working_dir.clone());
        let folder = folder.unwrap_or_else(|| "/".to_owned());
        let outputs = outputs(&step.provision, &folder);
        let digest = step_digest(step, &folder);
        let mut settled = Provision { working_dir: Some(folder.clone()), ..step.provision.clone() };
        if outputs.iter().any(|output| mounts.iter().any(|mount| is_below(output, mount))) {
            settled.run = marked(&settled, &outputs, &digest);
            let step = step_alone(step, &folder).to_string();
            decision.inside.push(Inside { digest: digest.to_string(), step, outputs, provision: settled });
        } else {
            settled.copies = copies(service, project_folder, &folder, &step.inputs);
            layers.field(digest.bytes());
            for place in settled.copies.values() {
                layers.field(place);
            }
            settled.hidden_by.clone_from(&mounts);
            decision.layers.push(settled);
        }
    }
    if !decision.layers.is_empty() {
        decision.reference = Some(format!("{REPOSITORY}:{}", layers.finish().short(16)));
    }
    decision
}

/// A step whose result nobody would see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// The step's command.
    pub run: String,
    /// What it writes.
    pub output: String,
    /// The memory above that, which is empty whenever the container starts.
    pub memory: String,
}

/// The first step that writes into memory of the service.
pub fn lost(service: &Service, steps: &[Provision]) -> Option<Lost> {
    let mounts = mount_targets(service);
    let long = service.volumes.iter().filter(|mount| mount.kind == MountKind::Tmpfs).map(|mount| plain(&mount.target));
    let short = service.tmpfs.iter().map(|entry| plain(entry.split(':').next().unwrap_or_default()));
    let memory: Vec<String> = long.chain(short).collect();
    steps.iter().find_map(|step| {
        let folder = step.working_dir.as_deref().or(service.working_dir.as_deref()).unwrap_or("/");
        outputs(step, folder).into_iter().find_map(|output| {
            // of mounts in mounts the innermost is written to
            let nearest = mounts.iter().filter(|mount| is_below(&output, mount)).max_by_key(|mount| mount.len())?;
            let lost = Lost { run: step.run.clone(), output: output.clone(), memory: nearest.clone() };
            memory.contains(nearest).then_some(lost)
        })
    })
}

/// The step by its own words: with other content of its inputs it is the same step.
fn step_alone(step: &ReadStep, folder: &str) -> Digest {
    let mut hasher = FieldHasher::new();
    hasher.field(step_digest(&ReadStep { inputs: Vec::new(), ..step.clone() }, folder).bytes());
    for input in &step.provision.inputs {
        hasher.field(input);
    }
    hasher.finish()
}

fn step_digest(step: &ReadStep, folder: &str) -> Digest {
    let Provision { run, user, outputs, .. } = &step.provision;
    let mut hasher = FieldHasher::new();
    hasher.field(run).field(folder).field(user.as_deref().unwrap_or_default());
    hasher.field((outputs.len() as u64).to_le_bytes());
    for output in outputs {
        hasher.field(output);
    }
    for input in &step.inputs {
        hasher.field(&input.path).field(input.digest.bytes());
    }
    hasher.finish()
}

fn mount_targets(service: &Service) -> Vec<String> {
    let volumes = service.volumes.iter().map(|mount| mount.target.as_str());
    let memory = service.tmpfs.iter().map(|entry| entry.split(':').next().unwrap_or_default());
    let mut targets: Vec<String> = volumes.chain(memory).map(plain).filter(|target| target != "/").collect();
    targets.sort();
    targets.dedup();
    targets
}

/// Absolute paths that the step writes, as far as that is stated or known.
fn outputs(provision: &Provision, folder: &str) -> Vec<String> {
    let stated = provision.outputs.iter().map(|output| join(folder, output));
    if !provision.outputs.is_empty() {
        return stated.collect();
    }
    known_output(&provision.run).map(|output| join(folder, output)).into_iter().collect()
}

/// What a well-known program writes, where the line is one plain call of it.
fn known_output(run: &str) -> Option<&'static str> {
    let words = shlex::split(run)?;
    let mut words = words.iter().map(String::as_str).filter(|word| !word.contains('='));
    let program = words.next()?;
    let verb = words.find(|word| !word.starts_with('-')).unwrap_or_default();
    let (_, _, output) = WRITES_BESIDE.iter().find(|(name, verbs, _)| *name == program && verbs.contains(&verb))?;
    Some(output)
}

/// Runs the step unless every output folder says that it holds this result. The mark lies in the output itself: who
/// removes the one removes the other.
fn marked(provision: &Provision, outputs: &[String], digest: &Digest) -> String {
    let name = format!(".devup-provision-{}", Digest::of(&provision.run).short(12));
    let marks: Vec<String> = outputs.iter().map(|output| quote(&format!("{output}/{name}"))).collect();
    let marks = marks.join(" ");
    format!(
        "fresh=1\nfor mark in {marks}; do\n[ \"$(cat \"$mark\" 2>/dev/null)\" = {digest} ] || fresh=\ndone\n\
         [ -z \"$fresh\" ] || exit 0\n\
         /bin/sh -euc {}\n\
         for mark in {marks}; do\n[ ! -d \"${{mark%/*}}\" ] || echo {digest} >\"$mark\"\ndone\n",
        quote(&provision.run)
    )
}

fn quote(word: &str) -> String {
    // only a NUL byte cannot be quoted, and YAML text holds none
    shlex::try_quote(word).map_or_else(|_| word.to_owned(), std::borrow::Cow::into_owned)
}

/// Inputs lie in the image where the service's binds show them later, else below the step's folder.
fn copies(
    service: &Service,
    project_folder: &Path,
    folder: &str,
    inputs: &[InputFile],
) -> indexmap::IndexMap<PathBuf, String> {
    let place = |input: &InputFile| {
        let file = project_folder.join(&input.path);
        let binds = service.volumes.iter().filter(|mount| mount.kind == MountKind::Bind);
        let shown = binds.filter_map(|mount| {
            let rest = file.strip_prefix(mount.source.as_ref()?).ok()?;
            Some((rest.components().count(), join(&mount.target, rest.to_str()?)))
        });
        // the nearest bind is the one that is seen
        let shown = shown.min_by_key(|(depth, _)| *depth).map(|(_, place)| place);
        (file.clone(), shown.unwrap_or_else(|| join(folder, &input.path)))
    };
    inputs.iter().map(place).collect()
}

/// `path` seen from `folder`, without `.` and `..`.
fn join(folder: &str, path: &str) -> String {
    if path.starts_with('/') { plain(path) } else { plain(&format!("{folder}/{path}")) }
}

fn plain(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::mount::Mount;
    use proptest::prelude::*;

    fn bound(source: &str, target: &str) -> Mount {
        Mount { kind: MountKind::Bind, source: Some(source.to_owned()), target: target.to_owned(), ..Mount::default() }
    }

    fn service() -> Service {
        Service {
            working_dir: Some("/workspace".to_owned()),
            volumes: vec![bound("/home/ada/shop", "/workspace")],
            ..Service::default()
        }
    }

    fn step(run: &str, outputs: &[&str]) -> ReadStep {
        let outputs = outputs.iter().map(|output| (*output).to_owned()).collect();
        let input = InputFile { path: "requirements.txt".to_owned(), digest: Digest::of("django") };
        ReadStep { provision: Provision { run: run.to_owned(), outputs, ..Provision::default() }, inputs: vec![input] }
    }

    fn decided(steps: &[ReadStep]) -> Decision {
        decide(&service(), Path::new("/home/ada/shop"), "base", steps)
    }

    #[test]
    fn packages_become_a_layer_and_find_their_inputs_where_the_service_does() {
        let decision = decided(&[step("pip install -r requirements.txt", &[])]);
        assert_eq!((decision.layers.len(), decision.inside.len()), (1, 0));
        let copies: Vec<_> = decision.layers[0].copies.iter().collect();
        assert_eq!(
            copies,
            [(&PathBuf::from("/home/ada/shop/requirements.txt"), &"/workspace/requirements.txt".to_owned())]
        );
        assert_eq!(decision.layers[0].hidden_by, ["/workspace"]);
        assert!(decision.reference.unwrap().starts_with("localhost/devup-layer:"));
    }

    #[test]
    fn what_lands_beneath_a_mount_runs_inside() {
        for (run, outputs) in [
            ("npm ci", &[][..]),
            ("NODE_ENV=production npm --silent install", &[]),
            ("make assets", &["static/built"]),
            ("make", &["/workspace"]),
        ] {
            let decision = decided(&[step(run, outputs)]);
            assert_eq!((decision.reference, decision.inside.len()), (None, 1), "{run}");
        }
        let beside = decided(&[step("make", &["/workspaces/x", "../elsewhere"])]);
        assert_eq!(beside.inside.len(), 0, "a name that begins alike is not below");
    }

    #[test]
    fn what_lands_in_memory_is_lost() {
        let memory = Mount { kind: MountKind::Tmpfs, target: "/workspace/tmp".to_owned(), ..Mount::default() };
        let mut service = Service { tmpfs: vec!["/workspace/node_modules/:size=1m".to_owned()], ..service() };
        service.volumes.push(memory);
        let of = |run: &str, outputs: &[&str]| lost(&service, &[step(run, outputs).provision]);
        let found = of("npm ci", &[]).unwrap();
        assert_eq!(
            (found.output.as_str(), found.memory.as_str()),
            ("/workspace/node_modules", "/workspace/node_modules")
        );
        assert_eq!(of("make", &["built", "tmp/cache"]).unwrap().memory, "/workspace/tmp");
        assert_eq!(of("make", &["built", "/opt/x", "/workspace/tmpx"]), None);
        service.volumes.push(Mount {
            kind: MountKind::Volume,
            target: "/workspace/tmp/kept".to_owned(),
            ..Mount::default()
        });
        assert_eq!(lost(&service, &[step("make", &["tmp/kept/a"]).provision]), None, "a volume in it is none");
    }

    #[cfg(unix)]
    #[test]
    fn a_step_inside_runs_once_for_its_result() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("it's out");
        let run = format!("mkdir -p {0}; echo x >>{0}/log", quote(out.to_str().unwrap()));
        let provision = Provision { run, ..Provision::default() };
        let outputs = [out.to_str().unwrap().to_owned()];
        let perform = |digest: &str| {
            let script = marked(&provision, &outputs, &Digest::of(digest));
            assert!(std::process::Command::new("sh").args(["-euc", &script]).status().unwrap().success());
            std::fs::read_to_string(out.join("log")).unwrap().lines().count()
        };
        assert_eq!((perform("a"), perform("a"), perform("b"), perform("b")), (1, 1, 2, 2));
        std::fs::remove_dir_all(&out).unwrap();
        assert_eq!(perform("b"), 1, "who removes the result gets a new one");
    }

    fn text() -> impl Strategy<Value = String> {
        prop::sample::select(vec!["make", "npm ci", "pip install x", "echo 'a b'"]).prop_map(str::to_owned)
    }

    fn path() -> impl Strategy<Value = String> {
        prop::sample::select(vec!["node_modules", "/opt/venv", "/workspace/a", "/cache", "../up", "."])
            .prop_map(str::to_owned)
    }

    fn any_step() -> impl Strategy<Value = ReadStep> {
        let inputs = prop::collection::vec("[a-c]", 0..3);
        (text(), prop::collection::vec(path(), 0..3), inputs).prop_map(|(run, outputs, inputs)| ReadStep {
            provision: Provision { run, outputs, ..Provision::default() },
            inputs: inputs.into_iter().map(|path| InputFile { digest: Digest::of(&path), path }).collect(),
        })
    }

    fn any_service() -> impl Strategy<Value = Service> {
        (prop::collection::vec(path(), 0..3), prop::option::of(Just("/workspace".to_owned()))).prop_map(
            |(targets, working_dir)| Service {
                volumes: targets.iter().map(|target| bound("/home/ada/shop", &join("/workspace", target))).collect(),
                working_dir,
                ..Service::default()
            },
        )
    }

    proptest! {
        /// No step is lost, none runs twice, and none whose stated output a mount would hide becomes a layer.
        #[test]
        fn every_step_runs_once_where_its_result_is_seen(
            service in any_service(), steps in prop::collection::vec(any_step(), 0..5),
        ) {
            let decision = decide(&service, Path::new("/home/ada/shop"), "base", &steps);
            prop_assert_eq!(decision.layers.len() + decision.inside.len(), steps.len());
            prop_assert_eq!(decision.reference.is_some(), !decision.layers.is_empty());
            let folder = service.working_dir.clone().unwrap_or_else(|| "/".to_owned());
            for layer in &decision.layers {
                for (output, mount) in layer.outputs.iter().flat_map(|o| service.volumes.iter().map(move |m| (o, m))) {
                    prop_assert!(!Path::new(&join(&folder, output)).starts_with(&mount.target));
                }
            }
        }

        /// The image is named by what is in it, and by nothing else.
        #[test]
        fn the_name_follows_the_content(steps in prop::collection::vec(any_step(), 1..4), which in any::<prop::sample::Index>()) {
            let first = decided(&steps);
            prop_assert_eq!(&first, &decided(&steps));
            let mut changed = steps.clone();
            let at = which.index(steps.len());
            changed[at].inputs.push(InputFile { path: "z".to_owned(), digest: Digest::of("new") });
            let second = decided(&changed);
            let names = |decision: &Decision| {
                (decision.reference.clone(), decision.inside.iter().map(|i| i.digest.clone()).collect::<Vec<_>>())
            };
            prop_assert_ne!(names(&first), names(&second));
            let other = decide(&service(), Path::new("/home/ada/shop"), "other", &steps);
            prop_assert!(first.reference.is_none() || first.reference != other.reference);
        }
    }
}
