//! What scalars must look like beyond their kind. Each check gives the reason in a few words; a value that still holds
//! a `$` expression is never checked (see [`super::check`]).

use std::net::IpAddr;

use crate::model::quantity::Span;

use super::shape::{Kinds, Shape, checked};

/// A duration.
pub static DURATION: Shape = checked(Kinds::STRING, duration, "1m30s");
/// A size as a number of bytes or with a unit.
pub static BYTES: Shape = checked(Kinds::NUMBER.or(Kinds::STRING), bytes, "512m");
/// A size with a unit.
pub static MEMORY: Shape = checked(Kinds::STRING, bytes, "\"512M\"");
/// A size that is not negative.
pub static SIZE: Shape = checked(Kinds::INT.or(Kinds::STRING), size, "64m");

/// Go's notation of durations.
pub fn duration(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Ok(());
    }
    text.parse::<Span>().map(drop).map_err(|_| {
        let digits = text.chars().all(|c| c.is_ascii_digit());
        if digits { format!("a unit is missing, as in {text}s") } else { "it is not a duration".into() }
    })
}

/// `512`, `512m`, `1.5gb`, `2GiB`; `-1` for no limit.
pub fn bytes(text: &str) -> Result<(), String> {
    if text == "-1" { Ok(()) } else { size(text) }
}

/// As [`bytes`], but not `-1`.
pub fn size(text: &str) -> Result<(), String> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    if number.parse::<f64>().is_err() {
        return Err("it is not a size".into());
    }
    let unit = unit.strip_prefix(' ').unwrap_or(unit).to_ascii_lowercase();
    let unit = unit.strip_suffix('b').unwrap_or(&unit);
    let unit = unit.strip_suffix('i').unwrap_or(unit);
    if matches!(unit, "" | "k" | "m" | "g" | "t" | "p") {
        Ok(())
    } else {
        Err(format!("`{unit}` is not a unit: b, k, m, g, t and p are"))
    }
}

/// `true`, `false`, and the words of YAML 1.1 that Compose reads as well.
pub fn boolean(text: &str) -> Result<(), String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "false" | "y" | "yes" | "on" | "n" | "no" | "off" => Ok(()),
        _ => Err("it is neither true nor false".into()),
    }
}

/// A number.
pub fn decimal(text: &str) -> Result<(), String> {
    if text.parse::<f64>().is_ok_and(f64::is_finite) { Ok(()) } else { Err("it is not a number".into()) }
}

/// Permissions in octal.
pub fn mode(text: &str) -> Result<(), String> {
    let octal = text.parse::<u32>().is_ok() || u32::from_str_radix(text.trim_start_matches("0o"), 8).is_ok();
    if octal { Ok(()) } else { Err("it is no number of permissions".into()) }
}

/// A number of devices.
pub fn device_count(text: &str) -> Result<(), String> {
    if text == "all" || text.parse::<i64>().is_ok() { Ok(()) } else { Err("it is neither a number nor `all`".into()) }
}

/// `name=value`, as the list forms of build contexts take it.
pub fn assignment(text: &str) -> Result<(), String> {
    if text.contains('=') { Ok(()) } else { Err("it is not name=value".into()) }
}

/// An item of `build.ssh`.
pub fn ssh(text: &str) -> Result<(), String> {
    if text == "default" || text.contains('=') { Ok(()) } else { Err("it is neither `default` nor id=path".into()) }
}

/// The short form of `ports:`: `[[address:]published:]target[/protocol]`.
pub fn port(text: &str) -> Result<(), String> {
    let rest = without_protocol(text)?;
    let (rest, target) = rest.rsplit_once(':').map_or((None, rest), |(rest, target)| (Some(rest), target));
    let (first, last) = range(target)?;
    let Some(rest) = rest else { return Ok(()) };
    let (address, published) = match rest.rsplit_once(':') {
        Some((address, published)) => (Some(address), published),
        None => (None, rest),
    };
    if let Some(address) = address {
        let bare = address.strip_prefix('[').and_then(|a| a.strip_suffix(']')).unwrap_or(address);
        if !bare.is_empty() && bare.parse::<IpAddr>().is_err() {
            return Err(format!("`{bare}` is not an address"));
        }
    }
    if published.is_empty() {
        return Ok(());
    }
    let (from, to) = range(published)?;
    if first != last && to - from != last - first {
        return Err("the ranges of both sides differ in length".into());
    }
    Ok(())
}

