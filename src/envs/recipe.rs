//! Definitions and facts become recipes: what is built on what, and under which tag. Pure.

use super::catalogue::{Catalogue, CatalogueError};
use super::definition::{Base, Distribution, Env};
use super::facts::Facts;
use super::login;
use super::script::Script;
use crate::base::digest::FieldHasher;
use crate::model::labels;
use crate::model::observed::Image;
use crate::secret::value::SecretValue;
use indexmap::IndexMap;

/// Under `localhost/` no engine ever asks a public registry for such an image, and nobody else can own the name.
pub use crate::model::repository::ENVS as REPOSITORY;
/// Part of every hash: raise it when the way images are built changes.
const PROCEDURE: u32 = 1;
/// More levels than this are a cycle.
const DEEPEST: usize = 16;

/// What an image is built on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ground {
    /// A distribution's own packages or image.
    Distribution(Distribution),
    /// The image of another recipe, by its tag.
    Recipe(String),
}

/// A file of the build context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextFile {
    /// Path within the context.
    pub path: String,
    /// Unix mode.
    pub mode: u32,
    /// Content.
    pub bytes: Vec<u8>,
}

/// How one image is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// Name of the env.
    pub env: String,
    /// What it is built on.
    pub ground: Ground,
    /// The image's name: repository, version and content hash.
    pub tag: String,
    /// The Dockerfile after its `FROM` line.
    pub instructions: String,
    /// What the Dockerfile copies.
    pub files: Vec<ContextFile>,
    /// Labels of the image, without those that are only known when it is built.
    pub labels: IndexMap<String, String>,
    /// What its steps need to fetch packages from mirrors that ask who comes: lines of `auth.conf`.
    pub logins: Option<SecretValue>,
}

/// How an image stands to its recipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// There is no such image.
    Missing,
    /// The image that it was built on has been replaced since.
    BaseChanged,
    /// Nothing has to be done.
    Current,
}

/// A chain of recipes cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    /// An env of the chain cannot be had.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The chain never reaches a distribution.
    #[error("env `{env}` stands on itself: {}", chain.join(" -> "))]
    Cycle {
        /// Where the chain began.
        env: String,
        /// The names on the way.
        chain: Vec<String>,
    },
}

/// The recipes for an env, the ground first, the env itself last.
pub fn recipes(catalogue: &Catalogue, name: &str, facts: &Facts) -> Result<Vec<Recipe>, RecipeError> {
    let mut envs: Vec<Env> = Vec::new();
    let mut next = Some(name.to_owned());
    while let Some(name_here) = next {
        if envs.len() == DEEPEST || envs.iter().any(|env| env.name == name_here) {
            let chain = envs.iter().map(|env| env.name.clone()).chain([name_here]).collect();
            return Err(RecipeError::Cycle { env: name.to_owned(), chain });
        }
        let env = catalogue.find(&name_here)?;
        next = match &env.definition.base {
            Base::Env(base) => Some(base.clone()),
            Base::Distribution(_) => None,
        };
        envs.push(env);
    }
    let suite = envs.iter().find_map(|env| match &env.definition.base {
        Base::Distribution(distribution) => Some(distribution.suite.as_str()),
        Base::Env(_) => None,
    });
    let logins = suite.and_then(|suite| login::together(&facts.sources(suite)));
    let mut made: Vec<Recipe> = Vec::new();
    for env in envs.iter().rev() {
        made.push(recipe(env, made.last().map(|base| base.tag.clone()), facts, logins.clone()));
    }
    Ok(made)
}

/// Has the recipe's image to be built? `images` looks an image up by its name.
pub fn freshness<'a>(recipe: &Recipe, images: impl Fn(&str) -> Option<&'a Image>) -> Freshness {
    let Some(own) = images(&recipe.tag) else { return Freshness::Missing };
    let built_on = own.labels.get(labels::BASE).and_then(|base| images(base));
    match (built_on, own.labels.get(labels::BASE_ID)) {
        (Some(base), Some(id)) if base.id != *id => Freshness::BaseChanged,
        // a base that was removed takes nothing from what was built on it
        _ => Freshness::Current,
    }
}

