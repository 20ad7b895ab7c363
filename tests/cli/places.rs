//! Backups to real servers on loopback: a rest-server, S3 and SFTP; and what is said when they are gone, full or refuse.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::environment::{Ran, TestEnvironment};

/// Until a server of a test listens.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server of a test; it ends with it.
struct Server {
    child: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a program of the machine is there; where everything has to be, it may not be missing.
fn installed(program: &str) -> bool {
    let there = Command::new("which").arg(program).stdout(Stdio::null()).status().is_ok_and(|status| status.success());
    if !there {
        let required = std::env::var_os("DEVUP_REQUIRE_ENGINES").is_some();
        assert!(!required, "{program} is required (DEVUP_REQUIRE_ENGINES): run scripts/test-machine");
        eprintln!("SKIPPED: {program} is not installed (scripts/test-machine does it)");
    }
    there
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

fn listening(mut child: Child, port: u16) -> Server {
    let end = Instant::now() + PATIENCE;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < end, "nobody listens on {port}");
        assert!(child.try_wait().unwrap().is_none(), "the server ended");
        std::thread::yield_now();
    }
    Server { child, port }
}

/// rclone's rest-server over a folder.
fn rest_server(folder: &Path) -> Server {
    let mut child = Command::new("rclone")
        .args(["serve", "restic", "--addr", "127.0.0.1:0", "--log-level", "NOTICE"])
        .arg(folder)
        .envs([("RCLONE_USER", "ada"), ("RCLONE_PASS", "s3cret@rest"), ("RCLONE_CONFIG", "/dev/null")])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let port = said.find_map(|line| {
        let line = line.unwrap();
        let at = line.find("http://127.0.0.1:")?;
        line[at + 17..].trim_end_matches([']', '/']).parse().ok()
    });
    // reads on, so that it never waits for a reader
    std::thread::spawn(move || said.for_each(drop));
    listening(child, port.unwrap())
}

/// A server that answers everything with one status.
fn refusing(status: &'static str) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if connection.read(&mut byte).unwrap_or(0) == 0 {
                    break;
                }
                head.push(byte[0]);
            }
            let _ = write!(connection, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        }
    });
    port
}

/// How a server that took so many bytes goes on.
#[derive(Clone, Copy)]
enum Then {
    /// It says that it is full.
    Full,
    /// It hangs up on everybody.
    Gone,
}

/// Stands before a server, and lets so many bytes pass to it.
struct Toll {
    port: u16,
    left: Arc<AtomicU64>,
}

impl Toll {
    fn before(server: u16, then: Then) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let left = Arc::new(AtomicU64::new(u64::MAX));
        let counter = left.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let counter = counter.clone();
                std::thread::spawn(move || pass(connection.unwrap(), server, then, &counter));
            }
        });
        Self { port, left }
    }
}

/// One request, and its answer; a connection carries no second one.
fn pass(mut client: TcpStream, server: u16, then: Then, left: &AtomicU64) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let lines = text.lines().filter(|line| !line.to_ascii_lowercase().starts_with("connection:") && !line.is_empty());
    let length =
        text.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    client.read_exact(&mut body).ok()?;
    let size = body.len() as u64;
    let paid = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(size)).is_ok();
    match then {
        _ if paid => {}
        Then::Full => {
            let answer = b"HTTP/1.1 507 Insufficient Storage\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            return client.write_all(answer).ok();
        }
        Then::Gone => {
            left.store(0, Ordering::SeqCst);
            return None;
        }
    }
    if matches!(then, Then::Gone) && left.load(Ordering::SeqCst) == 0 {
        return None;
    }
    let mut upstream = TcpStream::connect(("127.0.0.1", server)).ok()?;
    let head: String = lines.map(|line| format!("{line}\r\n")).collect();
    upstream.write_all(format!("{head}connection: close\r\n\r\n").as_bytes()).ok()?;
    upstream.write_all(&body).ok()?;
    std::io::copy(&mut upstream, &mut client).ok().map(|_| ())
}

/// Bytes that nobody packs into fewer (xorshift).
fn noise(count: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    let next = std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    next.take(count / 8).flatten().collect()
}

fn world() -> TestEnvironment {
    let env = TestEnvironment::new();
    env.file("devup.yaml", "devup: 1\nname: shop\nservices: {web: {image: x}}\n");
    env.file("../key", "seal\n").file("notes/todo", "buy milk");
    let noise: Vec<u8> = (0..700_000_u32).flat_map(|n| n.wrapping_mul(0x9e37_79b1).to_le_bytes()).collect();
    fs::write(env.project().join("notes/noise"), noise).unwrap();
    env
}

