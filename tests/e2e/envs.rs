//! Envs on a real engine: built once, and true to the contracts of the official images.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use devup::driver::address::EngineAddress;
use devup::driver::container::{AnonymousVolumes, ContainerDriver};
use devup::driver::image::ImageDriver;
use devup::driver::moby::{self, Moby};
use devup::driver::session::{ExecRequest, LogOptions, SessionDriver};
use devup::driver::stream::Chunk;
use devup::envs::bootstrap::{Cause, Tools};
use devup::envs::{Catalogue, Facts, Workshop, build_chain, recipes};
use devup::model::container::{ContainerSpec, InjectedFile};
use devup::model::observed::{Health, State};
use devup::model::service::Service;
use futures_util::StreamExt;
use indexmap::IndexMap;

use super::engine::{Kind, engine};
use super::project::Project;

const PATIENCE: Duration = Duration::from_mins(2);

/// The machine's own programs; `scripts/test-machine` installs them.
struct Installed;

#[async_trait]
impl Tools for Installed {
    async fn program(&self, name: &str, _package: &str) -> Result<PathBuf, Cause> {
        Ok(which::which(name)?)
    }
}

/// The image of an env; built where it is not there. Returns its tag, and how many images that took.
async fn image(engine: &Moby, env: &str) -> (String, usize) {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("envs");
    let facts = Facts::of_this_machine();
    let chain = recipes(&Catalogue::builtin(), env, &facts).unwrap();
    let workshop = Workshop {
        images: engine,
        tools: &Installed,
        facts: &facts,
        cache: &cache,
        progress: &|line| eprintln!("{}: {}", line.part, line.message),
    };
    let built = build_chain(&workshop, &chain).await.unwrap_or_else(|error| panic!("{error}"));
    (chain.last().unwrap().tag.clone(), built.len())
}

/// A container of a test; removed with its volumes when the test is done with it.
struct Subject<'a> {
    engine: &'a Moby,
    id: String,
}

impl<'a> Subject<'a> {
    async fn start(engine: &'a Moby, image: &str, what: &str, service: Service, files: &[InjectedFile]) -> Self {
        let spec = ContainerSpec {
            name: format!("devup-envs-{what}-{}", std::process::id()),
            image: image.to_owned(),
            labels: IndexMap::new(),
            environment: service.environment.iter().map(|(k, v)| (k.clone(), v.clone().unwrap_or_default())).collect(),
            mounts: Vec::new(),
            ports: Vec::new(),
            networks: Vec::new(),
            network_mode: None,
            pid_mode: None,
            ipc_mode: None,
            volumes_from: Vec::new(),
            links: Vec::new(),
            service: Arc::new(service),
        };
        let _ = engine.remove(&spec.name, AnonymousVolumes::Remove).await;
        let id = engine.create_container(&spec).await.unwrap();
        engine.inject(&id, files).await.unwrap();
        engine.start(&id).await.unwrap();
        Self { engine, id }
    }

    /// Waits until its health check is good.
    async fn healthy(&self) {
        let give_up = Instant::now() + PATIENCE;
        let mut now = self.engine.container(&self.id).await.unwrap().unwrap();
        while now.health != Some(Health::Healthy) {
            assert!(now.state == State::Running && Instant::now() < give_up, "{}: {}", now.status, self.logs().await);
            now = self.engine.changed(&self.id, &now, Duration::from_secs(5)).await.unwrap().unwrap();
        }
    }

    async fn logs(&self) -> String {
        text(self.engine.logs(&self.id, &LogOptions::default()).await.unwrap()).await
    }

    /// What a shell line prints inside, without the white space around it.
    async fn shell(&self, line: &str) -> String {
        let command = ["sh", "-c", line].map(str::to_owned).to_vec();
        let session = self.engine.exec(&self.id, &ExecRequest { command, ..ExecRequest::default() }).await.unwrap();
        text(session.output).await.trim().to_owned()
    }

    async fn stop(&self) -> Option<i64> {
        self.engine.stop(&self.id, None).await.unwrap();
        self.engine.container(&self.id).await.unwrap().unwrap().exit_code
    }

    async fn remove(self) {
        self.engine.remove(&self.id, AnonymousVolumes::Remove).await.unwrap();
    }
}

async fn text(mut stream: futures_util::stream::BoxStream<'static, devup::driver::error::Result<Chunk>>) -> String {
    let mut text = String::new();
    while let Some(Ok(Chunk::Out(piece) | Chunk::Err(piece))) = stream.next().await {
        text.push_str(&String::from_utf8_lossy(&piece));
    }
    text
}

