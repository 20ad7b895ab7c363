//! Calls: what is behind a name, with arguments and blocks.

use super::super::lex::Kind;
use super::super::syntax::{Block, Call, Expr, Node, Parameter};
use super::{NO_ARGUMENT, Parser, Read, text};

impl Parser {
    /// `.a`, `[b]`, `::C` behind a value, also at the beginning of the next line.
    pub(super) fn calls(&mut self, mut node: Node) -> Read<Node> {
        loop {
            let line = self.line();
            let ahead = self.tokens[self.at.min(self.tokens.len())..].iter().position(|token| token.kind != Kind::End);
            let continues = ahead
                .is_some_and(|ahead| ahead > 0 && matches!(self.tokens[self.at + ahead].kind, Kind::Sign("." | "&.")));
            if continues {
                self.skip_ends();
            }
            if self.is(".") || self.is("&.") || self.is("::") || self.is("[") {
                self.link()?;
            }
            if self.eat(".") || self.eat("&.") {
                self.skip_ends();
                let name = self.method_name()?;
                node = self.call_of(Some(node), name, line)?;
            } else if self.is("::") {
                self.at += 1;
                let name = self.method_name()?;
                node = match (node.expr, name.starts_with(|c: char| c.is_ascii_uppercase())) {
                    (Expr::Name(outer), true) => Node { line, expr: Expr::Name(format!("{outer}::{name}")) },
                    (expr, _) => self.call_of(Some(Node { line: node.line, expr }), name, line)?,
                };
            } else if self.is("[") && !self.tokens[self.at].spaced {
                self.at += 1;
                let arguments = self.arguments_until("]")?;
                let call = Call { on: Some(node), name: "[]".to_owned(), arguments, block: None };
                node = Node { line, expr: Expr::Call(Box::new(call)) };
            } else {
                return Ok(node);
            }
        }
    }

    pub(super) fn method_name(&mut self) -> Read<String> {
        match self.kind() {
            Some(Kind::Word(name)) => {
                let name = name.clone();
                self.at += 1;
                Ok(name)
            }
            // `a ? b.c : d` without a space
            Some(Kind::Label(_)) => Err("a name was expected".to_owned()),
            _ => Err("a name was expected".to_owned()),
        }
    }

    /// Arguments and block behind a name.
    pub(super) fn call_of(&mut self, on: Option<Node>, name: String, line: usize) -> Read<Node> {
        let mut arguments = Vec::new();
        let mut called = false;
        if self.is("(") && !self.tokens[self.at].spaced {
            self.at += 1;
            arguments = self.arguments_until(")")?;
            called = true;
        } else if self.begins_argument() {
            let no_do = std::mem::replace(&mut self.no_do, true);
            arguments = self.arguments_until("")?;
            self.no_do = no_do;
            called = true;
        }
        let block = self.block()?;
        if on.is_none() && !called && block.is_none() {
            return Ok(Node { line, expr: Expr::Name(name) });
        }
        Ok(Node { line, expr: Expr::Call(Box::new(Call { on, name, arguments, block })) })
    }

    pub(super) fn begins_argument(&self) -> bool {
        let Some(token) = self.tokens.get(self.at).filter(|token| token.spaced) else { return false };
        let next_spaced = self.tokens.get(self.at + 1).is_none_or(|next| next.spaced);
        match &token.kind {
            Kind::Word(word) => !NO_ARGUMENT.contains(&word.as_str()),
            Kind::Label(_) | Kind::Text(_) | Kind::Symbol(_) | Kind::Int(_) | Kind::Float(_) | Kind::Words(_) => true,
            Kind::Opaque(_) => true,
            Kind::Sign("[" | "!" | "->") => true,
            Kind::Sign("-" | "*" | "::" | "(") => !next_spaced || token.kind == Kind::Sign("("),
            _ => false,
        }
    }

    /// Arguments up to a bracket, or (for an empty one) as far as they go.
    pub(super) fn arguments_until(&mut self, close: &str) -> Read<Vec<Node>> {
        let bracketed = !close.is_empty();
        let no_do = if bracketed { std::mem::replace(&mut self.no_do, false) } else { self.no_do };
        let mut plain = Vec::new();
        let mut named: Vec<(Node, Node)> = Vec::new();
        loop {
            if bracketed {
                self.skip_ends();
                if self.eat(close) {
                    break;
                }
            }
            let line = self.line();
            if let Some(Kind::Label(name)) = self.kind() {
                let key = text(name.clone(), line);
                self.at += 1;
                self.skip_ends();
                named.push((key, self.expression()?));
            } else {
                // `*list`, `**map`, `&block`
                if self.eat("*") || self.eat("**") {
                    return Err("lists as arguments are not read".to_owned());
                }
                let value = self.expression()?;
                if self.eat("=>") {
                    self.skip_ends();
                    named.push((value, self.expression()?));
                } else {
                    plain.push(value);
                }
            }
            if bracketed {
                self.skip_ends();
            }
            if self.eat(",") {
                self.skip_ends();
            } else if bracketed {
                self.need(close)?;
                break;
            } else {
                break;
            }
        }
        self.no_do = no_do;
        if let Some((first, _)) = named.first() {
            plain.push(Node { line: first.line, expr: Expr::Map(named) });
        }
        Ok(plain)
    }

    pub(super) fn block(&mut self) -> Read<Option<Block>> {
        let close = if self.is("{") {
            "}"
        } else if self.is_word("do") && !self.no_do {
            "end"
        } else {
            return Ok(None);
        };
        self.at += 1;
        let no_do = std::mem::replace(&mut self.no_do, false);
        let parameters = if self.eat("|") { self.parameters("|")? } else { Vec::new() };
        let body = self.body(close)?;
        self.no_do = no_do;
        Ok(Some(Block { parameters, body }))
    }

    pub(super) fn parameters(&mut self, close: &str) -> Read<Vec<Parameter>> {
        let mut all = Vec::new();
        loop {
            self.skip_ends();
            if self.eat(close) {
                return Ok(all);
            }
            match self.kind().cloned() {
                Some(Kind::Word(name)) => {
                    self.at += 1;
                    if self.eat("=") {
                        return Err("parameters with defaults are not read".to_owned());
                    }
                    all.push(Parameter::Name(name));
                }
                Some(Kind::Sign("(")) => {
                    self.at += 1;
                    all.push(Parameter::Tuple(self.parameters(")")?));
                }
                _ => return Err("a parameter was expected".to_owned()),
            }
            if !self.eat(",") && !self.is(close) {
                return Err("a parameter was expected".to_owned());
            }
        }
    }

    pub(super) fn bare_parameters(&mut self) -> Read<Vec<Parameter>> {
        let mut all = vec![Parameter::Name(self.method_name()?)];
        while self.eat(",") {
            all.push(Parameter::Name(self.method_name()?));
        }
        Ok(all)
    }
}
