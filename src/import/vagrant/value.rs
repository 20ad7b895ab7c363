//! What expressions come to.

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `nil`
    Nil,
    /// `true`, `false`
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Another number.
    Float(f64),
    /// A string or a symbol.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// A hash.
    Map(Vec<(Value, Value)>),
    /// Something of Vagrant's configuration.
    Object(Object),
    /// What can't be known without running Ruby: why.
    Unknown(String),
}

/// A part of Vagrant's configuration. The number is the machine's; `None`: all of them.
#[derive(Debug, Clone, PartialEq)]
pub enum Object {
    /// `config`
    Config(Option<usize>),
    /// `config.vm`
    Vm(Option<usize>),
    /// A provider's block.
    Provider(Option<usize>, String),
    /// A provisioner's block: its number.
    Provisioner(Option<usize>, usize),
    /// Anything else, such as `config.ssh`: its name.
    Other(String),
}

/// Larger values are not made.
pub const LARGEST: usize = 256 * 1024;
/// Lists within lists.
const DEEPEST: usize = 32;

impl Value {
    /// A string.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// About how much memory it takes.
    pub fn size(&self) -> usize {
        match self {
            Self::Text(text) | Self::Unknown(text) => 16 + text.len(),
            Self::List(items) => 16 + items.iter().map(Self::size).sum::<usize>(),
            Self::Map(entries) => 16 + entries.iter().map(|(key, value)| key.size() + value.size()).sum::<usize>(),
            _ => 16,
        }
    }

    /// Itself, unless it is too large.
    #[must_use]
    pub fn bounded(self) -> Self {
        if !self.within(DEEPEST) || self.size() > LARGEST {
            return Self::Unknown("it is too large".to_owned());
        }
        self
    }

    /// Whether nothing in it lies deeper.
    fn within(&self, depth: usize) -> bool {
        match self {
            Self::List(items) => depth > 0 && items.iter().all(|item| item.within(depth - 1)),
            Self::Map(entries) => {
                depth > 0 && entries.iter().all(|(key, value)| key.within(depth - 1) && value.within(depth - 1))
            }
            _ => true,
        }
    }

    /// As in an interpolation.
    pub fn shown(&self) -> Result<String, String> {
        match self {
            Self::Nil => Ok(String::new()),
            Self::Bool(value) => Ok(value.to_string()),
            Self::Int(value) => Ok(value.to_string()),
            Self::Float(value) => Ok(value.to_string()),
            Self::Text(text) => Ok(text.clone()),
            Self::Unknown(why) => Err(why.clone()),
            Self::List(_) | Self::Map(_) | Self::Object(_) => Err("it is no text".to_owned()),
        }
    }

    /// Whether a condition holds.
    pub fn truth(&self) -> Result<bool, String> {
        match self {
            Self::Nil | Self::Bool(false) => Ok(false),
            Self::Unknown(why) => Err(why.clone()),
            _ => Ok(true),
        }
    }

    /// As a whole number; text as Ruby's `to_i` reads it.
    pub fn int(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            #[expect(clippy::cast_possible_truncation, reason = "Ruby truncates too; out of range becomes the nearest")]
            Self::Float(value) => Some(*value as i64),
            Self::Text(text) => {
                let text = text.trim();
                let end = text
                    .char_indices()
                    .find(|(at, c)| !(c.is_ascii_digit() || *at == 0 && *c == '-'))
                    .map_or(text.len(), |(at, _)| at);
                text[..end].parse().ok()
            }
            _ => None,
        }
    }

    /// A hash's value under a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let Self::Map(entries) = self else { return None };
        entries.iter().find(|(name, _)| matches!(name, Self::Text(text) if text == key)).map(|(_, value)| value)
    }
}

