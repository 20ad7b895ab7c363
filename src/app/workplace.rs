//! The image of a dev container: its own, then features, then the person's ids, each as a layer that is kept.

use crate::app::error::{AppError, Result};
use crate::app::request::Request;
use crate::base::digest::FieldHasher;
use crate::feature::lock::{Lock, LockError};
use crate::feature::{self, Feature, FeatureError, Surroundings, Users};
use crate::model::development::Development;
use crate::model::environment::Environment;
use crate::model::observed::{Image, Observed};
use crate::model::service::Service;
use crate::model::task::Provision;
use crate::plan::{self, ImageChain, ImageMaker, Inputs};
use crate::spec::devcontainer::metadata::{LABEL, Metadata};
use crate::spec::devcontainer::variables::Known;
use crate::task::{ids, provision};

/// Features in the order of their installation, and what to record of them.
#[derive(Debug, Clone, Default)]
pub struct Features {
    /// In order.
    pub ordered: Vec<Feature>,
    /// Exactly what was used.
    pub lock: Lock,
}

impl From<FeatureError> for AppError {
    fn from(error: FeatureError) -> Self {
        match error {
            FeatureError::Definition(error) => error.into(),
            other => Self::failed(other.to_string()),
        }
    }
}

impl From<LockError> for AppError {
    fn from(error: LockError) -> Self {
        Self::failed(error.to_string())
    }
}

/// Fetches what the dev container asks for, where it is not here yet.
pub async fn features(request: &Request, environment: &Environment, refresh: bool) -> Result<Features> {
    let Some(development) = environment.development.as_ref().filter(|development| !development.features.is_empty())
    else {
        return Ok(Features::default());
    };
    let lock = Lock::read(&development.local_folder)?;
    let around = Surroundings {
        folder: development.file.parent().unwrap_or(&development.local_folder),
        project: &development.local_folder,
        cache: &request.layout.cache,
        lock: &lock,
        refresh,
    };
    let (ordered, lock) = feature::resolve(&development.features, &development.features_first, &around).await?;
    Ok(Features { ordered, lock })
}

/// Records what was used, in the project's folder.
pub fn record(environment: &Environment, features: &Features) -> Result<()> {
    match &environment.development {
        Some(development) if !features.lock.features.is_empty() => {
            Ok(features.lock.write(&development.local_folder)?)
        }
        _ => Ok(()),
    }
}

/// The image below everything that is put on it for the person who works in the dev container.
pub fn base(environment: &Environment) -> Option<String> {
    let name = &environment.development.as_ref()?.service;
    plan::own_image(environment, name, environment.services.get(name)?).ok()
}

/// What the image and the features on it say about working in it, as they say it: an image may serve several projects.
pub fn metadata(image: &Image, features: &[Feature]) -> Result<Metadata> {
    let name = image.tags.first().unwrap_or(&image.id);
    let mut metadata = match image.labels.get(LABEL).filter(|label| !label.is_empty()) {
        Some(label) => Metadata::parse(label, name)?,
        None => Metadata::default(),
    };
    for feature in features {
        metadata.push(feature.definition.metadata.clone());
    }
    Ok(metadata)
}

/// What variables in that stand for here. This machine's environment is none of an image's business.
pub fn known(development: &Development) -> Known {
    Known {
        local_folder: development.local_folder.display().to_string(),
        container_folder: development.session.folder.clone(),
        id: Some(development.id.clone()),
        ..Known::default()
    }
}

/// Puts features and the person's ids on the dev container's image. Says whether there are layers for that.
pub fn put(environment: &Environment, observed: &Observed, features: &[Feature], given: &mut Inputs) -> Result<bool> {
    let Some(development) = &environment.development else { return Ok(false) };
    let Some(service) = environment.services.get(&development.service) else { return Ok(false) };
    let Some(reference) = base(environment) else { return Ok(false) };
    let Some(image) = observed.images.get(&reference) else { return Ok(false) };
    let mut layers = installing(development, service, image, features)?;
    layers.extend(person(development, service, image).filter(|_| given.local));
    let any = !layers.is_empty();
    if !any {
        return Ok(false);
    }
    let own = || ImageChain { makers: vec![ImageMaker::Service { reference: reference.clone() }] };
    let chain = given.images.entry(development.service.clone()).or_insert_with(own);
    for (content, step) in layers {
        let base = chain.makers.last().map_or(&reference, |maker| match maker {
            ImageMaker::Service { reference }
            | ImageMaker::Env { reference, .. }
            | ImageMaker::Layer { reference, .. } => reference,
        });
        let mut hasher = FieldHasher::new();
        hasher.field(base).field(&image.id).field(content).field(&step.run);
        for (name, value) in step.image_environment.iter().chain(&step.image_labels) {
            hasher.field(name).field(value);
        }
        let result = format!("{}:{}", provision::REPOSITORY, hasher.finish().short(16));
        chain.makers.push(ImageMaker::Layer { base: base.clone(), reference: result, steps: vec![step] });
    }
    Ok(any)
}

/// Each feature's digest and step. The label of each image says what is in it so far.
fn installing(
    development: &Development,
    service: &Service,
    image: &Image,
    features: &[Feature],
) -> Result<Vec<(String, Provision)>> {
    let container = user(service.user.as_ref().unwrap_or(&image.user));
    let remote = development.session.user.as_ref().map_or_else(|| container.clone(), |name| user(name));
    let users = Users { container, remote };
    let mut steps = Vec::with_capacity(features.len());
    for (number, feature) in features.iter().enumerate() {
        let label = metadata(image, &features[..=number])?.text();
        let labels = [(LABEL.to_owned(), label)].into();
        steps.push((feature.digest.clone(), feature::step(feature, number, &users, labels)));
    }
    Ok(steps)
}

/// Without the group; nobody is root.
fn user(name: &str) -> String {
    let name = name.split(':').next().unwrap_or_default();
    if name.is_empty() { "root".to_owned() } else { name.to_owned() }
}

/// The person's ids, where there is a user to give them to.
fn person(development: &Development, service: &Service, image: &Image) -> Option<(String, Provision)> {
    #[cfg(unix)]
    let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    #[cfg(not(unix))]
    let (uid, gid) = (0, 0);
    let name = user(development.session.user.as_ref().or(service.user.as_ref()).unwrap_or(&image.user));
    let wanted = development.update_ids.unwrap_or(true) && uid != 0 && ids::concerns(&name);
    wanted.then(|| (String::new(), ids::step(&name, uid, gid)))
}
