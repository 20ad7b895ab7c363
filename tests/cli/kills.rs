//! Backups, restores and prunes that are killed at random moments: the repository stays whole, what is called complete is
//! complete, and nothing that lives is touched. `DEVUP_BACKUP_KILLS` says how many (`make soak` has 200), `DEVUP_SEED` repeats one.

use std::collections::BTreeMap;
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::backup::restic;
use crate::environment::{Ran, TestEnvironment};

/// In the default tests.
const KILLS: u64 = 20;

/// Numbers that can be had again (splitmix64).
struct Chance(u64);

impl Chance {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count / 8).flat_map(|_| self.roll().to_le_bytes()).collect()
    }
}

/// A project whose backups are killed.
struct Victim {
    env: TestEnvironment,
    chance: Chance,
    /// What the folder held for each snapshot that was ever listed.
    known: BTreeMap<String, Vec<u8>>,
    /// How long each kind of run takes when nobody kills it.
    lasts: BTreeMap<&'static str, Duration>,
    /// Runs that a kill ended.
    kills: u64,
}

impl Victim {
    fn new(seed: u64) -> Self {
        let env = TestEnvironment::new();
        env.file("devup.yaml", "devup: 1\nname: shop\nservices: {web: {image: x}}\n");
        env.file("../key", "seal\n").file("notes/always", "here");
        let victim = Self { env, chance: Chance(seed), known: BTreeMap::new(), lasts: BTreeMap::new(), kills: 0 };
        victim.done(&["backup", "init", "../repo", "--sheet", "../sheet.txt"]);
        victim
    }

    fn run(&self, words: &[&str]) -> Ran {
        self.env.run(&[words, &["--passphrase-file", "../key"]].concat())
    }

    fn done(&self, words: &[&str]) -> String {
        let ran = self.run(words);
        assert_eq!(ran.code, Some(0), "{words:?}: {}", ran.screen());
        ran.stdout
    }

    /// Runs it, and kills it at a moment of the time that it takes; the first run of a kind is left alone.
    /// Whether it ended well: whoever is not killed does.
    fn disturb(&mut self, kind: &'static str, words: &[&str]) -> bool {
        let begun = Instant::now();
        let words = [words, &["--passphrase-file", "../key"]].concat();
        let mut child = self.env.command(&words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let part = u32::try_from(self.chance.roll() % 1000).unwrap();
        let moment = self.lasts.get(kind).map(|lasts| *lasts * part / 1000);
        let mut killed = false;
        while child.try_wait().unwrap().is_none() {
            if moment.is_some_and(|moment| begun.elapsed() >= moment) {
                child.kill().unwrap();
                killed = true;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        let ended = child.wait().unwrap().success();
        assert!(ended || killed, "{words:?} failed by itself");
        self.kills += u64::from(!ended);
        self.lasts.entry(kind).or_insert_with(|| begun.elapsed());
        ended
    }

    /// What the folder held, and whether the backup ended well.
    fn back_up(&mut self) -> (Vec<u8>, bool) {
        let count = 200_000 + usize::try_from(self.chance.roll() % 2_000_000).unwrap();
        let content = self.chance.bytes(count);
        fs::write(self.env.project().join("notes/turn"), &content).unwrap();
        let ended = self.disturb("backup", &["backup", "--folder", "notes"]);
        (content, ended)
    }

    fn restore(&mut self, turn: u64) {
        let into = format!("back-{turn}");
        self.disturb("restore", &["restore", "shop", "--into", &into]);
        if self.env.project().join(&into).exists() {
            self.holds(&into, None);
            fs::remove_dir_all(self.env.project().join(&into)).unwrap();
        }
    }

    fn forget(&mut self) {
        self.disturb("forget", &["--yes", "backup", "forget", "--keep-last", "4"]);
        self.disturb("prune", &["backup", "prune"]);
    }

    /// A restored folder holds what the folder held at some backup, or at this one.
    fn holds(&self, into: &str, content: Option<&Vec<u8>>) {
        let folders = self.env.project().join(into).join("folders");
        let folder = fs::read_dir(folders).unwrap().next().unwrap().unwrap().path();
        assert_eq!(fs::read(folder.join("always")).unwrap(), b"here");
        let turn = fs::read(folder.join("turn")).unwrap();
        assert!(content.map_or_else(|| self.known.values().any(|one| *one == turn), |content| *content == turn));
    }

    /// Whatever is listed is complete and can be restored; what is new holds what was just backed up.
    fn look(&mut self, content: Option<&Vec<u8>>) {
        let listed: Value = serde_json::from_str(&self.done(&["backup", "list", "--json"])).unwrap();
        for snapshot in listed.as_array().unwrap() {
            assert_eq!(snapshot["complete"], true, "{snapshot}");
            let id = snapshot["id"].as_str().unwrap();
            if !self.known.contains_key(id) {
                let content = content.expect("a snapshot comes from a backup");
                self.done(&["restore", "--snapshot", id, "--into", "new"]);
                self.holds("new", Some(content));
                fs::remove_dir_all(self.env.project().join("new")).unwrap();
                self.known.insert(id.to_owned(), content.clone());
            }
        }
    }
}

#[test]
fn killed_at_random_moments_nothing_is_lost() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("DEVUP_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    eprintln!("DEVUP_SEED={seed}");
    let mut victim = Victim::new(seed);
    let wanted = number("DEVUP_BACKUP_KILLS").unwrap_or(KILLS);
    let mut turn = 0;
    // one of each kind is left alone, and tells how long it takes; others end before their moment comes
    while victim.kills < wanted {
        assert!(turn < 20 + 4 * wanted, "only {} kills in {turn} turns", victim.kills);
        let content = match turn % 5 {
            0 | 2 | 3 => Some(victim.back_up()),
            1 => {
                victim.restore(turn);
                None
            }
            _ => {
                victim.forget();
                None
            }
        };
        victim.look(content.as_ref().map(|(content, _)| content));
        if let Some((content, true)) = &content {
            assert!(victim.known.values().any(|known| known == content), "a backup that ended well is there");
        }
        assert_eq!(fs::read(victim.env.project().join("notes/always")).unwrap(), b"here");
        turn += 1;
    }
    assert!(victim.done(&["backup", "check", "--read-data"]).contains("is whole"));
    victim.done(&["restore", "shop", "--into", "last"]);
    victim.holds("last", None);
    let sheet = fs::read_to_string(victim.env.project().join("../sheet.txt")).unwrap();
    let words = sheet.lines().find_map(|line| line.trim().strip_prefix("passphrase")).unwrap().trim().to_owned();
    let judged = restic(&victim.env, &words, &["check", "--read-data"]);
    let restic = if judged.is_some() { "no errors by restic check --read-data" } else { "restic is not here" };
    eprintln!("{} kills in {turn} turns; {} snapshots ever; {restic}", victim.kills, victim.known.len());
}
