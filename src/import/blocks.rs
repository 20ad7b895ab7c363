//! On what a service stands: a building block of devup, or an image of a registry.

use super::finding::{Because, Finding, Place};
use super::read::version;

/// The names of the building blocks that there are.
#[derive(Debug, Clone, Default)]
pub struct Blocks(Vec<String>);

/// On what a service stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ground {
    /// A building block.
    Env(String),
    /// An image.
    Image(String),
    /// A Dockerfile in this folder; with its text, where none is there.
    Build {
        /// The folder, beginning with `.`.
        context: String,
        /// The Dockerfile's name, where it is not the usual one.
        dockerfile: Option<String>,
        /// Its text, where it stands in the spec itself.
        inline: Option<String>,
    },
}

/// A language: its block's family, its official image, and the version that is taken where no file names one.
#[derive(Debug, Clone, Copy)]
pub struct Language {
    /// As people write it.
    pub name: &'static str,
    /// Of the building block: `python` of `python-3.11`.
    pub family: &'static str,
    /// Of the official image.
    pub image: &'static str,
    /// What stands behind the version in the image's tag.
    pub suffix: &'static str,
    /// Where no file names one.
    pub usual: &'static str,
}

impl Blocks {
    /// Of these names.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self(names.into_iter().collect())
    }

    /// The newest block of a family and its version.
    pub fn newest(&self, family: &str) -> Option<(&str, &str)> {
        let version = |name: &'_ str| name.strip_prefix(family)?.strip_prefix('-').map(str::len);
        let key = |version: &str| version.split('.').map(|part| part.parse().unwrap_or(0)).collect::<Vec<u32>>();
        let found = self.0.iter().filter_map(|name| Some((name.as_str(), &name[name.len() - version(name)?..])));
        found.filter(|(_, version)| version.starts_with(|c: char| c.is_ascii_digit())).max_by_key(|(_, v)| key(v))
    }

    /// The ground for a language. `wanted` is what a file says about its version; `seen` is what told the language.
    pub fn ground(
        &self,
        language: Language,
        wanted: Option<&(String, Place)>,
        seen: &Place,
        open: &mut Vec<Finding>,
    ) -> Because<Ground> {
        let Language { name, family, image, suffix, usual } = language;
        let (requirement, place) = wanted.map_or(("", seen), |(text, place)| (text.as_str(), place));
        if let Some((block, have)) = self.newest(family)
            && version::satisfies(have, requirement)
        {
            let why = match wanted {
                Some((text, _)) => format!("{name} {text}: the building block has {have}"),
                None => format!("{name}: devup's building block, no file names a version"),
            };
            return Because::of(Ground::Env(block.to_owned()), place, why);
        }
        let named = version::first(requirement);
        if named.is_none() {
            let what = format!("which {name}? No file names a version: {image}:{usual}{suffix} was taken");
            open.push(Finding::at(place, what));
        }
        let tag = named.unwrap_or_else(|| usual.to_owned());
        Because::of(Ground::Image(format!("{image}:{tag}{suffix}")), place, format!("{name} {tag}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_block_that_fits_is_taken() {
        let blocks = Blocks::new(["python-3.9", "python-3.11", "pythonic-1", "python-x"].map(str::to_owned));
        assert_eq!(blocks.newest("python"), Some(("python-3.11", "3.11")));
        assert_eq!(blocks.newest("node"), None);
        let python = Language { name: "Python", family: "python", image: "python", suffix: "", usual: "3.13" };
        let seen = Place::new("a", 1);
        let mut open = Vec::new();
        let mut ground = |text: &str| {
            let wanted = (text.to_owned(), seen.clone());
            blocks.ground(python, Some(&wanted), &seen, &mut open).value
        };
        assert_eq!(ground(">=3.9"), Ground::Env("python-3.11".into()));
        assert_eq!(ground("3.13.1"), Ground::Image("python:3.13".into()));
        assert!(open.is_empty());
        let bare = Blocks::default().ground(python, None, &seen, &mut open);
        assert_eq!((bare.value, open.len()), (Ground::Image("python:3.13".into()), 1));
    }
}
