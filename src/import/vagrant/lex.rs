//! Ruby's text → tokens, as far as Vagrantfiles use it. Tolerant: a character that fits nowhere is a token of its own.

use super::strings::{dedented, expanded, string_end, unescaped_raw};

/// One token and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// From 1.
    pub line: usize,
    /// White space stands before it.
    pub spaced: bool,
}

/// A token.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A name or keyword: `config`, `if`, `empty?`.
    Word(String),
    /// `key:` of a hash or an argument.
    Label(String),
    /// A string with what is interpolated in it.
    Text(Vec<Part>),
    /// `:name`.
    Symbol(String),
    /// A whole number.
    Int(i64),
    /// Another number.
    Float(f64),
    /// `%w[a b]`.
    Words(Vec<String>),
    /// Something that is read as a whole and means nothing here: a regular expression, a command in backticks.
    Opaque(&'static str),
    /// An operator or bracket.
    Sign(&'static str),
    /// The end of a line, or `;`.
    End,
}

/// A piece of a string.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// As it stands.
    Text(String),
    /// `#{…}`: Ruby, with its line.
    Code(String, usize),
}

/// Operators and brackets, longest first.
const SIGNS: [&str; 49] = [
    "**=", "<=>", "===", "...", "||=", "&&=", "<<=", ">>=", "&.", "**", "==", "!=", ">=", "<=", "&&", "||", "=~", "!~",
    "..", "::", "+=", "-=", "*=", "/=", "%=", "|=", "=>", "->", "<<", ">>", "{", "}", "(", ")", "[", "]", ",", ".",
    "=", "<", ">", "+", "-", "*", "/", "%", "!", "|", "?",
];

struct Lexer<'a> {
    rest: &'a str,
    line: usize,
    spaced: bool,
    tokens: Vec<Token>,
    /// Heredocs of this line whose text begins on the next: token, word, `~`, `-`, raw.
    waiting: Vec<(usize, String, bool, bool, bool)>,
}

/// Reads a text.
pub fn tokens(text: &str, first_line: usize) -> Vec<Token> {
    let mut lexer = Lexer { rest: text, line: first_line, spaced: true, tokens: Vec::new(), waiting: Vec::new() };
    while lexer.step() {}
    lexer.push(Kind::End);
    lexer.tokens
}