/// Runs devup with rclone's remotes as they are given.
fn devup(env: &TestEnvironment, remote: &[(&str, String)], words: &[&str]) -> Ran {
    let mut all = words.to_vec();
    all.extend(["--passphrase-file", "../key"]);
    let mut command = env.command(&all);
    command.env("RCLONE_CONFIG", "/dev/null");
    for (name, value) in remote {
        command.env(format!("RCLONE_CONFIG_FAR_{name}"), value);
    }
    env.finish(&mut command)
}

/// A repository there takes backups, gives them back, is whole, and forgets.
fn serves(env: &TestEnvironment, remote: &[(&str, String)], place: &str) {
    let done = |words: &[&str]| {
        let ran = devup(env, remote, words);
        assert_eq!(ran.code, Some(0), "{words:?}: {}", ran.screen());
        assert!(!ran.screen().contains("s3cret"), "{}", ran.screen());
        ran.stdout
    };
    done(&["backup", "init", place, "--sheet", "../sheet.txt"]);
    done(&["backup", "--folder", "notes"]);
    env.file("notes/todo", "buy bread");
    let second: Value = serde_json::from_str(&done(&["backup", "--folder", "notes", "--json"])).unwrap();
    assert!(second[0]["stored"].as_u64().unwrap() < 100_000, "{second}");
    assert!(done(&["backup", "check", "--read-data"]).contains("is whole: 2 snapshots"));
    done(&["restore", "shop", "--into", "back"]);
    let name = fs::read_dir(env.project().join("back/folders")).unwrap().next().unwrap().unwrap().file_name();
    let back = env.project().join("back/folders").join(name);
    assert_eq!(fs::read(back.join("todo")).unwrap(), b"buy bread");
    assert_eq!(fs::read(back.join("noise")).unwrap(), fs::read(env.project().join("notes/noise")).unwrap());
    done(&["--yes", "backup", "forget", "--keep-last", "1"]);
    done(&["backup", "prune"]);
    assert!(done(&["backup", "check", "--read-data"]).contains("is whole: 1 snapshots"));
}

