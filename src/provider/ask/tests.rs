//! Programs that answer as providers do, and as they should not.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::*;
use crate::base::process::Call;

/// A project whose PATH holds one provider, `cloud`, a script of this body.
struct Stage {
    folder: tempfile::TempDir,
    search: Search,
}

impl Stage {
    async fn with(body: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        std::fs::write(folder.path().join("body"), format!("#!/bin/sh\n{body}\n")).unwrap();
        // copied by another process: nobody here has the file open for writing when it is run
        let copy = "cp body bin/cloud && chmod +x bin/cloud";
        let copied = Call::new("sh").args(["-c", copy]).dir(folder.path()).run().await.unwrap();
        copied.checked().unwrap();
        let search = Search::of(folder.path(), |name| (name == "PATH").then(|| bin.display().to_string()));
        Self { folder, search }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn ask(&self, verb: Verb) -> (Result<IndexMap<String, String>, String>, Vec<String>) {
        let asking = Asking { project: "shop", folder: self.folder.path(), search: &self.search };
        let options = [("size".to_owned(), vec!["2".to_owned()]), ("zone".to_owned(), vec!["a b".to_owned()])];
        let provider = Provider { kind: "cloud".into(), options: options.into_iter().collect() };
        let heard = Mutex::new(Vec::new());
        let told = |line: &str| heard.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_owned());
        let answer = ask(&asking, verb, ("my-db", &provider), &told).await.map_err(|error| error.to_string());
        (answer, heard.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Begins the script of a provider that knows nothing of metadata.
const UNDESCRIBED: &str = r#"[ "$2" = metadata ] && exit 1"#;

#[tokio::test]
async fn a_provider_gets_its_options_and_gives_variables() {
    let stage = Stage::with(
        r#"[ "$2" = metadata ] && exit 1
printf '%s\n' "$@" > called; pwd >> called
printf '%s\n' '{"type": "info", "message": "half way\nsecond line"}'
echo '{"type": "debug", "message": "quiet"}'
echo '{"type": "setenv", "message": "URL=cloud://x?a=b"}'
echo '{"type": "rawsetenv", "message": "TOKEN=t"}'"#,
    )
    .await;
    let (answer, heard) = stage.ask(Verb::Up).await;
    let given: Vec<_> = answer.unwrap().into_iter().collect();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(given, [pair("MY-DB_URL", "cloud://x?a=b"), pair("TOKEN", "t")]);
    assert_eq!(heard, ["half way"]);
    let called = std::fs::read_to_string(stage.path("called")).unwrap();
    let folder = stage.folder.path().canonicalize().unwrap();
    let wanted = format!("compose\n--project-name=shop\nup\n--size=2\n--zone=a b\nmy-db\n{}\n", folder.display());
    assert_eq!(called, wanted);
    stage.ask(Verb::Down).await.0.unwrap();
    assert!(std::fs::read_to_string(stage.path("called")).unwrap().contains("\ndown\n"));
}

#[tokio::test]
async fn metadata_says_which_options_each_verb_takes() {
    let stage = Stage::with(
        r#"if [ "$2" = metadata ]; then
  echo '{"description": "x", "up": {"parameters": [{"name": "zone"}]}, "down": {"parameters": [{"name": "key", "required": true}]}}'
  exit
fi
printf '%s\n' "$@" > called"#,
    )
    .await;
    stage.ask(Verb::Up).await.0.unwrap();
    let called = std::fs::read_to_string(stage.path("called")).unwrap();
    assert_eq!(called, "compose\n--project-name=shop\nup\n--zone=a b\nmy-db\n");
    let error = stage.ask(Verb::Down).await.0.unwrap_err();
    assert!(error.contains("demands the option `key`"), "{error}");
}

#[tokio::test]
async fn only_who_knows_how_to_stop_is_told_to() {
    let knows = |stop: &str| {
        format!(
            r#"if [ "$2" = metadata ]; then
  echo '{{"description": "x"{stop}}}'
  exit
fi
printf '%s\n' "$@" > called"#
        )
    };
    let silent = Stage::with(&knows("")).await;
    silent.ask(Verb::Stop).await.0.unwrap();
    assert!(!silent.path("called").exists());
    let undescribed = Stage::with(&format!("{UNDESCRIBED}; touch called")).await;
    undescribed.ask(Verb::Stop).await.0.unwrap();
    assert!(!undescribed.path("called").exists());
    let speaks = Stage::with(&knows(r#", "stop": {"parameters": [{"name": "key"}]}"#)).await;
    speaks.ask(Verb::Stop).await.0.unwrap();
    let called = std::fs::read_to_string(speaks.path("called")).unwrap();
    assert!(called.starts_with("compose\n--project-name=shop\nstop\n") && called.ends_with("\nmy-db\n"), "{called}");
}

#[tokio::test]
async fn failures_are_told_in_the_providers_words_and_without_its_arguments() {
    // nobody waits for what it does after that
    let body = r#"printf '%s\n' '{"type": "error", "message": "no such zone\n"}'; exec sleep 1000"#;
    let said = Stage::with(&format!("{UNDESCRIBED}; {body}")).await;
    assert_eq!(said.ask(Verb::Up).await.0.unwrap_err(), "`cloud` says: no such zone");
    let ended = Stage::with(&format!("{UNDESCRIBED}; echo broken >&2; exit 3")).await;
    let error = ended.ask(Verb::Up).await.0.unwrap_err();
    assert_eq!(error, "`cloud compose up` failed (exit status: 3); its last lines:\nbroken");
    let other = Stage::with(&format!("{UNDESCRIBED}; echo usage: cloud; exec sleep 1000")).await;
    let error = other.ask(Verb::Up).await.0.unwrap_err();
    assert!(error.contains("no message of the protocol (not JSON)"), "{error}");
    let half = Stage::with(&format!("{UNDESCRIBED}; printf '{{\"type\":'")).await;
    let error = half.ask(Verb::Up).await.0.unwrap_err();
    assert!(error.contains("it ended within a message"), "{error}");
}

mod models {
    use super::*;
    use crate::model::provider::Model;
    use crate::provider::{ProviderError, serve};

    async fn runner(body: &str) -> Stage {
        let stage = Stage::with(body).await;
        let place = "mkdir -p .docker/cli-plugins && mv bin/cloud .docker/cli-plugins/docker-model";
        let moved = Call::new("sh").args(["-c", place]).dir(stage.folder.path()).run().await.unwrap();
        moved.checked().unwrap();
        stage
    }

    async fn serve_with(stage: &Stage, model: &Model) -> Result<String, ProviderError> {
        let asking = Asking { project: "shop", folder: stage.folder.path(), search: &stage.search };
        serve(&asking, model, &|_| {}).await
    }

    const RUNNER: &str = r#"echo "$@" >> called
case $1 in
ls) cat list 2>/dev/null || echo '[]' ;;
pull) echo "[{\"tags\": [\"$2\"]}]" > list ;;
status) echo '{"running": true, "endpoint": "http://model-runner/v1/"}' ;;
esac"#;

    #[tokio::test]
    async fn a_model_is_fetched_once_and_set_up_each_time() {
        let stage = runner(RUNNER).await;
        let model = Model {
            model: "ai/small".into(),
            context_size: Some(4096),
            runtime_flags: vec!["--a".into(), "b c".into()],
            ..Model::default()
        };
        for _ in 0..2 {
            assert_eq!(serve_with(&stage, &model).await.unwrap(), "http://model-runner/v1/");
        }
        let called = std::fs::read_to_string(stage.path("called")).unwrap();
        let configure = "configure --context-size 4096 ai/small -- --a b c";
        let (ls, status) = ("ls --json", "status --json");
        let calls: Vec<&str> = called.lines().collect();
        assert_eq!(calls, [ls, "pull ai/small", configure, status, ls, configure, status]);
    }

    #[tokio::test]
    async fn a_runner_that_is_missing_or_fails_is_named() {
        let without = Stage::with("").await;
        let error = serve_with(&without, &Model::default()).await.unwrap_err();
        assert!(error.to_string().contains("the plugin `docker-model`"), "{error}");
        let broken = runner("echo no space >&2; exit 1").await;
        let error = serve_with(&broken, &Model::default()).await.unwrap_err().to_string();
        assert_eq!(error, "`docker model ls` failed (exit status: 1); its last lines:\nno space");
    }
}
