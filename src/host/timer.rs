//! Runs of devup once an hour, by what this machine has for it: systemd's user manager, launchd or cron. What is due then
//! is decided by the run itself, so that a run that was missed while the machine was off is made up by the next one.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::base::files::{self, Access};
use crate::base::process::{Call, Finished};

/// The name of the units, and the mark of devup's line in a crontab.
const NAME: &str = "devup-backup";
const LABEL: &str = "dev.devup.backup";
/// None of these programs thinks long.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timer {
    /// The program, by its path, and its arguments.
    pub command: Vec<String>,
    /// Variables that the run needs and would not have.
    pub variables: BTreeMap<String, String>,
}

/// Who runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scheduler {
    /// systemd's user manager, with the folder of the user's units.
    Systemd(PathBuf),
    /// launchd, with the folder of the user's agents.
    Launchd(PathBuf),
    /// cron.
    Cron,
}

/// Why a timer could not be set or removed.
#[derive(Debug, thiserror::Error)]
#[error("{attempt}: {reason}")]
pub struct TimerError {
    attempt: String,
    reason: String,
}

type Result<T> = std::result::Result<T, TimerError>;

impl fmt::Display for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Systemd(_) => "systemd",
            Self::Launchd(_) => "launchd",
            Self::Cron => "cron",
        })
    }
}

impl Scheduler {
    /// The first that answers. `config` is the folder of the user's configuration (`~/.config`).
    pub fn find(home: &Path, config: &Path) -> Option<Self> {
        let answers = |program: &str, arguments: &[&str]| {
            let ended = Call::new(program).args(arguments).deadline(PATIENCE).run_blocking();
            ended.ok().map(|ended| (ended.success(), ended.error_text()))
        };
        if cfg!(target_os = "macos") {
            return Some(Self::Launchd(home.join("Library/LaunchAgents")));
        }
        if answers("systemctl", &["--user", "show-environment"]).is_some_and(|(fine, _)| fine) {
            return Some(Self::Systemd(config.join("systemd/user")));
        }
        // a user without a crontab yet is told so with exit code 1
        let (fine, said) = answers("crontab", &["-l"])?;
        (fine || said.contains("no crontab")).then_some(Self::Cron)
    }

    /// Sets the timer, in the place of an older one.
    pub fn set(&self, timer: &Timer) -> Result<()> {
        let mut words = timer.command.iter().chain(timer.variables.values());
        if let Some(word) = words.find(|word| word.chars().any(char::is_control)) {
            let reason = format!("{word:?} has a control character, which no timer can carry");
            return Err(TimerError { attempt: "setting the timer".into(), reason });
        }
        match self {
            Self::Systemd(folder) => {
                write(&folder.join(format!("{NAME}.service")), &service(timer))?;
                write(&folder.join(format!("{NAME}.timer")), UNIT)?;
                call("systemctl", &["--user", "daemon-reload"])?;
                call("systemctl", &["--user", "enable", "--now", &format!("{NAME}.timer")])
            }
            Self::Launchd(folder) => {
                let path = folder.join(format!("{LABEL}.plist"));
                write(&path, &agent(timer))?;
                // an older one is not there as a rule
                let _ = call("launchctl", &["bootout", &domain(Some(LABEL))]);
                call("launchctl", &["bootstrap", &domain(None), &path.to_string_lossy()])
            }
            Self::Cron => crontab(&format!("{}{}", without(&crontab_now()?), cron_lines(timer))),
        }
    }

    /// Removes the timer; where there is none, nothing happens.
    fn remove(&self) -> Result<()> {
        match self {
            Self::Systemd(folder) => {
                let unit = format!("{NAME}.timer");
                if !folder.join(&unit).exists() {
                    return Ok(());
                }
                // a manager that does not run now has to find nothing when it does
                let asked = call("systemctl", &["--user", "disable", "--now", &unit]).is_ok();
                gone(&folder.join("timers.target.wants").join(&unit))?;
                gone(&folder.join(unit))?;
                gone(&folder.join(format!("{NAME}.service")))?;
                if asked { call("systemctl", &["--user", "daemon-reload"]) } else { Ok(()) }
            }
            Self::Launchd(folder) => {
                let path = folder.join(format!("{LABEL}.plist"));
                if !path.exists() {
                    return Ok(());
                }
                // it may not be loaded
                let _ = call("launchctl", &["bootout", &domain(Some(LABEL))]);
                gone(&path)
            }
            Self::Cron => {
                // without cron there is no line of it
                let Ok(now) = crontab_now() else { return Ok(()) };
                let rest = without(&now);
                if rest == now { Ok(()) } else { crontab(&rest) }
            }
        }
    }
}

