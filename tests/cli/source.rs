//! `devup SOURCE [DIR]`: what is cloned and where, and what is never handed to git. There is no engine here, so that
//! each good source ends with exit code 3, in the folder that was cloned.

use std::path::Path;
use std::process::Command;

use crate::environment::{Ran, TestEnvironment};

/// git with nothing of this machine's configuration.
pub fn git(env: &TestEnvironment, folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main"])
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", env.home())
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A repository with a spec, outside of the folder that devup runs in.
fn repository() -> TestEnvironment {
    let env = TestEnvironment::new();
    env.file("../repo/devup.yaml", "devup: 1\nservices: {web: {image: x}}\n");
    let folder = env.project().join("../repo");
    for arguments in [&["init", "-q"][..], &["add", "-A"], &["commit", "-qm", "first"], &["tag", "v1"]] {
        git(&env, &folder, arguments);
    }
    env.file("../repo/later", "x");
    git(&env, &folder, &["add", "-A"]);
    git(&env, &folder, &["commit", "-qm", "second"]);
    env
}

/// Cloned, gone on to `up` there, and ended where the engine is wanted.
fn cloned(env: &TestEnvironment, arguments: &[&str], into: &str) -> Ran {
    let ran = env.run(arguments);
    assert_eq!(ran.code, Some(3), "{arguments:?}: {}", ran.screen());
    assert!(env.project().join(into).join("devup.yaml").is_file(), "{arguments:?}: {}", ran.screen());
    ran
}

#[test]
fn a_folder_and_its_url_are_cloned() {
    let env = repository();
    let ran = cloned(&env, &["../repo"], "repo");
    assert!(ran.stderr.starts_with("Cloned into [ROOT]/project/repo\n"), "{}", ran.stderr);
    let ran = cloned(&env, &["../repo"], "repo");
    assert!(ran.stderr.starts_with("[ROOT]/project/repo is a clone of it already; going on there\n"), "{}", ran.stderr);
    let url = format!("file://{}", env.project().parent().unwrap().join("repo").display());
    cloned(&env, &[&url, "by-url"], "by-url");
    assert!(env.project().join("by-url/later").exists());
    cloned(&env, &["../repo", "--branch", "v1", "old"], "old");
    assert!(!env.project().join("old/later").exists());
    cloned(&env, &["../repo", "--depth", "1", "shallow"], "shallow");
    assert_eq!(git(&env, &env.project().join("shallow"), &["rev-list", "--count", "HEAD"]), "1");
}

#[test]
fn shared_options_may_stand_before_and_behind() {
    let env = repository();
    let ran = env.run(&["--json", "../repo", "one"]);
    assert!(ran.stderr.lines().last().is_some_and(|line| line.starts_with("{\"error\":")), "{}", ran.screen());
    let ran = env.run(&["../repo", "two", "--json"]);
    assert!(ran.stderr.lines().last().is_some_and(|line| line.starts_with("{\"error\":")), "{}", ran.screen());
}

#[test]
fn what_stands_in_the_way_stays() {
    let env = repository();
    env.file("repo/mine", "kept");
    insta::assert_snapshot!(env.run(&["../repo"]).screen(), @"
    exit: 1
    --- stdout
    --- stderr
    error: cannot clone into [ROOT]/project/repo: the folder is not empty, and it is no clone
      help: give another folder: devup SOURCE DIR
    ");
    assert_eq!(std::fs::read_to_string(env.project().join("repo/mine")).unwrap(), "kept");
    assert_eq!(std::fs::read_dir(env.project()).unwrap().count(), 1, "nothing beside it");
}

#[test]
fn a_source_that_is_not_there_is_said_with_gits_words() {
    let env = TestEnvironment::new();
    insta::assert_snapshot!(env.run(&["./nowhere"]).screen(), @"
    exit: 1
    --- stdout
    --- stderr
    error: git could not clone [ROOT]/project/./nowhere:
    fatal: repository '[ROOT]/project/./nowhere' does not exist
      help: check the address, and that `git ls-remote SOURCE` works for you
    ");
    assert_eq!(std::fs::read_dir(env.project()).unwrap().count(), 0, "nothing is left of it");
}

/// Each would run a program, if it got to git or ssh; none leaves a trace.
#[test]
fn hostile_sources_run_nothing() {
    let env = repository();
    let owned = env.project().join("owned");
    let touch = format!("touch {}", owned.display());
    let sources = [
        vec![format!("--upload-pack={touch}"), "../repo".to_owned()],
        vec![format!("-u{touch}"), "../repo".to_owned()],
        vec!["--".to_owned(), format!("--upload-pack={touch}"), "../repo".to_owned()],
        vec!["../repo".to_owned(), format!("--upload-pack={touch}")],
        vec![format!("ext::sh -c {}", touch.replace(' ', "% "))],
        vec![format!("EXT::sh -c {}", touch.replace(' ', "% "))],
        vec!["fd::3/x".to_owned()],
        vec![format!("ssh://-oProxyCommand={}/x", touch.replace(' ', "%20"))],
        vec![format!("-oProxyCommand={touch}:x")],
        vec!["./repo\n--upload-pack=x".to_owned()],
        vec!["javascript://x/y".to_owned()],
        vec!["file://elsewhere/repo".to_owned()],
    ];
    for words in sources {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let ran = env.run(&words);
        assert_eq!(ran.code, Some(2), "{words:?}: {}", ran.screen());
        assert!(ran.stderr.starts_with("error: "), "{words:?}: {}", ran.stderr);
        let left: Vec<_> = std::fs::read_dir(env.project()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(!owned.exists() && left.is_empty(), "{words:?}: {left:?}");
    }
}

/// Behind `--` it is a folder's name, and git gets it as such.
#[test]
fn a_folder_may_be_called_as_an_option() {
    let env = repository();
    cloned(&env, &["../repo", "--", "--upload-pack=x"], "--upload-pack=x");
}

#[test]
fn the_refusal_of_a_helper_says_what_to_use() {
    let env = TestEnvironment::new();
    insta::assert_snapshot!(env.run(&["ext::sh -c id"]).screen(), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: "ext::sh -c id" asks for a transport helper, which may run any program; use an https, ssh, git or file address
      help: devup SOURCE [DIR], e.g. devup https://git.example/shop.git
    "#);
    insta::assert_snapshot!(env.run(&["--", "--upload-pack=./x"]).screen(), @"
    exit: 2
    --- stdout
    --- stderr
    error: unexpected argument '--upload-pack' found

      tip: to pass '--upload-pack' as a value, use '-- --upload-pack'

    Usage: devup [OPTIONS] SOURCE [DIR]

    For more information, try '--help'.
    ");
}

/// A submodule is the repository's choice, not the user's.
#[test]
fn a_hostile_submodule_runs_nothing() {
    let env = repository();
    let folder = env.project().join("../repo");
    let owned = env.project().join("owned");
    let url = format!("ext::sh -c touch% {}", owned.display());
    env.file("../repo/.gitmodules", &format!("[submodule \"sub\"]\n\tpath = sub\n\turl = {url}\n"));
    let head = git(&env, &folder, &["rev-parse", "HEAD"]);
    git(&env, &folder, &["update-index", "--add", "--cacheinfo", &format!("160000,{head},sub")]);
    git(&env, &folder, &["add", ".gitmodules"]);
    git(&env, &folder, &["commit", "-qm", "hostile"]);
    let ran = env.run(&["../repo"]);
    assert_eq!(ran.code, Some(1), "{}", ran.screen());
    assert!(ran.stderr.contains("transport 'ext' not allowed"), "{}", ran.stderr);
    assert!(!owned.exists() && !env.project().join("repo").exists());
}

#[test]
fn a_password_in_an_address_is_not_shown() {
    let env = TestEnvironment::new();
    let ran = env.run(&["http://user:s3ntinel@127.0.0.1:9/shop.git"]);
    assert_eq!(ran.code, Some(1), "{}", ran.screen());
    assert!(ran.stderr.contains("127.0.0.1") && !ran.stderr.contains("s3ntinel"), "{}", ran.stderr);
}

#[test]
fn misspelt_words_get_proposals() {
    let env = TestEnvironment::new();
    env.file("devup.yaml", "devup: 1\nservices: {web: {image: x}}\ntasks: {seed: {service: web, run: x}}\n");
    for (words, proposal) in [
        (&["donw"][..], "did you mean `devup down`"),
        (&["lgos", "-f"], "did you mean `devup logs`"),
        (&["satus"], "`devup status`"),
        (&["config", "wbe"], "did you mean `web`?"),
        (&["config", "--hash", "wbe"], "did you mean `web`?"),
        (&["init", "--template", "djnago", "x"], "django"),
        (&["plan", "--dryrun"], "--dry-run"),
        (&["secret", "lst"], "list"),
    ] {
        let ran = env.run(words);
        assert!(matches!(ran.code, Some(1 | 2)), "{words:?}: {}", ran.screen());
        assert!(ran.stderr.contains(proposal), "{words:?}: {}", ran.screen());
    }
    let ran = env.run(&["xyzzy"]);
    assert!(ran.stderr.contains("`devup --help` lists the commands"), "{}", ran.stderr);
}
