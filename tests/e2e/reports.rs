//! What reports on an engine, reports as JSON under `--json`.

use serde_json::Value;

use crate::engine::{Kind, engine, within};
use crate::project::Project;

const SPEC: &str = "\
services:
  web:
    image: IMAGE
    command: [sh, -c, 'echo hello; exec sleep 1000']
    stop_signal: SIGKILL
    ports: ['127.0.0.1::80']
    volumes: ['data:/data']
  job: { image: IMAGE, command: [sh, -c, 'exit 3'], profiles: [job] }
volumes: { data: {} }
";

/// One value after the other; anything else on stdout fails the test.
#[track_caller]
fn values(shop: &Project, arguments: &[&str], code: i32) -> Vec<Value> {
    let ran = shop.devup(&[&["--json"], arguments].concat()).expect(code);
    let all: Result<Vec<Value>, _> = serde_json::Deserializer::from_str(&ran.out).into_iter().collect();
    all.unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}", ran.out))
}

#[test]
fn every_report_is_json() {
    let Some(engine) = engine(Kind::Docker) else { return };
    let shop = Project::new(&engine, "reports", SPEC);
    let plan = values(&shop, &["plan"], 20);
    assert!(plan[0]["steps"].as_array().is_some_and(|steps| !steps.is_empty()), "{plan:?}");
    assert_eq!(values(&shop, &["up", "--dry-run"], 20), plan);
    assert_eq!(values(&shop, &["up"], 0).len(), 1);
    let web = shop.container("web", 1);
    assert_eq!(values(&shop, &["ps"], 0)[0]["Name"], web);
    assert_eq!(values(&shop, &["images"], 0)[0][0]["ContainerName"], web);
    assert_eq!(values(&shop, &["volumes"], 0)[0]["Name"], format!("{}_data", shop.name));
    assert_eq!(values(&shop, &["top"], 0)[0][0]["container"], web);
    assert_eq!(values(&shop, &["stats", "--no-stream"], 0)[0]["Name"], web);
    assert!(values(&shop, &["port", "web", "80"], 0)[0].is_object());
    assert!(values(&shop, &["ls"], 0)[0].as_array().unwrap().iter().any(|found| found["Name"] == shop.name));
    assert!(values(&shop, &["ports"], 0)[0].is_array());
    assert!(values(&shop, &["projects"], 0)[0].is_array());
    let events = values(&shop, &["events", "--since", "10m", "--until", "0s"], 0);
    assert!(events.iter().any(|event| event["action"] == "start"), "{events:?}");
    let logs = || Some(values(&shop, &["logs", "web"], 0)).filter(|lines| !lines.is_empty());
    let lines = within(std::time::Duration::from_mins(1), logs).expect("a line");
    assert_eq!(lines, [serde_json::json!({ "service": "web", "container": "web-1", "line": "hello" })]);
    let ended = values(&shop, &["--profile", "job", "up", "--no-deps", "--exit-code-from", "job", "job"], 3);
    assert_eq!(ended.len(), 1, "{ended:?}");
    assert_eq!(values(&shop, &["down", "--dry-run"], 20).len(), 1);
}

#[test]
fn a_plan_tells_of_what_is_odd_in_the_spec() {
    let Some(engine) = engine(Kind::Docker) else { return };
    let spec = "services:\n  web:\n    image: IMAGE\n    command: [\n      sleep, '1000'\n    ]\n    environment: { A: '${NOT_SET}' }\n";
    let shop = Project::new(&engine, "odd", spec);
    let planned = shop.devup(&["plan"]).expect(20);
    assert!(planned.err.contains("the variable `NOT_SET` is not set"), "{}", planned.err);
    // nothing runs, and nothing else is said
    let created = shop.devup(&["create"]).expect(0);
    assert!(created.err.contains(" is created, not started: ") && !created.err.contains(" is up"), "{}", created.err);
    let upped = shop.devup(&["up"]).expect(0);
    assert!(upped.err.contains(&format!("{} is up: ", shop.name)), "{}", upped.err);

    shop.write("compose.yaml", "services:\n  web: { image: 'team/web:${NOT_SET}' }\n");
    let refused = shop.devup(&["plan"]).expect(1);
    assert!(refused.err.contains("the variable `NOT_SET` is not set"), "{}", refused.err);
    assert!(refused.err.contains("is a variable in it not set?"), "{}", refused.err);
}
