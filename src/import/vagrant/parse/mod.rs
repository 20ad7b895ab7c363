//! Tokens → expressions. Tolerant: a statement that does not fit is left out up to its end, and told with its lines.

mod call;
mod expression;

use super::lex::{self, Kind, Token};
use super::syntax::{Block, Expr, Node, Piece};

/// Expressions within expressions; more is nobody's Vagrantfile.
const DEEPEST: usize = 40;
/// Links of chains such as `a.b.c` and `1 + 2 + 3` on the way to any expression: each is one more within the other.
const MOST_LINKS: usize = 400;
/// Words that end a body.
const ENDS: [&str; 7] = ["end", "else", "elsif", "when", "rescue", "ensure", "in"];
/// Words that can't begin an argument.
const NO_ARGUMENT: [&str; 14] =
    ["if", "unless", "while", "until", "and", "or", "do", "then", "end", "rescue", "else", "elsif", "when", "in"];

/// Why a statement can't be read.
type Failed = String;
type Read<T> = Result<T, Failed>;

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    links: usize,
    /// A `do` belongs to the call outside.
    no_do: bool,
}

/// Reads a text.
pub fn parse(text: &str, first_line: usize) -> Vec<Node> {
    nested(text, first_line, 0)
}

fn nested(text: &str, first_line: usize, depth: usize) -> Vec<Node> {
    let mut parser = Parser { tokens: lex::tokens(text, first_line), at: 0, depth, links: 0, no_do: false };
    let mut all = Vec::new();
    while parser.at < parser.tokens.len() {
        all.extend(parser.statements());
        // an `end` too many
        if let Some(token) = parser.tokens.get(parser.at) {
            all.push(Node { line: token.line, expr: Expr::Unread("this ends nothing".to_owned(), token.line) });
            parser.at += 1;
        }
    }
    all
}

impl Parser {
    fn kind(&self) -> Option<&Kind> {
        self.tokens.get(self.at).map(|token| &token.kind)
    }

    fn line(&self) -> usize {
        self.tokens.get(self.at).or(self.tokens.last()).map_or(1, |token| token.line)
    }

