//! Provisioning steps as a build on top of an image.

use crate::driver::image::BuildRequest;
use crate::model::build::Build;
use crate::model::labels;
use crate::model::observed::Image;
use crate::model::task::Provision;
use indexmap::IndexMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Exit code of a build step whose result a mount would hide.
const HIDDEN: u8 = 97;

/// What a build gets from its host beyond the steps themselves. Leaves no trace in the image but its files.
#[derive(Clone, Default)]
pub struct Surroundings {
    /// Proxy variables. May hold passwords: builders keep these out of an image's history.
    pub proxies: IndexMap<String, String>,
    /// Does the build share the host's network?
    pub host_network: bool,
    /// Files by absolute path inside, for all to read: certificate authorities.
    pub files: IndexMap<String, Vec<u8>>,
    /// Variables of the steps that name these files.
    pub variables: IndexMap<String, String>,
}

/// An input changed or went between planning and building.
#[derive(Debug, thiserror::Error)]
#[error("provisioning: cannot read input {}: {source}", path.display())]
pub struct LayerError {
    /// Which.
    pub path: PathBuf,
    /// The system's reason.
    pub source: io::Error,
}

/// The build that puts `steps` on top of the image `base`, which is there as `image`, and calls the result `reference`.
pub fn request(
    base: &str,
    image: &Image,
    reference: &str,
    steps: &[Provision],
    surroundings: &Surroundings,
) -> Result<BuildRequest, LayerError> {
    let mut text = format!("FROM {base}\n");
    let mut extra_files: Vec<(PathBuf, Vec<u8>, u32)> = Vec::new();
    for (number, (place, bytes)) in surroundings.files.iter().enumerate() {
        copy(&mut text, &format!("host/{number}"), place);
        extra_files.push((PathBuf::from(format!("host/{number}")), bytes.clone(), 0o644));
    }
    // arguments are seen by the steps and are no part of the image
    for (name, value) in &surroundings.variables {
        let _ = writeln!(text, "ARG {name}={value}");
    }
    for (number, step) in steps.iter().enumerate() {
        for (index, (file, place)) in step.copies.iter().enumerate() {
            let path = format!("steps/{number}/{index}");
            copy(&mut text, &path, place);
            let (bytes, mode) = read(file)?;
            extra_files.push((PathBuf::from(path), bytes, mode));
        }
        for (name, value) in &step.image_environment {
            let _ = writeln!(text, "ENV {name}={}", expanded(value));
        }
        run(&mut text, step);
        restore(&mut text, image, step);
    }
    extra_files.push((PathBuf::from("Dockerfile"), text.into_bytes(), 0o644));
    let content = reference.rsplit(':').next().unwrap_or_default().to_owned();
    let own = [
        (labels::OWNER, env!("CARGO_PKG_VERSION").to_owned()),
        (labels::CONTENT, content),
        (labels::BASE, base.to_owned()),
        (labels::BASE_ID, image.id.clone()),
    ];
    let given = steps.iter().flat_map(|step| step.image_labels.clone());
    Ok(BuildRequest {
        tags: vec![reference.to_owned()],
        build: Build {
            context: ".".to_owned(),
            dockerfile: Some("Dockerfile".to_owned()),
            args: surroundings.proxies.iter().map(|(name, value)| (name.clone(), Some(value.clone()))).collect(),
            network: surroundings.host_network.then(|| "host".to_owned()),
            ..Build::default()
        },
        secrets: IndexMap::new(),
        extra_files,
        without_folder: true,
        platform: None,
        labels: own.into_iter().map(|(key, value)| (key.to_owned(), value)).chain(given).collect(),
        images: IndexMap::new(),
        surroundings: None,
    })
}

fn copy(text: &mut String, from: &str, to: &str) {
    let _ = writeln!(text, "COPY {}", serde_json::json!([from, to]));
}

fn run(text: &mut String, step: &Provision) {
    if let Some(folder) = &step.working_dir {
        let _ = writeln!(text, "WORKDIR {}", escaped(folder));
    }
    if let Some(user) = &step.user {
        let _ = writeln!(text, "USER {}", escaped(user));
    }
    // a list of words: the builder expands nothing in it
    let mut words = vec!["/bin/sh".to_owned(), "-euc".to_owned(), watched(), "provision".to_owned(), step.run.clone()];
    words.extend(step.hidden_by.iter().cloned());
    let _ = writeln!(text, "RUN {}", serde_json::Value::from(words));
}

/// Runs the step ($1) and fails where it wrote below a mount (the other arguments): there nobody would see it. The step
/// begins when the clock of files has gone on: what is written within the same tick as the mark is not newer.
fn watched() -> String {
    format!(
        "step=$1; shift\n\
         before=$(mktemp); later=$(mktemp); tries=0\n\
         if command -v find >/dev/null; then\n\
         while [ -z \"$(find \"$later\" -newer \"$before\")\" ] && [ $tries -lt 1000 ]; do\n\
         echo >\"$later\"; tries=$((tries + 1))\n\
         done\nfi\n\
         /bin/sh -euc \"$step\"\n\
         if command -v find >/dev/null; then\n\
         for mount in \"$@\"; do\n\
         [ -d \"$mount\" ] || continue\n\
         lost=$(find \"$mount\" -newer \"$before\" ! -type d 2>/dev/null | head -n 3)\n\
         if [ -n \"$lost\" ]; then\n\
         echo \"devup: this step writes below $mount, a mount that hides it later:\" $lost >&2\n\
         echo \"devup: state it, and the step runs in the container: outputs: [...]\" >&2\n\
         exit {HIDDEN}\n\
         fi\ndone\nfi\n\
         rm -f \"$before\" \"$later\"\n"
    )
}

