//! Addresses with a password in them. Arguments are seen by everybody on the machine, and git repeats an address in those of
//! the programs that it starts: so it gets the address without, and asks for the rest, which stands in its environment.

use url::{Url, form_urlencoded};

use super::address::Address;
use crate::base::process::Call;

/// A helper of git's that answers from its own environment.
const HELPER: &str =
    r#"!f() { [ "$1" = get ] && printf 'username=%s\npassword=%s\n' "$DEVUP_GIT_USER" "$DEVUP_GIT_PASSWORD"; }; f"#;

/// An address as an argument, and what the call's environment has beside it.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// Without a password.
    pub address: String,
    variables: Vec<(String, String)>,
}

impl Login {
    /// For an address.
    pub fn of(address: &Address) -> Self {
        Self::read(address.for_git(), std::env::var("GIT_CONFIG_COUNT").ok().as_deref())
    }

    /// `configured`: how many settings of git's the environment has already.
    fn read(text: &str, configured: Option<&str>) -> Self {
        let plain = Self { address: text.to_owned(), variables: Vec::new() };
        let Ok(mut url) = Url::parse(text) else { return plain };
        let Some(password) = url.password().filter(|_| matches!(url.scheme(), "http" | "https")).map(decoded) else {
            return plain;
        };
        let user = decoded(url.username());
        if url.set_password(None).is_err() || url.set_username("").is_err() {
            return plain;
        }
        let first: usize = configured.and_then(|count| count.parse().ok()).unwrap_or(0);
        let scope = format!("credential.{}.helper", url.origin().ascii_serialization());
        let mut variables = vec![
            ("DEVUP_GIT_USER".to_owned(), user),
            ("DEVUP_GIT_PASSWORD".to_owned(), password),
            ("GIT_CONFIG_COUNT".to_owned(), (first + 2).to_string()),
        ];
        // an empty one first: helpers of the user's would be asked too, and would keep what they hear
        for (number, value) in (first..).zip(["", HELPER]) {
            variables.push((format!("GIT_CONFIG_KEY_{number}"), scope.clone()));
            variables.push((format!("GIT_CONFIG_VALUE_{number}"), value.to_owned()));
        }
        Self { address: url.into(), variables }
    }

    /// The call with what it answers git's question with.
    #[must_use]
    pub fn on(&self, call: Call) -> Call {
        self.variables.iter().fold(call, |call, (name, value)| call.env(name, value))
    }
}

/// `%40` and the like as what they stand for.
fn decoded(text: &str) -> String {
    let plain = text.replace('+', "%2B").replace('&', "%26");
    form_urlencoded::parse(plain.as_bytes()).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_password_is_no_argument() {
        let login = Login::read("https://ada%40x:p%3Dw+1&2@git.example:8443/shop.git", Some("3"));
        assert_eq!(login.address, "https://git.example:8443/shop.git");
        let value = |name: &str| {
            login.variables.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
        };
        assert_eq!((value("DEVUP_GIT_USER"), value("DEVUP_GIT_PASSWORD")), ("ada@x", "p=w+1&2"));
        assert_eq!((value("GIT_CONFIG_COUNT"), value("GIT_CONFIG_VALUE_4")), ("5", HELPER));
        assert_eq!(value("GIT_CONFIG_KEY_4"), "credential.https://git.example:8443.helper");
        for plain in ["https://git.example/shop.git", "https://ada@git.example/x", "git@h:x", "/shop", "ssh://a:b@h/x"]
        {
            let login = Login::read(plain, None);
            assert_eq!((login.address.as_str(), login.variables.len()), (plain, 0));
        }
    }

    /// A server that lets nobody in without a name and a password, and has nothing; what it was told.
    fn server() -> (u16, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let told = std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
                let login = head.iter().find_map(|line| line.strip_prefix("Authorization: "));
                let status = if login.is_some() { "404 Not Found" } else { "401 Unauthorized" };
                let answer = format!(
                    "HTTP/1.1 {status}\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                );
                stream.write_all(answer.as_bytes()).unwrap();
                if let Some(login) = login {
                    return login.to_owned();
                }
            }
            unreachable!("the listener has no end")
        });
        (port, told)
    }

    #[test]
    fn git_gets_in_with_it() {
        use base64::Engine as _;
        let (port, told) = server();
        let login = Login::read(&format!("http://ada:p%40ss@127.0.0.1:{port}/shop.git"), None);
        let home = tempfile::tempdir().unwrap();
        let call =
            Call::new("git").env("HOME", home.path()).env("GIT_TERMINAL_PROMPT", "0").env("GIT_ASKPASS", "false");
        // every program that git starts, with its arguments
        let call = call.env("GIT_TRACE", "1").env("no_proxy", "127.0.0.1").env("NO_PROXY", "127.0.0.1");
        let ended = login.on(call).args(["ls-remote", "--", &login.address]).run_blocking().unwrap();
        let said = ended.error_text();
        assert!(!ended.success() && said.contains("git-remote-http"), "{said}");
        assert!(!said.contains("p@ss") && !said.contains("p%40ss"), "{said}");
        let expected = base64::engine::general_purpose::STANDARD.encode("ada:p@ss");
        assert_eq!(told.join().unwrap(), format!("Basic {expected}"), "{said}");
    }
}
