//! A passphrase in a file, sealed by another one: for machines without a keyring.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::error::{BackupError, Kind, Result};
use crate::secret::value::SecretValue;

/// What the file says it is.
const FORMAT: &str = "devup-sealed-1";
/// scrypt's work: 2^16 blocks of 1 KiB, 64 MiB and a fraction of a second.
const LOG_N: u8 = 16;
/// A file that asks for more (2^20: 1 GiB) wants to stop this machine, not to be opened.
const MOST_LOG_N: u8 = 20;
const SALT: usize = 16;

#[derive(Debug, Serialize, Deserialize)]
struct Sealed {
    format: String,
    log_n: u8,
    salt: String,
    nonce: String,
    sealed: String,
}

/// Seals a value: nobody opens it without the key.
pub fn seal(value: &SecretValue, key: &SecretValue) -> Result<Vec<u8>> {
    let mut salt = [0; SALT];
    let mut nonce = [0; NONCE_LEN];
    let failed = |reason: String| BackupError::new(Kind::Other, "sealing the passphrase", reason);
    getrandom::fill(&mut salt).and_then(|()| getrandom::fill(&mut nonce)).map_err(|e| failed(e.to_string()))?;
    let mut sealed = value.expose().to_vec();
    cipher(key, &salt, LOG_N)?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(FORMAT), &mut sealed)
        .map_err(|_| failed("the cipher refused".to_owned()))?;
    let file = Sealed {
        format: FORMAT.to_owned(),
        log_n: LOG_N,
        salt: STANDARD.encode(salt),
        nonce: STANDARD.encode(nonce),
        sealed: STANDARD.encode(sealed),
    };
    serde_json::to_vec_pretty(&file).map_err(|error| failed(error.to_string()))
}

/// Opens what [`seal`] made. A wrong key is told from a damaged file as far as that can be done.
pub fn open(file: &[u8], key: &SecretValue) -> Result<SecretValue> {
    let failed = |kind, reason: &str| BackupError::new(kind, "opening the sealed passphrase", reason);
    let damaged = || failed(Kind::Damaged, "the file is damaged; give the passphrase of the recovery sheet instead");
    let file: Sealed = serde_json::from_slice(file).map_err(|_| damaged())?;
    if file.format != FORMAT || file.log_n > MOST_LOG_N {
        return Err(failed(Kind::Other, "this devup does not know its format"));
    }
    let bytes = |text: &str| STANDARD.decode(text).map_err(|_| damaged());
    let nonce: [u8; NONCE_LEN] = bytes(&file.nonce)?.try_into().map_err(|_| damaged())?;
    let mut sealed = Zeroizing::new(bytes(&file.sealed)?);
    let opened = cipher(key, &bytes(&file.salt)?, file.log_n)?
        .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(FORMAT), &mut sealed)
        .map_err(|_| failed(Kind::Passphrase, "the passphrase is wrong"))?;
    Ok(SecretValue::new(opened.to_vec()))
}

fn cipher(key: &SecretValue, salt: &[u8], log_n: u8) -> Result<LessSafeKey> {
    let failed = |reason: String| BackupError::new(Kind::Other, "deriving a key", reason);
    let work = scrypt::Params::new(log_n, 8, 1).map_err(|error| failed(error.to_string()))?;
    let mut derived = Zeroizing::new([0_u8; 32]);
    scrypt::scrypt(key.expose(), salt, &work, derived.as_mut_slice()).map_err(|error| failed(error.to_string()))?;
    let key = UnboundKey::new(&CHACHA20_POLY1305, derived.as_slice())
        .map_err(|_| failed("the cipher refused the key".to_owned()))?;
    Ok(LessSafeKey::new(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretValue {
        SecretValue::new(text.as_bytes().to_vec())
    }

    #[test]
    fn only_the_key_opens_it() {
        let file = seal(&secret("lusab-babad"), &secret("key")).unwrap();
        assert!(!String::from_utf8_lossy(&file).contains("lusab"));
        assert_eq!(open(&file, &secret("key")).unwrap(), secret("lusab-babad"));
        assert_eq!(open(&file, &secret("other")).unwrap_err().kind, Kind::Passphrase);
        assert_eq!(open(b"{}", &secret("key")).unwrap_err().kind, Kind::Damaged);
        let greedy = String::from_utf8(file).unwrap().replace("\"log_n\": 16", "\"log_n\": 40");
        assert!(open(greedy.as_bytes(), &secret("key")).unwrap_err().to_string().contains("does not know"));
    }
}
