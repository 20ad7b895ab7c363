//! A helper beside a volume: made, talked to, gone.

use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;
use tokio::runtime::Handle;

use super::entry::Entry;
use super::error::{Result, VolumeError};
use super::image;
use super::protocol::{Answer, Ask, VERSION};
use super::wire::Wire;
use crate::driver::container::{AnonymousVolumes, ContainerDriver, Scope};
use crate::driver::image::ImageDriver;
use crate::driver::session::{AttachRequest, SessionDriver};
use crate::model::container::ContainerSpec;
use crate::model::labels;
use crate::model::mount::{Mount, MountKind, VolumeOptions};
use crate::model::observed::State;
use crate::model::service::{Logging, Service};

/// Where the volume is mounted inside.
pub const MOUNTED: &str = "/volume";
/// The command that serves it.
pub const COMMAND: &str = "volume-helper";
/// After so many seconds nobody is about to start a helper that was made.
const ABANDONED: i64 = 60;

/// What is needed to reach volumes.
#[derive(Clone)]
pub struct Reach {
    /// Containers.
    pub containers: Arc<dyn ContainerDriver>,
    /// Images.
    pub images: Arc<dyn ImageDriver>,
    /// Streams of programs.
    pub sessions: Arc<dyn SessionDriver>,
    /// devup's own program.
    pub program: PathBuf,
    /// Drives the connection. A runtime with a thread of its own: helpers are asked from threads that wait.
    pub handle: Handle,
}

/// What is done with a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It is read, and can't be written to.
    Read,
    /// It is filled.
    Fill,
}

impl Access {
    /// The rights of root that it takes; the helper has no other.
    fn rights(self) -> &'static [&'static str] {
        match self {
            Self::Read => &["DAC_READ_SEARCH", "FOWNER"],
            Self::Fill => &["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "MKNOD", "SETFCAP"],
        }
    }
}

/// A helper that runs.
pub struct Helper {
    reach: Reach,
    container: String,
    /// The volume, for messages.
    pub(super) volume: String,
    pub(super) wire: Option<Arc<Wire>>,
}

impl Helper {
    /// Starts one beside a volume. Called from a thread that may wait.
    pub fn start(reach: &Reach, volume: &str, access: Access) -> Result<Self> {
        fits(reach)?;
        let now = jiff::Timestamp::now().as_second();
        let image = reach.handle.block_on(image::ensure(&*reach.images, &reach.program, now))?;
        let spec = spec(&image, volume, access);
        let (container, session) = reach.handle.block_on(async {
            sweep(reach, now).await;
            let id = reach.containers.create_container(&spec).await?;
            let request = AttachRequest { stdin: true, detach_keys: None };
            let started = async {
                let session = reach.sessions.attach(&id, &request).await?;
                reach.containers.start(&id).await.map(|()| session)
            };
            match started.await {
                Ok(session) => Ok((id, session)),
                Err(error) => {
                    let _ = reach.containers.remove(&id, AnonymousVolumes::Remove).await;
                    Err(VolumeError::from(error))
                }
            }
        })?;
        let wire = Some(Arc::new(Wire::new(reach.handle.clone(), session.output, session.input)));
        let helper = Self { reach: reach.clone(), container, volume: volume.to_owned(), wire };
        match helper.ask(&Ask::Hello)? {
            Answer::Hello { version: VERSION } => Ok(helper),
            other => Err(VolumeError::failed(helper.attempt(), format!("the helper is another one: {other:?}"))),
        }
    }

    /// Over a wire to a helper that runs elsewhere.
    #[cfg(test)]
    pub(super) fn over(reach: Reach, wire: Wire) -> Self {
        Self { reach, container: String::new(), volume: "test".to_owned(), wire: Some(Arc::new(wire)) }
    }

    pub(super) fn attempt(&self) -> String {
        format!("reading or filling volume {}", self.volume)
    }

    pub(super) fn wire(&self) -> Result<&Arc<Wire>> {
        self.wire.as_ref().ok_or_else(|| VolumeError::failed(self.attempt(), "the helper has ended"))
    }

    pub(super) fn ask(&self, ask: &Ask) -> Result<Answer> {
        Ok(self.wire()?.ask(&self.attempt(), ask)?.0)
    }

    /// Finishes what an interrupted restore left in the volume, or takes it away. Wants [`Access::Fill`].
    pub fn recover(&self) -> Result<()> {
        self.ask(&Ask::Recover).map(|_| ())
    }