/// Removes the timer from whoever has it, but this one: who answers today need not be the one that answered then.
pub fn remove_all(home: &Path, config: &Path, but: Option<&Scheduler>) -> Result<()> {
    let all = [
        Scheduler::Systemd(config.join("systemd/user")),
        Scheduler::Launchd(home.join("Library/LaunchAgents")),
        Scheduler::Cron,
    ];
    all.iter().filter(|one| Some(*one) != but).try_for_each(Scheduler::remove)
}

fn write(path: &Path, text: &str) -> Result<()> {
    let failed =
        |error: files::FileError| TimerError { attempt: "setting the timer".into(), reason: error.to_string() };
    if let Some(folder) = path.parent() {
        files::create_folder(folder, Access::Shared).map_err(failed)?;
    }
    files::write_atomic(path, text.as_bytes(), Access::Private).map_err(failed)
}

fn gone(path: &Path) -> Result<()> {
    files::remove_if_there(path)
        .map_err(|error| TimerError { attempt: "removing the timer".into(), reason: error.to_string() })
}

fn call(program: &str, arguments: &[&str]) -> Result<()> {
    let ended = Call::new(program).args(arguments).deadline(PATIENCE).run_blocking().and_then(Finished::checked);
    ended
        .map(|_| ())
        .map_err(|error| TimerError { attempt: format!("asking {program} for a timer"), reason: error.to_string() })
}

fn crontab_now() -> Result<String> {
    let attempt = "reading the crontab";
    let failed = |reason: String| TimerError { attempt: attempt.into(), reason };
    let ended =
        Call::new("crontab").arg("-l").deadline(PATIENCE).run_blocking().map_err(|error| failed(error.to_string()))?;
    match ended.success() {
        true => Ok(ended.text()),
        false if ended.error_text().contains("no crontab") => Ok(String::new()),
        false => Err(failed(ended.error_text())),
    }
}

fn crontab(text: &str) -> Result<()> {
    let ended = Call::new("crontab").arg("-").stdin(text).deadline(PATIENCE).run_blocking();
    ended
        .and_then(Finished::checked)
        .map(|_| ())
        .map_err(|error| TimerError { attempt: "writing the crontab".into(), reason: error.to_string() })
}

/// The crontab without devup's lines.
fn without(crontab: &str) -> String {
    let lines = crontab.lines().filter(|line| !line.ends_with(&format!("# {NAME}")));
    lines.map(|line| format!("{line}\n")).collect()
}

/// Once an hour, at a minute that others don't choose, and when the machine comes up.
fn cron_lines(timer: &Timer) -> String {
    let variables = timer.variables.iter().map(|(name, value)| format!("{name}={}", shell(value)));
    let words = timer.command.iter().map(|word| shell(word));
    // cron takes a percent sign for the end of the line
    let command = variables.chain(words).collect::<Vec<_>>().join(" ").replace('%', "\\%");
    ["17 * * * *", "@reboot"].map(|when| format!("{when} {command} >/dev/null 2>&1 # {NAME}\n")).concat()
}

fn shell(word: &str) -> String {
    shlex::try_quote(word).map_or_else(|_| format!("'{}'", word.replace(['\0', '\''], "")), Cow::into_owned)
}

/// Missed hours are made up by one run when the machine is back.
const UNIT: &str = "\
[Unit]
Description=Backups by devup, when they are due

[Timer]
OnCalendar=hourly
RandomizedDelaySec=10min
Persistent=true

[Install]
WantedBy=timers.target
";

