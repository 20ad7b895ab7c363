//! pyproject.toml, Cargo.toml, Pipfile, rust-toolchain.toml.

use toml_edit::{Document, Item, TableLike, Value};

use super::tree::{DEEPEST, Data, Lines, Tree};

/// Dots in a row of keys beyond which a file is nobody's manifest; each of them is a table within a table.
const MOST_DOTS: usize = 64;

/// Reads TOML.
///
/// # Errors
/// What is wrong with it.
pub fn parse(text: &str) -> Result<Tree, String> {
    let deep = |line: &str| line.split('=').next().unwrap_or_default().matches('.').count() > MOST_DOTS;
    if text.lines().any(deep) {
        return Err(format!("keys with more than {MOST_DOTS} dots are not read"));
    }
    let document = Document::parse(text).map_err(|error| error.to_string().replace('\n', " "))?;
    Ok(table(document.as_table(), 1, &Lines::of(text), 0))
}

fn table(table: &dyn TableLike, line: usize, lines: &Lines, depth: usize) -> Tree {
    if depth > DEEPEST {
        return Tree::other(line);
    }
    let entry = |(name, value): (&str, &Item)| {
        let key = table.get_key_value(name).and_then(|(key, _)| key.span());
        let at = key.map_or(line, |span| lines.at(span.start));
        (name.to_owned(), at, item(value, at, lines, depth + 1))
    };
    Tree { line, data: Data::Map(table.iter().map(entry).collect()) }
}

fn item(item: &Item, line: usize, lines: &Lines, depth: usize) -> Tree {
    match item {
        Item::Table(inner) => table(inner, line, lines, depth),
        Item::ArrayOfTables(tables) => {
            let each = tables.iter().map(|one| table(one, line, lines, depth + 1));
            Tree { line, data: Data::List(if depth > DEEPEST { Vec::new() } else { each.collect() }) }
        }
        Item::Value(one) => value(one, line, lines, depth),
        Item::None => Tree::other(line),
    }
}

fn value(value: &Value, line: usize, lines: &Lines, depth: usize) -> Tree {
    let line = value.span().map_or(line, |span| lines.at(span.start));
    if depth > DEEPEST {
        return Tree::other(line);
    }
    let data = match value {
        Value::String(text) => Data::Text(text.value().clone()),
        Value::Array(items) => Data::List(items.iter().map(|one| self::value(one, line, lines, depth + 1)).collect()),
        Value::InlineTable(inner) => return table(inner, line, lines, depth),
        _ => Data::Other,
    };
    Tree { line, data }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_part_has_its_line() {
        let text =
            "[project]\nname = 'x'\ndependencies = [\n  \"django>=4\",\n  \"redis\",\n]\n[[bin]]\nname = \"a\"\n";
        let tree = parse(text).unwrap();
        let dependencies = tree.at(&["project", "dependencies"]).unwrap();
        let lines: Vec<(usize, Option<&str>)> =
            dependencies.items().iter().map(|item| (item.line, item.text())).collect();
        assert_eq!(lines, [(4, Some("django>=4")), (5, Some("redis"))]);
        assert_eq!(tree.at(&["bin"]).unwrap().items()[0].at(&["name"]).unwrap().text(), Some("a"));
    }

    #[test]
    fn what_is_deep_is_refused_or_left_out() {
        assert!(parse(&format!("a = {}", "[".repeat(100_000))).is_err());
        assert!(parse(&format!("{}a = 1", "a.".repeat(100_000))).is_err());
        assert!(parse(&format!("[{}a]", "a.".repeat(100_000))).is_err());
        assert!(parse(&format!("a = {{ {}a = 1 }}", "a.".repeat(50_000))).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_get_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = parse(&String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn pieces_of_toml_get_an_answer(text in "[{}\\[\\]\"'.=,a1# \n]{0,60}") {
            let _ = parse(&text);
        }
    }
}
