//! Values made up on first use.

use super::value::SecretValue;

/// Letters and digits without those that look alike: goes through shells, URLs and configuration files as it is.
const ALPHABET: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
/// Characters at most.
pub const LONGEST: u32 = 4096;

/// A random value of this many characters (about 5.8 bits each), from the system's own generator.
pub fn generate(length: u32) -> Result<SecretValue, getrandom::Error> {
    let length = length.min(LONGEST) as usize;
    let mut value = Vec::with_capacity(length);
    // the largest multiple of the alphabet's size: bytes above it would favour its first letters
    let limit = 256 - 256 % ALPHABET.len();
    let mut random = zeroize::Zeroizing::new([0_u8; 64]);
    while value.len() < length {
        getrandom::fill(random.as_mut_slice())?;
        let fair = random.iter().filter(|byte| usize::from(**byte) < limit);
        let letters = fair.map(|byte| ALPHABET[usize::from(*byte) % ALPHABET.len()]);
        value.extend(letters.take(length - value.len()));
    }
    Ok(SecretValue::new(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_their_length_and_differ() {
        let one = generate(24).unwrap();
        let other = generate(24).unwrap();
        assert_eq!(one.expose().len(), 24);
        assert_ne!(one, other);
        assert!(one.expose().iter().all(u8::is_ascii_alphanumeric));
        assert_eq!(generate(0).unwrap().expose(), b"");
        assert_eq!(generate(u32::MAX).unwrap().expose().len(), LONGEST as usize);
    }

    #[test]
    fn every_letter_occurs() {
        let long = generate(LONGEST).unwrap();
        assert!(ALPHABET.iter().all(|letter| long.expose().contains(letter)));
    }
}
