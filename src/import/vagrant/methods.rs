//! Methods of strings, numbers, lists and hashes that Vagrantfiles use.

use super::eval::Evaluation;
use super::syntax::Call;
use super::value::{Value, binary, format};

/// Rounds of a loop; more is nobody's environment.
const MOST_ROUNDS: usize = 1_000;

/// Calls a method of a value that is known.
pub fn call(evaluation: &mut Evaluation, on: &Value, call: &Call, arguments: &[Value]) -> Value {
    if let Some(value) = looped(evaluation, on, call, arguments) {
        return value;
    }
    if call.block.is_some() {
        return Value::Unknown(format!("what `{}` does with its block is not worked out", call.name));
    }
    let known = any(on, &call.name, arguments).or_else(|| match on {
        Value::Text(text) => of_text(text, &call.name, arguments),
        Value::Int(number) => of_number(*number, &call.name),
        Value::List(items) => of_list(items, &call.name, arguments),
        Value::Map(entries) => of_map(on, entries, &call.name, arguments),
        _ => None,
    });
    known.unwrap_or_else(|| Value::Unknown(format!("what `{}` gives is not worked out", call.name)))
}

/// `each` and its kin. `None`: this is no loop.
fn looped(evaluation: &mut Evaluation, on: &Value, call: &Call, arguments: &[Value]) -> Option<Value> {
    let block = call.block.as_ref()?;
    let items: Vec<Value> = match (on, call.name.as_str(), arguments) {
        (Value::Int(times), "times", _) => (0..(*times).clamp(0, 1_001)).map(Value::Int).collect(),
        (Value::Int(from), "upto", [Value::Int(to)]) => {
            (*from..=(*to).min(from.saturating_add(1_001))).map(Value::Int).collect()
        }
        (Value::List(items), "each" | "each_with_index" | "map" | "collect" | "each_entry", _) => items.clone(),
        (Value::Map(entries), "each" | "each_pair" | "each_with_index" | "map" | "collect", _) => {
            entries.iter().map(|(key, value)| Value::List(vec![key.clone(), value.clone()])).collect()
        }
        (Value::Map(entries), "each_key", _) => entries.iter().map(|(key, _)| key.clone()).collect(),
        (Value::Map(entries), "each_value", _) => entries.iter().map(|(_, value)| value.clone()).collect(),
        _ => return None,
    };
    if items.len() > MOST_ROUNDS {
        return Some(Value::Unknown(format!("more than {MOST_ROUNDS} rounds")));
    }
    let indexed = call.name == "each_with_index";
    let mut results = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        let given = match item {
            _ if indexed => vec![item, Value::Int(i64::try_from(index).unwrap_or(0))],
            // a list is spread over several parameters
            Value::List(parts) if block.parameters.len() > 1 => parts,
            other => vec![other],
        };
        results.push(evaluation.run(block, &given));
    }
    Some(if matches!(call.name.as_str(), "map" | "collect") { Value::List(results).bounded() } else { on.clone() })
}

fn any(on: &Value, name: &str, arguments: &[Value]) -> Option<Value> {
    Some(match (name, arguments) {
        ("to_s" | "to_str", []) => on.shown().map_or_else(Value::Unknown, Value::Text),
        ("to_i", []) => Value::Int(on.int().unwrap_or(0)),
        ("nil?", []) => Value::Bool(*on == Value::Nil),
        ("freeze" | "dup" | "clone" | "to_sym" | "itself" | "to_a" | "to_h" | "to_ary", []) => on.clone(),
        ("is_a?" | "respond_to?" | "instance_of?", _) => return None,
        _ => return None,
    })
}

