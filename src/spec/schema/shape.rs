//! The words in which the tables of keys are written, and the shapes that many keys share.

use super::forms;

/// What a value may be.
#[derive(Debug)]
pub enum Shape {
    /// Anything.
    Any,
    /// A scalar of some kinds, perhaps of a form.
    Scalar(Scalar),
    /// A list of one shape. Repetitions are no error: the loader drops them, as Compose does.
    List(&'static Shape),
    /// A mapping whose keys are the user's.
    Names {
        /// What a key names, for messages: `service`, `variable`.
        what: &'static str,
        /// Whether a key has to be a name: letters, digits, `.`, `_` and `-`.
        strict: bool,
        /// Of each value.
        of: &'static Shape,
    },
    /// A mapping with known keys.
    Object(&'static Object),
    /// A short form or a long one: the shapes differ by kind (scalar, list, mapping).
    Either(&'static [&'static Shape]),
}

/// A mapping with known keys. `x-` keys are allowed in each.
#[derive(Debug)]
pub struct Object {
    /// Its name under `$defs` of the JSON Schema.
    pub name: &'static str,
    /// Its keys.
    pub keys: &'static [Key],
    /// Keys that must be there.
    pub required: &'static [&'static str],
}

/// A known key.
#[derive(Debug)]
pub struct Key {
    /// The key.
    pub name: &'static str,
    /// Of its value.
    pub shape: &'static Shape,
    /// What it does, for editors.
    pub about: &'static str,
}

/// Kinds of scalars, as a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kinds(u8);

impl Kinds {
    /// Strings.
    pub const STRING: Self = Self(1);
    /// Whole numbers.
    pub const INT: Self = Self(2);
    /// All numbers.
    pub const NUMBER: Self = Self(2 | 4);
    /// `true` and `false`.
    pub const BOOL: Self = Self(8);
    /// Nothing.
    pub const NULL: Self = Self(16);

    /// Both.
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all kinds of `other` are among these.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Their names for messages.
    pub fn names(self) -> Vec<&'static str> {
        let mut names = Vec::new();
        if self.has(Self::STRING) {
            names.push("a string");
        }
        if self.has(Self::NUMBER) {
            names.push("a number");
        } else if self.has(Self::INT) {
            names.push("a whole number");
        }
        if self.has(Self::BOOL) {
            names.push("`true` or `false`");
        }
        names
    }
}

/// A scalar.
#[derive(Debug)]
pub struct Scalar {
    /// Its kinds.
    pub kinds: Kinds,
    /// What it must look like besides.
    pub form: Form,
    /// Written in help; empty where there is nothing to show.
    pub example: &'static str,
}

/// What a scalar must look like.
#[derive(Debug)]
pub enum Form {
    /// Anything of its kinds.
    Free,
    /// One of these words.
    Words(&'static [&'static str]),
    /// Numbers from and to, both included.
    Range(i64, i64),
    /// What the function does not object to: it gives the reason.
    Checked(fn(&str) -> Result<(), String>),
}

/// A key of a table.
pub const fn key(name: &'static str, shape: &'static Shape, about: &'static str) -> Key {
    Key { name, shape, about }
}

/// A table.
pub const fn object(name: &'static str, required: &'static [&'static str], keys: &'static [Key]) -> Object {
    Object { name, keys, required }
}

/// A scalar without a form.
pub const fn scalar(kinds: Kinds) -> Shape {
    Shape::Scalar(Scalar { kinds, form: Form::Free, example: "" })
}

/// A string that is one of some words.
pub const fn words(words: &'static [&'static str]) -> Shape {
    Shape::Scalar(Scalar { kinds: Kinds::STRING, form: Form::Words(words), example: "" })
}

/// A scalar whose text is checked.
pub const fn checked(kinds: Kinds, check: fn(&str) -> Result<(), String>, example: &'static str) -> Shape {
    Shape::Scalar(Scalar { kinds, form: Form::Checked(check), example })
}

/// A list of a shape.
pub const fn list(of: &'static Shape) -> Shape {
    Shape::List(of)
}

/// A mapping with any keys.
pub const fn any_names(what: &'static str, of: &'static Shape) -> Shape {
    Shape::Names { what, strict: false, of }
}

/// A mapping whose keys name things.
pub const fn names(what: &'static str, of: &'static Shape) -> Shape {
    Shape::Names { what, strict: true, of }
}

/// A string.
pub static TEXT: Shape = scalar(Kinds::STRING);
/// A string or nothing.
pub static TEXT_NULL: Shape = scalar(Kinds::STRING.or(Kinds::NULL));
/// `true` or `false`.
pub static BOOL: Shape = scalar(Kinds::BOOL);
/// `true` or `false`, perhaps as a string that was interpolated.
pub static BOOL_TEXT: Shape = checked(Kinds::BOOL.or(Kinds::STRING), forms::boolean, "true");
/// A whole number.
pub static INT: Shape = scalar(Kinds::INT);
/// A whole number that is not negative, or its text.
pub static COUNT: Shape =
    Shape::Scalar(Scalar { kinds: Kinds::INT.or(Kinds::STRING), form: Form::Range(0, i64::MAX), example: "" });
/// A number, or its text.
pub static DECIMAL: Shape = checked(Kinds::NUMBER.or(Kinds::STRING), forms::decimal, "0.5");
/// Permissions in octal.
pub static MODE: Shape = checked(Kinds::INT.or(Kinds::STRING), forms::mode, "\"0440\"");
/// A number.
pub static NUMBER: Shape = scalar(Kinds::NUMBER);
/// A number or a string.
pub static NUMBER_TEXT: Shape = scalar(Kinds::NUMBER.or(Kinds::STRING));
/// Any scalar.
pub static PLAIN: Shape = scalar(Kinds::STRING.or(Kinds::NUMBER).or(Kinds::BOOL).or(Kinds::NULL));
/// Nothing.
pub static NULL: Shape = scalar(Kinds::NULL);
/// Strings.
pub static TEXTS: Shape = list(&TEXT);
/// A string, or several.
pub static TEXT_OR_TEXTS: Shape = Shape::Either(&[&TEXT, &TEXTS]);
/// `{NAME: value}` or `[NAME=value]`.
pub static MAP_OR_TEXTS: Shape = Shape::Either(&[&PLAIN_MAP, &TEXTS]);
/// Options of a driver.
pub static DRIVER_OPTS: Shape = any_names("option", &NUMBER_TEXT);
/// A command line as one string or as a list.
pub static COMMAND: Shape = Shape::Either(&[&TEXT_NULL, &TEXTS]);

/// `{NAME: value}`.
pub static PLAIN_MAP: Shape = any_names("name", &PLAIN);
