//! Makes the container of one slot: from nothing, or in the place of another.

use indexmap::IndexMap;

use super::decide::{Group, Scene, existing};
use super::draft::Draft;
use super::emit::{Cleared, Emitting, Evicted, Placed, Places, remove, target};
use super::graph::Graph;
use super::inherit;
use super::operation::{ContainerTarget, ImageUse, Join, Operation};
use super::provide;
use super::resources::{network_key, project_labels, volume_key};
use super::slots::{NEW, OLD, Slot};
use super::step::{Cause, StepId};
use crate::driver::container::AnonymousVolumes;
use crate::model::container::{ContainerSpec, NetworkAttachment};
use crate::model::labels;
use crate::model::mount::Mount;
use crate::model::observed::Container;
use crate::model::service::Condition;

/// Makes the container of one slot.
pub(super) struct Maker<'e, 's, 'a> {
    pub(super) emitting: &'e Emitting<'s, 'a>,
    pub(super) group: &'e Group<'a>,
    pub(super) slot: &'e Slot<'a>,
    pub(super) made: &'e IndexMap<String, StepId>,
    pub(super) cleared: &'e Cleared,
}

impl Maker<'_, '_, '_> {
    fn service(&self) -> &str {
        &self.group.wanted.name
    }

    fn proper(&self) -> &str {
        &self.slot.draft.spec.name
    }

    /// A container that stays, under a name that an interrupted run gave it.
    pub(super) fn keep(&self, graph: &mut Graph, placed: &mut Placed, current: &Container) {
        if current.name != self.proper() {
            let rename = Operation::RenameContainer { container: target(current), to: self.proper().to_owned() };
            let rename = graph.add(rename, Cause::Leftover, Some(self.service()));
            graph.after(rename, self.cleared.removed.get(self.proper()).copied());
            placed.ready.push(rename);
        }
    }

    pub(super) fn fresh(&self, graph: &mut Graph, places: &Places, placed: &mut Placed) {
        let last = self.make(graph, places, placed, &Cause::Missing, &[], self.proper());
        self.name(graph, placed, last, &Cause::Missing);
    }

    pub(super) fn replace(
        &self,
        graph: &mut Graph,
        places: &Places,
        placed: &mut Placed,
        current: &Container,
        cause: &Cause,
    ) {
        if let Some(evicted) = self.cleared.evicted.get(&current.id) {
            self.succeed(graph, places, placed, evicted, cause);
            return;
        }
        let inherited = self.inherited();
        let stop = placed.stop;
        let temporary = format!("{}{NEW}", self.proper());
        let complete = self.make(graph, places, placed, cause, &inherited, &temporary);
        placed.complete = Some(complete);
        let mut last = complete;
        if current.name == self.proper() {
            let aside = format!("{}{OLD}", self.proper());
            let rename = Operation::RenameContainer { container: target(current), to: aside.clone() };
            let rename = graph.add(rename, cause.clone(), Some(self.service()));
            graph.after(rename, self.cleared.removed.get(&aside).copied());
            graph.after(rename, [last]);
            last = rename;
        }
        if last != complete {
            graph.after(last, stop.map(|(_, last)| last));
        }
        let take = self.rename_new(graph, placed, &temporary, cause);
        graph.after(take, [last]);
        graph.after(take, self.cleared.removed.get(self.proper()).copied());
        graph.after(take, stop.map(|(_, last)| last));
        let old_name =
            if current.name == self.proper() { format!("{}{OLD}", self.proper()) } else { current.name.clone() };
        let remove = remove(graph, current, &old_name, cause.clone(), Some(self.service()));
        graph.after(remove, [take]);
        placed.ready = vec![take, remove];
    }

    /// The successor of an evicted container.
    fn succeed(&self, graph: &mut Graph, places: &Places, placed: &mut Placed, evicted: &Evicted, cause: &Cause) {
        let inherited = self.inherited();
        let last = self.make(graph, places, placed, cause, &inherited, self.proper());
        if let Some(made) = placed.made {
            graph.after(made, [evicted.removed]);
        }
        self.name(graph, placed, last, cause);
        if let Some((step, name)) = &evicted.keeper {
            let container = ContainerTarget::MadeBy { step: *step, name: name.clone() };
            let forget = Operation::RemoveContainer { container, volumes: AnonymousVolumes::Keep };
            let forget = graph.add(forget, cause.clone(), Some(self.service()));
            graph.after(forget, placed.ready.clone());
            placed.ready.push(forget);
        }
    }

    fn inherited(&self) -> Vec<Mount> {
        self.slot
            .current
            .map_or_else(Vec::new, |current| inherit::mounts(self.emitting.scene, &self.slot.draft, current))
    }

    /// Removes a container before its successor is made. A keeper holds its anonymous volumes: a container that carries
    /// the same number and another hash, so that a run after a crash takes it for the one to be replaced.
    pub(super) fn evict(&self, graph: &mut Graph, current: &Container, stop: Option<StepId>, cause: &Cause) -> Evicted {
        let inherited = self.inherited();
        let keeper = (!inherited.is_empty()).then(|| self.keeper(graph, &inherited, cause));
        let removed = remove(graph, current, &current.name, cause.clone(), Some(self.service()));
        graph.after(removed, stop);
        graph.after(removed, keeper.as_ref().map(|(step, _)| *step));
        Evicted { removed, keeper }
    }

    fn keeper(&self, graph: &mut Graph, inherited: &[Mount], cause: &Cause) -> (StepId, String) {
        let name = format!("{}{OLD}", self.proper());
        let mut spec = self.spec(&name);
        spec.mounts = inherited.to_vec();
        spec.networks.clear();
        spec.ports.clear();
        spec.links.clear();
        spec.network_mode = Some("none".to_owned());
        spec.labels.insert(labels::HASH.to_owned(), "keeper".to_owned());
        let image = self.image();
        let create = Operation::CreateContainer { spec: Box::new(spec), image: image.clone(), joins: Vec::new() };
        let create = graph.add(create, cause.clone(), Some(self.service()));
        graph.after(create, image.made_by);
        graph.after(create, self.cleared.removed.get(&name).copied());
        (create, name)
    }

    /// Makes the container, complete with files and networks. Returns the last step.
    fn make(
        &self,
        graph: &mut Graph,
        places: &Places,
        placed: &mut Placed,
        cause: &Cause,
        inherited: &[Mount],
        wanted_name: &str,
    ) -> StepId {
        let draft = &self.slot.draft;
        let later = self.later_networks();
        let in_parts = !draft.injections.is_empty() || !later.is_empty();
        let name = if in_parts && wanted_name == self.proper() {
            format!("{wanted_name}{NEW}")
        } else {
            wanted_name.to_owned()
        };
        let mut spec = self.spec(&name);
        inherit::into(&mut spec.mounts, inherited);
        let (joins, joined) = joins(self.emitting.scene, draft, places);
        let image = self.image();
        let create = Operation::CreateContainer { spec: Box::new(spec), image: image.clone(), joins };
        let create = graph.add(create, cause.clone(), Some(self.service()));
        graph.after(create, image.made_by);
        graph.after(create, joined);
        graph.after(create, self.needs(draft));
        let in_the_way = [name.as_str(), self.proper()];
        graph.after(create, in_the_way.iter().filter_map(|name| self.cleared.removed.get(*name).copied()));
        placed.made = Some(create);
        placed.target = ContainerTarget::MadeBy { step: create, name: name.clone() };
        let mut last = create;
        if !draft.injections.is_empty() {
            let fill = Operation::InjectFiles { container: placed.target.clone(), files: draft.injections.clone() };
            last = self.chain(graph, fill, cause, last);
        }
        for network in later {
            let connect = Operation::ConnectNetwork { container: placed.target.clone(), network };
            last = self.chain(graph, connect, cause, last);
        }
        last
    }

    fn chain(&self, graph: &mut Graph, operation: Operation, cause: &Cause, before: StepId) -> StepId {
        let step = graph.add(operation, cause.clone(), Some(self.service()));
        graph.after(step, [before]);
        step
    }

    /// Gives a container made in parts its proper name, now that it is complete.
    fn name(&self, graph: &mut Graph, placed: &mut Placed, last: StepId, cause: &Cause) {
        let name = placed.target.name().to_owned();
        placed.ready = vec![last];
        if name != self.proper() {
            let rename = self.rename_new(graph, placed, &name, cause);
            graph.after(rename, [last]);
            placed.ready = vec![rename];
        }
    }

    fn rename_new(&self, graph: &mut Graph, placed: &mut Placed, temporary: &str, cause: &Cause) -> StepId {
        let rename =
            Operation::RenameContainer { container: placed.target.named(temporary), to: self.proper().to_owned() };
        placed.target = placed.target.named(self.proper());
        graph.add(rename, cause.clone(), Some(self.service()))
    }

    /// Networks and volumes that this plan makes for it.
    fn needs(&self, draft: &Draft) -> Vec<StepId> {
        let networks = draft.spec.networks.iter().map(|network| network_key(&network.network));
        let volumes = draft.spec.mounts.iter().filter_map(|mount| Some(volume_key(mount.source.as_deref()?)));
        networks.chain(volumes).filter_map(|key| self.made.get(&key).copied()).collect()
    }

    fn later_networks(&self) -> Vec<NetworkAttachment> {
        if self.emitting.scene.inputs.multi_network_create {
            return Vec::new();
        }
        self.slot.draft.spec.networks.iter().skip(1).cloned().collect()
    }

    fn image(&self) -> ImageUse {
        let reference = self.slot.draft.spec.image.clone();
        let made_by = self.emitting.images.made.get(&reference).copied();
        let known = self.emitting.scene.observed.images.get(&reference).map(|image| image.id.clone());
        ImageUse { id: known.filter(|_| made_by.is_none()), reference, made_by }
    }

    fn spec(&self, name: &str) -> ContainerSpec {
        let scene = self.emitting.scene;
        let mut spec = self.slot.draft.spec.clone();
        name.clone_into(&mut spec.name);
        if !scene.inputs.multi_network_create {
            spec.networks.truncate(1);
        }
        let mut all = spec.labels;
        all.extend(project_labels(scene.environment, scene.inputs));
        let paths = |paths: &[std::path::PathBuf]| {
            paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(",")
        };
        let mut put = |key: &str, value: String| {
            all.insert(key.to_owned(), value);
        };
        put(labels::SERVICE, self.service().to_owned());
        put(labels::NUMBER, self.slot.number.to_string());
        put(labels::ONEOFF, "False".to_owned());
        put(labels::CONFIG_HASH, self.slot.hash.clone());
        put(labels::HASH, self.slot.hash.clone());
        put(labels::WORKING_DIR, scene.environment.working_dir.display().to_string());
        put(labels::CONFIG_FILES, paths(&scene.environment.config_files));
        put(labels::DEPENDS_ON, depends_on_label(self.group));
        if !scene.environment.env_files.is_empty() {
            put(labels::ENVIRONMENT_FILE, paths(&scene.environment.env_files));
        }
        if let Some(id) = self.image().id {
            put(labels::IMAGE, id);
        }
        if let Some(provided) = self.slot.draft.provided.as_ref().filter(|provided| !provided.is_empty()) {
            put(labels::PROVIDED, provide::digest(provided));
            spec.environment.extend(provided.clone());
        }
        spec.labels = all;
        spec
    }
}

/// What a container takes from others, and the steps that make these.
pub(super) fn joins(scene: &Scene, draft: &Draft, places: &Places) -> (Vec<Join>, Vec<StepId>) {
    let mut joins = Vec::new();
    let mut after = Vec::new();
    for (namespace, _, other) in &draft.joins {
        let partner = places.get(other).and_then(|placed| placed.first());
        let of = match partner {
            Some(partner) => {
                after.extend(partner.made);
                partner.target.clone()
            }
            None => match existing(scene, other) {
                Some(container) => target(container),
                // `decide` has refused this
                None => continue,
            },
        };
        joins.push(Join { namespace: *namespace, of });
    }
    (joins, after)
}

/// `service:condition:restart`, joined by commas, as Compose writes it.
fn depends_on_label(group: &Group) -> String {
    let entries = group.wanted.dependencies.iter().map(|(name, dependency)| {
        let condition = match dependency.condition {
            Condition::ServiceStarted => "service_started",
            Condition::ServiceHealthy => "service_healthy",
            Condition::ServiceCompletedSuccessfully => "service_completed_successfully",
        };
        format!("{name}:{condition}:{}", dependency.restart)
    });
    entries.collect::<Vec<_>>().join(",")
}
