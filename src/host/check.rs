//! What `doctor` finds, as data.

use serde::Serialize;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Fit.
    Ok,
    /// devup works, but something may surprise.
    Warn,
    /// devup cannot work.
    Fail,
}

/// What `doctor --fix` can do about a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fix {
    /// Install and start an engine, or give the right to its socket.
    Engine,
    /// Install git.
    Git,
    /// Put the host's own authorities into its bundle.
    Authorities,
    /// Give the daemon this environment's proxy, and restart it.
    DaemonProxy,
    /// Restart the daemon, so that it reads the system's authorities.
    DaemonAuthorities,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at; stable, for scripts.
    pub name: &'static str,
    /// How it is.
    pub verdict: Verdict,
    /// What was seen.
    pub why: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// Whether `--fix` does it.
    #[serde(serialize_with = "as_bool")]
    pub fixable: Option<Fix>,
}

/// Scripts want to know whether, not how.
#[allow(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "serde asks for this signature")]
fn as_bool<S: serde::Serializer>(fix: &Option<Fix>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bool(fix.is_some())
}

impl Check {
    /// All is well.
    pub fn ok(name: &'static str, why: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Ok, why: why.into(), remedy: None, fixable: None }
    }

    /// Something may surprise.
    pub fn warn(name: &'static str, why: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Warn, why: why.into(), remedy: Some(remedy.into()), fixable: None }
    }

    /// devup cannot work.
    pub fn fail(name: &'static str, why: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fail, ..Self::warn(name, why, remedy) }
    }

    /// `--fix` can do it.
    #[must_use]
    pub fn fixed_by(self, fix: Fix) -> Self {
        Self { fixable: Some(fix), ..self }
    }
}

/// Whether devup can work on the machine.
pub fn is_fit(checks: &[Check]) -> bool {
    checks.iter().all(|check| check.verdict != Verdict::Fail)
}
