//! A secret's value.

use std::fmt;

use zeroize::Zeroizing;

/// Bytes that are wiped from memory when they are dropped, and that nothing prints: there is no `Display` and no
/// `Serialize`, and `Debug` tells the length only.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue(Zeroizing<Vec<u8>>);

impl SecretValue {
    /// Takes the bytes over.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes, for whom they are meant.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretValue({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_does_not_print() {
        let value = SecretValue::new(b"hunter2".to_vec());
        assert_eq!(format!("{value:?} {:?}", Some(&value)), "SecretValue(7 bytes) Some(SecretValue(7 bytes))");
        assert_eq!(value.expose(), b"hunter2");
    }
}
