//! Every call, handed on: changing ones under the script, others while devup lives.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use indexmap::IndexMap;
use tokio::io::AsyncRead;

use super::Faulty;
use crate::driver::container::{AnonymousVolumes, ContainerDriver, Scope};
use crate::driver::error::Result;
use crate::driver::features::Features;
use crate::driver::image::{BuildRequest, CommitRequest, Findings, ImageDriver, ProgressSink};
use crate::driver::session::{
    AttachRequest, EngineEvent, ExecRequest, LogOptions, PathKind, Processes, Session, SessionDriver, Usage,
};
use crate::driver::stream::Chunk;
use crate::model::container::{ContainerSpec, InjectedFile, NetworkAttachment};
use crate::model::{observed, resource};

#[async_trait]
impl<D: ContainerDriver> ContainerDriver for Faulty<D> {
    fn features(&self) -> &Features {
        self.inner.features()
    }
    async fn containers(&self, scope: &Scope) -> Result<Vec<observed::Container>> {
        self.alive()?;
        self.inner.containers(scope).await
    }
    async fn networks(&self, scope: &Scope) -> Result<Vec<observed::Network>> {
        self.alive()?;
        self.inner.networks(scope).await
    }
    async fn volumes(&self, scope: &Scope) -> Result<Vec<observed::Volume>> {
        self.alive()?;
        self.inner.volumes(scope).await
    }
    async fn container(&self, id: &str) -> Result<Option<observed::Container>> {
        self.alive()?;
        self.inner.container(id).await
    }
    async fn network(&self, name: &str) -> Result<Option<observed::Network>> {
        self.alive()?;
        self.inner.network(name).await
    }
    async fn volume(&self, name: &str) -> Result<Option<observed::Volume>> {
        self.alive()?;
        self.inner.volume(name).await
    }
    async fn create_network(&self, network: &resource::Network, labels: &IndexMap<String, String>) -> Result<String> {
        self.change(self.inner.create_network(network, labels)).await
    }
    async fn remove_network(&self, id: &str) -> Result<()> {
        self.change(self.inner.remove_network(id)).await
    }
    async fn create_volume(&self, volume: &resource::Volume, labels: &IndexMap<String, String>) -> Result<()> {
        self.change(self.inner.create_volume(volume, labels)).await
    }
    async fn remove_volume(&self, name: &str) -> Result<()> {
        self.change(self.inner.remove_volume(name)).await
    }
    async fn create_container(&self, spec: &ContainerSpec) -> Result<String> {
        self.change(self.inner.create_container(spec)).await
    }
    async fn inject(&self, id: &str, files: &[InjectedFile]) -> Result<()> {
        self.change(self.inner.inject(id, files)).await
    }
    async fn connect(&self, id: &str, network: &NetworkAttachment) -> Result<()> {
        self.change(self.inner.connect(id, network)).await
    }
    async fn rename(&self, id: &str, name: &str) -> Result<()> {
        self.change(self.inner.rename(id, name)).await
    }
    async fn start(&self, id: &str) -> Result<()> {
        self.change(self.inner.start(id)).await
    }
    async fn stop(&self, id: &str, grace: Option<Duration>) -> Result<()> {
        self.change(self.inner.stop(id, grace)).await
    }
    async fn restart(&self, id: &str, grace: Option<Duration>) -> Result<()> {
        self.change(self.inner.restart(id, grace)).await
    }
    async fn kill(&self, id: &str, signal: &str) -> Result<()> {
        self.change(self.inner.kill(id, signal)).await
    }
    async fn pause(&self, id: &str) -> Result<()> {
        self.change(self.inner.pause(id)).await
    }
    async fn unpause(&self, id: &str) -> Result<()> {
        self.change(self.inner.unpause(id)).await
    }
    async fn remove(&self, id: &str, volumes: AnonymousVolumes) -> Result<()> {
        self.change(self.inner.remove(id, volumes)).await
    }
    async fn wait(&self, id: &str) -> Result<i64> {
        self.alive()?;
        self.inner.wait(id).await
    }
    async fn changed(
        &self,
        id: &str,
        known: &observed::Container,
        patience: Duration,
    ) -> Result<Option<observed::Container>> {
        self.alive()?;
        self.inner.changed(id, known, patience).await
    }
}

