//! pom.xml: what it depends on, and which Java it wants.

use roxmltree::{Document, Node, ParsingOptions};

use super::Dependency;
use crate::import::finding::Place;

/// Elements beyond which a file is nobody's manifest.
const MOST_NODES: u32 = 100_000;

/// What devup wants to know of a pom.xml.
#[derive(Debug, Default)]
pub struct Pom {
    /// Dependencies, plugins and the parent, by their `artifactId`.
    pub dependencies: Vec<Dependency>,
    /// The Java release, with its line.
    pub java: Option<(String, usize)>,
}

/// Reads a pom.xml.
///
/// # Errors
/// What is wrong with it.
pub fn pom(text: &str, file: &str) -> Result<Pom, String> {
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MOST_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).map_err(|error| error.to_string())?;
    let line = |node: &Node| document.text_pos_at(node.range().start).row as usize;
    let mut pom = Pom::default();
    for node in document.root().descendants().filter(Node::is_element) {
        let content = node.text().unwrap_or_default().trim();
        let above = node.parent().map(|parent| parent.tag_name().name().to_owned()).unwrap_or_default();
        match (node.tag_name().name(), above.as_str()) {
            ("artifactId", "dependency" | "plugin" | "parent") => {
                pom.dependencies.push(Dependency::new(content, "", Place::new(file, line(&node))));
            }
            ("java.version" | "maven.compiler.release" | "maven.compiler.source", "properties")
                if pom.java.is_none() =>
            {
                pom.java = Some((content.to_owned(), line(&node)));
            }
            _ => {}
        }
    }
    Ok(pom)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn artifacts_have_their_lines() {
        let text = "<project>\n<parent>\n<artifactId>spring-boot-starter-parent</artifactId></parent>\n\
            <properties><java.version>21</java.version></properties>\n<dependencies><dependency>\n\
            <artifactId>postgresql</artifactId></dependency></dependencies></project>";
        let pom = pom(text, "pom.xml").unwrap();
        let found: Vec<(&str, usize)> = pom.dependencies.iter().map(|d| (d.name.as_str(), d.place.line)).collect();
        assert_eq!(found, [("spring-boot-starter-parent", 3), ("postgresql", 6)]);
        assert_eq!(pom.java, Some(("21".to_owned(), 4)));
    }

    #[test]
    fn entities_and_depth_are_refused_or_harmless() {
        let bomb = "<!DOCTYPE a [<!ENTITY b \"cc\"><!ENTITY c \"&b;&b;\">]><a>&c;</a>";
        assert!(pom(bomb, "pom.xml").is_err());
        let _ = pom(&"<a>".repeat(60_000), "pom.xml");
        let deep = format!("{}{}", "<a>".repeat(20_000), "</a>".repeat(20_000));
        let _ = pom(&deep, "pom.xml");
    }

    proptest! {
        #[test]
        fn any_bytes_get_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = pom(&String::from_utf8_lossy(&bytes), "pom.xml");
        }
    }
}
