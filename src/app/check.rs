//! `build --check`: what the engine's builder would not write like that in the Dockerfiles.

use indexmap::IndexMap;
use serde::Serialize;

use crate::app::agree::Agreeing;
use crate::app::error::{AppError, Result};
use crate::app::images::{self, BuildWish};
use crate::app::project::Project;
use crate::app::request::Request;
use crate::app::up::Questions;
use crate::app::wiring::Engine;
use crate::driver::image::{BuildRequest, Findings};
use crate::model::build::Build;
use crate::model::environment::Environment;
use crate::model::service::Service;
use crate::plan;
use crate::state::store::State;

/// What a service's build is about.
#[derive(Debug, Clone, Serialize)]
pub struct Checked {
    /// The service.
    pub service: String,
    /// Its Dockerfile, as the spec says.
    pub dockerfile: String,
    /// What was found.
    #[serde(flatten)]
    pub findings: Findings,
}

/// `build --check`: what the engine's builder has to say about each build. Nothing is built.
pub async fn check(
    request: &Request,
    engine: &Engine,
    project: &Project,
    wish: &BuildWish,
    questions: &dyn Questions,
) -> Result<Vec<Checked>> {
    let state = State::open(request.layout.clone()).map_err(|error| AppError::failed(error.to_string()))?;
    // Dockerfiles may lie outside the project
    Agreeing { request, engine, project, state: &state, questions }.agree().await?;
    let mut environment = project.environment()?.clone();
    let services = images::to_build(project, &environment, wish)?;
    images::override_builds(&mut environment, wish);
    let mut all = Vec::new();
    for name in services {
        let Some(found) = find(&environment, &name) else { continue };
        let Some(build) = &found.build else { continue };
        let request = check_request(engine, &environment, (&name, found, build)).await?;
        let findings = engine.images.check(&request).await?;
        let dockerfile = build.dockerfile.clone().unwrap_or_else(|| "Dockerfile".to_owned());
        all.push(Checked { service: name, dockerfile, findings });
    }
    Ok(all)
}

fn find<'a>(environment: &'a Environment, name: &str) -> Option<&'a Service> {
    environment.services.get(name).or_else(|| environment.disabled.get(name))
}

async fn check_request(
    engine: &Engine,
    environment: &Environment,
    (name, service, build): (&str, &Service, &Build),
) -> Result<BuildRequest> {
    let image = |name: &str, service: &Service| {
        plan::own_image(environment, name, service).map_err(|error| AppError::failed(error.to_string()))
    };
    let mut images = IndexMap::new();
    for (context, other) in build.services() {
        let Some(found) = find(environment, other) else { continue };
        let reference = image(other, found)?;
        if engine.images.image(&reference).await?.is_none() {
            return Err(AppError::failed(format!(
                "checking the build of {name}: its context {context} is the image of service {other}, which is not there \
                 yet: run `devup build {other}` first"
            )));
        }
        images.insert(context.to_owned(), reference);
    }
    // nothing runs, and so nobody asks for keys
    let build = Build { ssh: Vec::new(), ..build.clone() };
    let (tags, platform) = (vec![image(name, service)?], service.platform.clone());
    Ok(BuildRequest { tags, platform, images, ..BuildRequest::of(build) })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::driver::fake::Fake;
    use crate::driver::image::ImageDriver as _;

    #[tokio::test]
    async fn another_services_image_has_to_be_there() {
        let mut environment = Environment::default();
        let build: Build = serde_json::from_value(serde_json::json!({
            "context": "/web", "ssh": ["default"], "additional_contexts": {"base": "service:base"},
        }))
        .unwrap();
        let base = Service { image: Some("base:1".into()), build: Some(Build::default()), ..Service::default() };
        environment.services.insert("base".into(), base);
        let web = Service { build: Some(build.clone()), ..Service::default() };
        let fake = Fake::new();
        let engine = Engine::of(Arc::new(fake.clone()));
        let error = check_request(&engine, &environment, ("web", &web, &build)).await.err().unwrap().to_string();
        assert!(error.contains("`devup build base`"), "{error}");
        fake.import("base:1", Box::new(tokio::io::empty()), &[]).await.unwrap();
        let request = check_request(&engine, &environment, ("web", &web, &build)).await.unwrap();
        assert!(request.build.ssh.is_empty() && request.images["base"] == "base:1");
    }
}