/// `expose:`.
pub fn exposed(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Ok(());
    }
    range(without_protocol(text)?).map(drop)
}

/// `protocol:` of the long form.
pub fn protocol(text: &str) -> Result<(), String> {
    if matches!(text.to_ascii_lowercase().as_str(), "" | "tcp" | "udp" | "sctp") {
        Ok(())
    } else {
        Err("it is none of tcp, udp and sctp".into())
    }
}

fn without_protocol(text: &str) -> Result<&str, String> {
    let Some((rest, name)) = text.split_once('/') else { return Ok(text) };
    if name.is_empty() {
        return Err("the protocol behind `/` is missing".into());
    }
    protocol(name).map_err(|_| format!("`{name}` is not a protocol: tcp, udp and sctp are"))?;
    Ok(rest)
}

/// A port or a range of ports.
fn range(text: &str) -> Result<(u16, u16), String> {
    let one = |text: &str| {
        let all_digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        match text.parse::<u16>() {
            Ok(port) if all_digits => Ok(port),
            _ if all_digits => Err(format!("{text} is beyond the last port, 65535")),
            _ if text.is_empty() => Err("a port is missing".to_owned()),
            _ => Err(format!("`{text}` is not a port")),
        }
    };
    let Some((from, to)) = text.split_once('-') else { return one(text).map(|port| (port, port)) };
    let (from, to) = (one(from)?, one(to)?);
    if from > to { Err(format!("the range {from}-{to} ends before it begins")) } else { Ok((from, to)) }
}

/// `pull_policy:`.
pub fn pull_policy(text: &str) -> Result<(), String> {
    const WORDS: [&str; 8] = ["always", "never", "build", "if_not_present", "missing", "refresh", "daily", "weekly"];
    let every = text.strip_prefix("every_").is_some_and(|t| !t.is_empty() && duration(t).is_ok());
    if every || text.is_empty() || WORDS.contains(&text) {
        return Ok(());
    }
    Err(format!("it is none of {} and every_<duration>", WORDS.join(", ")))
}

/// `restart:`.
pub fn restart(text: &str) -> Result<(), String> {
    let attempts = text.strip_prefix("on-failure:").is_some_and(|n| n.parse::<u32>().is_ok());
    if attempts || matches!(text, "" | "no" | "always" | "on-failure" | "unless-stopped") {
        return Ok(());
    }
    Err("it is none of no, always, unless-stopped, on-failure and on-failure:<times>".into())
}

/// `container_name:`, as engines accept it.
pub fn container_name(text: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if text.len() < 2 || !text.starts_with(|c: char| c.is_ascii_alphanumeric()) || !text.chars().all(allowed) {
        return Err("a name has two or more letters, digits, `_`, `.` or `-`, and begins with a letter or digit".into());
    }
    Ok(())
}

/// `image:`. An empty one is told with the service that lacks it.
pub fn image(text: &str) -> Result<(), String> {
    if let Some(c) = text.chars().find(|c| c.is_whitespace() || c.is_control()) {
        return Err(format!("{} has no place in an image's name", if c == ' ' { "a space" } else { "this character" }));
    }
    let name = text.split('@').next().unwrap_or_default();
    let (domain, path) = match name.split_once('/') {
        Some((domain, path)) if domain.contains(['.', ':']) || domain == "localhost" => (domain, path),
        _ => ("", name),
    };
    let repository = path.split(':').next().unwrap_or_default();
    if repository.chars().any(|c| c.is_ascii_uppercase()) {
        let slash = if domain.is_empty() { "" } else { "/" };
        let lower = path.replacen(repository, &repository.to_lowercase(), 1);
        return Err(format!("names of images are lowercase: {domain}{slash}{lower}"));
    }
    Ok(())
}