/// `a + b` and the like.
pub fn binary(operator: &str, left: &Value, right: &Value) -> Value {
    if let Value::Unknown(_) = left {
        return left.clone();
    }
    if let Value::Unknown(_) = right {
        return right.clone();
    }
    let unknown = || Value::Unknown(format!("`{operator}` of these is not worked out"));
    match (operator, left, right) {
        ("==" | "===", _, _) => Value::Bool(left == right),
        ("!=", _, _) => Value::Bool(left != right),
        (_, Value::Int(a), Value::Int(b)) => whole(operator, *a, *b).unwrap_or_else(unknown),
        ("+", Value::Text(a), Value::Text(b)) => Value::Text(format!("{a}{b}")).bounded(),
        ("+", Value::List(a), Value::List(b)) => Value::List(a.iter().chain(b).cloned().collect()).bounded(),
        ("<<", Value::Text(a), Value::Text(b)) => Value::Text(format!("{a}{b}")).bounded(),
        ("<<", Value::List(a), b) => Value::List(a.iter().chain([b]).cloned().collect()).bounded(),
        ("*", Value::Text(a), Value::Int(times)) => match usize::try_from(*times) {
            Ok(times) if a.len().saturating_mul(times) <= LARGEST => Value::Text(a.repeat(times)),
            _ => unknown(),
        },
        ("%", Value::Text(form), Value::List(values)) => format(form, values),
        ("%", Value::Text(form), value) => format(form, std::slice::from_ref(value)),
        ("<" | ">" | "<=" | ">=", Value::Text(a), Value::Text(b)) => Value::Bool(compare(operator, a, b)),
        _ => float(operator, left, right).unwrap_or_else(unknown),
    }
}

fn compare<T: PartialOrd + ?Sized>(operator: &str, a: &T, b: &T) -> bool {
    match operator {
        "<" => a < b,
        ">" => a > b,
        "<=" => a <= b,
        _ => a >= b,
    }
}

fn whole(operator: &str, a: i64, b: i64) -> Option<Value> {
    let number = match operator {
        "+" => a.checked_add(b),
        "-" => a.checked_sub(b),
        "*" => a.checked_mul(b),
        "/" if b != 0 => a.checked_div_euclid(b),
        "%" if b != 0 => a.checked_rem_euclid(b),
        "**" => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)),
        "<" | ">" | "<=" | ">=" => return Some(Value::Bool(compare(operator, &a, &b))),
        _ => None,
    };
    number.map(Value::Int)
}

fn float(operator: &str, left: &Value, right: &Value) -> Option<Value> {
    #[expect(clippy::cast_precision_loss, reason = "as in Ruby")]
    let number = |value: &Value| match value {
        Value::Int(value) => Some(*value as f64),
        Value::Float(value) => Some(*value),
        _ => None,
    };
    let (a, b) = (number(left)?, number(right)?);
    Some(match operator {
        "+" => Value::Float(a + b),
        "-" => Value::Float(a - b),
        "*" => Value::Float(a * b),
        "/" => Value::Float(a / b),
        "<" | ">" | "<=" | ">=" => Value::Bool(compare(operator, &a, &b)),
        _ => return None,
    })
}

/// `"%s-%02d" % […]`
pub fn format(form: &str, values: &[Value]) -> Value {
    let mut out = String::new();
    let mut values = values.iter();
    let mut chars = form.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut spec = String::new();
        while let Some(next) = chars.next_if(|c| c.is_ascii_digit() || matches!(c, '-' | '+')) {
            spec.push(next);
        }
        let width = spec.trim_start_matches(['-', '0']).parse::<usize>().unwrap_or(0).min(1_000);
        let text = match (chars.next(), values.as_slice().first()) {
            (Some('%'), _) => {
                out.push('%');
                continue;
            }
            (Some('s'), Some(value)) => match value.shown() {
                Ok(text) => text,
                Err(why) => return Value::Unknown(why),
            },
            (Some('d' | 'i'), Some(value)) => match value.int() {
                Some(number) => number.to_string(),
                None => return Value::Unknown("`%d` of this is not worked out".to_owned()),
            },
            _ => return Value::Unknown("this format is not worked out".to_owned()),
        };
        values.next();
        let fill = width.saturating_sub(text.chars().count());
        if spec.starts_with('-') {
            out.push_str(&text);
            out.push_str(&" ".repeat(fill));
        } else {
            out.push_str(&if spec.starts_with('0') { "0" } else { " " }.repeat(fill));
            out.push_str(&text);
        }
    }
    Value::Text(out).bounded()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_is_rubys_and_never_overflows() {
        let int = Value::Int;
        assert_eq!(binary("+", &int(1), &int(2)), int(3));
        assert_eq!(binary("/", &int(-7), &int(2)), int(-4));
        for (operator, a, b) in
            [("+", i64::MAX, 1), ("/", 1, 0), ("%", 1, 0), ("**", 10, 99), ("/", i64::MIN, -1), ("%", i64::MIN, -1)]
        {
            let _ = binary(operator, &int(a), &int(b));
        }
        assert_eq!(format("%s-%02d%%", &[Value::text("n"), int(3)]), Value::text("n-03%"));
        assert!(matches!(binary("*", &Value::text("abc"), &int(1 << 40)), Value::Unknown(_)));
        assert_eq!(Value::text("12GB").int(), Some(12));
    }
}
