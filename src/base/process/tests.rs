//! Real programs, run and stopped.

use super::*;

fn shell(script: &str) -> Call {
    Call::new("sh").args(["-c", script]).deadline(Duration::from_mins(1))
}

#[tokio::test]
async fn output_status_input_environment_and_folder() {
    let folder = tempfile::tempdir().unwrap();
    let ended = shell("cat; echo $COLOUR; pwd; echo bad >&2; exit 3")
        .stdin("given ")
        .env("COLOUR", "green")
        .dir(folder.path())
        .run()
        .await
        .unwrap();
    assert_eq!(ended.status.code(), Some(3));
    assert_eq!(ended.text(), format!("given green\n{}", folder.path().canonicalize().unwrap().display()));
    let text = ended.checked().unwrap_err().to_string();
    assert!(text.contains("exit status: 3") && text.ends_with("bad"), "{text}");
}

#[tokio::test]
async fn a_missing_program_is_told_from_a_missing_folder() {
    let missing = Call::new("no-such-program-here").run().await.unwrap_err();
    assert!(matches!(missing, ProcessError::NotFound { .. }), "{missing}");
    let nowhere = Call::new("sh").dir("/no/such/folder").run().await.unwrap_err();
    assert!(matches!(nowhere, ProcessError::Start { .. }), "{nowhere}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_deadline_ends_grandchildren_too() {
    let call = shell("sleep 1000 & echo $! >&2; wait").deadline(Duration::from_millis(300));
    let ProcessError::Deadline { stderr, .. } = call.run().await.unwrap_err() else { panic!("a deadline") };
    let pid = stderr.trim().to_owned();
    let gone = || {
        // a killed orphan may stay a zombie for as long as nobody reaps it
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let over = stat.is_empty() || stat.contains(") Z ");
        async move { over.then_some(()) }
    };
    crate::base::retry::until(Duration::from_secs(20), gone).await.unwrap();
}

#[tokio::test]
async fn a_daemon_that_keeps_the_pipe_does_not_hold_us() {
    let ended = shell("sleep 30 & echo started $!").run().await.unwrap();
    let pid = ended.text().rsplit(' ').next().unwrap().to_owned();
    assert!(ended.text().starts_with("started"));
    Call::new("kill").arg(&pid).run().await.unwrap().checked().unwrap();
}

#[tokio::test]
async fn output_is_bounded_and_a_full_pipe_does_not_block() {
    let script = "head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2";
    let mut seen = 0;
    let ended = shell(script).keep(1000).watch(|_, piece| seen += piece.len()).await.unwrap();
    assert_eq!((ended.stdout.len(), ended.stderr.len(), seen), (1000, 1000, 600_000));
}

#[test]
fn it_is_shown_as_one_would_type_it_and_hides_environment_and_input() {
    let call = Call::new("git").args(["commit", "-m", "two words"]).env("TOKEN", "hush").stdin("hush");
    assert_eq!(call.to_string(), "git commit -m 'two words'");
    assert!(!format!("{call:?}").contains("hush"));
}

#[test]
fn it_runs_without_a_runtime() {
    assert_eq!(shell("echo hi").run_blocking().unwrap().text(), "hi");
}
