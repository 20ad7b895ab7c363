//! What JSON and TOML have in common, with lines.

/// A value and the line it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// From 1.
    pub line: usize,
    /// The value.
    pub data: Data,
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// Entries in the file's order; the line is the key's.
    Map(Vec<(String, usize, Tree)>),
    /// Items.
    List(Vec<Tree>),
    /// A string.
    Text(String),
    /// Numbers, booleans, dates, nothing, and what lies too deep.
    Other,
}

/// Values that lie deeper are left out: no manifest needs them.
pub const DEEPEST: usize = 32;

impl Tree {
    /// What nobody needs to know more about.
    pub fn other(line: usize) -> Self {
        Self { line, data: Data::Other }
    }

    /// A mapping's entries; none of anything else.
    pub fn entries(&self) -> &[(String, usize, Tree)] {
        if let Data::Map(entries) = &self.data { entries } else { &[] }
    }

    /// A list's items; none of anything else.
    pub fn items(&self) -> &[Tree] {
        if let Data::List(items) = &self.data { items } else { &[] }
    }

    /// A string.
    pub fn text(&self) -> Option<&str> {
        if let Data::Text(text) = &self.data { Some(text) } else { None }
    }

    /// The value under these keys.
    pub fn at(&self, keys: &[&str]) -> Option<&Tree> {
        keys.iter().try_fold(self, |tree, key| Some(&tree.entries().iter().find(|(name, ..)| name == key)?.2))
    }
}

/// Line numbers of byte offsets.
#[derive(Debug)]
pub struct Lines(Vec<usize>);

impl Lines {
    /// Of a text.
    pub fn of(text: &str) -> Self {
        Self(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(offset, _)| offset).collect())
    }

    /// The line, from 1, that an offset is on.
    pub fn at(&self, offset: usize) -> usize {
        self.0.partition_point(|end| *end < offset) + 1
    }
}