fn recipe(env: &Env, base: Option<String>, facts: &Facts, logins: Option<SecretValue>) -> Recipe {
    let definition = &env.definition;
    let ground = match (&definition.base, base) {
        (Base::Distribution(distribution), _) => Ground::Distribution(distribution.clone()),
        (Base::Env(_), Some(tag)) => Ground::Recipe(tag),
        // the chain ends at a distribution, so every other env has a recipe below it
        (Base::Env(name), None) => Ground::Recipe(name.clone()),
    };
    let mut script = Script { logins: logins.is_some(), ..Script::default() };
    if let Ground::Distribution(distribution) = &ground {
        script.host(facts, distribution);
    }
    script.body(env);
    let mut own = IndexMap::from([(labels::ENV.to_owned(), env.name.clone())]);
    own.extend(definition.backup.iter().map(|kind| (labels::BACKUP.to_owned(), kind.clone())));
    let hash = hash(&ground, &script, &own);
    own.insert(labels::CONTENT.to_owned(), hash.clone());
    let tag = format!("{REPOSITORY}/{}:{}-{hash}", env.name.to_ascii_lowercase(), definition.version);
    Recipe { env: env.name.clone(), ground, tag, instructions: script.text, files: script.files, labels: own, logins }
}

fn hash(ground: &Ground, script: &Script, labels: &IndexMap<String, String>) -> String {
    let mut hasher = FieldHasher::new();
    hasher.field(PROCEDURE.to_le_bytes());
    match ground {
        Ground::Distribution(distribution) => hasher.field(&distribution.suite).field(&distribution.image),
        Ground::Recipe(tag) => hasher.field(tag),
    };
    hasher.field(&script.text);
    for file in &script.files {
        hasher.field(&file.path).field(file.mode.to_le_bytes()).field(&file.bytes);
    }
    for (key, value) in labels {
        hasher.field(key).field(value);
    }
    hasher.finish().short(12)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envs::authorities::Authorities;

    fn facts() -> Facts {
        Facts { root: "/nonexistent".into(), ..Facts::default() }
    }

    fn chain(name: &str, facts: &Facts) -> Vec<Recipe> {
        recipes(&Catalogue::builtin(), name, facts).unwrap()
    }

    fn trusting(text: &str) -> Facts {
        use base64::Engine as _;
        let body = base64::engine::general_purpose::STANDARD.encode(text);
        let pem = format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
        Facts { authorities: Authorities::from_pem(&pem), ..facts() }
    }

    #[test]
    fn every_builtin_env_has_a_chain_down_to_a_distribution() {
        for name in Catalogue::builtin().names() {
            let chain = chain(&name, &facts());
            assert!(matches!(chain[0].ground, Ground::Distribution(_)), "{name}");
            for pair in chain.windows(2) {
                assert_eq!(pair[1].ground, Ground::Recipe(pair[0].tag.clone()));
            }
            let last = chain.last().unwrap();
            assert!(last.tag.starts_with(&format!("localhost/devup-env/{name}:1-")), "{}", last.tag);
            assert!(!last.instructions.contains("\n\n"), "an empty line ends nothing");
        }
    }

    #[test]
    fn the_same_input_gives_the_same_tags_and_every_change_below_changes_those_above() {
        assert_eq!(chain("postgres-15", &facts()), chain("postgres-15", &facts()));
        let (plain, one) = (chain("postgres-15", &facts()), chain("postgres-15", &trusting("one")));
        let two = chain("postgres-15", &trusting("two"));
        for ((plain, one), two) in plain.iter().zip(&one).zip(&two) {
            assert_ne!(plain.tag, one.tag);
            assert_ne!(one.tag, two.tag);
        }
        assert!(one[0].instructions.contains("ENV REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt"));
        assert!(!plain[0].instructions.contains("REQUESTS_CA_BUNDLE"));
    }

    #[test]
    fn a_mirrors_login_is_shown_to_steps_and_leaves_no_trace() {
        let host = |text: &str| {
            let root = tempfile::tempdir().unwrap();
            std::fs::create_dir_all(root.path().join("etc/apt")).unwrap();
            std::fs::write(root.path().join("etc/apt/sources.list"), text).unwrap();
            let facts = Facts { root: root.path().to_owned(), logins: true, ..Facts::default() };
            chain("redis-7", &facts)
        };
        let known = host("deb https://ada:hush@mirror.example/debian bookworm main");
        let other = host("deb https://ada:other@mirror.example/debian bookworm main");
        let open = host("deb https://mirror.example/debian bookworm main");
        for ((known, other), open) in known.iter().zip(&other).zip(&open) {
            assert_eq!(known.tag, other.tag, "a new password builds nothing anew");
            let steps: Vec<&str> = known.instructions.lines().filter(|line| line.starts_with("RUN ")).collect();
            assert!(steps.iter().all(|step| step.contains("--mount=type=secret,id=devup-apt-logins")), "{steps:?}");
            assert!(!format!("{known:?}").contains("hush"));
            assert!(known.files.iter().all(|file| !String::from_utf8_lossy(&file.bytes).contains("hush")));
            let logins = known.logins.as_ref().unwrap();
            assert_eq!(logins.expose(), b"machine https://mirror.example/debian login ada password hush\n");
            assert!(open.logins.is_none() && !open.instructions.contains("--mount"));
        }
    }

    #[test]
    fn proxies_leave_no_trace_in_a_recipe() {
        let proxies =
            std::collections::BTreeMap::from([("HTTPS_PROXY".to_owned(), "http://me:hush@proxy.example".to_owned())]);
        assert_eq!(chain("redis-7", &Facts { proxies, ..facts() }), chain("redis-7", &facts()));
    }

    fn image(id: &str, base: &str, base_id: &str) -> Image {
        let labels = [(labels::BASE, base), (labels::BASE_ID, base_id)];
        Image {
            id: id.to_owned(),
            tags: Vec::new(),
            digests: Vec::new(),
            created: 0,
            tagged: None,
            size: 0,
            platform: "linux/amd64".to_owned(),
            labels: labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            volumes: Vec::new(),
            user: String::new(),
            working_dir: String::new(),
            environment: Vec::new(),
            entrypoint: Vec::new(),
            command: Vec::new(),
            has_healthcheck: false,
        }
    }

    #[test]
    fn an_image_is_current_until_it_or_its_base_changes() {
        let chain = chain("redis-7", &facts());
        let (base, own) = (&chain[0], &chain[1]);
        let built = image("own", &base.tag, "old");
        let (old, new) = (image("old", "", ""), image("new", "", ""));
        let look = |base_there: Option<&Image>| {
            freshness(own, |tag| if tag == own.tag { Some(&built) } else { base_there.filter(|_| tag == base.tag) })
        };
        assert_eq!(freshness(own, |_| None), Freshness::Missing);
        assert_eq!(look(Some(&old)), Freshness::Current);
        assert_eq!(look(Some(&new)), Freshness::BaseChanged);
        assert_eq!(look(None), Freshness::Current);
    }

    #[test]
    fn a_cycle_is_named() {
        let project = tempfile::tempdir().unwrap();
        for (name, base) in [("a", "b"), ("b", "a")] {
            let folder = project.path().join("envs").join(name);
            std::fs::create_dir_all(&folder).unwrap();
            let yaml = format!("version: 1\ndescription: x\nbase: {base}\n");
            std::fs::write(folder.join("env.yaml"), yaml).unwrap();
        }
        let error = recipes(&Catalogue::of_project(project.path()), "a", &facts()).unwrap_err();
        assert_eq!(error.to_string(), "env `a` stands on itself: a -> b -> a");
    }
}
