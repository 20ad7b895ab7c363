//! `top`, `images`, `volumes`, `ls`, `stats`, `events`: tables and JSON with Compose's columns.

use serde_json::{Value, json};

use super::ps::created_at;
use super::quantity::{binary_size, decimal_size, roughly};
use super::table::Table;
use super::text::clean;
use crate::app::inspect::Listed;
use crate::app::watching::Measured;
use crate::driver::session::{EngineEvent, Processes};
use crate::model::labels;
use crate::model::observed::{Container, Image, Volume};

/// Processes under one heading; containers whose `ps` has other columns get what they have of them.
pub fn top(found: &[(Container, Processes)]) -> String {
    let mut titles: Vec<&str> = Vec::new();
    for (_, processes) in found {
        for title in &processes.titles {
            if !titles.contains(&title.as_str()) {
                titles.push(title);
            }
        }
    }
    if titles.is_empty() {
        return String::new();
    }
    let mut table = Table::new(["SERVICE", "#"].into_iter().chain(titles.iter().copied())).narrowest(4);
    for (container, processes) in found {
        for row in &processes.rows {
            let cell = |title: &&str| {
                let column = processes.titles.iter().position(|known| known == title);
                column.and_then(|column| row.get(column)).cloned().unwrap_or_else(|| "-".to_owned())
            };
            let head = [container.service().to_owned(), container.number().to_string()];
            table.row(head.into_iter().chain(titles.iter().map(cell)));
        }
    }
    table.render()
}

/// Repository and tag of a reference.
fn reference(container: &Container, image: Option<&Image>) -> (String, String) {
    let tags = image.map(|image| image.tags.as_slice()).unwrap_or_default();
    let Some(name) = tags.iter().find(|tag| **tag == container.image).or_else(|| tags.first()) else {
        return ("<none>".to_owned(), "<none>".to_owned());
    };
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository.to_owned(), tag.to_owned()),
        _ => (name.clone(), "latest".to_owned()),
    }
}

/// The images of containers as a table.
pub fn images(found: &[(Container, Option<Image>)], now: i64) -> String {
    let titles = ["CONTAINER", "REPOSITORY", "TAG", "PLATFORM", "IMAGE ID", "SIZE", "CREATED"];
    let mut table = Table::new(titles).narrowest(20);
    for (container, image) in found {
        let (repository, tag) = reference(container, image.as_ref());
        let created = image.as_ref().map_or("N/A".to_owned(), |image| format!("{} ago", roughly(now - image.created)));
        table.row([
            container.name.clone(),
            repository,
            tag,
            image.as_ref().map(|image| image.platform.clone()).unwrap_or_default(),
            short_id(&container.image_id).to_owned(),
            decimal_size(image.as_ref().map_or(0, |image| u64::try_from(image.size).unwrap_or(0)), 3),
            created,
        ]);
    }
    table.render()
}

/// Twelve digits of an id.
pub fn short_id(id: &str) -> &str {
    let digits = id.strip_prefix("sha256:").unwrap_or(id);
    digits.get(..12).unwrap_or(digits)
}

/// The images of containers as JSON.
pub fn images_json(found: &[(Container, Option<Image>)]) -> Value {
    found
        .iter()
        .map(|(container, image)| {
            let (repository, tag) = reference(container, image.as_ref());
            let moment = |second: Option<i64>| second.and_then(|second| jiff::Timestamp::from_second(second).ok());
            let created = moment(image.as_ref().map(|image| image.created));
            let tagged = moment(image.as_ref().and_then(|image| image.tagged));
            json!({
                "ID": container.image_id,
                "ContainerName": container.name,
                "Repository": repository,
                "Tag": tag,
                "Platform": image.as_ref().map(|image| image.platform.as_str()).unwrap_or_default(),
                "Size": image.as_ref().map_or(0, |image| image.size),
                "Created": created.map(|time| time.to_string()),
                "LastTagTime": tagged.map(|time| time.to_string()),
            })
        })
        .collect()
}

/// Volumes as a table.
pub fn volumes(volumes: &[Volume]) -> String {
    let mut table = Table::new(["DRIVER", "VOLUME NAME"]);
    for volume in volumes {
        table.row([volume.driver.clone(), volume.name.clone()]);
    }
    table.render()
}

