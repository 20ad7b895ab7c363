//! One step: which calls it takes.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indexmap::IndexMap;

use super::cancel::Cancel;
use super::error::StepError;
use super::look::Looks;
use super::ports::Tools;
use super::{program, provision, stage, wait};
use crate::driver::error::DriverError;
use crate::driver::image::{BuildRequest, ImageProgress};
use crate::driver::session::ExecRequest;
use crate::model::build::Build;
use crate::model::container::{ContainerSpec, InjectedFile};
use crate::model::event::Event;
use crate::model::labels;
use crate::model::resource::SecretSource;
use crate::model::service::Hook;
use crate::model::task::Task;
use crate::plan::{
    ContainerTarget, HookMoment, ImageUse, Injection, InjectionSource, Join, Namespace, Operation, Step, StepId,
};

/// What steps brought: ids of containers and images.
#[derive(Debug, Default)]
pub(super) struct Brought(Mutex<HashMap<StepId, String>>);

impl Brought {
    fn put(&self, step: StepId, id: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(step, id);
    }

    fn get(&self, step: StepId) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&step).cloned()
    }

    /// The engine's id of a container.
    pub(super) fn container(&self, target: &ContainerTarget) -> Result<String, StepError> {
        match target {
            ContainerTarget::Existing { id, .. } => Ok(id.clone()),
            ContainerTarget::MadeBy { step, name } => {
                self.get(*step).ok_or_else(|| StepError::Incoherent { what: format!("container {name}") })
            }
        }
    }
}

/// What every step shares.
pub(super) struct Performer<'a> {
    pub(super) tools: Tools<'a>,
    pub(super) brought: Brought,
    pub(super) looks: Looks<'a>,
    pub(super) cancel: Cancel,
    pub(super) wait_timeout: Option<Duration>,
}

