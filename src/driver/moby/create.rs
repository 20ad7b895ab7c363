//! A container's specification as the body of the engine's create call. Pure: the same specification and features give the
//! same body. Field names and meanings are those of Docker's Engine API, `POST /containers/create`.

use std::collections::HashMap;
use std::hash::Hash;

use bollard::models::{ContainerCreateBody, HealthConfig};
use indexmap::IndexMap;
use serde_json::Value;

use super::endpoints;
use super::host_config::host_config;
use crate::driver::features::Features;
use crate::model::container::ContainerSpec;
use crate::model::labels;
use crate::model::quantity::Span;
use crate::model::service::Healthcheck;

/// The body of the create call.
pub(super) fn create_body(spec: &ContainerSpec, features: &Features) -> Value {
    let service = &*spec.service;
    let body = ContainerCreateBody {
        hostname: service.hostname.clone(),
        domainname: service.domainname.clone(),
        user: service.user.clone(),
        exposed_ports: some_list(exposed(spec)),
        tty: some_true(service.tty),
        open_stdin: some_true(service.stdin_open),
        // whoever runs it is the only one to write to it: their end of input is the program's
        stdin_once: some_true(service.stdin_open && is_one_off(spec)),
        env: some_list(spec.environment.iter().map(|(key, value)| format!("{key}={value}")).collect()),
        cmd: service.command.clone(),
        healthcheck: service.healthcheck.as_ref().map(|check| healthcheck(check, features)),
        image: Some(spec.image.clone()),
        working_dir: service.working_dir.clone(),
        entrypoint: service.entrypoint.clone().map(cleared),
        labels: some_map(&spec.labels),
        stop_signal: service.stop_signal.clone(),
        stop_timeout: service.stop_grace_period.map(|span| whole_seconds(span.0)),
        host_config: Some(host_config(spec, features)),
        networking_config: endpoints::at_creation(spec, features),
        ..ContainerCreateBody::default()
    };
    // plain data with text keys: this cannot fail
    let mut body = serde_json::to_value(body).unwrap_or_default();
    if let Some(mac) = endpoints::container_mac(spec, features) {
        body["MacAddress"] = Value::String(mac);
    }
    body
}

/// A container of `run`.
fn is_one_off(spec: &ContainerSpec) -> bool {
    spec.labels.get(labels::ONEOFF).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// An entrypoint that is cleared is written as one empty word, since the engine takes an empty list for "as in the image".
fn cleared(entrypoint: Vec<String>) -> Vec<String> {
    if entrypoint.is_empty() { vec![String::new()] } else { entrypoint }
}

/// `expose`, and what is published.
fn exposed(spec: &ContainerSpec) -> Vec<String> {
    let mut ports: Vec<String> = spec.ports.iter().map(|port| format!("{}/{}", port.target, port.protocol)).collect();
    for text in &spec.service.expose {
        let (range, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        match (first.parse::<u16>(), last.parse::<u16>()) {
            (Ok(first), Ok(last)) => ports.extend((first..=last).map(|port| format!("{port}/{protocol}"))),
            _ => ports.push(text.clone()),
        }
    }
    ports.sort();
    ports.dedup();
    ports
}

fn healthcheck(check: &Healthcheck, features: &Features) -> HealthConfig {
    if check.disable {
        return HealthConfig { test: Some(vec!["NONE".to_owned()]), ..HealthConfig::default() };
    }
    HealthConfig {
        test: check.test.clone(),
        interval: check.interval.map(Span::nanos),
        timeout: check.timeout.map(Span::nanos),
        retries: check.retries.and_then(|retries| i64::try_from(retries).ok()),
        start_period: check.start_period.map(Span::nanos),
        start_interval: check.start_interval.filter(|_| features.start_interval).map(Span::nanos),
    }
}

/// Seconds, rounded up: a grace of half a second must not become none.
pub(super) fn whole_seconds(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_secs() + u64::from(duration.subsec_nanos() > 0)).unwrap_or(i64::MAX)
}

pub(super) fn some_true(value: bool) -> Option<bool> {
    value.then_some(true)
}

pub(super) fn some_list<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

pub(super) fn some_map<V: Clone>(map: &IndexMap<String, V>) -> Option<HashMap<String, V>>
where
    String: Hash,
{
    (!map.is_empty()).then(|| map.iter().map(|(key, value)| (key.clone(), value.clone())).collect())
}

/// A number of the spec, which may have been written as text.
pub(super) fn integer(value: Option<&Value>) -> Option<i64> {
    match value? {
        Value::Number(number) => number.as_i64().or_else(|| float_as_integer(number.as_f64()?)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "numbers beyond 2^53 are no limits of anything")]
fn float_as_integer(number: f64) -> Option<i64> {
    number.is_finite().then_some(number as i64)
}
