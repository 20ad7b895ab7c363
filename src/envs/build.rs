//! Performs a recipe: gets the ground it stands on, and builds its image through the engine.

use super::bootstrap::{BootstrapError, Tools, bootstrap};
use super::definition::Distribution;
use super::facts::Facts;
use super::login;
use super::recipe::{Freshness, Ground, Recipe, freshness};
use crate::base::digest::FieldHasher;
use crate::base::files::{self, Access, FileError};
use crate::driver::error::DriverError;
use crate::driver::image::{BuildRequest, ImageDriver, ImageProgress, ProgressSink};
use crate::model::build::Build;
use crate::model::labels;
use crate::model::repository::ORIGINS;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

/// A registry that says nothing for so long is not there.
const REGISTRY_PATIENCE: Duration = Duration::from_secs(8);
/// For how long a registry that did not answer is not asked again.
const VERDICT_HOLDS: Duration = Duration::from_hours(1);
/// Attempts at a build; mirrors and proxies fail now and then.
const ATTEMPTS: u32 = 2;

/// What building needs.
#[derive(Clone, Copy)]
pub struct Workshop<'a> {
    /// The engine's images.
    pub images: &'a dyn ImageDriver,
    /// Programs of the host.
    pub tools: &'a dyn Tools,
    /// The host, as far as images depend on it.
    pub facts: &'a Facts,
    /// A folder that may be emptied at any time: archives under way, the registry's last verdict.
    pub cache: &'a Path,
    /// Hears each line of the build.
    pub progress: ProgressSink<'a>,
}

/// An env's image could not be made.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The engine failed.
    #[error("building env `{env}`: {source}")]
    Engine {
        /// The env.
        env: String,
        /// Why.
        source: DriverError,
    },
    /// Neither a registry nor packages gave a base.
    #[error(
        "env `{env}` needs {image}, and no registry gave it ({registry}); making it from packages failed too: {source}\n\
         help: load the image into the engine (`docker load`), or install mmdebstrap"
    )]
    NoBase {
        /// The env.
        env: String,
        /// The registry's image.
        image: String,
        /// The registry's answer.
        registry: String,
        /// Why packages did not do.
        source: BootstrapError,
    },
    /// The image to build on is gone.
    #[error("building env `{env}`: the image {base} that it stands on is not there; run `devup` again")]
    BaseMissing {
        /// The env.
        env: String,
        /// The image.
        base: String,
    },
    /// devup's own cache folder.
    #[error(transparent)]
    Cache(#[from] FileError),
}

/// Builds what is missing or stale of a chain, the ground first. Returns the tags that were built: none, where all
/// was there.
pub async fn build_chain(workshop: &Workshop<'_>, chain: &[Recipe]) -> Result<Vec<String>, BuildError> {
    let mut built = Vec::new();
    for recipe in chain {
        if look(workshop, recipe).await? != Freshness::Current {
            build(workshop, recipe).await?;
            built.push(recipe.tag.clone());
        }
    }
    Ok(built)
}

/// How the engine's image stands to the recipe: at most two looks.
pub async fn look(workshop: &Workshop<'_>, recipe: &Recipe) -> Result<Freshness, BuildError> {
    let failed = |source| BuildError::Engine { env: recipe.env.clone(), source };
    let own = workshop.images.image(&recipe.tag).await.map_err(failed)?;
    let base = match own.as_ref().and_then(|image| image.labels.get(labels::BASE)) {
        Some(reference) => workshop.images.image(reference).await.map_err(failed)?,
        None => None,
    };
    Ok(freshness(recipe, |tag| if tag == recipe.tag { own.as_ref() } else { base.as_ref() }))
}

/// Builds one image. What it stands on has to be there, or is a distribution.
pub async fn build(workshop: &Workshop<'_>, recipe: &Recipe) -> Result<(), BuildError> {
    let env = &recipe.env;
    let failed = |source| BuildError::Engine { env: env.clone(), source };
    let base = match &recipe.ground {
        Ground::Recipe(tag) => tag.clone(),
        Ground::Distribution(distribution) => origin(workshop, env, distribution).await?,
    };
    let found = workshop.images.image(&base).await.map_err(failed)?;
    let found = found.ok_or_else(|| BuildError::BaseMissing { env: env.clone(), base: base.clone() })?;
    let request = request(workshop.facts, recipe, &base, &found.id);
    let mut attempt = 1;
    loop {
        match workshop.images.build(&request, workshop.progress).await {
            Ok(_) => return Ok(()),
            Err(DriverError::Failed { reason, .. }) if attempt < ATTEMPTS => {
                let last = reason.lines().last().unwrap_or_default().to_owned();
                say(workshop, env, &format!("{last}; trying again"));
                attempt += 1;
            }
            Err(source) => return Err(failed(source)),
        }
    }
}

