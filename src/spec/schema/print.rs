//! The table as a JSON Schema (draft 2020-12), for editors and other tools.

use serde_json::{Map, Value, json};

use super::shape::{Form, Kinds, Object, Scalar, Shape};
use super::top::SPEC;

/// The JSON Schema of a spec. It says what the checks of [`super::validate`] say of kinds, keys and words; forms such
/// as ports and durations are left to those.
pub fn json_schema() -> Value {
    let mut definitions = Map::new();
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "devup's spec",
        "description": "A devup.yaml, or any file of the Compose Specification",
    });
    if let (Some(schema), Value::Object(body)) = (schema.as_object_mut(), object_schema(&SPEC, &mut definitions)) {
        schema.extend(body);
        definitions.sort_keys();
        schema.insert("$defs".into(), Value::Object(definitions));
    }
    schema
}

fn object_schema(object: &'static Object, definitions: &mut Map<String, Value>) -> Value {
    let mut properties = Map::new();
    for key in object.keys {
        let mut schema = shape_schema(key.shape, definitions);
        if let Some(fields) = schema.as_object_mut() {
            fields.insert("description".into(), key.about.into());
        }
        properties.insert(key.name.into(), schema);
    }
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "patternProperties": { "^x-": true },
        "additionalProperties": false,
    });
    if !object.required.is_empty() {
        schema["required"] = object.required.into();
    }
    schema
}

fn shape_schema(shape: &'static Shape, definitions: &mut Map<String, Value>) -> Value {
    match shape {
        Shape::Any => json!({}),
        Shape::Scalar(scalar) => scalar_schema(scalar),
        Shape::List(of) => json!({ "type": "array", "items": shape_schema(of, definitions) }),
        Shape::Names { strict: false, of, .. } => {
            json!({ "type": "object", "additionalProperties": shape_schema(of, definitions) })
        }
        Shape::Names { strict: true, of, .. } => json!({
            "type": "object",
            "patternProperties": { "^[a-zA-Z0-9._-]+$": shape_schema(of, definitions) },
            "additionalProperties": false,
        }),
        Shape::Object(object) => {
            if !definitions.contains_key(object.name) {
                // the name first: an object may hold itself
                definitions.insert(object.name.into(), Value::Null);
                let schema = object_schema(object, definitions);
                definitions.insert(object.name.into(), schema);
            }
            json!({ "$ref": format!("#/$defs/{}", object.name) })
        }
        Shape::Either(forms) => {
            let forms: Vec<_> = forms.iter().map(|form| shape_schema(form, definitions)).collect();
            json!({ "anyOf": forms })
        }
    }
}

fn scalar_schema(scalar: &Scalar) -> Value {
    let types: Vec<_> = [
        (Kinds::STRING, "string"),
        (Kinds::NUMBER, "number"),
        (Kinds::INT, "integer"),
        (Kinds::BOOL, "boolean"),
        (Kinds::NULL, "null"),
    ]
    .into_iter()
    .filter(|(kind, name)| scalar.kinds.has(*kind) && !(*name == "integer" && scalar.kinds.has(Kinds::NUMBER)))
    .map(|(_, name)| name)
    .collect();
    let mut schema = match types.as_slice() {
        [one] => json!({ "type": one }),
        several => json!({ "type": several }),
    };
    match scalar.form {
        Form::Words(words) => schema["enum"] = words.into(),
        Form::Range(least, most) => {
            schema["minimum"] = least.into();
            if most != i64::MAX {
                schema["maximum"] = most.into();
            }
        }
        Form::Free | Form::Checked(_) => {}
    }
    schema
}
