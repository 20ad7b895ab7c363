//! In which order services are started and stopped: by the spec's `depends_on`, or where only a name is known, by the
//! label that Compose and devup leave on containers.

use indexmap::IndexMap;

use crate::app::project::Project;
use crate::model::labels;
use crate::model::observed::Container;
use crate::model::service::{Condition, Dependency};

/// What each service waits for.
#[derive(Debug, Clone, Default)]
pub struct Dependencies(IndexMap<String, IndexMap<String, Dependency>>);

impl Dependencies {
    /// Of the spec, and of containers whose service the spec does not have.
    pub fn of(project: &Project, containers: &[Container]) -> Self {
        let mut all = IndexMap::new();
        if let Some(environment) = &project.environment {
            for (name, service) in environment.services.iter().chain(&environment.disabled) {
                all.insert(name.clone(), service.depends_on.clone());
            }
        }
        for container in containers {
            all.entry(container.service().to_owned()).or_insert_with(|| of_label(container.label(labels::DEPENDS_ON)));
        }
        Self(all)
    }

    /// What one service waits for.
    pub fn of_service(&self, service: &str) -> impl Iterator<Item = (&str, &Dependency)> {
        self.0.get(service).into_iter().flatten().map(|(name, dependency)| (name.as_str(), dependency))
    }

    /// Services that wait for this one.
    pub fn on(&self, service: &str) -> impl Iterator<Item = (&str, &Dependency)> {
        self.0.iter().filter_map(move |(name, needs)| Some((name.as_str(), needs.get(service)?)))
    }

    /// These services, each after what it waits for.
    pub fn sort(&self, services: &[String]) -> Vec<String> {
        let mut sorted = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for service in services {
            self.visit(service, &mut seen, &mut sorted);
        }
        sorted.retain(|name| services.contains(name));
        sorted
    }

    /// These services and everything they wait for, directly or not.
    pub fn with_needed(&self, services: &[String]) -> Vec<String> {
        let mut sorted = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for service in services {
            self.visit(service, &mut seen, &mut sorted);
        }
        sorted
    }

    /// Depth first; what was seen is not visited again, so that circles in labels end.
    fn visit(&self, service: &str, seen: &mut std::collections::HashSet<String>, sorted: &mut Vec<String>) {
        if !seen.insert(service.to_owned()) {
            return;
        }
        for (needed, _) in self.of_service(service) {
            self.visit(needed, seen, sorted);
        }
        sorted.push(service.to_owned());
    }
}

/// `db:service_healthy:false,cache:service_started:true`
fn of_label(label: &str) -> IndexMap<String, Dependency> {
    label
        .split(',')
        .filter(|entry| !entry.is_empty())
        .map(|entry| {
            let mut parts = entry.split(':');
            let name = parts.next().unwrap_or_default().to_owned();
            let condition = match parts.next() {
                Some("service_healthy") => Condition::ServiceHealthy,
                Some("service_completed_successfully") => Condition::ServiceCompletedSuccessfully,
                _ => Condition::ServiceStarted,
            };
            let restart = parts.next() == Some("true");
            (name, Dependency { condition, restart, required: true })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_and_circles_end() {
        let of = |text: &str| of_label(text);
        let needs = of("db:service_healthy:false,cache:service_started:true");
        assert_eq!(needs["db"].condition, Condition::ServiceHealthy);
        assert!(needs["cache"].restart && !needs["db"].restart);
        assert!(of("").is_empty());
        let circle = Dependencies([("a".to_owned(), of("b::")), ("b".to_owned(), of("a::"))].into_iter().collect());
        assert_eq!(circle.sort(&["a".into(), "b".into()]), ["b", "a"]);
        assert_eq!(circle.with_needed(&["a".into()]), ["b", "a"]);
    }
}