fn request(facts: &Facts, recipe: &Recipe, base: &str, base_id: &str) -> BuildRequest {
    let dockerfile = format!("FROM {base}\n{}", recipe.instructions).into_bytes();
    let mut extra_files = vec![(PathBuf::from("Dockerfile"), dockerfile, 0o644)];
    extra_files.extend(recipe.files.iter().map(|file| (PathBuf::from(&file.path), file.bytes.clone(), file.mode)));
    let mut own = recipe.labels.clone();
    own.insert(labels::OWNER.to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    own.insert(labels::BASE.to_owned(), base.to_owned());
    own.insert(labels::BASE_ID.to_owned(), base_id.to_owned());
    BuildRequest {
        tags: vec![recipe.tag.clone()],
        build: Build {
            context: ".".to_owned(),
            dockerfile: Some("Dockerfile".to_owned()),
            args: facts.proxies.iter().map(|(name, value)| (name.clone(), Some(value.clone()))).collect(),
            network: facts.proxy_is_local().then(|| "host".to_owned()),
            ..Build::default()
        },
        secrets: recipe.logins.iter().map(|logins| (login::SECRET.to_owned(), logins.expose().to_vec())).collect(),
        extra_files,
        without_folder: true,
        platform: None,
        labels: own,
        images: indexmap::IndexMap::new(),
        surroundings: None,
    }
}

/// An image of the distribution: one that is there, the registry's, or one made from packages.
async fn origin(workshop: &Workshop<'_>, env: &str, distribution: &Distribution) -> Result<String, BuildError> {
    let made = made_reference(workshop.facts, distribution);
    for reference in [&distribution.image, &made] {
        let image = workshop.images.image(reference).await;
        if image.map_err(|source| BuildError::Engine { env: env.to_owned(), source })?.is_some() {
            return Ok(reference.clone());
        }
    }
    let registry = match pull(workshop, env, distribution).await {
        Ok(()) => return Ok(distribution.image.clone()),
        Err(reason) => reason,
    };
    let no_base =
        |source| BuildError::NoBase { env: env.to_owned(), image: distribution.image.clone(), registry, source };
    files::create_folder(workshop.cache, Access::Private)?;
    let folder = tempfile::Builder::new().prefix("origin-").tempdir_in(workshop.cache);
    let folder = folder.map_err(|source| FileError { attempt: "create", path: workshop.cache.to_owned(), source })?;
    let archive = folder.path().join("root.tar");
    let sources = workshop.facts.sources(&distribution.suite);
    say(workshop, env, &format!("making a base of {} from its packages", distribution.suite));
    let line = |text: &str| say(workshop, env, text);
    bootstrap(distribution, &sources, &archive, workshop.tools, &line).await.map_err(no_base)?;
    let opened = tokio::fs::File::open(&archive).await;
    let opened = opened.map_err(|source| FileError { attempt: "read", path: archive.clone(), source })?;
    let changes = [format!("LABEL {}={}", labels::OWNER, env!("CARGO_PKG_VERSION")), "CMD [\"bash\"]".to_owned()];
    let imported = workshop.images.import(&made, Box::new(opened), &changes).await;
    imported.map_err(|source| BuildError::Engine { env: env.to_owned(), source })?;
    Ok(made)
}

fn made_reference(facts: &Facts, distribution: &Distribution) -> String {
    let mut hasher = FieldHasher::new();
    hasher.field(&distribution.suite);
    for source in facts.sources(&distribution.suite) {
        hasher.field(source.line());
    }
    format!("{ORIGINS}/{}:{}", distribution.suite, hasher.finish().short(12))
}

/// Asks the registry, but not for long, and not again soon where it did not answer. The error is its answer.
async fn pull(workshop: &Workshop<'_>, env: &str, distribution: &Distribution) -> Result<(), String> {
    let verdict = workshop.cache.join("registry-silent");
    if let Some(reason) = recent_verdict(&verdict) {
        return Err(reason);
    }
    say(workshop, env, &format!("asking the registry for {}", distribution.image));
    let answered = AtomicBool::new(false);
    let heard = |progress: ImageProgress| {
        answered.store(true, Ordering::Relaxed);
        (workshop.progress)(progress);
    };
    let silence = async {
        tokio::time::sleep(REGISTRY_PATIENCE).await;
        if answered.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    };
    let reason = tokio::select! {
        pulled = workshop.images.pull(&distribution.image, None, &heard) => match pulled {
            Ok(_) => return Ok(()),
            Err(error) => error.to_string(),
        },
        () = silence => format!("no answer within {} s", REGISTRY_PATIENCE.as_secs()),
    };
    // a cache that cannot be written costs the same question again, nothing more
    let _ = files::create_folder(workshop.cache, Access::Private);
    let _ = files::write_atomic(&verdict, reason.as_bytes(), Access::Private);
    Err(reason)
}

fn recent_verdict(path: &Path) -> Option<String> {
    let age = SystemTime::now().duration_since(path.metadata().ok()?.modified().ok()?).ok()?;
    let text = files::read_optional(path).ok()??;
    (age < VERDICT_HOLDS).then(|| String::from_utf8_lossy(&text).into_owned())
}

fn say(workshop: &Workshop<'_>, env: &str, message: &str) {
    let progress = ImageProgress { part: env.to_owned(), message: message.to_owned(), current: None, total: None };
    (workshop.progress)(progress);
}