/// Steps must not change what the image's own programs start with.
fn restore(text: &mut String, image: &Image, step: &Provision) {
    if step.working_dir.is_some() {
        let folder = if image.working_dir.is_empty() { "/" } else { &image.working_dir };
        let _ = writeln!(text, "WORKDIR {}", escaped(folder));
    }
    if step.user.is_some() {
        let user = if image.user.is_empty() { "root" } else { &image.user };
        let _ = writeln!(text, "USER {}", escaped(user));
    }
}

/// A value in which builders are to expand variables, and nothing else.
fn expanded(value: &str) -> String {
    let line = value.replace(['\n', '\r'], " ");
    format!("\"{}\"", line.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Builders expand variables in these instructions.
fn escaped(word: &str) -> String {
    word.chars().flat_map(|c| ("\\$\"'".contains(c).then_some('\\')).into_iter().chain([c])).collect()
}

fn read(path: &Path) -> Result<(Vec<u8>, u32), LayerError> {
    let wrong = |source| LayerError { path: path.to_owned(), source };
    #[cfg(unix)]
    let mode = {
        use std::os::unix::fs::PermissionsExt;
        fs::metadata(path).map_err(wrong)?.permissions().mode() & 0o755 | 0o444
    };
    #[cfg(not(unix))]
    let mode = 0o644;
    Ok((fs::read(path).map_err(wrong)?, mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image() -> Image {
        Image {
            id: "sha256:1".to_owned(),
            tags: Vec::new(),
            digests: Vec::new(),
            created: 0,
            tagged: None,
            size: 0,
            platform: "linux/amd64".to_owned(),
            labels: IndexMap::new(),
            volumes: Vec::new(),
            user: "app".to_owned(),
            working_dir: String::new(),
            environment: Vec::new(),
            entrypoint: Vec::new(),
            command: Vec::new(),
            has_healthcheck: false,
        }
    }

    #[test]
    fn the_image_keeps_its_user_and_folder() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("requirements.txt");
        fs::write(&file, "django").unwrap();
        let step = Provision {
            run: "echo \"$HOME\"".to_owned(),
            user: Some("root".to_owned()),
            working_dir: Some("/work space/$x".to_owned()),
            copies: IndexMap::from([(file, "/workspace/requirements.txt".to_owned())]),
            ..Provision::default()
        };
        let surroundings = Surroundings {
            proxies: IndexMap::from([("HTTPS_PROXY".to_owned(), "http://me:hush@proxy.example".to_owned())]),
            files: IndexMap::from([("/etc/devup/authorities.pem".to_owned(), b"pem".to_vec())]),
            variables: IndexMap::from([("PIP_CERT".to_owned(), "/etc/devup/authorities.pem".to_owned())]),
            host_network: false,
        };
        let request = request("base:1", &image(), "localhost/devup-layer:abc", &[step], &surroundings).unwrap();
        let text = String::from_utf8(request.extra_files.last().unwrap().1.clone()).unwrap();
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("RUN")).collect();
        let expected = [
            "FROM base:1",
            "COPY [\"host/0\",\"/etc/devup/authorities.pem\"]",
            "ARG PIP_CERT=/etc/devup/authorities.pem",
            "COPY [\"steps/0/0\",\"/workspace/requirements.txt\"]",
            "WORKDIR /work space/\\$x",
            "USER root",
            "WORKDIR /",
            "USER app",
        ];
        assert_eq!(lines, expected);
        assert!(!text.contains("hush"));
        assert_eq!(request.labels[labels::CONTENT], "abc");
        assert_eq!(request.build.args["HTTPS_PROXY"].as_deref(), Some("http://me:hush@proxy.example"));
    }

    #[cfg(unix)]
    #[test]
    fn a_step_that_writes_below_a_mount_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let mount = folder.path().to_str().unwrap();
        let perform = |step: &str| {
            let words = ["-euc", &watched(), "provision", step, mount];
            std::process::Command::new("sh").args(words).output().unwrap()
        };
        assert!(perform("true").status.success());
        assert_eq!(perform("exit 3").status.code(), Some(3));
        std::fs::create_dir(folder.path().join("node_modules")).unwrap();
        // the quickest of steps, often: whether the clock of files ticks between the mark and the step is luck
        let hidden: Vec<_> = (0..20).map(|_| perform(&format!("echo x >{mount}/node_modules/a"))).collect();
        assert!(hidden.iter().all(|ended| ended.status.code() == Some(i32::from(HIDDEN))), "{hidden:?}");
        let hidden = &hidden[0];
        let text = String::from_utf8_lossy(&hidden.stderr).into_owned();
        assert!(text.contains("node_modules/a") && text.contains("outputs: [...]"), "{text}");
    }
}