impl<'a> Lexer<'a> {
    fn push(&mut self, kind: Kind) {
        self.tokens.push(Token { kind, line: self.line, spaced: self.spaced });
        self.spaced = false;
    }

    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.line += taken.matches('\n').count();
        self.rest = rest;
        taken
    }

    /// A value may begin here: what stands before is no value itself.
    fn value_may_begin(&self) -> bool {
        match self.tokens.last().map(|token| &token.kind) {
            None | Some(Kind::End | Kind::Label(_)) => true,
            Some(Kind::Sign(sign)) => !matches!(*sign, ")" | "]" | "}"),
            Some(Kind::Word(word)) => {
                // after a method's name an argument may begin: `inline <<-X`, `match /x/`
                matches!(word.as_str(), "if" | "unless" | "and" | "or" | "not" | "return" | "when" | "then" | "do")
                    || self.spaced && !self.rest[1..].starts_with([' ', '='])
            }
            Some(_) => false,
        }
    }

    fn step(&mut self) -> bool {
        let Some(first) = self.rest.chars().next() else { return false };
        let begins_line = self.tokens.last().is_none_or(|token| token.kind == Kind::End);
        match first {
            '\n' => self.line_end(),
            c if c.is_whitespace() => {
                self.take(c.len_utf8());
                self.spaced = true;
            }
            '\\' if self.rest[1..].starts_with('\n') => {
                self.take(2);
                self.spaced = true;
            }
            '#' => {
                let end = self.rest.find('\n').unwrap_or(self.rest.len());
                self.take(end);
            }
            '=' if begins_line && self.rest.starts_with("=begin") => {
                let end = self.rest.find("\n=end").map_or(self.rest.len(), |at| at + "\n=end".len());
                self.take(end);
            }
            ';' => {
                self.push(Kind::End);
                self.take(1);
            }
            '"' => self.quoted('"', '"', 1, true),
            '\'' => self.quoted('\'', '\'', 1, false),
            '`' => {
                self.quoted('`', '`', 1, true);
                self.opaque("a command");
            }
            c if c.is_ascii_digit() => self.number(),
            c if c.is_alphabetic() || matches!(c, '_' | '@' | '$') => {
                if begins_line && self.rest.starts_with("__END__") {
                    return false;
                }
                self.word();
            }
            ':' => self.symbol(),
            '%' if self.value_may_begin() && self.percent() => {}
            '/' if self.value_may_begin() => {
                self.quoted('/', '/', 1, true);
                self.opaque("a regular expression");
            }
            '<' if self.heredoc() => {}
            _ => self.sign(first),
        }
        true
    }

    /// The token just made is of no use by its text.
    fn opaque(&mut self, what: &'static str) {
        if let Some(last) = self.tokens.last_mut() {
            last.kind = Kind::Opaque(what);
        }
    }

    fn sign(&mut self, first: char) {
        match SIGNS.iter().find(|sign| self.rest.starts_with(**sign)) {
            Some(sign) => {
                self.push(Kind::Sign(sign));
                self.take(sign.len());
            }
            None => {
                self.push(Kind::Opaque("a character that has no meaning here"));
                self.take(first.len_utf8());
            }
        }
    }

    fn number(&mut self) {
        let length = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let fraction = self.rest[length..].strip_prefix('.').map_or(0, |rest| {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            if digits == 0 { 0 } else { digits + 1 }
        });
        let text = self.rest[..length + fraction].replace('_', "");
        let kind = match (text.parse(), text.parse()) {
            (Ok(number), _) => Kind::Int(number),
            (_, Ok(number)) => Kind::Float(number),
            _ => Kind::Opaque("a number"),
        };
        self.push(kind);
        self.take(length + fraction);
    }

    fn word(&mut self) {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let lead = self.rest.len() - self.rest.trim_start_matches(['@', '$']).len();
        let mut length = lead + self.rest[lead..].find(|c| !is_part(c)).unwrap_or(self.rest.len() - lead);
        if length == 0 || length == lead {
            self.push(Kind::Opaque("a variable of Ruby's own"));
            self.take(
                lead.max(1)
                    + self.rest[lead.max(1)..].chars().next().map_or(0, |c| if c == '\n' { 0 } else { c.len_utf8() }),
            );
            return;
        }
        let after = &self.rest[length..];
        if after.starts_with(['?', '!']) && !after[1..].starts_with('=') {
            length += 1;
        }
        let after = &self.rest[length..];
        // `a ? b : c` has a space before its colon, `A::B` two
        if after.starts_with(':') && !after.starts_with("::") {
            self.push(Kind::Label(self.rest[..length].to_owned()));
            length += 1;
        } else {
            self.push(Kind::Word(self.rest[..length].to_owned()));
        }
        self.take(length);
    }

    fn symbol(&mut self) {
        let rest = &self.rest[1..];
        if rest.starts_with(':') {
            self.push(Kind::Sign("::"));
            self.take(2);
        } else if let Some(quote @ ('"' | '\'')) = rest.chars().next() {
            self.quoted(quote, quote, 2, quote == '"');
        } else {
            let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            if length == 0 {
                self.push(Kind::Sign(":"));
            } else {
                self.push(Kind::Symbol(rest[..length].to_owned()));
            }
            self.take(1 + length);
        }
    }

    /// `%w[…]`, `%i[…]`, `%q(…)`, `%Q(…)`, `%(…)`.
    fn percent(&mut self) -> bool {
        let mut rest = self.rest[1..].chars();
        let first = rest.next().unwrap_or(' ');
        let (letter, open) =
            if first.is_ascii_alphabetic() { (first, rest.next().unwrap_or(' ')) } else { ('Q', first) };
        let close = match open {
            '(' => ')',
            '[' => ']',
            '{' => '}',
            '<' => '>',
            '|' | '!' | '/' => open,
            _ => return false,
        };
        if !matches!(letter, 'w' | 'W' | 'i' | 'I' | 'q' | 'Q') {
            return false;
        }
        let skip = if first.is_ascii_alphabetic() { 3 } else { 2 };
        self.quoted(open, close, skip, letter == 'Q');
        if matches!(letter, 'w' | 'W' | 'i' | 'I')
            && let Some(last) = self.tokens.last_mut()
            && let Kind::Text(parts) = &last.kind
        {
            let text: String =
                parts.iter().map(|part| if let Part::Text(text) = part { text.as_str() } else { "" }).collect();
            last.kind = Kind::Words(text.split_whitespace().map(str::to_owned).collect());
        }
        true
    }

    /// A string; the opening takes `skip` bytes.
    fn quoted(&mut self, open: char, close: char, skip: usize, expands: bool) {
        self.push(Kind::Text(Vec::new()));
        let index = self.tokens.len() - 1;
        let body_line = self.line;
        self.take(skip);
        let length = string_end(self.rest, open, close, expands);
        let body = self.take(length);
        if !self.rest.is_empty() {
            self.take(close.len_utf8());
        }
        let parts = if expands { expanded(body, body_line) } else { vec![Part::Text(unescaped_raw(body, close))] };
        self.tokens[index].kind = Kind::Text(parts);
        // `"key": value`
        if self.rest.starts_with(':')
            && !self.rest.starts_with("::")
            && let Kind::Text(parts) = &self.tokens[index].kind
            && let [Part::Text(text)] = parts.as_slice()
        {
            self.tokens[index].kind = Kind::Label(text.clone());
            self.take(1);
        }
    }

    fn heredoc(&mut self) -> bool {
        let Some(rest) = self.rest.strip_prefix("<<") else { return false };
        let squiggly = rest.starts_with('~');
        let dashed = rest.starts_with('-');
        let rest = if squiggly || dashed { &rest[1..] } else { rest };
        let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'));
        let inner = if quote.is_some() { &rest[1..] } else { rest };
        let length = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inner.len());
        let word = &inner[..length];
        // without a dash only a word in capitals is told from a shift
        let fits = !word.is_empty()
            && (squiggly || dashed || quote.is_some() || word.starts_with(|c: char| c.is_ascii_uppercase()));
        // what is quoted in one place only is no word
        let closed = quote.is_none_or(|quote| inner[length..].starts_with(quote));
        if !fits || !closed || !self.value_may_begin() {
            return false;
        }
        let quotes = if quote.is_some() { 2 } else { 0 };
        let length = 2 + usize::from(squiggly || dashed) + length + quotes;
        self.waiting.push((self.tokens.len(), word.to_owned(), squiggly, dashed, quote == Some('\'')));
        self.push(Kind::Text(Vec::new()));
        self.take(length);
        true
    }

    fn line_end(&mut self) {
        self.push(Kind::End);
        self.take(1);
        self.spaced = true;
        for (index, word, squiggly, dashed, raw) in std::mem::take(&mut self.waiting) {
            let first_line = self.line;
            let mut lines = Vec::new();
            while !self.rest.is_empty() {
                let length = self.rest.find('\n').map_or(self.rest.len(), |at| at + 1);
                let line = self.take(length);
                let end = line.trim_end_matches(['\n', '\r']);
                if end == word || (squiggly || dashed) && end.trim() == word {
                    break;
                }
                lines.push(line);
            }
            let body = if squiggly { dedented(&lines) } else { lines.concat() };
            let parts = if raw { vec![Part::Text(body)] } else { expanded(&body, first_line) };
            self.tokens[index].kind = Kind::Text(parts);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kinds(text: &str) -> Vec<Kind> {
        tokens(text, 1).into_iter().map(|token| token.kind).collect()
    }

    fn plain(text: &str) -> Kind {
        Kind::Text(vec![Part::Text(text.to_owned())])
    }

    #[test]
    fn strings_of_every_form() {
        assert_eq!(kinds("'a\\'#{b}'")[0], plain("a'#{b}"));
        let parts = vec![Part::Text("a\n".into()), Part::Code("b[\"c\"]".into(), 1), Part::Text("d".into())];
        assert_eq!(kinds("\"a\\n#{b[\"c\"]}d\"")[0], Kind::Text(parts));
        assert_eq!(kinds("%w[a b]")[0], Kind::Words(vec!["a".into(), "b".into()]));
        assert_eq!(kinds("x \"k\": 1")[1], Kind::Label("k".into()));
        assert_eq!(kinds("a: :b")[..2], [Kind::Label("a".into()), Kind::Symbol("b".into())]);
    }

    #[test]
    fn heredocs_stand_where_they_are_named() {
        let text = "f inline: <<-SHELL, x: <<~'B'\n  one\n  SHELL\n    two\n      three #{x}\n    B\nnext";
        let all = tokens(text, 1);
        assert_eq!(all[2].kind, plain("  one\n"));
        assert_eq!(all[5].kind, plain("two\n  three #{x}\n"));
        assert_eq!((&all[7].kind, all[7].line), (&Kind::Word("next".into()), 7));
        assert_eq!(kinds("a << 1")[1], Kind::Sign("<<"));
        assert_eq!(kinds("<<\"Bé")[0], Kind::Sign("<<"));
        assert_eq!(kinds("<<'B")[0], Kind::Sign("<<"));
    }

    #[test]
    fn comments_and_ends_are_left_out() {
        assert_eq!(kinds("=begin\nx\n=end\n# y\na").len(), kinds("\n\na").len());
        assert_eq!(kinds("a\n__END__\nb ' \""), kinds("a\n"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            tokens(&String::from_utf8_lossy(&bytes), 1);
        }

        #[test]
        fn pieces_of_ruby_are_read_to_their_end(text in "[a:\"'#{}%w()\\[\\]<~\\-/|=?!@$.\\\\ \nB0é]{0,60}") {
            tokens(&text, 1);
        }
    }
}
