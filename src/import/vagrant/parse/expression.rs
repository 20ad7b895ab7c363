//! Expressions, from assignments down to single values.

use super::super::lex::{Kind, Part};
use super::super::syntax::{Expr, Node, Piece};
use super::{DEEPEST, Parser, Read, nested, text};

/// Operators by how tightly they bind, loosest first.
const LEVELS: [&[&str]; 6] = [
    &["||"],
    &["&&"],
    &["==", "!=", "=~", "!~", "===", "<=>"],
    &["<", ">", "<=", ">="],
    &["<<", ">>", "|", "+", "-"],
    &["*", "/", "%", "**"],
];

impl Parser {
    pub(super) fn expression(&mut self) -> Read<Node> {
        if self.depth >= DEEPEST {
            return Err("it is nested too deep".to_owned());
        }
        let links = self.links;
        self.depth += 1;
        let read = self.assignment();
        self.depth -= 1;
        // what stands beside it is not within it
        self.links = links;
        read
    }

    pub(super) fn assignment(&mut self) -> Read<Node> {
        let line = self.line();
        let left = self.ternary()?;
        let operators = [
            ("=", ""),
            ("||=", "||"),
            ("&&=", "&&"),
            ("+=", "+"),
            ("-=", "-"),
            ("*=", "*"),
            ("/=", "/"),
            ("<<=", "<<"),
        ];
        let Some((_, operator)) = operators.iter().find(|(sign, _)| self.is(sign)) else { return Ok(left) };
        let target = match &left.expr {
            Expr::Name(_) => true,
            Expr::Call(call) => call.block.is_none() && (call.arguments.is_empty() || call.name == "[]"),
            _ => false,
        };
        if !target {
            return Err("this can't be assigned to".to_owned());
        }
        self.at += 1;
        self.skip_ends();
        let mut value = self.expression()?;
        // `a = 1, 2`
        if operator.is_empty() && self.is(",") && self.depth <= 1 {
            let mut items = vec![value];
            while self.eat(",") {
                self.skip_ends();
                items.push(self.expression()?);
            }
            value = Node { line, expr: Expr::List(items) };
        }
        Ok(Node { line, expr: Expr::Assign(Box::new(left), operator, Box::new(value)) })
    }

    pub(super) fn ternary(&mut self) -> Read<Node> {
        let line = self.line();
        let condition = self.range()?;
        if !self.eat("?") {
            return Ok(condition);
        }
        self.depth += 1;
        let rest =
            if self.depth < DEEPEST { self.choices(condition, line) } else { Err("it is nested too deep".to_owned()) };
        self.depth -= 1;
        rest
    }

    /// Behind the `?`.
    pub(super) fn choices(&mut self, condition: Node, line: usize) -> Read<Node> {
        self.skip_ends();
        // `a ? b : c`, where `b :` may have been taken for a label
        let then = match self.kind() {
            Some(Kind::Label(name)) => {
                let name = name.clone();
                self.at += 1;
                Node { line, expr: Expr::Name(name) }
            }
            _ => {
                let then = self.ternary()?;
                self.skip_ends();
                if !self.eat(":") {
                    return Err("`:` was expected".to_owned());
                }
                then
            }
        };
        self.skip_ends();
        let otherwise = self.ternary()?;
        Ok(Node { line, expr: Expr::If(vec![(condition, vec![then])], vec![otherwise]) })
    }

    pub(super) fn range(&mut self) -> Read<Node> {
        let line = self.line();
        let left = self.binary(0)?;
        let exclusive = if self.eat("...") {
            true
        } else if self.eat("..") {
            false
        } else {
            return Ok(left);
        };
        let right = self.binary(0)?;
        Ok(Node { line, expr: Expr::Range(Box::new(left), Box::new(right), exclusive) })
    }