fn service(variables: &[(&str, &str)], command: &[&str]) -> Service {
    let words: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
    Service {
        environment: variables.iter().map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned()))).collect(),
        command: Some(words).filter(|words| !words.is_empty()),
        ..Service::default()
    }
}

fn file(target: &str, content: &[u8], mode: u32) -> InjectedFile {
    InjectedFile { target: target.to_owned(), content: content.to_vec(), uid: 0, gid: 0, mode }
}

/// Runs a test on Docker, where there is one.
fn on_docker(test: impl AsyncFnOnce(&Moby)) {
    let Some(found) = engine(Kind::Docker) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let address = EngineAddress::Unix(found.socket.clone());
        test(&moby::connect(&address).await.unwrap()).await;
    });
}

#[test]
fn what_was_built_is_not_built_again_and_trusts_the_host() {
    on_docker(async |engine| {
        let (tag, _) = image(engine, "python-3.11").await;
        assert_eq!(image(engine, "python-3.11").await, (tag.clone(), 0));
        let subject = Subject::start(engine, &tag, "python", service(&[], &["sleep", "600"]), &[]).await;
        assert!(subject.shell("python --version; which pip").await.contains("/opt/venv/bin/pip"));
        let own = Facts::of_this_machine().authorities;
        assert_eq!(subject.shell("ls /usr/local/share/ca-certificates | wc -l").await, own.files().count().to_string());
        for (_, pem) in own.files() {
            let line = pem.lines().nth(1).unwrap();
            assert_ne!(subject.shell(&format!("grep -c -F '{line}' /etc/ssl/certs/ca-certificates.crt")).await, "0");
        }
        subject.remove().await;
        let found = engine.image(&tag).await.unwrap().unwrap();
        assert!(
            found.environment.iter().any(|variable| variable == "VIRTUAL_ENV=/opt/venv"),
            "{:?}",
            found.environment
        );
    });
}

#[test]
fn postgres_keeps_the_official_contract() {
    on_docker(async |engine| {
        let (tag, _) = image(engine, "postgres-15").await;
        let variables = [
            ("POSTGRES_USER", "shop"),
            ("POSTGRES_DB", "orders"),
            ("POSTGRES_PASSWORD_FILE", "/run/pw"),
            ("POSTGRES_INITDB_ARGS", "--data-checksums --encoding \"UTF8\""),
        ];
        // SELECT 3 rows from three kinds of init file; the last was made by gzip
        let zipped = {
            use std::io::Write as _;
            let mut child = std::process::Command::new("gzip")
                .stdin(std::process::Stdio::piped())
                .stdout(std::process::Stdio::piped())
                .spawn()
                .unwrap();
            child.stdin.take().unwrap().write_all(b"INSERT INTO a VALUES (2);").unwrap();
            child.wait_with_output().unwrap().stdout
        };
        let script = b"#!/bin/sh\npsql -U \"$POSTGRES_USER\" -d \"$POSTGRES_DB\" -c 'INSERT INTO a VALUES (3)'\n";
        let files = [
            // for root alone: the entrypoint reads it before it gives root's rights up
            file("/run/pw", b"hush\n", 0o600),
            file("/docker-entrypoint-initdb.d/1.sql", b"CREATE TABLE a(x int); INSERT INTO a VALUES (1);", 0o644),
            file("/docker-entrypoint-initdb.d/2.sql.gz", &zipped, 0o644),
            file("/docker-entrypoint-initdb.d/3.sh", script, 0o755),
        ];
        let subject =
            Subject::start(engine, &tag, "postgres", service(&variables, &["-c", "max_connections=33"]), &files).await;
        subject.healthy().await;
        let sql = async |query: &str| subject.shell(&format!("psql -U shop -d orders -At -c '{query}'")).await;
        assert_eq!(sql("SELECT array_agg(x ORDER BY x) FROM a").await, "{1,2,3}");
        assert_eq!(
            (sql("SHOW data_checksums").await, sql("SHOW max_connections").await),
            ("on".to_owned(), "33".to_owned())
        );
        let tcp = async |password: &str| {
            subject
                .shell(&format!(
                    "PGPASSWORD={password} psql -h $(hostname -i) -U shop -d orders -At -c 'SELECT 42' 2>&1"
                ))
                .await
        };
        assert_eq!(tcp("hush").await, "42");
        assert!(tcp("wrong").await.contains("authentication failed"));
        assert_eq!(subject.shell("stat -c %U%a /var/lib/postgresql/data").await, "postgres700");
        assert_eq!(subject.stop().await, Some(0), "a clean end: {}", subject.logs().await);
        engine.start(&subject.id).await.unwrap();
        subject.healthy().await;
        assert_eq!(sql("SELECT count(*) FROM a").await, "3");
        subject.remove().await;
    });
}

