//! Which commits a remote has, proven in this run: the remotes are asked what they have, and where they have something
//! newer than this clone, its commits (without files) are fetched into the view, to see what they stand on.

use std::collections::BTreeSet;
use std::time::Duration;

use super::error::WorkError;
use super::objects::{self, kinds};
use super::remote::{Answer, Asking, Listing, ask, name};
use super::repository::{Ref, Repository};
use super::view::View;

/// Time for fetching commits.
const PATIENCE: Duration = Duration::from_mins(5);

/// What is proven.
#[derive(Debug)]
pub(super) struct Proof {
    /// The remotes' answers.
    pub(super) answers: Vec<Answer>,
    /// Objects that a remote has, and everything that they reach with them. All of them are in the view.
    pub(super) confirmed: BTreeSet<String>,
}

impl Proof {
    /// Asks the remotes about these commits.
    pub(super) fn of(
        repository: &Repository,
        view: &View,
        tips: &BTreeSet<String>,
        asking: &Asking,
    ) -> Result<Self, WorkError> {
        let answers = ask(repository, view, asking)?;
        let mut proof = Self { answers, confirmed: BTreeSet::new() };
        let (here, elsewhere) = proof.known(view)?;
        proof.confirmed = here;
        if !elsewhere || !objects::any(view, tips, &proof.confirmed)? {
            return Ok(proof);
        }
        view.own_refs(tips)?;
        for position in 0..proof.answers.len() {
            proof.fetch(view, position);
        }
        proof.confirmed = proof.known(view)?.0;
        Ok(proof)
    }

    /// Those of the listed objects that are here, and whether there are others.
    fn known(&self, view: &View) -> Result<(BTreeSet<String>, bool), WorkError> {
        let listed: BTreeSet<String> = self.listings().flat_map(Listing::objects).cloned().collect();
        let here: BTreeSet<String> =
            kinds(view, &listed)?.into_iter().filter(|(_, (_, kind))| kind.walks()).map(|(name, _)| name).collect();
        let elsewhere = listed.len() > here.len();
        Ok((here, elsewhere))
    }

    /// Fetches what a remote has more than we. Where that fails its answer is worth what is here already.
    fn fetch(&self, view: &View, position: usize) {
        if self.answers[position].has.is_err() {
            return;
        }
        let remote = name(position);
        let spec = |kind: &str| format!("+refs/{kind}/*:refs/asked/{position}/{kind}/*");
        let (heads, tags) = (spec("heads"), spec("tags"));
        let git = view.objects().within(PATIENCE);
        let fixed = [
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-auto-maintenance",
            "--",
            remote.as_str(),
            heads.as_str(),
            tags.as_str(),
        ];
        // most servers can leave files out; one that can't sends them
        let lean = [&["fetch", "--filter=tree:0"][..], &fixed[..]].concat();
        if git.read(&lean).is_err() {
            let _ = git.read(&[&["fetch"][..], &fixed[..]].concat());
        }
    }

    /// The answers of those that gave one.
    pub(super) fn listings(&self) -> impl Iterator<Item = &Listing> {
        self.answers.iter().filter_map(|answer| answer.has.as_ref().ok())
    }

    /// Remotes that gave no answer.
    pub(super) fn silent(&self) -> impl Iterator<Item = (&Answer, &String)> {
        self.answers.iter().filter_map(|answer| Some((answer, answer.has.as_ref().err()?)))
    }

    /// A remote has this ref, with this very object.
    pub(super) fn has(&self, one: &Ref) -> bool {
        self.listings().any(|listing| listing.refs.get(&one.name) == Some(&one.oid))
    }

    /// What the silent remotes once said they had.
    pub(super) fn once(&self, refs: &[Ref]) -> BTreeSet<String> {
        let prefixes: Vec<String> = self.silent().map(|(answer, _)| format!("refs/remotes/{}/", answer.name)).collect();
        let of_silent = |one: &&Ref| prefixes.iter().any(|prefix| one.name.starts_with(prefix));
        refs.iter().filter(of_silent).filter(|one| one.walks()).map(|one| one.oid.clone()).collect()
    }
}