#[test]
fn a_rest_server_serves_and_is_missed_when_it_is_gone() {
    if !installed("rclone") {
        return;
    }
    let env = world();
    let folder = env.project().join("../served");
    fs::create_dir(&folder).unwrap();
    let server = rest_server(&folder);
    let place = format!("rest:http://ada:s3cret%40rest@127.0.0.1:{}/", server.port);
    serves(&env, &[], &place);

    let wrong = format!("rest:http://ada:guessed@127.0.0.1:{}/", server.port);
    let refused = devup(&env, &[], &["restore", "shop", "--from", &wrong, "--into", "x"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("denies access") && !refused.stderr.contains("guessed"), "{}", refused.stderr);

    drop(server);
    let gone = devup(&env, &[], &["backup"]);
    assert_eq!(gone.code, Some(1), "{}", gone.screen());
    assert!(gone.stderr.contains("when the place answers") && !gone.screen().contains("s3cret"), "{}", gone.stderr);
}

#[test]
fn a_server_that_is_full_is_said() {
    let env = world();
    let place = format!("rest:http://127.0.0.1:{}/", refusing("507 Insufficient Storage"));
    let full = devup(&env, &[], &["backup", "init", &place, "--sheet", "../sheet.txt"]);
    assert_eq!(full.code, Some(1));
    assert!(full.stderr.contains("the server is full") && full.stderr.contains("free space there"), "{}", full.stderr);
    assert!(devup(&env, &[], &["backup", "repos"]).stdout.lines().count() <= 1, "nothing is entered that is not there");
}

#[test]
fn a_server_that_fills_up_or_vanishes_in_the_middle_has_no_half_of_a_backup() {
    if !installed("rclone") {
        return;
    }
    for (then, word) in [(Then::Full, "free space there"), (Then::Gone, "when the place answers")] {
        let env = world();
        let folder = env.project().join("../served");
        fs::create_dir(&folder).unwrap();
        let server = rest_server(&folder);
        let toll = Toll::before(server.port, then);
        let place = format!("rest:http://ada:s3cret%40rest@127.0.0.1:{}/", toll.port);
        let done = |words: &[&str]| {
            let ran = devup(&env, &[], words);
            assert_eq!(ran.code, Some(0), "{words:?}: {}", ran.screen());
            ran.stdout
        };
        done(&["backup", "init", &place, "--sheet", "../sheet.txt"]);
        done(&["backup"]);
        env.file("../much/noise", "");
        fs::write(env.project().join("../much/noise"), noise(3_000_000)).unwrap();
        for bytes in [0, 1_000, 1_000_000] {
            toll.left.store(bytes, Ordering::SeqCst);
            let failed = devup(&env, &[], &["backup", "--folder", "../much"]);
            assert_eq!(failed.code, Some(1), "{bytes}: {}", failed.screen());
            assert!(failed.stderr.contains(word) && !failed.screen().contains("s3cret"), "{bytes}: {}", failed.stderr);
            toll.left.store(u64::MAX, Ordering::SeqCst);
            let listed: Value = serde_json::from_str(&done(&["backup", "list", "--json"])).unwrap();
            assert_eq!(listed.as_array().unwrap().len(), 1, "{bytes}: {listed}");
        }
        done(&["backup", "--folder", "../much"]);
        assert!(done(&["backup", "check", "--read-data"]).contains("is whole: 2 snapshots"));
    }
}

#[test]
fn s3_serves_through_rclone() {
    if !installed("rclone") || !installed("moto_server") {
        return;
    }
    let env = world();
    let port = free_port();
    let log = fs::File::create(env.project().join("../moto.log")).unwrap();
    let child = Command::new("moto_server")
        .args(["-H", "127.0.0.1", "-p", &port.to_string()])
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    let server = listening(child, port);
    let remote = [
        ("TYPE", "s3".to_owned()),
        ("PROVIDER", "Other".to_owned()),
        ("ENDPOINT", format!("http://127.0.0.1:{}", server.port)),
        ("ACCESS_KEY_ID", "ada".to_owned()),
        ("SECRET_ACCESS_KEY", "s3cret-of-s3".to_owned()),
        ("FORCE_PATH_STYLE", "true".to_owned()),
    ];
    let made = Command::new("rclone")
        .args(["mkdir", "far:bucket"])
        // proxies and authorities of the outside are none of this test's business
        .env_clear()
        .envs([("PATH", "/usr/local/bin:/usr/bin:/bin"), ("RCLONE_CONFIG", "/dev/null")])
        .envs(remote.iter().map(|(name, value)| (format!("RCLONE_CONFIG_FAR_{name}"), value)))
        .status()
        .unwrap();
    assert!(made.success());
    serves(&env, &remote, "rclone:far:bucket/backups");
}

#[test]
fn sftp_serves_through_rclone_and_is_missed_when_it_is_gone() {
    if !installed("rclone") || !installed("/usr/sbin/sshd") || !installed("ssh-keygen") {
        return;
    }
    let env = world();
    let folder = env.project().join("../ssh");
    fs::create_dir(&folder).unwrap();
    for name in ["host", "user"] {
        let file = folder.join(name);
        let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(file).status();
        assert!(made.unwrap().success());
    }
    fs::copy(folder.join("user.pub"), folder.join("authorized")).unwrap();
    fs::set_permissions(folder.join("authorized"), fs::Permissions::from_mode(0o600)).unwrap();
    let port = free_port();
    let folder = fs::canonicalize(folder).unwrap();
    let configuration = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {0}/host\nAuthorizedKeysFile {0}/authorized\nStrictModes no\n\
         PidFile none\nUsePAM no\nPermitRootLogin prohibit-password\nPasswordAuthentication no\n\
         Subsystem sftp internal-sftp\n",
        folder.display()
    );
    fs::write(folder.join("config"), configuration).unwrap();
    // sshd wants it where it runs as root
    let _ = fs::create_dir_all("/run/sshd");
    let log = fs::File::create(folder.join("log")).unwrap();
    let child = Command::new("/usr/sbin/sshd")
        .args(["-D", "-e", "-f"])
        .arg(folder.join("config"))
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    let server = listening(child, port);
    let user = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
    let remote = [
        ("TYPE", "sftp".to_owned()),
        ("HOST", "127.0.0.1".to_owned()),
        ("PORT", server.port.to_string()),
        ("USER", user.trim().to_owned()),
        ("KEY_FILE", folder.join("user").display().to_string()),
        ("SHELL_TYPE", "none".to_owned()),
    ];
    let place = format!("rclone:far:{}/backups", folder.display());
    serves(&env, &remote, &place);
    drop(server);
    let gone = devup(&env, &remote, &["backup"]);
    assert_eq!(gone.code, Some(1), "{}", gone.screen());
    assert!(gone.stderr.contains("rclone:far:"), "{}", gone.stderr);
}
