use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::spec::decode::decode;

fn read(text: &str) -> Result<Vec<Node>, SpecError> {
    parse(&decode(text.as_bytes(), Path::new("compose.yaml"))?)
}

fn one(text: &str) -> Node {
    read(text).unwrap().remove(0)
}

fn fault(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

#[test]
fn places_are_bytes_lines_and_columns() {
    let node = one("ü: 1\nservices:\n  wéb:\n    image: \"é x\"\n");
    let image = node.get("services").unwrap().get("wéb").unwrap().get("image").unwrap();
    assert_eq!((image.at.line, image.at.column), (4, 12));
    let source = image.at.source.as_ref().unwrap();
    assert_eq!(&source.text[image.at.offset..image.at.offset + image.at.len], "\"é x\"");
    let key = &node.as_map().unwrap()["services"].key_at;
    assert_eq!(&source.text[key.offset..key.offset + key.len], "services");
}

#[test]
fn merge_keys_fill_in_only() {
    let node = one("a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*a, *b], x: 0}\n");
    assert_eq!(node.get("c").unwrap().to_json(), serde_json::json!({"x": 0, "y": 1, "z": 2}));
    assert!(fault("a: &a {x: 1}\nb: {<<: *a, <<: *a}\n").contains("twice"));
    assert!(fault("b: {<<: 3}\n").contains("must be a mapping"));
}

/// As libYAML and Compose read it: between brackets and quotes, a line may begin anywhere.
#[test]
fn brackets_and_quotes_may_close_further_left() {
    let text = "services:\n  web:\n    healthcheck:\n      test: [\n    \"CMD\", # é: x\n  true,\n\"a\n b\"\n      ]\n      retries: 5\n    labels: {\n      a: b, c: {\n d: e\n    }}\n    x-é: 'f\n  g'\n    image: x\n";
    let services = one(text);
    let web = services.get("services").unwrap().get("web").unwrap();
    let expected = serde_json::json!({
        "healthcheck": {"test": ["CMD", true, "a b"], "retries": 5},
        "labels": {"a": "b", "c": {"d": "e"}},
        "x-é": "f g",
        "image": "x",
    });
    assert_eq!(web.to_json(), expected);
    let test = web.get("healthcheck").unwrap().get("test").unwrap().as_seq().unwrap();
    let place = |node: &Node| {
        let text = &node.at.source.as_ref().unwrap().text[node.at.offset..node.at.offset + node.at.len];
        (node.at.line, node.at.column, text.to_owned())
    };
    assert_eq!(place(&test[0]), (5, 5, "\"CMD\"".to_owned()));
    assert_eq!(place(&test[1]), (6, 3, "true".to_owned()));
    assert_eq!(place(web.get("image").unwrap()), (17, 12, "x".to_owned()));
    assert_eq!(place(web.get("labels").unwrap().get("c").unwrap().get("d").unwrap()), (13, 5, "e".to_owned()));
}

#[test]
fn what_is_wrong_stays_wrong_where_it_is() {
    // never closed: not the end of the file, but the first line that can't belong to it
    assert!(fault("a:\n  b: [\n    x,\n  c: 1\nd: 2\n").starts_with("compose.yaml:4:3: not valid YAML"));
    assert!(fault("a:\n  b: \"x\n c: 1\nd: 2\n").starts_with("compose.yaml:2:6: not valid YAML"));
    // a fault after a list that was read all right is told of at its own place
    assert!(fault("a:\n  b: [\n    x\n  ]\n  c: 'y\n").starts_with("compose.yaml:5:6: not valid YAML"));
    assert_eq!(fault("a:\n  b: [\n    x\n  ]\n  b: 1\n"), "compose.yaml:5:3: key `b` is given twice in this mapping");
    // blocks keep their indentation
    assert!(fault("a:\n  b: 1\n c: 2\n").contains("not valid YAML"));
}

/// As costly as it gets: each line asks for another reading of a long file.
#[test]
fn reading_again_has_a_bound() {
    let text = format!("a:\n  b: [\n{}  ]\n", " x,\n".repeat(200_000));
    assert!(fault(&text).contains("not valid YAML"));
}

#[test]
fn keys_are_unique_strings() {
    assert_eq!(fault("a: 1\nb: 2\na: 3\n"), "compose.yaml:3:1: key `a` is given twice in this mapping");
    assert!(fault("services:\n  1: x\n").starts_with("compose.yaml:2:3: a key must be a string"));
    assert!(fault("? [a]\n: 1\n").contains("this one is a list"));
    assert_eq!(one("yes: 1\n").get("yes").unwrap().as_int(), Some(1));
}

#[test]
fn tags_ask_for_merging() {
    let node = one("a: !reset null\nb: !override [1]\nc: !reset {x: 1}\nd: !!str 1\n");
    assert_eq!(node.get("a").unwrap().tag, Some(MergeTag::Reset));
    assert_eq!(node.get("b").unwrap().tag, Some(MergeTag::Override));
    assert_eq!(node.get("c").unwrap().tag, Some(MergeTag::Reset));
    assert_eq!(node.get("d").unwrap().as_str(), Some("1"));
    assert!(fault("a: !rest 1\n").contains("unknown tag !rest"));
}

#[test]
fn bounds_hold() {
    let deep = format!("a: {}{}", "[".repeat(200), "]".repeat(200));
    assert!(fault(&deep).contains("exceeds the limit"));
    let levels = (1..40).map(|level| format!("x{level}: &x{level} [*x{0}, *x{0}]\n", level - 1));
    let bomb: String = std::iter::once("x0: &x0 [a, a]\n".to_owned()).chain(levels).collect();
    assert!(fault(&bomb).contains("exceeds the limit"));
    assert!(fault("a: &a [*a]\n").contains("runs in a circle"));
    assert!(fault("a: &a\n  <<: *a\n").contains("runs in a circle"));
    assert!(fault("a: *nothing\n").contains("not valid YAML"));
}

#[test]
fn documents_are_kept_apart() {
    assert_eq!(read("a: 1\n---\nb: 2\n...\n").unwrap().len(), 2);
    assert_eq!(read("").unwrap().len(), 0);
    assert_eq!(read("# nothing\n---\n").unwrap().len(), 0);
    assert!(fault("a: &a 1\n---\nb: *a\n").contains("compose.yaml:3:4"));
}

#[test]
fn encodings_are_decoded_or_named() {
    let shown = Path::new("compose.yaml");
    assert_eq!(decode(b"\xEF\xBB\xBFa: 1", shown).unwrap().text, "a: 1");
    assert_eq!(decode(b"\xFF\xFEa\0:\0 \x001\0", shown).unwrap().text, "a: 1");
    assert_eq!(decode(b"\xFE\xFF\0a\0:\0 \x001", shown).unwrap().text, "a: 1");
    assert_eq!(
        decode(b"a: 1\nb: caf\xE9\n", shown).unwrap_err().to_string(),
        "compose.yaml:2:7: can't decode the file: byte 0xE9 is not UTF-8"
    );
    assert!(decode(b"a: x\0y", shown).unwrap_err().to_string().starts_with("compose.yaml:1:5: "));
    assert!(decode(b"\xFF\xFEa", shown).is_err());
}

proptest! {
    #[test]
    fn any_text_has_an_answer(text in "[\\PC\\n\\t]{0,200}") {
        let _ = read(&text);
    }

    #[test]
    fn yaml_like_text_has_an_answer_and_sound_places(text in "([a-c]|[-:?&*!|>'\"{}\\[\\],#%]|<<|é|\\n| |  |---|\\.\\.\\.){0,60}") {
        if let Ok(documents) = read(&text) {
            let mut stack: Vec<&Node> = documents.iter().collect();
            while let Some(node) = stack.pop() {
                let source = node.at.source.as_ref().unwrap();
                prop_assert!(source.text.get(node.at.offset..node.at.offset + node.at.len).is_some());
                match &node.value {
                    Value::Seq(items) => stack.extend(items),
                    Value::Map(map) => stack.extend(map.values().map(|e| &e.node)),
                    _ => {}
                }
            }
        }
    }

    #[test]
    fn any_bytes_have_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(source) = decode(&bytes, Path::new("f")) {
            let _ = parse(&source);
        }
    }
}
