//! User and password of a mirror: taken out of its address, and handed to apt where nobody else reads along. They are
//! part of no argument, no image and no hash.

use super::apt::Source;
use crate::secret::value::SecretValue;

/// Where apt looks for logins beside its own `auth.conf`; see `apt_auth.conf(5)`.
pub const FILE: &str = "/etc/apt/auth.conf.d/devup.conf";
/// The secret of a build that holds them.
pub const SECRET: &str = "devup-apt-logins";

/// An address without its login, and the login as a line of `auth.conf`. `None`: apt has no way to write it down.
pub fn split(address: &str) -> Option<(String, Option<SecretValue>)> {
    let Some((scheme, rest)) = address.split_once("://") else { return Some((address.to_owned(), None)) };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let Some((login, host)) = authority.rsplit_once('@') else { return Some((address.to_owned(), None)) };
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let (user, password) = (word(user)?, word(password)?);
    let open = format!("{scheme}://{host}{path}");
    // the scheme is part of it: without one apt sends logins over https alone
    let line = format!("machine {open} login {user} password {password}\n");
    Some((open, Some(SecretValue::new(line.into_bytes()))))
}

/// All logins of these sources as one file; `None` where none has any.
pub fn together(sources: &[Source]) -> Option<SecretValue> {
    let mut lines: Vec<&[u8]> = Vec::new();
    for line in sources.iter().filter_map(|source| source.login.as_ref()).map(SecretValue::expose) {
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    (!lines.is_empty()).then(|| SecretValue::new(lines.concat()))
}

/// A part of a login, decoded. Words of `auth.conf` know neither quotes nor blanks.
fn word(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let code = (byte == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        if let Some(code) = code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            out.push(code);
            at += 3;
        } else {
            out.push(byte);
            at += 1;
        }
    }
    let decoded = String::from_utf8(out).ok()?;
    let writable = !decoded.is_empty() && !decoded.chars().any(|c| c.is_whitespace() || c.is_control());
    writable.then_some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(address: &str) -> Option<(String, String)> {
        let (open, login) = split(address)?;
        Some((open, login.map(|login| String::from_utf8(login.expose().to_vec()).unwrap()).unwrap_or_default()))
    }

    #[test]
    fn a_login_is_taken_out_of_the_address() {
        let (open, login) = line("http://ada:p%40ss@mirror.example:8080/debian").unwrap();
        assert_eq!(open, "http://mirror.example:8080/debian");
        assert_eq!(login, "machine http://mirror.example:8080/debian login ada password p@ss\n");
        let plain = "http://mirror.example/debian@now";
        assert_eq!(line(plain).unwrap(), (plain.to_owned(), String::new()));
    }

    #[test]
    fn what_apt_cannot_read_is_none() {
        for address in
            ["http://ada:a%20b@m.example/debian", "http://ada:%0Ax@m.example/debian", "http://ada@m.example/"]
        {
            assert_eq!(line(address), None, "{address}");
        }
    }
}
