//! What this machine is, read once: distribution, programs, the user and their rights, what runs as process 1.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::command::{PROXY_VARIABLES, Privilege, search_path};
use crate::base::process::Call;

/// Programs that decide what can be done here.
const PROGRAMS: &[&str] = &[
    "apt-get",
    "dnf",
    "pacman",
    "zypper",
    "brew",
    "sudo",
    "git",
    "dockerd",
    "podman",
    "colima",
    "systemctl",
    "service",
    "setsid",
    "setfacl",
    "curl",
    "mmdebstrap",
];

/// How long apt's package lists are taken to be good.
const LISTS_LAST: Duration = Duration::from_hours(7 * 24);

/// The kind of operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// Linux.
    Linux,
    /// macOS.
    MacOs,
    /// Another; devup has no plan for it.
    Other,
}

/// `os-release(5)`, as far as it matters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Distribution {
    /// `ID`: debian, fedora, arch…
    pub id: String,
    /// `ID_LIKE`: what it descends from, nearest first.
    pub like: Vec<String>,
    /// `PRETTY_NAME`.
    pub name: String,
}

impl Distribution {
    /// Reads the file's text.
    pub fn parse(text: &str) -> Self {
        let mut this = Self::default();
        for line in text.lines() {
            let Some((key, value)) = line.trim().split_once('=') else { continue };
            // values are quoted as in a shell
            let value = shlex::split(value).and_then(|words| words.into_iter().next()).unwrap_or_default();
            match key {
                "ID" => this.id = value,
                "ID_LIKE" => this.like = value.split_whitespace().map(str::to_owned).collect(),
                "PRETTY_NAME" => this.name = value,
                _ => {}
            }
        }
        this
    }

    /// Whether it is one of these, or descends from one.
    pub fn is(&self, names: &[&str]) -> bool {
        names.contains(&self.id.as_str()) || self.like.iter().any(|like| names.contains(&like.as_str()))
    }
}

/// Who keeps services on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Init {
    /// systemd is process 1.
    Systemd,
    /// Something else: another init, a container's program.
    Other,
}

/// The machine, as far as installing and starting an engine depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Kind of system.
    pub system: System,
    /// Which distribution; empty where it is not Linux.
    pub distribution: Distribution,
    /// Programs found, by name.
    pub programs: BTreeMap<String, PathBuf>,
    /// The user's name.
    pub user: String,
    /// The user's id.
    pub uid: u32,
    /// How the user may act as root.
    pub privilege: Privilege,
    /// Who keeps services.
    pub init: Init,
    /// The user stands in the group `docker` of the machine's files (though perhaps not yet in this login).
    pub docker_member: bool,
    /// The package lists of apt have been fetched lately, or those of pacman at some time.
    pub package_lists: bool,
    /// The kernel enforces `AppArmor`: then Docker needs its parser.
    pub apparmor: bool,
    /// Docker's own package source is set up: then its packages are meant.
    pub docker_source: bool,
    /// Proxy variables that are set, by name.
    pub proxies: Vec<String>,
    /// Docker Desktop is installed (macOS).
    pub desktop: bool,
}

impl Facts {
    /// Looks at this machine. Runs `sudo -n true` when the user is not root.
    pub async fn gather() -> Self {
        let programs: BTreeMap<_, _> =
            PROGRAMS.iter().filter_map(|name| find_program(name).map(|path| ((*name).to_owned(), path))).collect();
        let (user, uid) = user();
        let privilege = privilege(uid, programs.contains_key("sudo")).await;
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        Self {
            system: match std::env::consts::OS {
                "linux" => System::Linux,
                "macos" => System::MacOs,
                _ => System::Other,
            },
            distribution: Distribution::parse(&read("/etc/os-release")),
            init: if Path::new("/run/systemd/system").is_dir() { Init::Systemd } else { Init::Other },
            docker_member: in_group(&read("/etc/group"), "docker", &user),
            package_lists: has_lists(Path::new("/var/lib/apt/lists"), "_Packages", Some(LISTS_LAST))
                || has_lists(Path::new("/var/lib/pacman/sync"), ".db", None),
            apparmor: read("/sys/module/apparmor/parameters/enabled").trim() == "Y",
            docker_source: names_docker(Path::new("/etc/apt/sources.list.d")),
            proxies: PROXY_VARIABLES.iter().filter(|name| variable_set(name)).map(|&name| name.to_owned()).collect(),
            desktop: Path::new("/Applications/Docker.app").exists(),
            programs,
            user,
            uid,
            privilege,
        }
    }

