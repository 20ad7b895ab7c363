//! A plan in words: one line per step, stable, the language of the tests.
//!
//! ```text
//! 1 create network shop_default: missing
//! 2 create container shop-db-1: missing, after 1
//! ```

use std::fmt;

use super::operation::{HookMoment, Operation, Until};
use super::step::{Plan, Risk, Step};
use crate::driver::container::AnonymousVolumes;

/// Verb of an operation in the forms that progress needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verb {
    /// `create`
    pub plain: &'static str,
    /// `Creating`
    pub present: &'static str,
    /// `Created`
    pub past: &'static str,
}

const fn verb(plain: &'static str, present: &'static str, past: &'static str) -> Verb {
    Verb { plain, present, past }
}

impl Operation {
    /// What it does.
    pub fn verb(&self) -> Verb {
        match self {
            Self::CreateNetwork { .. } | Self::CreateVolume { .. } | Self::CreateContainer { .. } => {
                verb("create", "Creating", "Created")
            }
            Self::RemoveNetwork { .. }
            | Self::RemoveVolume { .. }
            | Self::RemoveImage { .. }
            | Self::RemoveContainer { .. } => verb("remove", "Removing", "Removed"),
            Self::PullImage { .. } => verb("pull", "Pulling", "Pulled"),
            Self::BuildImage { .. } | Self::BuildEnv { .. } => verb("build", "Building", "Built"),
            Self::ProvisionImage { .. } | Self::ProvisionContainer { .. } => {
                verb("provision", "Provisioning", "Provisioned")
            }
            Self::AskProvider { .. } => verb("provide", "Providing", "Provided"),
            Self::ReleaseProvider { .. } => verb("release", "Releasing", "Released"),
            Self::ServeModel { .. } => verb("serve", "Preparing", "Served"),
            Self::InjectFiles { .. } => verb("fill", "Filling", "Filled"),
            Self::ConnectNetwork { .. } => verb("connect", "Connecting", "Connected"),
            Self::RenameContainer { .. } => verb("rename", "Renaming", "Renamed"),
            Self::StartContainer { .. } => verb("start", "Starting", "Started"),
            Self::StopContainer { .. } | Self::StopProvider { .. } => verb("stop", "Stopping", "Stopped"),
            Self::KillContainer { .. } => verb("kill", "Killing", "Killed"),
            Self::PauseContainer { .. } => verb("pause", "Pausing", "Paused"),
            Self::UnpauseContainer { .. } => verb("unpause", "Unpausing", "Unpaused"),
            Self::WaitFor { until, .. } => match until {
                Until::Healthy | Until::Ready | Until::Running => verb("wait for", "Waiting", "Ready"),
                Until::Completed | Until::Ended => verb("wait for the end of", "Waiting", "Exited"),
            },
            Self::RunBefore { .. } | Self::RunHook { .. } | Self::RunStage { .. } | Self::RunTask { .. } => {
                verb("run", "Running", "Done")
            }
        }
    }

    /// What it is done to, in words: `Container shop-db-1`.
    pub fn subject(&self) -> String {
        match self {
            Self::CreateNetwork { network, .. } => format!("Network {}", network.name),
            Self::RemoveNetwork { name, .. } => format!("Network {name}"),
            Self::CreateVolume { volume, .. } => format!("Volume {}", volume.name),
            Self::RemoveVolume { name } => format!("Volume {name}"),
            Self::PullImage { reference, .. }
            | Self::BuildImage { reference, .. }
            | Self::ProvisionImage { reference, .. }
            | Self::RemoveImage { reference } => format!("Image {reference}"),
            Self::BuildEnv { env, .. } => format!("Env {env}"),
            Self::AskProvider { name, .. } | Self::ReleaseProvider { name, .. } | Self::StopProvider { name, .. } => {
                format!("Service {name}")
            }
            Self::ServeModel { key, model } => format!("Model {}", model.name.as_ref().unwrap_or(key)),
            Self::CreateContainer { spec, .. } => format!("Container {}", spec.name),
            Self::InjectFiles { container, .. }
            | Self::ConnectNetwork { container, .. }
            | Self::RenameContainer { container, .. }
            | Self::StartContainer { container }
            | Self::StopContainer { container, .. }
            | Self::KillContainer { container, .. }
            | Self::PauseContainer { container }
            | Self::UnpauseContainer { container }
            | Self::RemoveContainer { container, .. }
            | Self::WaitFor { container, .. }
            | Self::ProvisionContainer { container, .. } => format!("Container {}", container.name()),
            Self::RunBefore { container, .. } => format!("Hook pre_start of {}", container.name()),
            Self::RunHook { container, moment: HookMoment::PostStart, .. } => {
                format!("Hook post_start in {}", container.name())
            }
            Self::RunHook { container, moment: HookMoment::PreStop, .. } => {
                format!("Hook pre_stop in {}", container.name())
            }
            Self::RunStage { stage, container, .. } => format!("Stage {} in {}", stage.name, container.name()),
            Self::RunTask { name, container, .. } => format!("Task {name} in {}", container.name()),
        }
    }

    /// What else belongs to it; empty for most.
    pub fn detail(&self) -> String {
        match self {
            Self::RenameContainer { to, .. } => format!("to {to}"),
            Self::ConnectNetwork { network, .. } => format!("with {}", network.network),
            Self::InjectFiles { files, .. } => {
                format!("with {}", files.iter().map(|file| file.target.as_str()).collect::<Vec<_>>().join(", "))
            }
            Self::KillContainer { signal, .. } => format!("with {signal}"),
            Self::RemoveContainer { volumes: AnonymousVolumes::Remove, .. } => "and its anonymous volumes".to_owned(),
            Self::AskProvider { provider, .. }
            | Self::ReleaseProvider { provider, .. }
            | Self::StopProvider { provider, .. } => {
                format!("by {}", provider.kind)
            }
            Self::ServeModel { model, .. } => format!("from {}", model.model),
            Self::ProvisionImage { base, .. } => format!("from {base}"),
            Self::BuildEnv { reference, .. } => format!("as {reference}"),
            Self::WaitFor { until: Until::Healthy, .. } => "to be healthy".to_owned(),
            _ => String::new(),
        }
    }
}

impl fmt::Display for Step {
    /// `2 create container shop-db-1: missing, after 1`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subject = self.operation.subject();
        let (kind, name) = subject.split_once(' ').unwrap_or(("", &subject));
        write!(f, "{} {} {} {name}", self.id, self.operation.verb().plain, kind.to_lowercase())?;
        let detail = self.operation.detail();
        if !detail.is_empty() {
            write!(f, " {detail}")?;
        }
        write!(f, ": {}", self.cause)?;
        match &self.risk {
            Risk::None => {}
            Risk::Interrupts => f.write_str(", interrupts")?,
            Risk::LosesData { what } => write!(f, ", LOSES {what}")?,
        }
        for (word, steps) in [("after", &self.after), ("follows", &self.follows)] {
            if !steps.is_empty() {
                let list: Vec<String> = steps.iter().map(ToString::to_string).collect();
                write!(f, ", {word} {}", list.join(" "))?;
            }
        }
        if self.tolerated {
            f.write_str(", may fail")?;
        }
        Ok(())
    }
}

impl fmt::Display for Plan {
    /// Its steps, one per line, then its warnings.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            writeln!(f, "{step}")?;
        }
        if self.look_again {
            writeln!(f, "then look again")?;
        }
        for warning in &self.warnings {
            writeln!(f, "! {warning}")?;
        }
        Ok(())
    }
}
