//! Commands that change the machine, and the right to run them.

use crate::base::process::Call;

/// Folders of system programs that an ordinary user's PATH may lack.
pub const SYSTEM_FOLDERS: &[&str] = &["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin", "/bin"];

/// Variables that a program needs for the network, and that sudo would take away.
pub const PROXY_VARIABLES: &[&str] = &[
    "http_proxy",
    "https_proxy",
    "ftp_proxy",
    "all_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
];

/// Whether, and how, this user may act as root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privilege {
    /// Is root.
    Root,
    /// sudo works without a password.
    Sudo,
    /// sudo will ask for a password, and there is a terminal to ask on.
    SudoAsks,
    /// sudo would ask for a password, and there is no terminal.
    SudoMute,
    /// There is no sudo.
    None,
}

impl Privilege {
    /// Whether commands of root can be run.
    pub fn suffices(self) -> bool {
        !matches!(self, Self::SudoMute | Self::None)
    }
}

/// One command, with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostCommand {
    /// In words, to follow "cannot": `install docker.io`.
    pub what: String,
    /// Program and arguments.
    pub words: Vec<String>,
    /// Variables set for it; their values are no secrets.
    pub env: Vec<(&'static str, &'static str)>,
    /// Variables of the caller that it reads, by name: sudo would take them away.
    pub kept: Vec<String>,
    /// Whether only root may.
    pub root: bool,
}

impl HostCommand {
    /// A command for root.
    pub fn root(what: impl Into<String>, words: &[&str]) -> Self {
        Self { root: true, ..Self::user(what, words) }
    }

    /// A command for the user.
    pub fn user(what: impl Into<String>, words: &[&str]) -> Self {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        Self { what: what.into(), words, env: Vec::new(), kept: Vec::new(), root: false }
    }

    /// With a variable.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.env.push((name, value));
        self
    }

    /// With variables of the caller's, where these are set.
    #[must_use]
    pub fn keeping(mut self, names: &[String]) -> Self {
        self.kept.extend_from_slice(names);
        self
    }

    /// As one would type it.
    pub fn line(&self, privilege: Privilege) -> String {
        let sudo = self.root && !matches!(privilege, Privilege::Root | Privilege::None);
        let words = self.words.iter().map(String::as_str);
        let quoted = shlex::try_join(words).unwrap_or_else(|_| self.words.join(" "));
        match (sudo, self.kept.is_empty()) {
            (false, _) => quoted,
            (true, true) => format!("sudo {quoted}"),
            (true, false) => format!("sudo --preserve-env={} {quoted}", self.kept.join(",")),
        }
    }

    /// The call that runs it. sudo is asked beforehand (`sudo -v`), so here it must not ask.
    pub fn call(&self, privilege: Privilege) -> Call {
        let mut call = match (self.root, privilege) {
            (false, _) | (true, Privilege::Root) => Call::new(&self.words[0]).args(&self.words[1..]),
            (true, _) => {
                // names only: a proxy's value may hold a password, and arguments are everyone's to read
                let mut kept: Vec<&str> =
                    PROXY_VARIABLES.iter().copied().filter(|name| std::env::var_os(name).is_some()).collect();
                kept.extend(self.env.iter().map(|(name, _)| *name));
                let keep = (!kept.is_empty()).then(|| format!("--preserve-env={}", kept.join(",")));
                Call::new("sudo").arg("-n").args(keep).arg("--").args(&self.words)
            }
        };
        for (name, value) in &self.env {
            call = call.env(name, value);
        }
        call.env("PATH", search_path())
    }
}

/// PATH, with the system's folders after it.
pub fn search_path() -> String {
    let mut folders: Vec<String> = std::env::var("PATH")
        .unwrap_or_default()
        .split(':')
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect();
    for folder in SYSTEM_FOLDERS {
        if !folders.iter().any(|known| known == folder) {
            folders.push((*folder).to_owned());
        }
    }
    folders.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_one_types_it() {
        let command = HostCommand::root("x", &["rm", "-f", "/a b"]).with("DEBIAN_FRONTEND", "noninteractive");
        assert_eq!(command.line(Privilege::Root), "rm -f '/a b'");
        assert_eq!(command.line(Privilege::SudoMute), "sudo rm -f '/a b'");
        assert_eq!(command.line(Privilege::None), "rm -f '/a b'");
        assert_eq!(HostCommand::user("x", &["colima", "start"]).line(Privilege::Sudo), "colima start");
    }

    #[test]
    fn sudo_keeps_variables_by_name_only() {
        let command = HostCommand::root("x", &["apt-get"]).with("DEBIAN_FRONTEND", "noninteractive");
        let shown = command.call(Privilege::Sudo).to_string();
        assert!(
            shown.starts_with("sudo -n '--preserve-env=") || shown.starts_with("sudo -n --preserve-env="),
            "{shown}"
        );
        assert!(shown.contains("DEBIAN_FRONTEND") && !shown.contains("noninteractive"), "{shown}");
        assert_eq!(command.call(Privilege::Root).to_string(), "apt-get");
    }
}
