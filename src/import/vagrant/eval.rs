//! Works Vagrantfiles out without Ruby: variables, conditions, loops over what is written down, and methods of the file
//! itself. What depends on anything else is unknown, and told.

mod calls;

use std::collections::HashMap;

use super::machine::Vagrantfile;
use super::parse;
use super::syntax::{Block, Call, Expr, Node, Parameter, Piece};
use super::value::{Value, binary};

/// Steps after which a file is given up: a Vagrantfile takes some hundreds.
const MOST_STEPS: usize = 200_000;
/// Calls within calls.
const DEEPEST: usize = 60;

/// At work on one file.
pub struct Evaluation<'a> {
    variables: HashMap<String, Value>,
    methods: HashMap<String, Block>,
    steps: usize,
    depth: usize,
    /// Whether the project has such a file.
    pub exists: &'a dyn Fn(&str) -> bool,
    /// What comes of it.
    pub file: Vagrantfile,
}

/// Works a file out.
pub fn evaluate(text: &str, exists: &dyn Fn(&str) -> bool) -> Vagrantfile {
    let mut evaluation = Evaluation {
        variables: HashMap::new(),
        methods: HashMap::new(),
        steps: 0,
        depth: 0,
        exists,
        file: Vagrantfile::default(),
    };
    let nodes = parse::parse(text, 1);
    // methods may be defined below their use
    for node in &nodes {
        if let Expr::Define(name, block) = &node.expr {
            evaluation.methods.insert(name.clone(), block.clone());
        }
    }
    evaluation.all(&nodes);
    if evaluation.steps > MOST_STEPS {
        evaluation.file.open(1, "it takes too many steps: what is below may be missing");
    }
    evaluation.file
}

