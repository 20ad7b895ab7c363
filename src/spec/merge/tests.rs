use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::super::{canonical, decode, emit, parse, unique};
use super::*;

fn tree(text: &str) -> Node {
    parse::parse(&decode::decode(text.as_bytes(), Path::new("f.yaml")).unwrap()).unwrap().remove(0)
}

fn merged(base: &str, over: &str) -> Json {
    let mut base = tree(base);
    merge_file(&mut base, tree(over)).unwrap();
    unique::enforce(&mut base, &[]).unwrap();
    base.to_json()["services"]["a"].take()
}

#[test]
fn each_attribute_has_its_rule() {
    let base = "services: {a: {command: [x], cap_add: [A], environment: {X: 1, Y: 1}, logging: {driver: a, options: {k: 1}}, extra_hosts: ['h:1'], build: ., depends_on: [b], ports: ['1:1']}}";
    let over = "services: {a: {command: [y], cap_add: [B, A], environment: [X=2, Z], logging: {driver: b}, extra_hosts: ['h:1', 'h:2'], build: {target: t}, depends_on: {c: {condition: service_healthy}}, ports: ['1:1', '2:2']}}";
    assert_eq!(
        merged(base, over),
        json!({
            "command": ["y"], "cap_add": ["A", "B"], "environment": ["X=2", "Y=1", "Z"], "logging": {"driver": "b"},
            "extra_hosts": ["h:1", "h:2"], "build": {"context": ".", "target": "t"}, "ports": ["1:1", "2:2"],
            "depends_on": {"b": {"condition": "service_started", "required": true}, "c": {"condition": "service_healthy"}},
        })
    );
}

#[test]
fn resets_reach_into_lists_of_variables() {
    let base = "services: {a: {environment: [X=1, Y=1], labels: {l: 1}}}";
    let over = "services: {a: {environment: {X: !reset null, Z: 2}, labels: !reset {}}}";
    assert_eq!(merged(base, over), json!({"environment": ["Y=1", "Z=2"]}));
}

#[test]
fn what_does_not_fit_has_a_place() {
    let mut base = tree("services: {a: {healthcheck: {interval: 1s}}}");
    let error = merge_file(&mut base, tree("services:\n  a:\n    healthcheck: [x]\n")).unwrap_err();
    assert!(error.to_string().starts_with("f.yaml:3:18: can't merge `services.a.healthcheck`"), "{error}");
}

/// Services made of attributes in short and long forms.
pub(crate) fn any_service() -> impl Strategy<Value = Json> {
    let attribute = prop_oneof![
        prop::collection::vec("[1-9]{1,2}(:[1-9]{1,2})?(/udp)?", 0..3).prop_map(|ports| ("ports", json!(ports))),
        prop::collection::btree_map("[A-C]", "[a-c=$ ]{0,3}", 0..3).prop_map(|map| ("environment", json!(map))),
        prop::collection::vec("[A-C](=[a-c]{0,2})?", 0..3).prop_map(|list| ("environment", json!(list))),
        prop::collection::vec("(\\./[ab]:|v:)?/[a-c](:ro)?", 0..3).prop_map(|volumes| ("volumes", json!(volumes))),
        prop::collection::vec("[b-d]", 0..3).prop_map(|names| ("depends_on", json!(names))),
        prop::collection::vec("[n-p]", 0..3).prop_map(|names| ("networks", json!(names))),
        "[a-c ]{0,6}".prop_map(|command| ("command", json!(command))),
        prop::collection::vec("[a-c]", 0..3).prop_map(|words| ("command", json!(words))),
        prop_oneof![Just(json!(".")), Just(json!({"context": "x", "args": ["A"]}))].prop_map(|build| ("build", build)),
        prop::collection::vec("s[12]", 0..3).prop_map(|secrets| ("secrets", json!(secrets))),
        "[a-b]\\.env".prop_map(|file| ("env_file", json!(file))),
    ];
    prop::collection::vec(attribute, 0..6)
        .prop_map(|all| Json::Object(all.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()))
}

fn spec(service: &Json) -> Node {
    tree(&emit::yaml(&json!({"services": {"a": service}})))
}

fn settled(base: &Node, over: Node) -> Node {
    let mut out = base.clone();
    merge_file(&mut out, over).unwrap();
    unique::enforce(&mut out, &[]).unwrap();
    canonical::canonicalise(&mut out).unwrap();
    unique::enforce(&mut out, &[]).unwrap();
    out
}

proptest! {
    #[test]
    fn merging_never_panics_and_the_later_command_wins(base in any_service(), over in any_service()) {
        let merged = settled(&settled(&tree("{}"), spec(&base)), spec(&over));
        if let Some(command) = over.get("command") {
            let got = merged.get("services").and_then(|s| s.get("a")).and_then(|a| a.get("command"));
            prop_assert_eq!(got.map(Node::to_json), Some(command.clone()));
        }
    }

    #[test]
    fn merging_the_same_file_again_changes_nothing(service in any_service()) {
        let once = settled(&tree("{}"), spec(&service));
        let twice = settled(&once, spec(&service));
        let variables = |node: &Node| {
            let variables = node.get("services").and_then(|s| s.get("a")).and_then(|a| a.get("environment")).map(texts);
            variables.unwrap_or_default().iter().map(|text| text.value.clone()).collect::<Vec<_>>()
        };
        prop_assert_eq!(variables(&once), variables(&twice));
        for key in ["ports", "volumes", "depends_on", "networks", "command", "build", "secrets"] {
            let of = |node: &Node| node.get("services").and_then(|s| s.get("a")).and_then(|a| a.get(key)).map(Node::to_json);
            if key != "build" {
                prop_assert_eq!(of(&once), of(&twice), "{}", key);
            }
        }
    }

    /// The specification merges file after file; what two of them come to does not depend on the first. (Only the log
    /// driver's options, which go where the driver changes, and tags, which speak to what was before, know an order.)
    #[test]
    fn files_may_be_merged_from_either_side(a in any_service(), b in any_service(), c in any_service()) {
        let first = settled(&tree("{}"), spec(&a));
        let from_left = settled(&settled(&first, spec(&b)), spec(&c));
        let mut others = spec(&b);
        merge_file(&mut others, spec(&c)).unwrap();
        unique::enforce(&mut others, &[]).unwrap();
        let from_right = settled(&first, others);
        let service = |node: &Node| node.get("services").and_then(|s| s.get("a")).map(Node::to_json);
        prop_assert_eq!(service(&from_left), service(&from_right));
    }

    #[test]
    fn long_forms_stay_as_they_are(service in any_service()) {
        let once = settled(&tree("{}"), spec(&service));
        let mut again = once.clone();
        canonical::canonicalise(&mut again).unwrap();
        prop_assert_eq!(again.to_json(), once.to_json());
    }

    #[test]
    fn merging_any_trees_has_an_answer(base in "[a-c:\\[\\]{}, \n*&!]{0,40}", over in "[a-c:\\[\\]{}, \n*&!]{0,40}") {
        let read = |text: &str| parse::parse(&decode::decode(text.as_bytes(), Path::new("f")).unwrap());
        if let (Ok(mut base), Ok(mut over)) = (read(&base), read(&over))
            && let (Some(mut base), Some(over)) = (base.pop(), over.pop())
        {
            let _ = merge_file(&mut base, over);
        }
    }
}