/// A line of `extra_hosts:`.
pub fn host_line(text: &str) -> Result<(), String> {
    let (host, address) = text.split_once(['=', ':']).unwrap_or_default();
    if host.is_empty() || address.is_empty() { Err("it is not host=address".into()) } else { Ok(()) }
}

/// The short form of `volumes:`: `[source:]target[:options]`. The rest is checked where it is taken apart.
pub fn short_volume(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("it is empty".into());
    }
    if text.split(':').any(str::is_empty) {
        return Err("there is nothing on one side of a `:`".into());
    }
    Ok(())
}

/// `env:`: the name of a building block.
pub fn env(text: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_');
    if text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(allowed) {
        return Ok(());
    }
    Err("names of building blocks have lowercase letters, digits, `.`, `-` and `_`".into())
}

/// `requires:`.
pub fn requirement(text: &str) -> Result<(), String> {
    semver::VersionReq::parse(text).map(drop).map_err(|error| error.to_string())
}

/// A pattern of files below the project's folder.
pub fn pattern(text: &str) -> Result<(), String> {
    if text.starts_with(['/', '~']) || text.split('/').any(|part| part == "..") {
        return Err("it leads out of the project's folder".into());
    }
    globset::Glob::new(text).map(drop).map_err(|error| error.kind().to_string())
}

/// A file inside a container, by its whole path.
pub fn file_inside(text: &str) -> Result<(), String> {
    let plain = !text.ends_with('/') && text.split('/').all(|part| part != "." && part != "..");
    if text.starts_with('/') && plain { Ok(()) } else { Err("it is not the whole path of a file inside".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(check: fn(&str) -> Result<(), String>, good: &[&str], bad: &[&str]) {
        for text in good {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        for text in bad {
            assert!(check(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ports() {
        let good = [
            "80",
            "8080:80",
            "127.0.0.1:8080:80",
            "127.0.0.1::80",
            "[::1]:8080:80",
            "::1:8080:80",
            "80/udp",
            "80/TCP",
            "3000-3005",
            "9090-9091:8080-8081",
            "8000-9000:80",
            "0.0.0.0:1-2:3-4/sctp",
        ];
        let bad = [
            "",
            "x",
            "80:",
            "99999",
            "8080:80/http",
            "80/",
            "localhost:80:80",
            "5-3",
            "1-3:1-2",
            "-1",
            "+8",
            "1:2:3:4",
        ];
        accepts(port, &good, &bad);
        accepts(exposed, &["80", "80-90/udp"], &["a", "80:80"]);
    }

    #[test]
    fn sizes_and_durations() {
        accepts(bytes, &["1", "1.5g", "64M", "2GiB", "10 kb", "1b", "-1"], &["", "g", "1x", "-2", "1..5", "1 2"]);
        accepts(size, &["1g"], &["-1"]);
        accepts(duration, &["", "1m30s", "500ms", "1d", "0"], &["10", "1 s", "abc", "-1s"]);
    }

    #[test]
    fn words_and_names() {
        accepts(pull_policy, &["always", "every_12h", ""], &["sometimes", "every_", "every_x"]);
        accepts(restart, &["no", "on-failure:3"], &["never", "on-failure:x"]);
        accepts(container_name, &["ab", "a.b-c_1"], &["a", "-ab", "a b"]);
        let good = ["", "a", "debian:12", "Reg.example:5000/a/b:Tag", "a@sha256:00", "localhost/x", "a/b"];
        accepts(image, &good, &["My App", "MyApp", "reg.example/MyApp:1"]);
        accepts(host_line, &["a=1.2.3.4", "a:::1", "h:host-gateway"], &["a", "=1", "a="]);
        accepts(short_volume, &["/x", "a:/b:ro"], &["", "a::b", ":/x", "a:"]);
        accepts(env, &["debian-12", "python-3.11"], &["", "Debian", "../x"]);
        accepts(requirement, &[">=0.1", "1", ">=0.1, <2"], &["new", ">>1", ""]);
    }
}
