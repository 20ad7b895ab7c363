//! Lengths of time and sizes in the words that users of Docker's programs know.

/// A length of time in whole seconds, roughly: `About a minute`, `3 days`.
pub fn roughly(seconds: i64) -> String {
    let (minutes, hours) = (seconds / 60, (seconds + 1800) / 3600);
    match () {
        () if seconds < 1 => "Less than a second".into(),
        () if seconds == 1 => "1 second".into(),
        () if seconds < 60 => format!("{seconds} seconds"),
        () if minutes == 1 => "About a minute".into(),
        () if minutes < 60 => format!("{minutes} minutes"),
        () if hours == 1 => "About an hour".into(),
        () if hours < 48 => format!("{hours} hours"),
        () if hours < 24 * 7 * 2 => format!("{} days", hours / 24),
        () if hours < 24 * 30 * 2 => format!("{} weeks", hours / 24 / 7),
        () if hours < 24 * 365 * 2 => format!("{} months", hours / 24 / 30),
        () => format!("{} years", seconds / 3600 / 24 / 365),
    }
}

/// A size in powers of 1000 with `digits` significant digits: `1.98MB`.
pub fn decimal_size(bytes: u64, digits: usize) -> String {
    scaled(bytes, 1000.0, &["B", "kB", "MB", "GB", "TB", "PB", "EB"], digits)
}

/// A size in powers of 1024 with four significant digits: `23.54GiB`.
pub fn binary_size(bytes: u64) -> String {
    scaled(bytes, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"], 4)
}

#[expect(clippy::cast_precision_loss, reason = "shown with four digits at most")]
fn scaled(bytes: u64, base: f64, units: &[&str], digits: usize) -> String {
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= base && unit + 1 < units.len() {
        value /= base;
        unit += 1;
    }
    format!("{}{}", significant(value, digits), units[unit])
}

/// As C's `%.*g` for values from 0 to 9999.
fn significant(value: f64, digits: usize) -> String {
    let mut whole = 1;
    let mut rest = value;
    while rest >= 10.0 {
        rest /= 10.0;
        whole += 1;
    }
    let text = format!("{value:.*}", digits.saturating_sub(whole));
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// How long something took, for progress and summaries: `0.4s`, `12.0s`, `3m05s`.
pub fn took(duration: std::time::Duration) -> String {
    let seconds = duration.as_secs();
    if seconds >= 60 {
        return format!("{}m{:02}s", seconds / 60, seconds % 60);
    }
    format!("{:.1}s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_docker_says_them() {
        for (seconds, text) in [
            (0, "Less than a second"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "About a minute"),
            (120, "2 minutes"),
            (3600, "About an hour"),
            (7200, "2 hours"),
            (172_800, "2 days"),
            (86_400 * 21, "3 weeks"),
            (86_400 * 100, "3 months"),
            (86_400 * 800, "2 years"),
        ] {
            assert_eq!(roughly(seconds), text);
        }
    }

    #[test]
    fn sizes_read_as_docker_says_them() {
        assert_eq!(decimal_size(1_982_516, 3), "1.98MB");
        assert_eq!(decimal_size(932, 3), "932B");
        assert_eq!(decimal_size(1_040, 3), "1.04kB");
        assert_eq!(decimal_size(0, 3), "0B");
        assert_eq!(binary_size(908 * 1024), "908KiB");
        assert_eq!(binary_size(25_276_000_000), "23.54GiB");
    }
}
