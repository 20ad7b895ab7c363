//! `ps`: a table, or one JSON object per container with the fields that Compose has.

use serde_json::{Value, json};

use super::ports;
use super::quantity::roughly;
use super::table::Table;
use super::text::{pad, width};
use crate::model::observed::{Container, Health, State};

/// Columns of the engine's own listing after which a command is cut.
const COMMAND_WIDTH: usize = 20;

/// The table.
pub fn table(containers: &[Container], now: i64, whole: bool) -> String {
    let mut table = Table::new(["NAME", "IMAGE", "COMMAND", "SERVICE", "CREATED", "STATUS", "PORTS"]);
    for container in containers {
        table.row([
            container.name.clone(),
            container.image.clone(),
            command(&container.command, whole),
            container.service().to_owned(),
            format!("{} ago", roughly(now - container.created)),
            container.status.clone(),
            ports::in_words(&container.ports, &container.exposed),
        ]);
    }
    table.render()
}

/// One container as Compose's JSON has it.
pub fn object(container: &Container, now: i64, whole: bool) -> Value {
    let labels: Vec<String> = container.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let volumes = container.mounts.iter().filter(|mount| mount.kind == "volume").count();
    let mounts: Vec<&str> = container.mounts.iter().map(|mount| mount.source.as_str()).collect();
    let id = if whole { container.id.as_str() } else { container.id.get(..12).unwrap_or(&container.id) };
    json!({
        "Command": command(&container.command, whole),
        "CreatedAt": created_at(container.created),
        "ExitCode": container.exit_code.unwrap_or(0),
        "Health": health(container),
        "ID": id,
        "Image": container.image,
        "Labels": labels.join(","),
        "LocalVolumes": volumes.to_string(),
        "Mounts": mounts.join(","),
        "Name": container.name,
        "Names": container.name,
        "Networks": container.networks.join(","),
        "Ports": ports::in_words(&container.ports, &container.exposed),
        "Project": container.label(crate::model::labels::PROJECT),
        "Publishers": publishers(container),
        "RunningFor": format!("{} ago", roughly(now - container.created)),
        "Service": container.service(),
        // the listing does not measure it; Compose prints the same
        "Size": "0B",
        "State": state(container.state),
        "Status": container.status,
    })
}

fn publishers(container: &Container) -> Vec<Value> {
    let inside = container.exposed.iter().filter_map(|text| ports::inside_only(text));
    let all = container.ports.iter().cloned().chain(inside);
    all.map(|port| {
        json!({
            "URL": port.host_ip,
            "TargetPort": port.target,
            "PublishedPort": port.published,
            "Protocol": port.protocol,
        })
    })
    .collect()
}

/// The engine's word for a state.
pub fn state(state: State) -> &'static str {
    match state {
        State::Created => "created",
        State::Running => "running",
        State::Paused => "paused",
        State::Restarting => "restarting",
        State::Removing => "removing",
        State::Exited => "exited",
        State::Dead => "dead",
    }
}

fn health(container: &Container) -> &'static str {
    match container.health {
        None => "",
        Some(Health::Starting) => "starting",
        Some(Health::Healthy) => "healthy",
        Some(Health::Unhealthy) => "unhealthy",
    }
}

/// In quotes, cut unless it is wanted whole.
fn command(text: &str, whole: bool) -> String {
    let shown = if whole || width(text) <= COMMAND_WIDTH {
        text.to_owned()
    } else {
        let mut cut = String::new();
        for c in text.chars() {
            if width(&cut) + width(c.encode_utf8(&mut [0; 4])) >= COMMAND_WIDTH {
                break;
            }
            cut.push(c);
        }
        pad(&cut, 0) + "…"
    };
    format!("\"{}\"", shown.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\t', "\\t"))
}

/// `2026-11-21 04:20:53 +0000 UTC`, in the machine's own time zone.
pub fn created_at(seconds: i64) -> String {
    let Ok(time) = jiff::Timestamp::from_second(seconds) else { return String::new() };
    time.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S %z %Z").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_quoted_and_cut_as_docker_does() {
        assert_eq!(command("sh -c 'trap \"exit 0\" TERM; x'", false), "\"sh -c 'trap \\\"exit 0…\"");
        assert_eq!(command("sleep 1", false), "\"sleep 1\"");
        assert_eq!(command("a 12345678901234567890 b", true), "\"a 12345678901234567890 b\"");
    }
}
