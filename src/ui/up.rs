//! What came of `up`.

use std::time::Duration;

use serde_json::{Value, json};

use super::quantity::took;
use super::text::clean;
use crate::app::ports::remarks;
use crate::app::up::UpOutcome;

/// For people: ports that moved, where to look, how long it took.
pub fn lines(outcome: &UpOutcome, time: Duration) -> Vec<String> {
    let mut lines: Vec<String> = remarks(&outcome.chosen).iter().map(|remark| clean(remark)).collect();
    for chosen in &outcome.chosen {
        let (service, binding) = (&chosen.wanted.key.service, &chosen.binding);
        let host =
            if binding.host_ip.contains(':') { format!("[{}]", binding.host_ip) } else { binding.host_ip.clone() };
        lines.push(format!(
            "{}  {host}:{} -> {}/{}",
            clean(service),
            binding.published,
            binding.target,
            binding.protocol
        ));
    }
    let changed = outcome.changed;
    let what = match changed {
        0 => "nothing to change".to_owned(),
        1 => "1 step".to_owned(),
        many => format!("{many} steps"),
    };
    let standing = if outcome.started { "is up" } else { "is created, not started" };
    lines.push(format!("{} {standing}: {what}, {}", clean(outcome.environment.project_name()), took(time)));
    lines
}

/// For programs.
pub fn json(outcome: &UpOutcome, time: Duration) -> Value {
    let ports: Vec<Value> = outcome
        .chosen
        .iter()
        .map(|chosen| {
            json!({
                "service": chosen.wanted.key.service,
                "number": chosen.wanted.key.number,
                "target": chosen.binding.target,
                "protocol": chosen.binding.protocol,
                "host_ip": chosen.binding.host_ip,
                "published": chosen.binding.published,
                "moved": chosen.moved(),
            })
        })
        .collect();
    json!({
        "project": outcome.environment.project_name(),
        "services": outcome.environment.services.keys().collect::<Vec<_>>(),
        "ports": ports,
        "changes": outcome.changed,
        "took_ms": u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
    })
}
