//! Points in time as Docker's programs take them: a date, a time stamp, seconds since 1970, or a length of time ago.

use jiff::Timestamp;

use crate::app::error::{AppError, Result};
use crate::model::quantity::Span;

/// Seconds since 1970. Dates without a zone are in the machine's own.
pub fn parse(text: &str, now: Timestamp) -> Result<i64> {
    if let Ok(seconds) = text.split('.').next().unwrap_or(text).parse::<i64>()
        && text.chars().all(|c| c.is_ascii_digit() || c == '.')
    {
        return Ok(seconds);
    }
    if let Ok(stamp) = text.parse::<Timestamp>() {
        return Ok(stamp.as_second());
    }
    if let Ok(ago) = text.parse::<Span>() {
        let ago = i64::try_from(ago.0.as_secs()).unwrap_or(i64::MAX);
        return Ok(now.as_second().saturating_sub(ago));
    }
    local(text).ok_or_else(|| {
        AppError::usage(format!("{text:?} is no point in time"))
            .help("a date (2013-01-02T13:23:37Z, 2013-01-02), seconds since 1970, or a while ago (42m, 1h30m)")
    })
}

fn local(text: &str) -> Option<i64> {
    let date_time = text
        .parse::<jiff::civil::DateTime>()
        .ok()
        .or_else(|| text.parse::<jiff::civil::Date>().ok().map(jiff::civil::DateTime::from))?;
    Some(date_time.to_zoned(jiff::tz::TimeZone::system()).ok()?.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        assert_eq!(parse("42m", now).unwrap(), 1_000_000 - 42 * 60);
        assert_eq!(parse("0s", now).unwrap(), 1_000_000);
        assert_eq!(parse("1136073845", now).unwrap(), 1_136_073_845);
        assert_eq!(parse("1136073845.000000001", now).unwrap(), 1_136_073_845);
        assert_eq!(parse("2013-01-02T13:23:37Z", now).unwrap(), 1_357_133_017);
        assert!(parse("2013-01-02", now).is_ok());
        assert!(parse("yesterday", now).is_err());
    }
}