    /// Walks to the end of what is in the volume or being loaded.
    pub(super) fn walk(&self, loading: bool, mut each: impl FnMut(Entry)) -> Result<()> {
        self.ask(&Ask::Walk { loading })?;
        loop {
            let Answer::Entries { entries, failures, end } = self.ask(&Ask::More)? else {
                return Err(VolumeError::failed(self.attempt(), "the helper answered something else"));
            };
            if let Some((path, reason)) = failures.first() {
                let path = String::from_utf8_lossy(&path.0);
                return Err(VolumeError::failed(self.attempt(), format!("{path}: {reason}")));
            }
            entries.into_iter().for_each(&mut each);
            if end {
                return Ok(());
            }
        }
    }
}

impl Drop for Helper {
    /// The end of its input ends the helper, and the engine removes what has ended. To wait until it is gone keeps the
    /// volume from being in use for whoever removes it next.
    fn drop(&mut self) {
        self.wire = None;
        if !self.container.is_empty() {
            let removal = self.reach.containers.remove(&self.container, AnonymousVolumes::Remove);
            let _ = self.reach.handle.block_on(removal);
        }
    }
}

/// Removes helpers that a killed devup made and did not come to start: the engine removes only what has run, and a helper
/// keeps its volume from being removed. It is no reason to fail.
async fn sweep(reach: &Reach, now: i64) {
    let helpers = Scope::Label(labels::HELPER.to_owned(), Some("volume".to_owned()));
    for left in reach.containers.containers(&helpers).await.unwrap_or_default() {
        if is_abandoned(left.state, left.created, now) {
            let _ = reach.containers.remove(&left.id, AnonymousVolumes::Remove).await;
        }
    }
}

fn is_abandoned(state: State, made: i64, now: i64) -> bool {
    state == State::Created && now.saturating_sub(made) > ABANDONED
}

/// Whether devup's own program runs there at all.
fn fits(reach: &Reach) -> Result<()> {
    let here = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let platform = &reach.containers.features().platform;
    if !cfg!(target_os = "linux") || *platform != format!("linux/{here}") {
        let own = format!("{}/{here}", std::env::consts::OS);
        return Err(VolumeError::NoHelper(format!("the engine runs {platform}, and this devup is for {own}")));
    }
    Ok(())
}

/// The container: nothing but the program and the volume.
fn spec(image: &str, volume: &str, access: Access) -> ContainerSpec {
    let text = |text: &str| text.to_owned();
    let service = Service {
        command: Some(vec![text(COMMAND), text(MOUNTED)]),
        user: Some(text("0:0")),
        cap_drop: vec![text("ALL")],
        cap_add: access.rights().iter().map(|right| text(right)).collect(),
        security_opt: vec![text("no-new-privileges:true")],
        read_only: true,
        stdin_open: true,
        // everything that is read would be written down once more
        logging: Some(Logging { driver: Some(text("none")), ..Logging::default() }),
        ..Service::default()
    };
    let mount = Mount {
        kind: MountKind::Volume,
        source: Some(volume.to_owned()),
        target: text(MOUNTED),
        read_only: access == Access::Read,
        volume: Some(VolumeOptions { nocopy: true, ..VolumeOptions::default() }),
        ..Mount::default()
    };
    let marks = [(labels::OWNER, env!("CARGO_PKG_VERSION")), (labels::HELPER, "volume"), (labels::ONEOFF, "True")];
    ContainerSpec {
        name: format!("devup-helper-{}", tag()),
        image: image.to_owned(),
        labels: marks.into_iter().map(|(key, value)| (text(key), text(value))).collect(),
        environment: IndexMap::new(),
        mounts: vec![mount],
        ports: Vec::new(),
        networks: Vec::new(),
        network_mode: Some(text("none")),
        pid_mode: None,
        ipc_mode: None,
        volumes_from: Vec::new(),
        links: Vec::new(),
        service: Arc::new(service),
    }
}

/// Tells this helper's container from others.
fn tag() -> String {
    let mut bytes = [0; 8];
    // without random numbers the process and the moment will do
    if getrandom::fill(&mut bytes).is_err() {
        bytes[..4].copy_from_slice(&std::process::id().to_be_bytes());
    }
    hex::encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_helpers_that_were_never_started_are_abandoned_and_not_at_once() {
        assert!(is_abandoned(State::Created, 100, 161));
        assert!(!is_abandoned(State::Created, 100, 160));
        // an engine whose clock is ahead
        assert!(!is_abandoned(State::Created, 9000, 161));
        assert!(!is_abandoned(State::Running, 100, 9000));
    }
}