/// A volume with the fields of `docker volume ls --format json`.
pub fn volume(volume: &Volume) -> Value {
    let labels: Vec<String> = volume.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    json!({
        "Availability": "N/A",
        "Driver": volume.driver,
        "Group": "N/A",
        "Labels": labels.join(","),
        "Links": "N/A",
        "Mountpoint": volume.mountpoint.as_deref().unwrap_or_default(),
        "Name": volume.name,
        "Scope": "local",
        "Size": "N/A",
        "Status": "N/A",
    })
}

/// Projects as a table.
pub fn projects(listed: &[Listed]) -> String {
    let mut table = Table::new(["NAME", "STATUS", "CONFIG FILES"]).narrowest(20);
    for project in listed {
        table.row([project.name.clone(), project.status.clone(), project.config_files.clone()]);
    }
    table.render()
}

/// Projects as JSON.
pub fn projects_json(listed: &[Listed]) -> Value {
    listed
        .iter()
        .map(|project| json!({ "Name": project.name, "Status": project.status, "ConfigFiles": project.config_files }))
        .collect()
}

/// Usage as a table.
pub fn stats(measured: &[Measured], whole: bool) -> String {
    let titles = ["CONTAINER ID", "NAME", "CPU %", "MEM USAGE / LIMIT", "MEM %", "NET I/O", "BLOCK I/O", "PIDS"];
    let mut table = Table::new(titles);
    for one in measured {
        let row = stat(one, whole);
        let cell = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        table.row(["ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs"].map(cell));
    }
    table.render()
}

/// Usage of one container with the fields that Docker has.
pub fn stat(one: &Measured, whole: bool) -> Value {
    let id = if whole { one.container.id.as_str() } else { short_id(&one.container.id) };
    let name = &one.container.name;
    let Some(usage) = &one.usage else {
        return json!({
            "BlockIO": "-- / --", "CPUPerc": "--", "Container": id, "ID": id, "MemPerc": "--",
            "MemUsage": "-- / --", "Name": name, "NetIO": "-- / --", "PIDs": "--",
        });
    };
    let pair = |a: u64, b: u64| format!("{} / {}", decimal_size(a, 3), decimal_size(b, 3));
    #[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
    let share = if usage.memory_limit == 0 { 0.0 } else { usage.memory as f64 / usage.memory_limit as f64 * 100.0 };
    json!({
        "BlockIO": pair(usage.block_in, usage.block_out),
        "CPUPerc": format!("{:.2}%", usage.cpu_percent),
        "Container": id,
        "ID": id,
        "MemPerc": format!("{share:.2}%"),
        "MemUsage": format!("{} / {}", binary_size(usage.memory), binary_size(usage.memory_limit)),
        "Name": name,
        "NetIO": pair(usage.network_in, usage.network_out),
        "PIDs": usage.pids.to_string(),
    })
}

/// Attributes of an event that are not Compose's own labels.
fn attributes(event: &EngineEvent) -> impl Iterator<Item = (&String, &String)> {
    event.attributes.iter().filter(|(key, _)| !key.starts_with("com.docker.compose.") && !key.starts_with("io.devup."))
}

/// An event as a line.
pub fn event(event: &EngineEvent) -> String {
    let seconds = event.time_nano.div_euclid(1_000_000_000);
    let micros = event.time_nano.rem_euclid(1_000_000_000) / 1000;
    let time = created_at(seconds);
    let time = time.get(..19).unwrap_or(&time);
    let details: Vec<String> = attributes(event).map(|(key, value)| format!("{key}={value}")).collect();
    let text = format!("{time}.{micros:06} {} {} {} ({})", event.kind, event.action, event.id, details.join(", "));
    format!("{}\n", clean(&text))
}

/// An event as JSON.
pub fn event_json(event: &EngineEvent) -> Value {
    let attributes: serde_json::Map<String, Value> =
        attributes(event).map(|(key, value)| (key.clone(), json!(value))).collect();
    let time = jiff::Timestamp::from_nanosecond(i128::from(event.time_nano)).map(|time| time.to_string());
    json!({
        "action": event.action,
        "attributes": attributes,
        "id": event.id,
        "service": event.attributes.get(labels::SERVICE).cloned().unwrap_or_default(),
        "time": time.unwrap_or_default(),
        "type": event.kind,
    })
}
