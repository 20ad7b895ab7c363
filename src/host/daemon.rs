//! The daemon's own settings: the proxy it pulls through, and the authorities it trusts. It reads both when it starts, so
//! that a change takes a new start.

use super::bootstrap::{Workshop, bring_up, unlock_sudo};
use super::command::HostCommand;
use super::consent::Offer;
use super::error::HostError;
use super::facts::{Facts, Init};
use super::plan::{EnginePlan, grant, ways};
use super::situation::{Program, process_named};
use crate::base::lock::Lock;
use crate::driver::locate::{DOCKER_SOCKET, Surroundings};

/// The daemon's proxy variables. They may hold a password, so only root may read it.
pub const PROXY_FILE: &str = "/etc/docker/devup-proxy.env";
/// Makes systemd's unit read it.
const DROP_IN: &str = "/etc/systemd/system/docker.service.d/devup-proxy.conf";
/// What the service script reads.
const DEFAULTS: &str = "/etc/default/docker";

/// What the daemon should know from its next start on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// The proxy of this environment.
    Proxy,
    /// The system's certificate authorities as they are now.
    Authorities,
}

/// Whether this environment names a proxy, and not only exceptions from one.
pub fn names_proxy(facts: &Facts) -> bool {
    facts.proxies.iter().any(|name| is_pulled_through(name))
}

fn is_pulled_through(name: &str) -> bool {
    name.eq_ignore_ascii_case("http_proxy") || name.eq_ignore_ascii_case("https_proxy")
}

/// Gives the daemon the proxy of this environment, from its next start on. No value is in a command: root's shell reads
/// them from its environment.
pub fn proxy_commands(facts: &Facts) -> Vec<HostCommand> {
    let write = format!(
        "mkdir -p /etc/docker; umask 077; env | grep -iE '^(http|https|no)_proxy=' | \
         sed \"s/'/%27/g; s/=/='/; s/$/'/\" > {PROXY_FILE}"
    );
    let point = if facts.init == Init::Systemd {
        format!(
            "mkdir -p {}; printf '[Service]\\nEnvironmentFile=-{PROXY_FILE}\\n' > {DROP_IN}; systemctl daemon-reload",
            DROP_IN.trim_end_matches("/devup-proxy.conf")
        )
    } else {
        let line = format!("if [ -r {PROXY_FILE} ]; then set -a; . {PROXY_FILE}; set +a; fi");
        format!("grep -qs {PROXY_FILE} {DEFAULTS} || echo '{line}' >> {DEFAULTS}")
    };
    vec![
        HostCommand::root("write down the proxy for Docker", &["sh", "-c", &write]).keeping(&facts.proxies),
        HostCommand::root("make Docker read it", &["sh", "-c", &point]),
    ]
}

/// The plan that makes the running daemon take the news. Pure.
fn renewal(facts: &Facts, pid: u32, news: News) -> EnginePlan {
    let mut prepare = if news == News::Proxy { proxy_commands(facts) } else { Vec::new() };
    prepare.push(if facts.init == Init::Systemd {
        HostCommand::root("restart Docker", &["systemctl", "restart", "docker.service"])
    } else {
        // whoever started it: the service script knows only its own child
        let gone = format!(
            "kill {pid}; n=0; while [ $n -lt 600 ] && grep -qs '^State:.[^Z]' /proc/{pid}/status; \
             do sleep 0.1; n=$((n+1)); done"
        );
        HostCommand::root("stop Docker", &["sh", "-c", &gone])
    });
    let what = match news {
        News::Proxy => "give Docker this environment's proxy and restart it, which stops its containers",
        News::Authorities => "restart Docker, which stops its containers, so that it trusts the system's authorities",
    };
    EnginePlan {
        what: what.to_owned(),
        program: Program::Docker,
        prepare,
        start: ways(facts, Program::Docker),
        // the new socket knows nothing of a right that the old one gave
        grant: grant(facts, DOCKER_SOCKET),
    }
}

