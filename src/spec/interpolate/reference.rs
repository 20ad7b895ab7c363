//! An independent reading of the `$` language: expressions are made as trees, said as text, and evaluated as trees.
//! What [`template::expand`](super::template::expand) makes of the text has to be the same.

use proptest::prelude::*;

use super::template::{DEEPEST, TemplateError, expand};

#[derive(Debug, Clone)]
enum Tree {
    Text(String),
    Dollar,
    Bare(&'static str),
    Braced(&'static str, Option<&'static str>, Vec<Tree>),
}

/// `C` holds an expression: values are not read again, or this would never end.
fn value(name: &str) -> Option<String> {
    match name {
        "A" => Some("1".into()),
        "C" => Some("${C}$A".into()),
        "E" => Some(String::new()),
        _ => None,
    }
}

fn said(trees: &[Tree]) -> String {
    let one = |tree: &Tree| match tree {
        Tree::Text(text) => text.clone(),
        Tree::Dollar => "$$".into(),
        Tree::Bare(name) => format!("${name}"),
        Tree::Braced(name, None, _) => format!("${{{name}}}"),
        Tree::Braced(name, Some(operator), word) => format!("${{{name}{operator}{}}}", said(word)),
    };
    trees.iter().map(one).collect()
}

/// The value, or the variable that is required with its message.
fn meant(trees: &[Tree]) -> Result<String, (String, String)> {
    let mut out = String::new();
    for tree in trees {
        match tree {
            Tree::Text(text) => out += text,
            Tree::Dollar => out += "$",
            Tree::Bare(name) | Tree::Braced(name, None, _) => out += &value(name).unwrap_or_default(),
            Tree::Braced(name, Some(operator), word) => {
                let there = value(name).filter(|value| !operator.starts_with(':') || !value.is_empty());
                match (operator.trim_start_matches(':'), there) {
                    ("-" | "?", Some(value)) => out += &value,
                    ("-", None) | ("+", Some(_)) => out += &meant(word)?,
                    ("+", None) => {}
                    _ => return Err(((*name).to_owned(), meant(word)?)),
                }
            }
        }
    }
    Ok(out)
}

fn any_trees() -> impl Strategy<Value = Vec<Tree>> {
    let name = || prop::sample::select(vec!["A", "C", "E", "U"]);
    let leaf = prop_oneof![
        "[ :.é/?+-]{1,4}".prop_map(Tree::Text),
        Just(Tree::Dollar),
        name().prop_map(Tree::Bare),
        name().prop_map(|name| Tree::Braced(name, None, Vec::new())),
    ];
    let tree = leaf.prop_recursive(5, 40, 4, move |inner| {
        let operator = prop::sample::select(vec![":-", "-", ":?", "?", ":+", "+"]);
        (name(), operator, prop::collection::vec(inner, 0..4))
            .prop_map(|(name, operator, word)| Tree::Braced(name, Some(operator), word))
    });
    prop::collection::vec(tree, 0..5)
}

proptest! {
    #[test]
    fn every_expression_means_what_its_tree_means(trees in any_trees()) {
        let text = said(&trees);
        let got = expand(&text, &value, &mut |_, _| {}).map_err(|error| match error {
            TemplateError::Required { name, message, .. } => (name, message),
            other => panic!("{text}: {other}"),
        });
        prop_assert_eq!(got, meant(&trees), "{}", text);
    }

    #[test]
    fn nesting_ends_at_its_bound(depth in 1usize..3 * DEEPEST) {
        let text = format!("{}x{}", "${U:-".repeat(depth), "}".repeat(depth));
        let got = expand(&text, &value, &mut |_, _| {});
        prop_assert_eq!(got.is_ok(), depth <= DEEPEST, "{:?}", got);
    }
}
