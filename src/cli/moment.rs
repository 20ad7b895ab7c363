//! Points in time as Docker's programs take them: a date, a time stamp, seconds since 1970, or a length of time ago.

use jiff::{SignedDuration, Timestamp};

use crate::app::error::{AppError, Result};
use crate::model::quantity::Span;

/// The moment, to the nanosecond. Dates without a zone are in the machine's own.
pub fn parse(text: &str, now: Timestamp) -> Result<Timestamp> {
    if !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return since_1970(text).ok_or_else(|| no_moment(text));
    }
    if let Ok(stamp) = text.parse::<Timestamp>() {
        return Ok(stamp);
    }
    if let Ok(ago) = text.parse::<Span>() {
        let ago = SignedDuration::try_from(ago.0).unwrap_or(SignedDuration::MAX);
        return Ok(now.saturating_sub(ago).unwrap_or(Timestamp::MIN));
    }
    local(text).ok_or_else(|| no_moment(text))
}

fn no_moment(text: &str) -> AppError {
    AppError::usage(format!("{text:?} is no point in time"))
        .help("a date (2013-01-02T13:23:37Z, 2013-01-02), seconds since 1970, or a while ago (42m, 1h30m)")
}

/// `1136073845` or `1136073845.000000001`
fn since_1970(text: &str) -> Option<Timestamp> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.contains('.') {
        return None;
    }
    // digits beyond nanoseconds say nothing that an engine keeps
    let nanos = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    Timestamp::new(seconds.parse().ok()?, nanos).ok()
}

fn local(text: &str) -> Option<Timestamp> {
    let date_time = text
        .parse::<jiff::civil::DateTime>()
        .ok()
        .or_else(|| text.parse::<jiff::civil::Date>().ok().map(jiff::civil::DateTime::from))?;
    Some(date_time.to_zoned(jiff::tz::TimeZone::system()).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let nanos = |text: &str| parse(text, now).unwrap().as_nanosecond();
        let seconds = |seconds: i128| seconds * 1_000_000_000;
        assert_eq!(nanos("42m"), seconds(1_000_000 - 42 * 60));
        assert_eq!(nanos("0s"), seconds(1_000_000));
        assert_eq!(nanos("1136073845"), seconds(1_136_073_845));
        assert_eq!(nanos("1136073845.000000001"), seconds(1_136_073_845) + 1);
        assert_eq!(nanos("1136073845.5"), seconds(1_136_073_845) + 500_000_000);
        assert_eq!(nanos("2013-01-02T13:23:37Z"), seconds(1_357_133_017));
        assert_eq!(nanos("2013-01-02T13:23:37.123456789Z"), seconds(1_357_133_017) + 123_456_789);
        assert!(parse("2013-01-02", now).is_ok());
        for wrong in ["yesterday", "1.2.3", ".", "99999999999999999999", ""] {
            assert!(parse(wrong, now).is_err(), "{wrong}");
        }
    }
}