impl Performer<'_> {
    /// Performs one step.
    pub(super) async fn perform(&self, step: &Step) -> Result<(), StepError> {
        let driver = self.tools.containers;
        let id = |target: &ContainerTarget| self.brought.container(target);
        match &step.operation {
            Operation::CreateNetwork { network, labels } => drop(driver.create_network(network, labels).await?),
            Operation::RemoveNetwork { id, .. } => driver.remove_network(id).await?,
            Operation::CreateVolume { volume, labels } => {
                let mut labels = labels.clone();
                labels.insert(labels::VOLUME_ID.to_owned(), provision::fresh_id()?);
                driver.create_volume(volume, &labels).await?;
            }
            Operation::RemoveVolume { name } => driver.remove_volume(name).await?,
            Operation::PullImage { .. }
            | Operation::BuildImage { .. }
            | Operation::BuildEnv { .. }
            | Operation::ProvisionImage { .. } => self.image(step).await?,
            Operation::AskProvider { .. }
            | Operation::ReleaseProvider { .. }
            | Operation::StopProvider { .. }
            | Operation::ServeModel { .. } => self.provided(step).await?,
            Operation::RemoveImage { reference } => self.tools.images.remove_image(reference, false).await?,
            Operation::CreateContainer { spec, image, joins } => {
                let spec = self.resolved(spec, image, joins)?;
                self.brought.put(step.id, driver.create_container(&spec).await?);
            }
            Operation::InjectFiles { container, files } => {
                driver.inject(&id(container)?, &self.contents(files).await?).await?;
            }
            Operation::ConnectNetwork { container, network } => driver.connect(&id(container)?, network).await?,
            Operation::RenameContainer { container, to } => driver.rename(&id(container)?, to).await?,
            Operation::StartContainer { container } => {
                if let ContainerTarget::Existing { id, name } = container {
                    let forgotten = self.tools.marks.forget(id, "hook:");
                    forgotten.map_err(|reason| StepError::Note { what: format!("the start of {name}"), reason })?;
                }
                driver.start(&id(container)?).await?;
            }
            Operation::StopContainer { container, grace } => driver.stop(&id(container)?, *grace).await?,
            Operation::KillContainer { container, signal } => driver.kill(&id(container)?, signal).await?,
            Operation::PauseContainer { container } => driver.pause(&id(container)?).await?,
            Operation::UnpauseContainer { container } => {
                let id = id(container)?;
                driver.unpause(&id).await?;
                self.looks.thawed(&id);
            }
            Operation::RemoveContainer { container, volumes } => driver.remove(&id(container)?, *volumes).await?,
            Operation::WaitFor { container, until } => {
                let id = id(container)?;
                let who = (id.as_str(), container.name());
                wait::wait(&self.tools, &self.looks, who, *until, self.wait_timeout, &self.cancel).await?;
            }
            Operation::RunHook { container, moment, hook, mark } => {
                self.hook(step, &id(container)?, container.name(), *moment, hook).await?;
                self.note(&id(container)?, mark.as_deref(), "a hook")?;
            }
            Operation::ProvisionContainer { container, spec, image, mark } => {
                let of = container.clone();
                let joins = [Join { namespace: Namespace::Volumes { read_only: false }, of }];
                let spec = self.resolved(spec, image, &joins)?;
                let job = provision::Job { what: "provisioning step in", spec: &spec, networks: &[], files: &[] };
                provision::run(&self.tools, &job, &|line| self.progress(step, line)).await?;
                provision::note(&self.tools, &id(container)?, mark).await?;
            }
            Operation::RunBefore { .. } => self.before(step).await?,
            Operation::RunStage { container, stage, session, secrets, mark } => {
                let line = |line: &str| self.progress(step, line);
                stage::run(&self.tools, &id(container)?, stage, (session, secrets), &line).await?;
                self.note(&id(container)?, Some(mark), &stage.name)?;
            }
            Operation::RunTask { name, container, task, mark } => {
                let what = format!("task {name}");
                let request = task_request(task);
                program::run(&self.tools, &id(container)?, &request, &what, &|line| self.progress(step, line)).await?;
                self.note(&id(container)?, Some(mark), &what)?;
            }
        }
        Ok(())
    }

    /// What programs of this machine do; their words are repeated without the values of secrets.
    async fn provided(&self, step: &Step) -> Result<(), StepError> {
        self.tools.secrets.know_all().await;
        let told = |line: &str| self.progress(step, &self.tools.secrets.hide(line));
        let providers = self.tools.providers;
        let (what, done) = match &step.operation {
            Operation::AskProvider { name, provider } => {
                (format!("the provider of service {name}"), providers.up(name, provider, &told).await)
            }
            Operation::ReleaseProvider { name, provider } => {
                (format!("releasing service {name}"), providers.down(name, provider, &told).await)
            }
            Operation::StopProvider { name, provider } => {
                (format!("stopping service {name}"), providers.stop(name, provider, &told).await)
            }
            Operation::ServeModel { key, model } => (format!("model {key}"), providers.serve(key, model, &told).await),
            _ => return Ok(()),
        };
        done.map_err(|reason| StepError::Provider { what, reason: self.tools.secrets.hide(&reason) })
    }

    fn note(&self, container: &str, mark: Option<&str>, what: &str) -> Result<(), StepError> {
        let Some(mark) = mark else { return Ok(()) };
        let noted = self.tools.marks.done(container, mark);
        noted.map_err(|reason| StepError::Note { what: what.to_owned(), reason })
    }

    fn progress(&self, step: &Step, message: &str) {
        self.tools.listener.on(Event::Progress {
            step: step.id.to_string(),
            part: String::new(),
            message: message.to_owned(),
            current: None,
            total: None,
        });
    }

    async fn image(&self, step: &Step) -> Result<(), StepError> {
        let images = self.tools.images;
        let sink = |progress: ImageProgress| {
            self.tools.listener.on(Event::Progress {
                step: step.id.to_string(),
                part: progress.part,
                message: self.tools.secrets.hide(&progress.message),
                current: progress.current,
                total: progress.total,
            });
        };
        let id = match &step.operation {
            Operation::PullImage { reference, platform } => {
                images.pull(reference, platform.as_deref(), &sink).await?.id
            }
            Operation::BuildImage { reference, build, images: own, platform, secrets, labels } => {
                let request = self.build_request(reference, (build, own), platform.as_ref(), secrets, labels).await?;
                let request = self.tools.workshop.surround(request).await;
                let what = || format!("preparing the build of {reference}");
                let request = request.map_err(|reason| StepError::Workshop { what: what(), reason })?;
                images.build(&request, &sink).await.map_err(|error| self.hidden(error))?
            }
            Operation::BuildEnv { env, reference } => {
                let built = self.tools.workshop.build_env(env, reference, &sink).await;
                built.map_err(|reason| StepError::Workshop { what: format!("building env {env}"), reason })?;
                self.image_id(reference).await?
            }
            Operation::ProvisionImage { base, reference, steps } => {
                let built = self.tools.workshop.provision(base, reference, steps, &sink).await;
                built.map_err(|reason| StepError::Workshop { what: format!("provisioning {base}"), reason })?;
                self.image_id(reference).await?
            }
            _ => return Ok(()),
        };
        self.brought.put(step.id, id);
        Ok(())
    }

    /// A failed build's error, which repeats what its last step printed, without the values of secrets.
    fn hidden(&self, error: DriverError) -> DriverError {
        match error {
            DriverError::Failed { attempted, reason } => {
                DriverError::Failed { attempted, reason: self.tools.secrets.hide(&reason) }
            }
            other => other,
        }
    }

    async fn image_id(&self, reference: &str) -> Result<String, StepError> {
        let found = self.tools.images.image(reference).await?;
        found.map(|image| image.id).ok_or_else(|| StepError::Incoherent { what: format!("image {reference}") })
    }

    async fn build_request(
        &self,
        reference: &str,
        (build, images): (&Build, &IndexMap<String, String>),
        platform: Option<&String>,
        secrets: &IndexMap<String, SecretSource>,
        labels: &IndexMap<String, String>,
    ) -> Result<BuildRequest, StepError> {
        let mut values = IndexMap::new();
        for (id, source) in secrets {
            let value = self.tools.secrets.resolve(source).await.map_err(|reason| StepError::Content {
                kind: "secret",
                name: source.name.clone(),
                target: format!("building {reference}"),
                reason,
            })?;
            values.insert(id.clone(), value);
        }
        let mut tags = vec![reference.to_owned()];
        tags.extend(build.tags.iter().cloned());
        Ok(BuildRequest {
            tags,
            build: build.clone(),
            secrets: values,
            extra_files: Vec::new(),
            without_folder: false,
            platform: platform.cloned(),
            labels: labels.clone(),
            images: images.clone(),
            surroundings: None,
        })
    }

    /// A container's description with the ids that earlier steps brought.
    fn resolved(&self, spec: &ContainerSpec, image: &ImageUse, joins: &[Join]) -> Result<ContainerSpec, StepError> {
        let mut spec = spec.clone();
        if let (None, Some(maker)) = (&image.id, image.made_by)
            && let Some(id) = self.brought.get(maker)
        {
            spec.labels.insert(labels::IMAGE.to_owned(), id);
        }
        let mut ids = Vec::new();
        for join in joins {
            let id = self.brought.container(&join.of)?;
            let mode = Some(format!("container:{id}"));
            match join.namespace {
                Namespace::Network => spec.network_mode = mode,
                Namespace::Pid => spec.pid_mode = mode,
                Namespace::Ipc => spec.ipc_mode = mode,
                Namespace::Volumes { read_only: true } => spec.volumes_from.push(format!("{id}:ro")),
                Namespace::Volumes { read_only: false } => spec.volumes_from.push(id.clone()),
            }
            ids.push(id);
        }
        if !ids.is_empty() {
            spec.labels.insert(labels::JOINED.to_owned(), ids.join(","));
        }
        Ok(spec)
    }

    /// A step of `pre_start`.
    async fn before(&self, step: &Step) -> Result<(), StepError> {
        let Operation::RunBefore { container, spec, image, joins, networks, files, prepared, mark } = &step.operation
        else {
            return Ok(());
        };
        let volumes = Join { namespace: Namespace::Volumes { read_only: false }, of: container.clone() };
        let joins: Vec<Join> = joins.iter().cloned().chain([volumes]).collect();
        let spec = self.resolved(spec, image, &joins)?;
        let files = self.contents(files).await?;
        let job = provision::Job { what: "step before the start (`pre_start`)", spec: &spec, networks, files: &files };
        provision::run(&self.tools, &job, &|line| self.progress(step, line)).await?;
        for one in prepared {
            self.note(&self.brought.container(one)?, Some(mark), "a step of pre_start")?;
        }
        Ok(())
    }

    async fn contents(&self, files: &[Injection]) -> Result<Vec<InjectedFile>, StepError> {
        let mut contents = Vec::with_capacity(files.len());
        for file in files {
            contents.push(self.content(file).await?);
        }
        Ok(contents)
    }

    async fn content(&self, file: &Injection) -> Result<InjectedFile, StepError> {
        let (kind, source) = match &file.source {
            InjectionSource::Text(text) => return Ok(injected(file, text.clone().into_bytes())),
            InjectionSource::Secret(source) => ("secret", source),
            InjectionSource::Config(source) => ("config", source),
        };
        let value = self.tools.secrets.resolve(source).await.map_err(|reason| StepError::Content {
            kind,
            name: source.name.clone(),
            target: file.target.clone(),
            reason,
        })?;
        Ok(injected(file, value))
    }

    async fn hook(&self, step: &Step, id: &str, name: &str, moment: HookMoment, hook: &Hook) -> Result<(), StepError> {
        let what = match moment {
            HookMoment::PostStart => format!("the post_start hook of {name}"),
            HookMoment::PreStop => format!("the pre_stop hook of {name}"),
        };
        let request = ExecRequest {
            command: hook.command.clone(),
            user: hook.user.clone(),
            working_dir: hook.working_dir.clone(),
            environment: program::variables(&hook.environment),
            privileged: hook.privileged,
            ..ExecRequest::default()
        };
        program::run(&self.tools, id, &request, &what, &|line| self.progress(step, line)).await
    }
}

fn injected(file: &Injection, content: Vec<u8>) -> InjectedFile {
    InjectedFile { target: file.target.clone(), content, uid: file.uid, gid: file.gid, mode: file.mode }
}

fn task_request(task: &Task) -> ExecRequest {
    ExecRequest {
        command: ["/bin/sh", "-c", &task.run].map(str::to_owned).to_vec(),
        user: task.user.clone(),
        working_dir: task.working_dir.clone(),
        environment: program::variables(&task.environment),
        ..ExecRequest::default()
    }
}