#[test]
fn postgres_refuses_to_be_open_and_recovers_from_a_broken_set_up() {
    on_docker(async |engine| {
        let (tag, _) = image(engine, "postgres-15").await;
        let open = Subject::start(engine, &tag, "open", service(&[], &[]), &[]).await;
        assert_eq!(engine.wait(&open.id).await.unwrap(), 1);
        assert!(open.logs().await.contains("POSTGRES_PASSWORD"));
        open.remove().await;

        let broken = [file("/docker-entrypoint-initdb.d/1.sql", b"CREATE TABLE a(x int); SELECT oops;", 0o644)];
        let variables = [("POSTGRES_PASSWORD", "x")];
        let subject = Subject::start(engine, &tag, "broken", service(&variables, &[]), &broken).await;
        assert_ne!(engine.wait(&subject.id).await.unwrap(), 0);
        let mended = [file("/docker-entrypoint-initdb.d/1.sql", b"CREATE TABLE a(x int);", 0o644)];
        engine.inject(&subject.id, &mended).await.unwrap();
        engine.start(&subject.id).await.unwrap();
        subject.healthy().await;
        assert_eq!(subject.shell("psql -U postgres -At -c 'SELECT count(*) FROM a'").await, "0");
        subject.remove().await;
    });
}

#[test]
fn redis_and_nginx_keep_the_official_contracts() {
    on_docker(async |engine| {
        let (tag, _) = image(engine, "redis-7").await;
        let subject = Subject::start(engine, &tag, "redis", service(&[], &["--appendonly", "yes"]), &[]).await;
        subject.healthy().await;
        assert_eq!(subject.shell("redis-cli -h $(hostname -i) set a 1").await, "OK", "others may talk to it");
        assert_eq!(subject.shell("stat -c %U /data/appendonlydir; stat -c %U /proc/1").await, "redis\nredis");
        assert_eq!(subject.stop().await, Some(0));
        subject.remove().await;

        let (tag, _) = image(engine, "nginx-1.22").await;
        let template = b"server { listen 80; location / { return 200 \"$GREETING $host\"; } }";
        let files = [file("/etc/nginx/templates/default.conf.template", template, 0o644)];
        let subject = Subject::start(engine, &tag, "nginx", service(&[("GREETING", "hello")], &[]), &files).await;
        subject.healthy().await;
        assert_eq!(subject.shell("curl -s http://127.0.0.1/").await, "hello 127.0.0.1");
        assert!(subject.logs().await.contains("\"GET / HTTP/1.1\" 200"), "requests are logged to standard output");
        assert_eq!(subject.stop().await, Some(0));
        subject.remove().await;
    });
}

/// Python in an image that knows nothing of this machine: neither its authorities nor where they are.
const STRANGER: &str = "\
FROM BASE AS full
RUN rm -f /usr/local/share/ca-certificates/*.crt && update-ca-certificates --fresh >/dev/null
FROM scratch
COPY --from=full / /
ENV PATH=/opt/venv/bin:/usr/bin:/bin
RUN pip install --no-cache-dir --no-deps iniconfig==2.0.0
CMD [\"python\", \"-c\", \"import iniconfig; print(iniconfig.__name__)\"]
";

#[test]
fn a_dockerfile_of_a_user_installs_packages_where_this_machine_can() {
    let Some(docker) = engine(Kind::Docker) else { return };
    let mut base = String::new();
    on_docker(async |engine| base = image(engine, "python-3.11").await.0);
    let project = Project::new(&docker, "pip", "services: {web: {build: .}}\n");
    let dockerfile = STRANGER.replace("BASE", &base);
    if !Facts::of_this_machine().authorities.is_empty() {
        // the control: without the host's authorities its index is not believed
        project.write("Dockerfile", &format!("# devup: no-authorities\n{dockerfile}"));
        project.devup(&["build"]).expect(1).says("CERTIFICATE_VERIFY_FAILED");
    }
    project.write("Dockerfile", &dockerfile);
    project.devup(&["build"]).expect(0);
    assert_eq!(project.devup(&["run", "--rm", "-T", "web"]).expect(0).out, "iniconfig\n");
    project.devup(&["down", "--rmi", "local"]).expect(0);
}
