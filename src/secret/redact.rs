//! Takes known secrets out of text that passes by.

use zeroize::Zeroizing;

use super::value::SecretValue;

/// What stands in a secret's place.
const MASK: &[u8] = b"[secret]";
/// Shorter values are not looked for: they would tear ordinary words apart, and guessing them needs no log.
const SHORTEST: usize = 4;

/// Removes values from a stream of bytes, also where a value is spread over several pieces. Of values with several lines,
/// each line that is long enough is removed too, because logs come line by line.
#[derive(Default)]
pub struct Redactor {
    /// Longest first, so that a value is not found in part.
    patterns: Vec<Zeroizing<Vec<u8>>>,
    /// The end of what came, as long as it may be the beginning of a value.
    held: Zeroizing<Vec<u8>>,
}

impl Redactor {
    /// A redactor of these values.
    pub fn new<'v>(values: impl IntoIterator<Item = &'v SecretValue>) -> Self {
        let mut redactor = Self::default();
        for value in values {
            redactor.learn(value);
        }
        redactor
    }

    /// From now on this value too.
    pub fn learn(&mut self, value: &SecretValue) {
        let trimmed = value.expose().trim_ascii();
        let lines = trimmed.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        for part in std::iter::once(trimmed).chain(lines) {
            if part.len() >= SHORTEST && !self.patterns.iter().any(|known| known.as_slice() == part) {
                self.patterns.push(Zeroizing::new(part.to_vec()));
            }
        }
        self.patterns.sort_by_key(|pattern| std::cmp::Reverse(pattern.len()));
    }

    /// There is nothing to look for.
    pub fn is_idle(&self) -> bool {
        self.patterns.is_empty()
    }

    /// The next piece of a stream; gives back what can be shown of it and what was held before.
    pub fn pass(&mut self, piece: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(piece);
        let (shown, used) = self.scan(false);
        self.held.drain(..used);
        shown
    }

    /// The stream's end: what was held.
    pub fn finish(&mut self) -> Vec<u8> {
        let (shown, _) = self.scan(true);
        self.held.clear();
        shown
    }

    /// A whole text at once.
    pub fn text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.whole(text.as_bytes())).into_owned()
    }

    /// A whole piece at once, which is not a part of anything longer.
    pub fn whole(&self, bytes: &[u8]) -> Vec<u8> {
        let mut once = Self { patterns: self.patterns.clone(), held: Zeroizing::new(bytes.to_vec()) };
        once.finish()
    }

    /// What of the held bytes can be shown, and how many of them that uses up.
    fn scan(&self, at_end: bool) -> (Vec<u8>, usize) {
        let mut shown = Vec::with_capacity(self.held.len());
        let mut at = 0;
        while at < self.held.len() {
            let rest = &self.held[at..];
            // a longer value may still be coming: what it begins with waits
            if !at_end && self.patterns.iter().any(|pattern| rest.len() < pattern.len() && pattern.starts_with(rest)) {
                break;
            }
            match self.patterns.iter().find(|pattern| rest.starts_with(pattern)) {
                Some(pattern) => {
                    shown.extend_from_slice(MASK);
                    at += pattern.len();
                }
                None => {
                    shown.push(rest[0]);
                    at += 1;
                }
            }
        }
        (shown, at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn redactor(values: &[&str]) -> Redactor {
        let values: Vec<SecretValue> = values.iter().map(|v| SecretValue::new(v.as_bytes().to_vec())).collect();
        Redactor::new(&values)
    }

    #[test]
    fn values_lines_of_values_and_the_longer_of_two_are_removed() {
        let redactor = redactor(&["hunter2", "hunter2000\n", "-----KEY\nMIIabc\n-----END", "abc", ""]);
        assert_eq!(redactor.text("pw=hunter2, hunter2000; abc"), "pw=[secret], [secret]; abc");
        assert_eq!(redactor.text("| MIIabc |"), "| [secret] |");
        assert!(self::redactor(&["abc"]).is_idle());
    }

    proptest! {
        #[test]
        fn pieces_and_the_whole_agree(
            values in prop::collection::vec("[ab]{4,7}", 0..4),
            text in "[abc]{0,60}",
            cuts in prop::collection::vec(0..60usize, 0..8),
        ) {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            let mut redactor = redactor(&values);
            let whole = redactor.text(&text);
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| *cut <= text.len()).collect();
            cuts.sort_unstable();
            let mut shown = Vec::new();
            let mut from = 0;
            for cut in cuts.into_iter().chain([text.len()]) {
                shown.extend(redactor.pass(&text.as_bytes()[from..cut]));
                from = cut;
            }
            shown.extend(redactor.finish());
            prop_assert_eq!(String::from_utf8(shown).unwrap(), whole.clone());
            for value in values {
                prop_assert!(!whole.contains(value));
            }
        }
    }
}