impl Evaluation<'_> {
    /// Statements in turn; the value of the last.
    pub fn all(&mut self, nodes: &[Node]) -> Value {
        let mut last = Value::Nil;
        for node in nodes {
            last = self.value(node);
            // a statement of its own whose value nobody uses
            if let (Value::Unknown(why), Expr::Call(_) | Expr::Name(_)) = (&last, &node.expr) {
                self.file.open(node.line, why.clone());
            }
        }
        last
    }

    /// The value of an expression.
    pub fn value(&mut self, node: &Node) -> Value {
        self.steps += 1;
        if self.steps > MOST_STEPS || self.depth > DEEPEST {
            return Value::Unknown("it takes too many steps".to_owned());
        }
        self.depth += 1;
        let value = self.worked_out(node);
        self.depth -= 1;
        self.steps += value.size() / 256;
        value
    }

    fn worked_out(&mut self, node: &Node) -> Value {
        match &node.expr {
            Expr::Nil => Value::Nil,
            Expr::Bool(value) => Value::Bool(*value),
            Expr::Int(value) => Value::Int(*value),
            Expr::Float(value) => Value::Float(*value),
            Expr::Text(pieces) => self.text(pieces),
            Expr::List(items) => Value::List(items.iter().map(|item| self.value(item)).collect()).bounded(),
            Expr::Map(entries) => {
                let each = entries.iter().map(|(key, value)| (self.value(key), self.value(value)));
                Value::Map(each.collect()).bounded()
            }
            Expr::Range(from, to, exclusive) => self.range(from, to, *exclusive),
            Expr::Name(name) => self.name(name, node.line),
            Expr::Call(call) => self.call(call, node.line),
            Expr::Assign(target, operator, value) => self.assign(target, operator, value),
            Expr::Binary(operator @ ("||" | "&&"), left, right) => {
                let left = self.value(left);
                match left.truth() {
                    Err(_) => left,
                    Ok(truth) if truth == (*operator == "||") => left,
                    Ok(_) => self.value(right),
                }
            }
            Expr::Binary(operator, left, right) => {
                let (left_value, right) = (self.value(left), self.value(right));
                let value = binary(operator, &left_value, &right);
                if let (&"<<", Expr::Name(name)) = (operator, &left.expr) {
                    self.variables.insert(name.clone(), value.clone());
                }
                value
            }
            Expr::Not(inner) => match self.value(inner).truth() {
                Ok(truth) => Value::Bool(!truth),
                Err(why) => Value::Unknown(why),
            },
            Expr::If(branches, otherwise) => self.condition(branches, otherwise, node.line),
            Expr::Case(subject, cases, otherwise) => self.case(subject.as_deref(), cases, otherwise, node.line),
            Expr::Define(name, block) => {
                self.methods.insert(name.clone(), block.clone());
                Value::Nil
            }
            Expr::Many(nodes) => self.all(nodes),
            Expr::Unread(why, last) => {
                let lines = if *last > node.line { format!(" (up to line {last})") } else { String::new() };
                self.file.open(node.line, format!("not read: {why}{lines}"));
                Value::Unknown(why.clone())
            }
        }
    }

    fn text(&mut self, pieces: &[Piece]) -> Value {
        let mut out = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Code(node) => match self.value(node).shown() {
                    Ok(text) => out.push_str(&text),
                    Err(why) => return Value::Unknown(why),
                },
            }
        }
        Value::Text(out).bounded()
    }

    fn range(&mut self, from: &Node, to: &Node, exclusive: bool) -> Value {
        match (self.value(from), self.value(to)) {
            (Value::Int(from), Value::Int(to)) => {
                let to = if exclusive { to.saturating_sub(1) } else { to };
                if to.saturating_sub(from) > 1_000 {
                    return Value::Unknown("the range is too long".to_owned());
                }
                Value::List((from..=to).map(Value::Int).collect())
            }
            (Value::Unknown(why), _) | (_, Value::Unknown(why)) => Value::Unknown(why),
            _ => Value::Unknown("only ranges of whole numbers are worked out".to_owned()),
        }
    }

    fn name(&mut self, name: &str, line: usize) -> Value {
        if let Some(value) = self.variables.get(name) {
            return value.clone();
        }
        if self.methods.contains_key(name) {
            return self.own_method(name, &[], line);
        }
        match name {
            "__FILE__" => Value::text("Vagrantfile"),
            "__dir__" => Value::text("."),
            "puts" | "print" | "p" => Value::Nil,
            _ => Value::Unknown(format!("nothing in the file says what `{name}` is")),
        }
    }

    fn condition(&mut self, branches: &[(Node, Vec<Node>)], otherwise: &[Node], line: usize) -> Value {
        for (condition, body) in branches {
            match self.value(condition).truth() {
                Ok(true) => return self.all(body),
                Ok(false) => {}
                Err(why) => {
                    self.file
                        .open(line, format!("the condition is not known ({why}): nothing below it was taken over"));
                    return Value::Unknown(why);
                }
            }
        }
        self.all(otherwise)
    }

    fn case(
        &mut self,
        subject: Option<&Node>,
        cases: &[(Vec<Node>, Vec<Node>)],
        otherwise: &[Node],
        line: usize,
    ) -> Value {
        let subject = subject.map(|subject| self.value(subject));
        for (values, body) in cases {
            for value in values {
                let value = self.value(value);
                let holds = match &subject {
                    Some(subject) => binary("==", subject, &value).truth(),
                    None => value.truth(),
                };
                match holds {
                    Ok(true) => return self.all(body),
                    Ok(false) => {}
                    Err(why) => {
                        self.file.open(line, format!("the case is not known ({why}): nothing below it was taken over"));
                        return Value::Unknown(why);
                    }
                }
            }
        }
        self.all(otherwise)
    }

    fn assign(&mut self, target: &Node, operator: &str, value: &Node) -> Value {
        if !operator.is_empty() {
            let old = match &target.expr {
                Expr::Name(name) => self.variables.get(name).cloned().unwrap_or(Value::Nil),
                _ => self.value(target),
            };
            let new = match (operator, old.truth()) {
                ("||", Ok(true)) | ("&&", Ok(false)) => return old,
                ("||" | "&&", _) => self.value(value),
                (operator, _) => {
                    let right = self.value(value);
                    binary(operator, &old, &right)
                }
            };
            return self.store(target, new);
        }
        let value = self.value(value);
        self.store(target, value)
    }

    fn store(&mut self, target: &Node, value: Value) -> Value {
        match &target.expr {
            Expr::Name(name) => {
                self.variables.insert(name.clone(), value.clone());
            }
            Expr::Call(call) => self.store_in(call, target.line, &value),
            _ => {}
        }
        value
    }

    fn store_in(&mut self, call: &Call, line: usize, value: &Value) {
        let Some(on) = &call.on else { return };
        let object = self.value(on);
        if let Value::Object(object) = &object {
            let key = call.arguments.first().map(|key| self.value(key));
            self.file.set(object, &call.name, key.as_ref(), value, line);
            return;
        }
        // `hash[key] = value` of a variable
        if let (Expr::Name(name), "[]", [key], Value::Map(entries)) =
            (&on.expr, call.name.as_str(), call.arguments.as_slice(), &object)
        {
            let key = self.value(key);
            let mut entries = entries.clone();
            entries.retain(|(known, _)| *known != key);
            entries.push((key, value.clone()));
            self.variables.insert(name.clone(), Value::Map(entries).bounded());
            return;
        }
        self.file.open(line, format!("`{}` of something unknown was set", call.name));
    }

    /// Runs a block; its parameters are gone afterwards.
    pub fn run(&mut self, block: &Block, arguments: &[Value]) -> Value {
        let mut names = Vec::new();
        bind(&block.parameters, arguments, &mut names);
        let before: Vec<(String, Option<Value>)> =
            names.into_iter().map(|(name, value)| (name.clone(), self.variables.insert(name, value))).collect();
        let value = self.all(&block.body);
        for (name, old) in before {
            match old {
                Some(old) => self.variables.insert(name, old),
                None => self.variables.remove(&name),
            };
        }
        value
    }
}

fn bind(parameters: &[Parameter], arguments: &[Value], names: &mut Vec<(String, Value)>) {
    for (index, parameter) in parameters.iter().enumerate() {
        let value = arguments.get(index).cloned().unwrap_or(Value::Nil);
        match parameter {
            Parameter::Name(name) => names.push((name.clone(), value)),
            Parameter::Tuple(inner) => match value {
                Value::List(items) => bind(inner, &items, names),
                other => bind(inner, &[other], names),
            },
        }
    }
}