    fn is(&self, sign: &str) -> bool {
        matches!(self.kind(), Some(Kind::Sign(found)) if *found == sign)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.kind(), Some(Kind::Word(found)) if found == word)
    }

    fn eat(&mut self, sign: &str) -> bool {
        let found = self.is(sign);
        self.at += usize::from(found);
        found
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        self.at += usize::from(found);
        found
    }

    /// One more link of a chain.
    fn link(&mut self) -> Read<()> {
        self.links += 1;
        if self.links > MOST_LINKS { Err("it is too long".to_owned()) } else { Ok(()) }
    }

    fn skip_ends(&mut self) {
        while self.kind() == Some(&Kind::End) {
            self.at += 1;
        }
    }

    fn need(&mut self, sign: &str) -> Read<()> {
        self.skip_ends();
        if self.eat(sign) { Ok(()) } else { Err(format!("`{sign}` was expected")) }
    }

    /// Up to a word that ends a body, `}`, or the end.
    fn statements(&mut self) -> Vec<Node> {
        let mut all = Vec::new();
        loop {
            self.skip_ends();
            let over = match self.kind() {
                None => true,
                Some(Kind::Word(word)) => ENDS.contains(&word.as_str()),
                Some(Kind::Sign(sign)) => *sign == "}",
                Some(_) => false,
            };
            if over {
                return all;
            }
            all.push(self.statement_or_rest());
        }
    }

    fn statement_or_rest(&mut self) -> Node {
        let (start, line, no_do) = (self.at, self.line(), self.no_do);
        let (depth, links) = (self.depth, self.links);
        let read = self.statement();
        (self.depth, self.links) = (depth, links);
        match read {
            Ok(node) if self.at > start && self.at_end_of_statement() => node,
            Ok(_) => self.leave_out(start, line, "this is not understood".to_owned()),
            Err(reason) => {
                self.no_do = no_do;
                self.leave_out(start, line, reason)
            }
        }
    }

    fn at_end_of_statement(&self) -> bool {
        match self.kind() {
            None | Some(Kind::End) => true,
            Some(Kind::Sign(sign)) => *sign == "}",
            Some(Kind::Word(word)) => ENDS.contains(&word.as_str()),
            Some(_) => false,
        }
    }

    /// Goes from the statement's beginning to its end, over whatever it holds.
    fn leave_out(&mut self, start: usize, line: usize, reason: String) -> Node {
        self.at = start;
        let mut open = 0usize;
        let mut begins = true;
        // the `do` of `while … do` opens nothing more
        let mut loop_begins = false;
        let mut last = line;
        while let Some(token) = self.tokens.get(self.at) {
            match &token.kind {
                Kind::End if open == 0 && self.at > start => break,
                Kind::Sign("{" | "(" | "[") => open += 1,
                Kind::Sign("}") if open == 0 && self.at > start => break,
                Kind::Sign("}" | ")" | "]") => open = open.saturating_sub(1),
                Kind::Word(word) => match word.as_str() {
                    "do" if loop_begins => loop_begins = false,
                    "do" => open += 1,
                    "while" | "until" | "for" if begins => {
                        open += 1;
                        loop_begins = true;
                    }
                    "if" | "unless" | "case" | "begin" | "def" | "class" | "module" if begins => open += 1,
                    "end" if open == 0 && self.at > start => break,
                    "end" => open = open.saturating_sub(1),
                    _ => {}
                },
                _ => {}
            }
            last = token.line;
            loop_begins &= token.kind != Kind::End;
            begins = matches!(token.kind, Kind::End | Kind::Sign("="));
            self.at += 1;
        }
        Node { line, expr: Expr::Unread(reason, last) }
    }

    fn statement(&mut self) -> Read<Node> {
        let mut node = self.low()?;
        loop {
            let line = self.line();
            if self.eat_word("if") {
                self.link()?;
                let condition = self.low()?;
                node = Node { line, expr: Expr::If(vec![(condition, vec![node])], Vec::new()) };
            } else if self.eat_word("unless") {
                self.link()?;
                let condition = Node { line, expr: Expr::Not(Box::new(self.low()?)) };
                node = Node { line, expr: Expr::If(vec![(condition, vec![node])], Vec::new()) };
            } else if self.is_word("while") || self.is_word("until") || self.is_word("rescue") {
                return Err("loops with a condition, and `rescue`, are not read".to_owned());
            } else {
                return Ok(node);
            }
        }
    }

    /// `a and b`, `not a`.
    fn low(&mut self) -> Read<Node> {
        let line = self.line();
        if self.eat_word("not") {
            self.link()?;
            return Ok(Node { line, expr: Expr::Not(Box::new(self.low()?)) });
        }
        let mut left = self.expression()?;
        loop {
            let operator = if self.eat_word("and") {
                "&&"
            } else if self.eat_word("or") {
                "||"
            } else {
                return Ok(left);
            };
            self.link()?;
            self.skip_ends();
            let right = self.expression()?;
            left = Node { line, expr: Expr::Binary(operator, Box::new(left), Box::new(right)) };
        }
    }

    fn body(&mut self, close: &str) -> Read<Vec<Node>> {
        if self.depth >= DEEPEST {
            return Err("it is nested too deep".to_owned());
        }
        self.depth += 1;
        let mut body = self.statements();
        self.depth -= 1;
        let line = self.line();
        if self.is_word("rescue") || self.is_word("ensure") {
            body.push(Node { line, expr: Expr::Unread("`rescue` and `ensure` are not read".to_owned(), line) });
            while self.is_word("rescue") || self.is_word("ensure") || self.is_word("else") {
                while !matches!(self.kind(), None | Some(Kind::End)) {
                    self.at += 1;
                }
                // what is done when something fails is not done here
                let _ = self.statements();
            }
        }
        let closed = if close == "}" { self.eat("}") } else { self.eat_word("end") };
        if closed { Ok(body) } else { Err(format!("`{close}` is missing for what begins here")) }
    }

    fn word(&mut self, word: &str, line: usize) -> Read<Node> {
        self.at += 1;
        let node = |expr| Ok(Node { line, expr });
        match word {
            "nil" => node(Expr::Nil),
            "true" => node(Expr::Bool(true)),
            "false" => node(Expr::Bool(false)),
            "if" | "unless" => self.condition(word == "unless", line),
            "case" => self.case(line),
            "begin" => {
                let body = self.body("end")?;
                node(Expr::Many(body))
            }
            "def" => {
                let name = self.method_name()?;
                let parameters = if self.eat("(") {
                    self.parameters(")")?
                } else if self.kind() == Some(&Kind::End) {
                    Vec::new()
                } else {
                    self.bare_parameters()?
                };
                let body = self.body("end")?;
                node(Expr::Define(name, Block { parameters, body }))
            }
            "while" | "until" | "for" | "class" | "module" | "loop" | "lambda" | "proc" | "return" | "next"
            | "break" | "yield" => Err(format!("`{word}` is not read")),
            _ if ENDS.contains(&word) || NO_ARGUMENT.contains(&word) => Err(format!("`{word}` is not expected here")),
            _ => self.call_of(None, word.to_owned(), line),
        }
    }

    fn condition(&mut self, negative: bool, line: usize) -> Read<Node> {
        let mut branches = Vec::new();
        let mut first = self.low()?;
        if negative {
            first = Node { line, expr: Expr::Not(Box::new(first)) };
        }
        let mut condition = first;
        loop {
            self.eat_word("then");
            self.depth += 1;
            let body =
                if self.depth < DEEPEST { Ok(self.statements()) } else { Err("it is nested too deep".to_owned()) };
            self.depth -= 1;
            branches.push((condition, body?));
            if self.eat_word("elsif") {
                condition = self.low()?;
                continue;
            }
            let otherwise = if self.eat_word("else") { self.body("end")? } else { self.body_rest()? };
            return Ok(Node { line, expr: Expr::If(branches, otherwise) });
        }
    }

    /// Nothing but `end`.
    fn body_rest(&mut self) -> Read<Vec<Node>> {
        if self.eat_word("end") { Ok(Vec::new()) } else { Err("`end` is missing for what begins here".to_owned()) }
    }

    fn case(&mut self, line: usize) -> Read<Node> {
        let subject = if self.kind() == Some(&Kind::End) { None } else { Some(Box::new(self.low()?)) };
        self.skip_ends();
        let mut cases = Vec::new();
        while self.eat_word("when") {
            let mut values = vec![self.expression()?];
            while self.eat(",") {
                self.skip_ends();
                values.push(self.expression()?);
            }
            self.eat_word("then");
            self.depth += 1;
            let body =
                if self.depth < DEEPEST { Ok(self.statements()) } else { Err("it is nested too deep".to_owned()) };
            self.depth -= 1;
            cases.push((values, body?));
        }
        let otherwise = if self.eat_word("else") { self.body("end")? } else { self.body_rest()? };
        Ok(Node { line, expr: Expr::Case(subject, cases, otherwise) })
    }
}

fn text(text: String, line: usize) -> Node {
    Node { line, expr: Expr::Text(vec![Piece::Text(text)]) }
}

#[cfg(test)]
mod tests;
