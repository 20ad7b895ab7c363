//! Everything that rclone reaches: S3, SFTP, the clouds. devup starts `rclone serve restic` on loopback, behind a password
//! of this run, and speaks restic's protocol with it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use url::Url;

use super::error::{BackupError, Kind, Result};
use super::passphrase;
use super::rest::Rest;

/// Until rclone listens.
const PATIENCE: Duration = Duration::from_secs(30);
const USER: &str = "devup";

/// rclone as it runs; ends with its owner.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    complaint: Arc<Mutex<Option<String>>>,
}

impl Server {
    /// The last error that rclone spoke of.
    pub(super) fn complaint(&self) -> Option<String> {
        self.complaint.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // it may have ended by itself
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What rclone complains of, without the time in front.
fn complaint(line: &str) -> Option<String> {
    let at = ["ERROR : ", "CRITICAL: ", "Failed to "].iter().find_map(|word| line.find(word))?;
    Some(line[at..].trim_start_matches("ERROR : ").to_owned())
}

/// Starts rclone for a remote.
pub(super) fn serve(remote: &str) -> Result<Rest> {
    let attempt = format!("opening rclone:{remote}");
    let failed = |reason: String| BackupError::new(Kind::Unreachable, attempt.clone(), reason);
    // keeps other users of this machine out; it opens nothing beyond this run
    let password = passphrase::make()?;
    let password = String::from_utf8_lossy(password.expose()).into_owned();
    let mut child = Command::new("rclone")
        .args(["serve", "restic", "--addr", "127.0.0.1:0", "--log-level", "NOTICE"])
        .args(["--low-level-retries", "3", "--contimeout", "15s", "--"])
        .arg(remote)
        .env("RCLONE_USER", USER)
        .env("RCLONE_PASS", &password)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(format!("rclone could not be run ({error}); `apt-get install rclone`")))?;
    let said = child.stderr.take();
    let complaint: Arc<Mutex<Option<String>>> = Arc::default();
    let heard = complaint.clone();
    let server = Server { child, complaint };
    let (tell, told) = mpsc::channel();
    // reads on until rclone ends, so that it never waits for a reader
    std::thread::spawn(move || {
        for line in said.into_iter().flat_map(|said| BufReader::new(said).lines()).map_while(std::io::Result::ok) {
            if let Some(said) = self::complaint(&line) {
                *heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(said);
            }
            let _ = tell.send(line);
        }
    });
    let mut last = String::new();
    let url = loop {
        match told.recv_timeout(PATIENCE) {
            Ok(line) => match address(&line) {
                Some(url) => break url,
                None => last = line,
            },
            Err(_) => return Err(failed(format!("rclone did not begin to serve: {last}"))),
        }
    };
    Ok(Rest::through(server, url, USER, &password, format!("rclone:{remote}")))
}

/// The address that rclone says it serves on; older ones write it without brackets.
fn address(line: &str) -> Option<Url> {
    if !line.contains("erving") {
        return None;
    }
    let from = line.find("http://")?;
    let text: String = line[from..].chars().take_while(|c| !c.is_whitespace() && *c != ']').collect();
    Url::parse(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rclone_complains_of_is_heard() {
        let line = "2026/11/21 17:00:00 ERROR : data/ab: Post request put error: no space left on device";
        assert_eq!(complaint(line).unwrap(), "data/ab: Post request put error: no space left on device");
        assert!(complaint("2026/11/21 17:00:00 NOTICE: Serving").is_none());
    }

    #[test]
    fn both_forms_of_rclones_word_are_read() {
        let line =
            "2026/11/21 17:00:00 NOTICE: Local file system at /x: Serving restic REST API on [http://127.0.0.1:41/]";
        assert_eq!(address(line).unwrap().as_str(), "http://127.0.0.1:41/");
        assert_eq!(address("NOTICE: x: serving on http://127.0.0.1:41/").unwrap().as_str(), "http://127.0.0.1:41/");
        assert!(address("NOTICE: Config file not found").is_none());
    }
}
