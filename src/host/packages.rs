//! The system's package manager: which one, what things are called there, and the commands that install them.

use super::bootstrap::{Workshop, perform, unlock_sudo};
use super::command::HostCommand;
use super::consent::Offer;
use super::error::HostError;
use super::facts::{Facts, System, find_program};

/// A package manager that devup speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manager {
    /// Debian, Ubuntu and their kin.
    Apt,
    /// Fedora, Red Hat and their kin.
    Dnf,
    /// Arch.
    Pacman,
    /// SUSE.
    Zypper,
    /// Homebrew, on macOS.
    Brew,
}

impl Manager {
    /// The one of this machine: by the distribution, and where that says nothing, by what is installed.
    pub fn of(facts: &Facts) -> Option<Self> {
        if facts.system == System::MacOs {
            return facts.has("brew").then_some(Self::Brew);
        }
        let families: [(Self, &[&str]); 4] = [
            (Self::Apt, &["debian", "ubuntu"]),
            (Self::Dnf, &["fedora", "rhel", "centos", "amzn"]),
            (Self::Pacman, &["arch"]),
            (Self::Zypper, &["suse", "opensuse", "sles"]),
        ];
        let native = families.iter().find(|(_, names)| facts.distribution.is(names)).map(|(manager, _)| *manager);
        native
            .filter(|manager| facts.has(manager.program()))
            .or_else(|| families.iter().map(|(manager, _)| *manager).find(|manager| facts.has(manager.program())))
    }

    /// Its program.
    pub fn program(self) -> &'static str {
        match self {
            Self::Apt => "apt-get",
            Self::Dnf => "dnf",
            Self::Pacman => "pacman",
            Self::Zypper => "zypper",
            Self::Brew => "brew",
        }
    }

    /// What brings up-to-date package lists, where installing needs that beforehand.
    fn refresh(self, facts: &Facts) -> Option<HostCommand> {
        let what = "fetch the package lists";
        match self {
            Self::Apt if !facts.package_lists => Some(apt(what, &["update"])),
            _ => None,
        }
    }

    fn install(self, facts: &Facts, packages: &[&str]) -> HostCommand {
        let what = format!("install {}", packages.join(", "));
        let with = |words: &[&str]| HostCommand::root(what.clone(), &[words, packages].concat());
        match self {
            Self::Apt => apt(&what, &[&["install", "--no-install-recommends"], packages].concat()),
            Self::Dnf => with(&["dnf", "-y", "install"]),
            // lists that are newer than the system break it (`-Sy` alone); and a kernel that is newer than the running
            // one, which `-Syu` may bring, has no modules for an engine until the next boot
            Self::Pacman if facts.package_lists => with(&["pacman", "-S", "--needed", "--noconfirm"]),
            Self::Pacman => with(&["pacman", "-Syu", "--needed", "--noconfirm"]),
            Self::Zypper => with(&["zypper", "--non-interactive", "install", "--no-recommends"]),
            // Homebrew refuses to run as root
            Self::Brew => HostCommand { root: false, ..with(&["brew", "install"]) },
        }
    }

    /// The commands that install these packages, named as this manager names them.
    pub fn commands(self, facts: &Facts, packages: &[&str]) -> Vec<HostCommand> {
        let commands = self.refresh(facts).into_iter().chain([self.install(facts, packages)]);
        commands.map(|command| command.keeping(&facts.proxies)).collect()
    }

    /// Its packages that bring this program; `None` where it has none.
    fn packages_of(self, program: &str) -> Option<&'static [&'static str]> {
        match (self, program) {
            (_, "git") => Some(&["git"]),
            (_, "curl") => Some(&["curl"]),
            // the archive's keys come along, so that what it fetches can be verified
            (Self::Apt, "mmdebstrap") => Some(&["mmdebstrap", "debian-archive-keyring"]),
            (Self::Apt | Self::Dnf, "setfacl") => Some(&["acl"]),
            (Self::Apt, "update-ca-certificates") => Some(&["ca-certificates"]),
            _ => None,
        }
    }
}

/// apt without questions: kept configuration files, and patience with another apt that holds the lock.
fn apt(what: &str, words: &[&str]) -> HostCommand {
    let head = ["apt-get", "-y", "-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Options::=--force-confold"];
    HostCommand::root(what, &[&head, words].concat()).with("DEBIAN_FRONTEND", "noninteractive")
}

/// The commands that bring these programs; empty where all are there.
pub fn plan(facts: &Facts, programs: &[&str]) -> Result<Vec<HostCommand>, HostError> {
    if programs.is_empty() {
        return Ok(Vec::new());
    }
    let unable = |reason: String| HostError::Unable { reason, lines: Vec::new() };
    let manager = Manager::of(facts).ok_or_else(|| {
        unable(format!(
            "{} missing, and devup knows no package manager here (apt, dnf, pacman, zypper, brew); install it by hand",
            programs.join(", ")
        ))
    })?;
    let mut packages = Vec::new();
    for program in programs {
        let found = manager.packages_of(program);
        packages.extend(found.ok_or_else(|| {
            unable(format!("`{program}` is missing, and devup knows no package of {} for it", manager.program()))
        })?);
    }
    Ok(manager.commands(facts, &packages))
}

/// Sees to it that the programs are there: asks once for all that are missing, then installs. Returns what it installed.
pub async fn ensure(programs: &[&str], shop: &Workshop<'_>) -> Result<Vec<String>, HostError> {
    let missing: Vec<&str> = programs.iter().copied().filter(|name| find_program(name).is_none()).collect();
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let facts = Facts::gather().await;
    let commands = plan(&facts, &missing)?;
    let offer = Offer {
        what: format!("install {}", missing.join(", ")),
        lines: commands.iter().map(|command| command.line(facts.privilege)).collect(),
    };
    shop.agree(&facts, &offer, commands.iter().any(|command| command.root))?;
    unlock_sudo(facts.privilege).await?;
    for command in &commands {
        perform(command, facts.privilege, shop).await?;
    }
    for program in &missing {
        if find_program(program).is_none() {
            return Err(HostError::Unable {
                reason: format!(
                    "installing went well, but there still is no `{program}`; see {}",
                    shop.log().display()
                ),
                lines: Vec::new(),
            });
        }
    }
    Ok(missing.into_iter().map(|name| format!("installed {name}")).collect())
}
