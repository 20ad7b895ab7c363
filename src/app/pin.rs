//! `config --resolve-image-digests` and `--lock-image-digests`: images by what their registries have under their names now.

use std::collections::HashMap;

use crate::app::error::{AppError, Result};
use crate::app::wiring::Engine;
use crate::driver::error::DriverError;
use crate::spec::node::{At, Node};

/// Puts the digest behind each service's image, and behind those of its steps before the start. What is built and has no
/// `image` stays without.
pub async fn pin(engine: &Engine, spec: &mut Node) -> Result<()> {
    let mut known: HashMap<String, String> = HashMap::new();
    for (service, entry) in spec.entries_mut("services") {
        if let Some(image) = entry.node.get_mut("image") {
            pin_one(engine, service, image, &mut known).await?;
        }
        for step in entry.node.get_mut("pre_start").and_then(Node::as_seq_mut).into_iter().flatten() {
            if let Some(image) = step.get_mut("image") {
                pin_one(engine, service, image, &mut known).await?;
            }
        }
    }
    Ok(())
}

async fn pin_one(engine: &Engine, service: &str, image: &mut Node, known: &mut HashMap<String, String>) -> Result<()> {
    let Some(reference) = image.as_str().map(str::to_owned) else { return Ok(()) };
    let pinned = match known.get(&reference) {
        Some(pinned) => pinned.clone(),
        None => {
            let found = engine.images.pinned(&reference).await;
            found.map_err(|error| unresolved(service, &reference, &error))?
        }
    };
    *image = Node::string(pinned.clone(), image.at.clone());
    known.insert(reference, pinned);
    Ok(())
}

fn unresolved(service: &str, reference: &str, error: &DriverError) -> AppError {
    AppError::failed(format!("service {service}: no digest for its image {reference}: {error}"))
}

/// A spec of nothing but the services' images, to be merged over the one that it came from.
pub fn images_only(spec: &Node) -> Node {
    let mut services = Node::empty_map(At::nowhere());
    for (name, entry) in spec.entries("services") {
        let mut service = Node::empty_map(At::nowhere());
        if let Some(image) = entry.node.get("image") {
            service.set("image", image.clone());
        }
        services.set(name, service);
    }
    let mut lock = Node::empty_map(At::nowhere());
    lock.set("services", services);
    lock
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::driver::fake::Fake;
    use crate::driver::image::ImageDriver as _;
    use crate::spec::{decode, parse};

    fn spec(text: &str) -> Node {
        parse::parse(&decode::decode(text.as_bytes(), Path::new("compose.yaml")).unwrap()).unwrap().remove(0)
    }

    #[tokio::test]
    async fn every_image_gets_its_registrys_digest() {
        let fake = Fake::new();
        fake.import("shop/db:1", Box::new(tokio::io::empty()), &[]).await.unwrap();
        fake.push("shop/db:1", &|_| {}).await.unwrap();
        let id = fake.image("shop/db:1").await.unwrap().unwrap().id;
        let engine = Engine::of(Arc::new(fake));
        let mut node = spec(
            "services: {a: {image: 'shop/db:1', pre_start: [{image: 'shop/db:1'}]}, b: {build: .}, c: {image: 'shop/db:1'}}",
        );
        pin(&engine, &mut node).await.unwrap();
        let pinned = format!("shop/db:1@{id}");
        assert_eq!(node.to_json()["services"]["a"]["pre_start"][0]["image"], pinned);
        assert_eq!(
            images_only(&node).to_json(),
            serde_json::json!({"services": {"a": {"image": pinned}, "b": {}, "c": {"image": pinned}}})
        );
        let mut node = spec("services: {web: {image: 'shop/gone:2'}}");
        let error = pin(&engine, &mut node).await.unwrap_err().to_string();
        assert!(error.contains("service web") && error.contains("shop/gone:2"), "{error}");
    }
}