/// Brings the news to the daemon that runs, after consent. Returns what was done.
pub async fn renew(around: &dyn Surroundings, news: News, shop: &Workshop<'_>) -> Result<Vec<String>, HostError> {
    let facts = Facts::gather().await;
    let Some(pid) = process_named("dockerd") else {
        let reason = "there is no dockerd on this machine that could be restarted".to_owned();
        return Err(HostError::Unable { reason, lines: Vec::new() });
    };
    let plan = renewal(&facts, pid, news);
    shop.agree(&facts, &Offer { what: plan.what.clone(), lines: plan.lines(&facts) }, true)?;
    let _lock = Lock::take(&shop.logs.join("host.lock"), |_| {}).await?;
    unlock_sudo(facts.privilege).await?;
    Ok(bring_up(around, &facts, &plan, shop).await?.did)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::Privilege;
    use crate::host::plan::tests::{machine, user};

    fn behind_a_proxy(init: Init) -> Facts {
        let facts = machine("debian", "", &["apt-get", "sudo"]);
        Facts { init, proxies: vec!["HTTPS_PROXY".to_owned(), "no_proxy".to_owned()], ..facts }
    }

    #[test]
    fn a_proxy_that_only_has_exceptions_is_none() {
        let mut facts = behind_a_proxy(Init::Other);
        assert!(names_proxy(&facts));
        facts.proxies = vec!["NO_PROXY".to_owned(), "ftp_proxy".to_owned()];
        assert!(!names_proxy(&facts));
    }

    #[test]
    fn systemd_restarts_its_unit_and_the_user_gets_the_right_anew() {
        let facts = user(behind_a_proxy(Init::Systemd), Privilege::Sudo);
        let lines = renewal(&facts, 7, News::Proxy).lines(&facts);
        assert!(lines[0].starts_with("sudo --preserve-env=HTTPS_PROXY,no_proxy sh -c "), "{lines:?}");
        assert!(lines[1].contains("docker.service.d/devup-proxy.conf") && lines[1].contains("daemon-reload"));
        assert_eq!(lines[2], "sudo systemctl restart docker.service");
        assert!(lines.last().unwrap().starts_with("sudo chown ada "), "{lines:?}");
        let lines = renewal(&facts, 7, News::Authorities).lines(&facts);
        assert_eq!(lines[0], "sudo systemctl restart docker.service");
    }

    #[test]
    fn without_systemd_the_daemon_is_stopped_whoever_started_it() {
        let facts = behind_a_proxy(Init::Other);
        let plan = renewal(&facts, 4711, News::Proxy);
        let lines = plan.lines(&facts);
        assert!(lines[1].contains("/etc/default/docker") && lines[2].contains("kill 4711"), "{lines:?}");
        assert_eq!(lines[3], "service docker start");
    }

    /// The shell writes what both systemd and a shell read.
    #[test]
    fn what_is_written_down_is_read_back_by_a_shell() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("proxy.env");
        let facts = behind_a_proxy(Init::Other);
        let script = proxy_commands(&facts)[0].words[2].replace("mkdir -p /etc/docker; ", "");
        let script = script.replace(PROXY_FILE, file.to_str().unwrap());
        let value = "http://ada:p=%40$x\"`@proxy:3128";
        let shell = |script: &str| {
            let mut command = std::process::Command::new("sh");
            command.env_clear().env("PATH", crate::host::command::search_path()).args(["-c", script]);
            command
        };
        assert!(shell(&script).env("HTTPS_PROXY", value).env("OTHER", "1").status().unwrap().success());
        let read = shell(&format!("set -a; . {}; set +a; printenv HTTPS_PROXY", file.display())).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&read.stdout).trim(), value);
        assert!(!std::fs::read_to_string(&file).unwrap().contains("OTHER"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o077, 0, "root's alone");
        }
    }
}