fn service(timer: &Timer) -> String {
    let variables =
        timer.variables.iter().map(|(name, value)| format!("Environment={}\n", unit_word(&format!("{name}={value}"))));
    let words: Vec<String> = timer.command.iter().map(|word| unit_word(&word.replace('$', "$$"))).collect();
    format!(
        "[Unit]\nDescription=Backups by devup, when they are due\n\n[Service]\nType=oneshot\nNice=10\n{}ExecStart={}\n",
        variables.collect::<String>(),
        words.join(" ")
    )
}

/// One word of a unit file.
fn unit_word(word: &str) -> String {
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('\n', "\\n"))
}

fn agent(timer: &Timer) -> String {
    let words: String = timer.command.iter().map(|word| format!("    <string>{}</string>\n", xml(word))).collect();
    let variable =
        |(name, value): (&String, &String)| format!("    <key>{}</key><string>{}</string>\n", xml(name), xml(value));
    let variables: String = timer.variables.iter().map(variable).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\">\n<dict>\n  <key>Label</key><string>{LABEL}\
         </string>\n  <key>ProgramArguments</key>\n  <array>\n{words}  </array>\n  <key>EnvironmentVariables</key>\n  <dict>\n\
         {variables}  </dict>\n  <key>StartInterval</key><integer>3600</integer>\n  <key>RunAtLoad</key><true/>\n\
         </dict>\n</plist>\n"
    )
}

fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The user's own domain of launchd, or what is in it.
fn domain(label: Option<&str>) -> String {
    let user = rustix::process::getuid().as_raw();
    label.map_or_else(|| format!("gui/{user}"), |label| format!("gui/{user}/{label}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timer() -> Timer {
        let command = ["/opt/my devup", "backup", "due", "--passphrase-file", "/home/a/100% \"$KEY\""];
        let variables = BTreeMap::from([("XDG_STATE_HOME".to_owned(), "/s & t".to_owned())]);
        Timer { command: command.map(str::to_owned).to_vec(), variables }
    }

    #[test]
    fn a_crontab_keeps_everybody_elses_lines() {
        let theirs = "# mine\n5 4 * * * backup # not devup-backup, mine\n";
        let once = format!("{}{}", without(theirs), cron_lines(&timer()));
        let twice = format!("{}{}", without(&once), cron_lines(&timer()));
        assert_eq!(once, twice);
        assert!(once.starts_with(theirs));
        assert_eq!(without(&once), theirs);
        assert!(once.contains("XDG_STATE_HOME='/s & t' '/opt/my devup' backup due"), "{once}");
        assert!(once.contains("100\\%"), "{once}");
    }

    #[test]
    fn a_shell_reads_the_words_of_a_crontab_as_they_were() {
        let line = cron_lines(&timer()).lines().next().unwrap().replace("\\%", "%");
        let line = line.trim_start_matches("17 * * * * ").replace("'/opt/my devup'", "printf '%s|'");
        let line = line.replace(" >/dev/null 2>&1", "");
        let said = std::process::Command::new("sh").args(["-c", &line]).output().unwrap().stdout;
        assert_eq!(String::from_utf8(said).unwrap(), "backup|due|--passphrase-file|/home/a/100% \"$KEY\"|");
    }

    #[test]
    fn a_unit_keeps_its_words_apart_and_unexpanded() {
        let unit = service(&timer());
        assert!(
            unit.contains(r#"ExecStart="/opt/my devup" "backup" "due" "--passphrase-file" "/home/a/100%% \"$$KEY\"""#),
            "{unit}"
        );
        assert!(unit.contains("Environment=\"XDG_STATE_HOME=/s & t\"\n"), "{unit}");
    }

    #[test]
    fn a_word_that_would_begin_a_new_line_is_refused() {
        let evil = Timer { command: vec!["x\n* * * * * evil".to_owned()], ..timer() };
        for scheduler in [Scheduler::Cron, Scheduler::Systemd("/nowhere".into())] {
            assert!(scheduler.set(&evil).unwrap_err().to_string().contains("control character"));
        }
    }

    #[test]
    fn an_agent_is_xml() {
        let agent = agent(&timer());
        assert!(agent.contains("<key>XDG_STATE_HOME</key><string>/s &amp; t</string>"), "{agent}");
        assert!(agent.contains("<string>backup</string>\n    <string>due</string>"), "{agent}");
    }
}
