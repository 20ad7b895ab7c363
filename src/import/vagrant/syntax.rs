//! What the parser makes of Ruby.

/// An expression and its line.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// From 1.
    pub line: usize,
    /// What it is.
    pub expr: Expr,
}

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// `nil`, `true`, `false`.
    Nil,
    /// `true`, `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Another number.
    Float(f64),
    /// A string of pieces.
    Text(Vec<Piece>),
    /// `[a, b]`
    List(Vec<Node>),
    /// `{a => b}`, and `key: value` arguments.
    Map(Vec<(Node, Node)>),
    /// `a..b`; exclusive.
    Range(Box<Node>, Box<Node>, bool),
    /// `a`, `A`, `A::B`, `@a`: a variable, a constant, or a call without arguments.
    Name(String),
    /// A call.
    Call(Box<Call>),
    /// `a = b`, `a ||= b`, `a += b`: target, operator (empty: plain), value.
    Assign(Box<Node>, &'static str, Box<Node>),
    /// `a + b`
    Binary(&'static str, Box<Node>, Box<Node>),
    /// `!a`
    Not(Box<Node>),
    /// Conditions in turn, then the rest.
    If(Vec<(Node, Vec<Node>)>, Vec<Node>),
    /// The value, its cases, then the rest.
    Case(Option<Box<Node>>, Vec<(Vec<Node>, Vec<Node>)>, Vec<Node>),
    /// `def name(a) … end`
    Define(String, Block),
    /// Several in a row, as in `begin … end`.
    Many(Vec<Node>),
    /// What is not read: why, and its last line.
    Unread(String, usize),
}

/// A piece of a string.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// As it stands.
    Text(String),
    /// Interpolated.
    Code(Node),
}

/// `a.b(c) do |d| … end`
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// What it is called on; `None`: nothing.
    pub on: Option<Node>,
    /// The method; `[]` for an index.
    pub name: String,
    /// Arguments; named ones are one map at the end.
    pub arguments: Vec<Node>,
    /// The block.
    pub block: Option<Block>,
}

/// A block or the body of a method.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// Its parameters.
    pub parameters: Vec<Parameter>,
    /// What is in it.
    pub body: Vec<Node>,
}

/// A parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum Parameter {
    /// `a`
    Name(String),
    /// `(a, b)`
    Tuple(Vec<Parameter>),
}
