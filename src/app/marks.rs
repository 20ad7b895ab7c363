//! What was done to a project's containers, volumes and folders, kept in devup's state.

use std::collections::BTreeSet;

use crate::app::error::Result;
use crate::engine::Marks;
use crate::model::observed::Observed;
use crate::plan;
use crate::state::store::State;

/// The marks of one project.
#[derive(Debug, Clone, Copy)]
pub struct ProjectMarks<'a> {
    /// Where they are kept.
    pub state: &'a State,
    /// Whose they are.
    pub project: &'a str,
}

impl Marks for ProjectMarks<'_> {
    fn done(&self, subject: &str, mark: &str) -> Result<(), String> {
        let line = plan::mark_line(subject, mark);
        self.state.mark(self.project, line).map_err(|error| error.to_string())
    }

    fn forget(&self, subject: &str, beginning: &str) -> Result<(), String> {
        let beginning = plan::mark_line(subject, beginning);
        let dropped = self.state.unmark(self.project, |line| line.starts_with(&beginning));
        dropped.map_err(|error| error.to_string())
    }
}

impl ProjectMarks<'_> {
    /// Drops the marks of containers and volumes that are not among these. Folders of the host are not looked at.
    pub fn keep_only(&self, observed: &Observed) -> Result<()> {
        let containers = observed.containers.iter();
        let anonymous = containers.clone().flat_map(|container| &container.mounts);
        let subjects: BTreeSet<String> = containers
            .map(|container| container.id.clone())
            .chain(anonymous.filter_map(|mount| plan::anonymous_subject(&mount.source)))
            .chain(observed.volumes.iter().filter_map(plan::volume_subject))
            .collect();
        let bind = plan::bind_subject("");
        let gone = |line: &str| {
            let subject = line.split_once(' ').map_or(line, |(subject, _)| subject);
            !line.starts_with(&bind) && !subjects.contains(subject)
        };
        Ok(self.state.unmark(self.project, gone)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::labels;
    use crate::model::observed::{MountPoint, State as Running, Volume};
    use crate::state::store::temporary;

    #[test]
    fn marks_go_with_what_they_were_made_for() {
        let (_folder, state) = temporary();
        let marks = ProjectMarks { state: &state, project: "shop" };
        let anonymous = "a".repeat(64);
        let subjects =
            ["c1", "c2", "volume:shop_data@1", "volume:shop_data@2", &format!("volume:{anonymous}"), "bind:/my shop"];
        for subject in subjects {
            marks.done(subject, "provision:s:d").unwrap();
        }
        let mut container = crate::app::select::tests::container("web", 1, false, Running::Running);
        container.id = "c1".into();
        let mount = MountPoint { kind: "volume".into(), source: anonymous, target: "/a".into(), writable: true };
        container.mounts.push(mount);
        let volume = Volume {
            name: "shop_data".into(),
            driver: "local".into(),
            labels: [(labels::VOLUME_ID.to_owned(), "2".to_owned())].into_iter().collect(),
            mountpoint: None,
        };
        let observed = Observed { containers: vec![container], volumes: vec![volume], ..Observed::default() };
        marks.keep_only(&observed).unwrap();
        let left: Vec<String> = state.marks("shop").unwrap().into_iter().collect();
        assert_eq!(left.len(), 4, "{left:?}");
        assert!(!left.iter().any(|line| line.starts_with("c2") || line.contains("@1")), "{left:?}");
        marks.forget("c1", "provision:s:").unwrap();
        assert_eq!(state.marks("shop").unwrap().len(), 3);
    }
}
