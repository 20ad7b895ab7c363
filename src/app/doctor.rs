//! `doctor`: looks at the machine, judges it, and with consent mends what can be mended.

use super::error::AppError;
use super::machine::{Wanted, from_host};
use crate::driver::locate::Surroundings;
use crate::host::bootstrap::{Workshop, engine, trust_own_authorities};
use crate::host::check::{Check, Fix, Verdict, is_fit};
use crate::host::checks::checks;
use crate::host::daemon::{News, renew};
use crate::host::packages::ensure;
use crate::host::snapshot::Snapshot;

/// What is wanted of doctor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    /// To look only.
    Look,
    /// To mend what can be mended.
    Fix,
}

/// The findings, and what was done about them.
#[derive(Debug)]
pub struct Report {
    /// The checks, as they are in the end.
    pub checks: Vec<Check>,
    /// What was mended, in words.
    pub fixed: Vec<String>,
    /// What could not be mended, and why.
    pub failed: Vec<AppError>,
}

impl Report {
    /// Whether devup can work here.
    pub fn fit(&self) -> bool {
        is_fit(&self.checks)
    }
}

/// How often doctor looks and mends: what it mends first may show what is to be mended next (authorities that the system
/// trusts from now on are news to an engine that runs).
const ROUNDS: usize = 2;

/// Looks, mends where that is wanted, and looks again where anything was mended. A fix that fails does not stop the
/// others, and is not tried again.
pub async fn run(around: &dyn Surroundings, treatment: Treatment, shop: &Workshop<'_>) -> Report {
    let mut report = Report { checks: look(around, shop).await, fixed: Vec::new(), failed: Vec::new() };
    if treatment == Treatment::Look {
        return report;
    }
    let mut tried = Vec::new();
    for _ in 0..ROUNDS {
        let before = report.fixed.len();
        for fix in wanted(&report.checks).into_iter().filter(|fix| !tried.contains(fix)).collect::<Vec<_>>() {
            tried.push(fix);
            match apply(fix, around, shop).await {
                Ok(did) => report.fixed.extend(did),
                Err(error) => report.failed.push(error),
            }
        }
        if report.fixed.len() == before {
            break;
        }
        report.checks = look(around, shop).await;
    }
    report
}

/// Each fix once; authorities before the engine, which reads them when it starts. One restart is enough for both kinds of
/// news.
fn wanted(checks: &[Check]) -> Vec<Fix> {
    let asked = |fix: &Fix| checks.iter().any(|check| check.verdict != Verdict::Ok && check.fixable == Some(*fix));
    let order = [Fix::Authorities, Fix::Git, Fix::Engine, Fix::DaemonProxy, Fix::DaemonAuthorities];
    let mut fixes: Vec<Fix> = order.into_iter().filter(asked).collect();
    if fixes.contains(&Fix::DaemonProxy) {
        fixes.retain(|fix| *fix != Fix::DaemonAuthorities);
    }
    fixes
}

async fn look(around: &dyn Surroundings, shop: &Workshop<'_>) -> Vec<Check> {
    checks(&Snapshot::take(around, shop.logs).await)
}

async fn apply(fix: Fix, around: &dyn Surroundings, shop: &Workshop<'_>) -> Result<Vec<String>, AppError> {
    let (done, wanted) = match fix {
        Fix::Engine => (engine(around, shop).await.map(|running| running.did), Wanted::Engine),
        Fix::Git => (ensure(&["git"], shop).await, Wanted::Program),
        Fix::Authorities => (trust_own_authorities(shop).await, Wanted::Program),
        Fix::DaemonProxy => (renew(around, News::Proxy, shop).await, Wanted::Engine),
        Fix::DaemonAuthorities => (renew(around, News::Authorities, shop).await, Wanted::Engine),
    };
    done.map_err(|error| from_host(&error, wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fix_once_and_only_for_what_is_not_well() {
        let failing = |name| Check::fail(name, "", "").fixed_by(Fix::Engine);
        let checks = [
            failing("engine"),
            failing("rights"),
            Check::ok("git", "").fixed_by(Fix::Git),
            Check::warn("authorities", "", "").fixed_by(Fix::Authorities),
        ];
        assert_eq!(wanted(&checks), [Fix::Authorities, Fix::Engine]);
        let daemon = [
            Check::warn("authorities", "", "").fixed_by(Fix::DaemonAuthorities),
            Check::warn("proxy", "", "").fixed_by(Fix::DaemonProxy),
        ];
        assert_eq!(wanted(&daemon), [Fix::DaemonProxy], "one restart brings both");
    }
}
