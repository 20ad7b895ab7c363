//! What was done inside which container, where the container itself cannot tell: hooks, tasks, provisioning. Losing it
//! means that these run once more.

use std::collections::BTreeSet;

use super::store::{State, StateError};

impl State {
    /// Marks of a project: `<container id> <mark>`.
    pub fn marks(&self, project: &str) -> Result<BTreeSet<String>, StateError> {
        self.read(&self.layout().marks(project))
    }

    /// Adds a mark.
    pub fn mark(&self, project: &str, line: String) -> Result<(), StateError> {
        self.update(&self.layout().marks(project), |marks: &mut BTreeSet<String>| marks.insert(line)).map(|_| ())
    }

    /// Drops marks; nothing is written where there are none to drop.
    pub fn unmark(&self, project: &str, gone: impl Fn(&str) -> bool) -> Result<(), StateError> {
        if !self.marks(project)?.iter().any(|line| gone(line)) {
            return Ok(());
        }
        self.update(&self.layout().marks(project), |marks: &mut BTreeSet<String>| marks.retain(|line| !gone(line)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::layout::Layout;

    #[test]
    fn marks_are_kept_per_project_until_they_are_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::from_variables(folder.path(), |_| None);
        let state = State::open(layout).unwrap();
        state.mark("shop", "1 hook:0:a".to_owned()).unwrap();
        state.mark("shop", "1 task:migrate:b".to_owned()).unwrap();
        state.mark("bank", "2 hook:0:a".to_owned()).unwrap();
        state.unmark("shop", |line| line.starts_with("1 hook:")).unwrap();
        assert_eq!(state.marks("shop").unwrap().into_iter().collect::<Vec<_>>(), ["1 task:migrate:b"]);
        assert_eq!(state.marks("bank").unwrap().len(), 1);
    }
}
