//! What an unquoted scalar means, and how numbers are printed: as Docker Compose reads and prints them.

use super::node::Value;

/// Resolves an unquoted scalar. The YAML 1.2 core schema plus what Compose's parser keeps of 1.1: `010` and `0b1`
/// are whole numbers, `1_000` too; `yes`, `no`, `on` and `off` are strings, and so are dates.
pub fn resolve_plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Value::Float(f64::INFINITY, text.to_owned()),
        "-.inf" | "-.Inf" | "-.INF" => return Value::Float(f64::NEG_INFINITY, text.to_owned()),
        ".nan" | ".NaN" | ".NAN" => return Value::Float(f64::NAN, text.to_owned()),
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return Value::String(text.to_owned());
    }
    let digits = text.replace('_', "");
    if let Some(value) = whole_number(&digits) {
        return Value::Int(value);
    }
    match float(&digits) {
        Some(value) => Value::Float(value, digits),
        None => Value::String(text.to_owned()),
    }
}

/// A whole number with its base's prefix; a leading zero means base 8.
fn whole_number(text: &str) -> Option<i64> {
    let (negative, body) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = body.to_ascii_lowercase();
    let (radix, number) = if let Some(rest) = lower.strip_prefix("0x") {
        (16, rest)
    } else if let Some(rest) = lower.strip_prefix("0o") {
        (8, rest)
    } else if let Some(rest) = lower.strip_prefix("0b") {
        (2, rest)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, &lower[1..])
    } else {
        (10, lower.as_str())
    };
    if !number.starts_with(|c: char| c.is_digit(radix)) {
        return None;
    }
    let value = i128::from_str_radix(number, radix).ok()?;
    i64::try_from(if negative { -value } else { value }).ok()
}

/// Decimal fractions with an optional exponent; nothing else that Rust would take (`inf`, `nan`).
fn float(text: &str) -> Option<f64> {
    let body = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match body.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (body, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let sound = all_digits(whole)
        && all_digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|e| !e.is_empty() && all_digits(e));
    if sound { text.parse().ok() } else { None }
}

/// A number's text as Go's `%v` prints it, which is what Compose passes on.
pub fn float_text(value: f64, written: &str) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf".into() } else { "-Inf".into() };
    }
    if written.len() < 21
        && !written.is_empty()
        && written.bytes().all(|b| b.is_ascii_digit())
        && !written.starts_with('0')
    {
        return written.to_owned();
    }
    if value == 0.0 {
        return if value.is_sign_negative() { "-0".into() } else { "0".into() };
    }
    if (1e-4..1e21).contains(&value.abs()) {
        return value.to_string();
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

/// A number as JSON: whole ones without a fraction, infinite ones as text.
pub fn float_json(value: f64, written: &str) -> serde_json::Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if let Ok(whole) = written.parse::<u64>() {
        return whole.into();
    }
    if value.fract() == 0.0 && value.abs() <= EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53")]
        return (value as i64).into();
    }
    serde_json::Number::from_f64(value).map_or_else(|| float_text(value, written).into(), serde_json::Value::Number)
}

/// A number computed by devup, not written in a file.
pub fn float_value(value: f64) -> Value {
    Value::Float(value, value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_compose_reads_them() {
        for (text, expected) in [
            ("0", 0),
            ("-0", 0),
            ("010", 8),
            ("0o10", 8),
            ("0x1F", 31),
            ("0b101", 5),
            ("1_000", 1000),
            ("+3", 3),
            ("-9223372036854775808", i64::MIN),
        ] {
            assert_eq!(resolve_plain(text), Value::Int(expected), "{text}");
        }
        for text in ["yes", "no", "on", "0xzz", "1.2.3", "2020-01-01", "1:2", "-", "+", ".", "e1", "1e", "--1", "0x-1"]
        {
            assert_eq!(resolve_plain(text), Value::String(text.into()), "{text}");
        }
    }

    #[test]
    fn numbers_are_printed_as_compose_prints_them() {
        for (text, printed) in [
            ("1.10", "1.1"),
            ("1e3", "1000"),
            ("08", "8"),
            ("1e21", "1e+21"),
            ("0.00001", "1e-05"),
            ("18446744073709551615", "18446744073709551615"),
            (".5", "0.5"),
            ("-0.0", "-0"),
        ] {
            assert_eq!(resolve_plain(text).text().as_deref(), Some(printed), "{text}");
        }
    }
}