    pub(super) fn binary(&mut self, level: usize) -> Read<Node> {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let line = self.line();
        let mut left = self.binary(level + 1)?;
        loop {
            let Some(operator) = operators.iter().find(|operator| self.is(operator)) else { return Ok(left) };
            self.at += 1;
            self.link()?;
            self.skip_ends();
            let right = self.binary(level + 1)?;
            left = Node { line, expr: Expr::Binary(operator, Box::new(left), Box::new(right)) };
        }
    }

    pub(super) fn unary(&mut self) -> Read<Node> {
        let line = self.line();
        if self.is("!") || self.is("-") {
            let negative = self.is("-");
            self.at += 1;
            self.depth += 1;
            let inner = if self.depth >= DEEPEST { Err("it is nested too deep".to_owned()) } else { self.unary() };
            self.depth -= 1;
            let inner = Box::new(inner?);
            let zero = || Box::new(Node { line, expr: Expr::Int(0) });
            return Ok(Node { line, expr: if negative { Expr::Binary("-", zero(), inner) } else { Expr::Not(inner) } });
        }
        let first = self.primary()?;
        self.calls(first)
    }

    pub(super) fn primary(&mut self) -> Read<Node> {
        let line = self.line();
        let token = self.kind().cloned().ok_or("it ends too early")?;
        let node = |expr| Ok(Node { line, expr });
        if let Kind::Word(word) = &token {
            return self.word(word, line);
        }
        self.at += 1;
        match token {
            Kind::Int(number) => node(Expr::Int(number)),
            Kind::Float(number) => node(Expr::Float(number)),
            Kind::Symbol(name) => Ok(text(name, line)),
            Kind::Words(words) => node(Expr::List(words.into_iter().map(|word| text(word, line)).collect())),
            Kind::Text(parts) => {
                let mut pieces = self.pieces(parts)?;
                // strings side by side are one
                while let Some(Kind::Text(more)) = self.kind().cloned() {
                    self.at += 1;
                    pieces.extend(self.pieces(more)?);
                }
                node(Expr::Text(pieces))
            }
            Kind::Sign("(") => {
                let no_do = std::mem::replace(&mut self.no_do, false);
                self.skip_ends();
                let inner = self.low()?;
                self.need(")")?;
                self.no_do = no_do;
                Ok(inner)
            }
            Kind::Sign("[") => {
                let items = self.arguments_until("]")?;
                node(Expr::List(items))
            }
            Kind::Sign("{") => {
                let mut entries = self.arguments_until("}")?;
                match (entries.pop(), entries.is_empty()) {
                    (None, _) => node(Expr::Map(Vec::new())),
                    (Some(map @ Node { expr: Expr::Map(_), .. }), true) => Ok(map),
                    _ => Err("a hash was expected".to_owned()),
                }
            }
            Kind::Opaque(what) => node(Expr::Unread(format!("{what} is not read"), line)),
            Kind::Sign("->") => Err("lambdas are not read".to_owned()),
            Kind::Sign(sign) => Err(format!("`{sign}` is not expected here")),
            Kind::Label(name) => Err(format!("`{name}:` is not expected here")),
            Kind::End | Kind::Word(_) => Err("it ends too early".to_owned()),
        }
    }

    pub(super) fn pieces(&mut self, parts: Vec<Part>) -> Read<Vec<Piece>> {
        let mut pieces = Vec::new();
        for part in parts {
            pieces.push(match part {
                Part::Text(text) => Piece::Text(text),
                Part::Code(_, _) if self.depth >= DEEPEST => return Err("it is nested too deep".to_owned()),
                Part::Code(code, line) => {
                    let mut inner = nested(&code, line, self.depth + 4);
                    match (inner.pop(), inner.is_empty()) {
                        (Some(node), true) => Piece::Code(node),
                        (None, _) => Piece::Text(String::new()),
                        _ => return Err("several statements in a string are not read".to_owned()),
                    }
                }
            });
        }
        Ok(pieces)
    }
}