#[async_trait]
impl<D: ImageDriver> ImageDriver for Faulty<D> {
    async fn image(&self, reference: &str) -> Result<Option<observed::Image>> {
        self.alive()?;
        self.inner.image(reference).await
    }
    async fn images(&self, label: Option<&str>) -> Result<Vec<observed::Image>> {
        self.alive()?;
        self.inner.images(label).await
    }
    async fn pull(
        &self,
        reference: &str,
        platform: Option<&str>,
        progress: ProgressSink<'_>,
    ) -> Result<observed::Image> {
        self.change(self.inner.pull(reference, platform, progress)).await
    }
    async fn pinned(&self, reference: &str) -> Result<String> {
        self.alive()?;
        self.inner.pinned(reference).await
    }
    async fn build(&self, request: &BuildRequest, progress: ProgressSink<'_>) -> Result<String> {
        self.change(self.inner.build(request, progress)).await
    }
    async fn check(&self, request: &BuildRequest) -> Result<Findings> {
        self.alive()?;
        self.inner.check(request).await
    }
    async fn import(
        &self,
        reference: &str,
        archive: Box<dyn AsyncRead + Send + Unpin>,
        changes: &[String],
    ) -> Result<String> {
        self.change(self.inner.import(reference, archive, changes)).await
    }
    async fn commit(&self, container: &str, request: &CommitRequest) -> Result<String> {
        self.change(self.inner.commit(container, request)).await
    }
    async fn tag(&self, image: &str, reference: &str) -> Result<()> {
        self.change(self.inner.tag(image, reference)).await
    }
    async fn remove_image(&self, reference: &str, force: bool) -> Result<()> {
        self.change(self.inner.remove_image(reference, force)).await
    }
    async fn push(&self, reference: &str, progress: ProgressSink<'_>) -> Result<()> {
        self.change(self.inner.push(reference, progress)).await
    }
}

#[async_trait]
impl<D: SessionDriver> SessionDriver for Faulty<D> {
    async fn logs(&self, id: &str, options: &LogOptions) -> Result<BoxStream<'static, Result<Chunk>>> {
        self.alive()?;
        self.inner.logs(id, options).await
    }
    async fn exec(&self, id: &str, request: &ExecRequest) -> Result<Session> {
        self.change(self.inner.exec(id, request)).await
    }
    async fn exec_exit_code(&self, exec: &str) -> Result<Option<i64>> {
        self.alive()?;
        self.inner.exec_exit_code(exec).await
    }
    async fn resize_exec(&self, exec: &str, size: (u16, u16)) -> Result<()> {
        self.alive()?;
        self.inner.resize_exec(exec, size).await
    }
    async fn attach(&self, id: &str, request: &AttachRequest) -> Result<Session> {
        self.change(self.inner.attach(id, request)).await
    }
    async fn resize(&self, id: &str, size: (u16, u16)) -> Result<()> {
        self.alive()?;
        self.inner.resize(id, size).await
    }
    async fn top(&self, id: &str, ps_arguments: Option<&str>) -> Result<Processes> {
        self.alive()?;
        self.inner.top(id, ps_arguments).await
    }
    async fn stats(&self, id: &str, follow: bool) -> Result<BoxStream<'static, Result<Usage>>> {
        self.alive()?;
        self.inner.stats(id, follow).await
    }
    async fn events(
        &self,
        scope: &Scope,
        since: Option<jiff::Timestamp>,
        until: Option<jiff::Timestamp>,
    ) -> Result<BoxStream<'static, Result<EngineEvent>>> {
        self.alive()?;
        self.inner.events(scope, since, until).await
    }
    async fn export(&self, id: &str) -> Result<BoxStream<'static, Result<bytes::Bytes>>> {
        self.alive()?;
        self.inner.export(id).await
    }
    async fn copy_out(&self, id: &str, path: &str) -> Result<BoxStream<'static, Result<Bytes>>> {
        self.alive()?;
        self.inner.copy_out(id, path).await
    }
    async fn copy_in(&self, id: &str, path: &str, archive: Box<dyn AsyncRead + Send + Unpin>) -> Result<()> {
        self.change(self.inner.copy_in(id, path, archive)).await
    }
    async fn stat(&self, id: &str, path: &str) -> Result<Option<PathKind>> {
        self.alive()?;
        self.inner.stat(id, path).await
    }
    async fn ping(&self) -> Result<Duration> {
        self.alive()?;
        self.inner.ping().await
    }
}
