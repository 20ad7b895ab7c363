//! package.json, composer.json.

use jsonc_parser::ast::Value;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::tree::{DEEPEST, Data, Lines, Tree};

/// Reads JSON.
///
/// # Errors
/// What is wrong with it, with its line.
pub fn parse(text: &str) -> Result<Tree, String> {
    let text = text.trim_start_matches('\u{feff}');
    let parsed = parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default());
    let value = parsed.map_err(|error| error.to_string())?.value.ok_or("there is nothing in it")?;
    Ok(tree(&value, &Lines::of(text), 0))
}

fn tree(value: &Value, lines: &Lines, depth: usize) -> Tree {
    let line = lines.at(value.start());
    if depth > DEEPEST {
        return Tree::other(line);
    }
    let data = match value {
        Value::Object(object) => Data::Map(
            object
                .properties
                .iter()
                .map(|entry| {
                    let at = lines.at(entry.name.start());
                    (entry.name.as_str().to_owned(), at, tree(&entry.value, lines, depth + 1))
                })
                .collect(),
        ),
        Value::Array(array) => {
            Data::List(array.elements.iter().map(|element| tree(element, lines, depth + 1)).collect())
        }
        Value::StringLit(text) => Data::Text(text.value.to_string()),
        Value::NumberLit(_) | Value::BooleanLit(_) | Value::NullKeyword(_) => Data::Other,
    };
    Tree { line, data }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_part_has_its_line() {
        let tree = parse("{\n  \"scripts\": {\n    \"dev\": \"vite\"\n  },\n  \"n\": [1, \"a\"]\n}").unwrap();
        let dev = tree.at(&["scripts", "dev"]).unwrap();
        assert_eq!((dev.line, dev.text()), (3, Some("vite")));
        assert_eq!(tree.entries()[1].1, 5);
        assert_eq!(tree.at(&["n"]).unwrap().items()[1].text(), Some("a"));
        assert!(parse("{").is_err() && parse("").is_err());
        assert!(parse(&"[".repeat(100_000)).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_get_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = parse(&String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn pieces_of_json_get_an_answer(text in "[{}\\[\\]\":,a1\\\\ \n]{0,60}") {
            let _ = parse(&text);
        }
    }
}