fn of_text(text: &str, name: &str, arguments: &[Value]) -> Option<Value> {
    Some(match (name, arguments) {
        ("strip", []) => Value::text(text.trim()),
        ("chomp", []) => Value::text(text.trim_end_matches(['\n', '\r'])),
        ("rstrip", []) => Value::text(text.trim_end()),
        ("lstrip", []) => Value::text(text.trim_start()),
        ("upcase", []) => Value::text(text.to_uppercase()),
        ("downcase", []) => Value::text(text.to_lowercase()),
        ("empty?", []) => Value::Bool(text.is_empty()),
        ("length" | "size", []) => Value::Int(i64::try_from(text.chars().count()).unwrap_or(0)),
        ("include?", [Value::Text(part)]) => Value::Bool(text.contains(part.as_str())),
        ("start_with?", [Value::Text(part)]) => Value::Bool(text.starts_with(part.as_str())),
        ("end_with?", [Value::Text(part)]) => Value::Bool(text.ends_with(part.as_str())),
        ("gsub" | "tr", [Value::Text(from), Value::Text(to)])
            if !from.is_empty() && (name == "gsub" || from.chars().count() == 1) =>
        {
            if text.len().saturating_mul(to.len() + 1) > super::value::LARGEST {
                return None;
            }
            Value::text(text.replace(from.as_str(), to))
        }
        ("sub", [Value::Text(from), Value::Text(to)]) => Value::text(text.replacen(from.as_str(), to, 1)),
        ("split", []) => Value::List(text.split_whitespace().map(Value::text).collect()),
        ("split", [Value::Text(by)]) if !by.is_empty() => {
            Value::List(text.split(by.as_str()).map(Value::text).collect())
        }
        ("rjust", [Value::Int(width), Value::Text(fill)]) if fill.chars().count() == 1 => {
            let missing = usize::try_from(*width).unwrap_or(0).min(1_000).saturating_sub(text.chars().count());
            Value::Text(format!("{}{text}", fill.repeat(missing)))
        }
        ("concat", [right]) => binary("+", &Value::text(text), right),
        ("%", [Value::List(values)]) => format(text, values),
        _ => return None,
    })
}

fn of_number(number: i64, name: &str) -> Option<Value> {
    Some(match name {
        "even?" => Value::Bool(number % 2 == 0),
        "odd?" => Value::Bool(number % 2 != 0),
        "zero?" => Value::Bool(number == 0),
        "succ" | "next" => Value::Int(number.checked_add(1)?),
        "pred" => Value::Int(number.checked_sub(1)?),
        "to_f" => binary("*", &Value::Int(number), &Value::Float(1.0)),
        _ => return None,
    })
}

fn of_list(items: &[Value], name: &str, arguments: &[Value]) -> Option<Value> {
    Some(match (name, arguments) {
        ("[]" | "at" | "fetch", [Value::Int(index)]) => {
            let index = if *index < 0 { index.checked_add(i64::try_from(items.len()).ok()?)? } else { *index };
            usize::try_from(index).ok().and_then(|index| items.get(index)).cloned().unwrap_or(Value::Nil)
        }
        ("first", []) => items.first().cloned().unwrap_or(Value::Nil),
        ("last", []) => items.last().cloned().unwrap_or(Value::Nil),
        ("length" | "size" | "count", []) => Value::Int(i64::try_from(items.len()).unwrap_or(0)),
        ("empty?", []) => Value::Bool(items.is_empty()),
        ("any?", []) => Value::Bool(!items.is_empty()),
        ("include?" | "member?", [item]) => Value::Bool(items.contains(item)),
        ("reverse", []) => Value::List(items.iter().rev().cloned().collect()),
        ("compact", []) => Value::List(items.iter().filter(|item| **item != Value::Nil).cloned().collect()),
        ("join", rest) => {
            let by = rest.first().map_or(Ok(String::new()), Value::shown).ok()?;
            let parts: Result<Vec<String>, String> = items.iter().map(Value::shown).collect();
            match parts {
                Ok(parts) => Value::Text(parts.join(&by)).bounded(),
                Err(why) => Value::Unknown(why),
            }
        }
        _ => return None,
    })
}

fn of_map(on: &Value, entries: &[(Value, Value)], name: &str, arguments: &[Value]) -> Option<Value> {
    let find = |key: &Value| entries.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone());
    Some(match (name, arguments) {
        ("[]", [key]) => find(key).unwrap_or(Value::Nil),
        ("fetch", [key, rest @ ..]) => find(key).or_else(|| rest.first().cloned())?,
        ("key?" | "has_key?" | "include?" | "member?", [key]) => Value::Bool(find(key).is_some()),
        ("keys", []) => Value::List(entries.iter().map(|(key, _)| key.clone()).collect()),
        ("values", []) => Value::List(entries.iter().map(|(_, value)| value.clone()).collect()),
        ("length" | "size" | "count", []) => Value::Int(i64::try_from(entries.len()).unwrap_or(0)),
        ("empty?", []) => Value::Bool(entries.is_empty()),
        ("merge", [Value::Map(more)]) => {
            let kept = entries.iter().filter(|(key, _)| !more.iter().any(|(other, _)| other == key));
            Value::Map(kept.chain(more).cloned().collect()).bounded()
        }
        // a method that reads like a key, as some settings objects have them
        (key, []) => on.get(key).cloned()?,
        _ => return None,
    })
}
