//! Calls: of the file's own methods, of Ruby's, of `config` and what belongs to it.

use super::{DEEPEST, Evaluation};
use crate::import::vagrant::methods;
use crate::import::vagrant::syntax::{Call, Expr};
use crate::import::vagrant::value::{Object, Value, format};

impl Evaluation<'_> {
    pub(super) fn call(&mut self, call: &Call, line: usize) -> Value {
        let Some(on) = &call.on else {
            let arguments: Vec<Value> = call.arguments.iter().map(|argument| self.value(argument)).collect();
            return self.free_call(call, &arguments, line);
        };
        if let Expr::Name(constant) = &on.expr
            && !self.variables.contains_key(constant)
            && constant.starts_with(|c: char| c.is_ascii_uppercase())
        {
            let arguments: Vec<Value> = call.arguments.iter().map(|argument| self.value(argument)).collect();
            return self.constant_call(constant, call, &arguments, line);
        }
        let object = self.value(on);
        let arguments: Vec<Value> = call.arguments.iter().map(|argument| self.value(argument)).collect();
        match object {
            Value::Object(object) => self.configure(&object, call, &arguments, line),
            Value::Unknown(why) => Value::Unknown(why),
            value => methods::call(self, &value, call, &arguments),
        }
    }

    /// A call on nothing: a method of the file, or one of Ruby's own.
    fn free_call(&mut self, call: &Call, arguments: &[Value], line: usize) -> Value {
        if self.methods.contains_key(&call.name) {
            return self.own_method(&call.name, arguments, line);
        }
        match (call.name.as_str(), arguments) {
            ("puts" | "print" | "p" | "warn" | "require" | "private", _) => Value::Nil,
            ("sprintf" | "format", [Value::Text(form), values @ ..]) => format(form, values),
            ("defined?", _) => Value::Nil,
            ("Integer", [value]) => value.int().map_or_else(|| Value::Unknown("no number".to_owned()), Value::Int),
            ("require_relative" | "load" | "eval" | "instance_eval", _) => {
                Value::Unknown(format!("`{}` brings in another file, which is not read", call.name))
            }
            ("raise" | "abort" | "exit", _) => Value::Unknown(format!("`{}` would end it here", call.name)),
            (name, _) => Value::Unknown(format!("what `{name}` does is not known")),
        }
    }

    pub(super) fn own_method(&mut self, name: &str, arguments: &[Value], line: usize) -> Value {
        let Some(block) = self.methods.get(name).cloned() else { return Value::Nil };
        if self.depth + 8 > DEEPEST {
            self.file.open(line, "methods that call each other so deep are not read");
            return Value::Unknown("it is nested too deep".to_owned());
        }
        self.depth += 8;
        let value = self.run(&block, arguments);
        self.depth -= 8;
        value
    }

    fn constant_call(&mut self, constant: &str, call: &Call, arguments: &[Value], line: usize) -> Value {
        match (constant, call.name.as_str(), arguments) {
            ("Vagrant", "configure", _) | ("Vagrant::Config", "run", _) => {
                if let Some(block) = &call.block {
                    self.run(block, &[Value::Object(Object::Config(None))]);
                }
                Value::Nil
            }
            // none of Vagrant's plugins is here
            ("Vagrant", "has_plugin?", _) => Value::Bool(false),
            ("Vagrant", "require_version" | "require_plugin", _) => Value::Nil,
            ("ENV", "[]" | "fetch", [Value::Text(name), rest @ ..]) => {
                let what = format!("the variable {name} counts as not set");
                // with a value of its own for that case nothing is left to decide
                if rest.is_empty() {
                    self.file.open(line, what);
                } else {
                    self.file.note(line, what);
                }
                rest.first().cloned().unwrap_or(Value::Nil)
            }
            ("ENV", "key?" | "has_key?" | "include?", _) => Value::Bool(false),
            ("File", "join", parts) => {
                let shown: Result<Vec<String>, String> = parts.iter().map(Value::shown).collect();
                shown.map_or_else(Value::Unknown, |parts| Value::Text(parts.join("/")).bounded())
            }
            ("File", "dirname", [Value::Text(path)]) => {
                Value::text(path.rsplit_once('/').map_or(".", |(folder, _)| folder))
            }
            ("File", "basename", [Value::Text(path)]) => Value::text(path.rsplit('/').next().unwrap_or_default()),
            ("File", "expand_path", [Value::Text(path), rest @ ..]) => {
                let from_file = rest.first() == Some(&Value::text("Vagrantfile"));
                let path = if from_file { path.strip_prefix("../").unwrap_or(path) } else { path };
                Value::text(if from_file && path == ".." { "." } else { path })
            }
            ("File", "exist?" | "exists?" | "file?" | "directory?", [Value::Text(path)])
            | ("Dir", "exist?" | "exists?", [Value::Text(path)]) => {
                if path.starts_with(['/', '~']) || path.contains("..") {
                    return Value::Unknown(format!("whether {path} is there is not known"));
                }
                Value::Bool((self.exists)(path.trim_start_matches("./")))
            }
            _ => Value::Unknown(format!("what `{constant}.{}` gives is not known without running it", call.name)),
        }
    }

    fn configure(&mut self, object: &Object, call: &Call, arguments: &[Value], line: usize) -> Value {
        let (value, inner) = self.file.call(object, &call.name, arguments, line);
        if let Some(block) = &call.block {
            match inner {
                Some(object) => {
                    // the second parameter of a provider's block overrides the machine
                    let scope = match &object {
                        Object::Provider(scope, _) => *scope,
                        _ => None,
                    };
                    self.run(block, &[Value::Object(object), Value::Object(Object::Config(scope))]);
                }
                None => self.file.open(line, format!("the block of `{}` is not read", call.name)),
            }
        }
        value
    }
}