    /// Whether a program is there.
    pub fn has(&self, program: &str) -> bool {
        self.programs.contains_key(program)
    }
}

/// Finds a program on PATH or in the system's folders.
pub fn find_program(name: &str) -> Option<PathBuf> {
    which::which_in(name, Some(search_path()), "/").ok()
}

fn variable_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

fn user() -> (String, u32) {
    #[cfg(unix)]
    let uid = rustix::process::getuid().as_raw();
    #[cfg(not(unix))]
    let uid = 1;
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = name_of(&passwd, uid).or_else(|| std::env::var("USER").ok()).unwrap_or_else(|| uid.to_string());
    (name, uid)
}

/// The name of a user id in the text of `/etc/passwd`.
fn name_of(passwd: &str, uid: u32) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

/// Whether the text of `/etc/group` counts the user to the group.
fn in_group(groups: &str, group: &str, user: &str) -> bool {
    groups.lines().any(|line| {
        let mut fields = line.split(':');
        fields.next() == Some(group) && fields.nth(2).is_some_and(|list| list.split(',').any(|name| name == user))
    })
}

async fn privilege(uid: u32, sudo: bool) -> Privilege {
    if uid == 0 {
        return Privilege::Root;
    }
    if !sudo {
        return Privilege::None;
    }
    let asked = Call::new("sudo").args(["-n", "true"]).env("LC_ALL", "C").deadline(Duration::from_secs(10)).run().await;
    match asked {
        Ok(ended) if ended.success() => Privilege::Sudo,
        Ok(ended)
            if ended.error_text().contains("may not run sudo") || ended.error_text().contains("not in the sudoers") =>
        {
            Privilege::None
        }
        Ok(_) if std::io::stdin().is_terminal() && std::io::stderr().is_terminal() => Privilege::SudoAsks,
        Ok(_) => Privilege::SudoMute,
        Err(_) => Privilege::None,
    }
}

/// Whether a folder has such files, and was changed within this time: archives drop what old lists name.
fn has_lists(folder: &Path, name: &str, within: Option<Duration>) -> bool {
    let changed = || std::fs::metadata(folder).ok()?.modified().ok()?.elapsed().ok();
    std::fs::read_dir(folder)
        .is_ok_and(|entries| entries.flatten().any(|entry| entry.file_name().to_string_lossy().contains(name)))
        && within.is_none_or(|limit| changed().is_none_or(|age| age <= limit))
}

fn names_docker(folder: &Path) -> bool {
    std::fs::read_dir(folder).is_ok_and(|entries| {
        entries
            .flatten()
            .filter_map(|entry| std::fs::read_to_string(entry.path()).ok())
            .any(|text| text.lines().any(|line| line.contains("download.docker.com") && !line.trim().starts_with('#')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn os_release_is_read_with_its_quotes() {
        let text = "ID=\"opensuse-leap\"\n# c\nID_LIKE=\"suse opensuse\"\nPRETTY_NAME='openSUSE Leap 15.6'\nBROKEN\n";
        let found = Distribution::parse(text);
        assert_eq!(found.id, "opensuse-leap");
        assert_eq!(found.name, "openSUSE Leap 15.6");
        assert!(found.is(&["suse"]) && !found.is(&["debian"]));
    }

    #[test]
    fn old_package_lists_are_none() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!has_lists(folder.path(), "_Packages", None));
        std::fs::write(folder.path().join("deb.example_main_Packages.lz4"), "").unwrap();
        assert!(has_lists(folder.path(), "_Packages", None) && !has_lists(folder.path(), ".db", None));
        assert!(has_lists(folder.path(), "_Packages", Some(Duration::from_hours(1))));
        let old = std::time::SystemTime::now() - Duration::from_hours(2);
        std::fs::File::open(folder.path()).unwrap().set_modified(old).unwrap();
        assert!(!has_lists(folder.path(), "_Packages", Some(Duration::from_hours(1))));
    }

    #[test]
    fn users_and_groups() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\n";
        assert_eq!(name_of(passwd, 1000).as_deref(), Some("ada"));
        assert_eq!(name_of(passwd, 7), None);
        let groups = "docker:x:101:bob,ada\nwheel:x:10:\n";
        assert!(in_group(groups, "docker", "ada"));
        assert!(!in_group(groups, "docker", "ad") && !in_group(groups, "wheel", "ada"));
    }
}
