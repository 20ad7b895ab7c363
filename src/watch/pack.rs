//! What changed as an archive to unpack inside, and what has gone.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tar::{Builder, EntryType, Header};

use super::rule::Rule;

/// Copies for the containers of one service.
#[derive(Debug)]
pub struct Pack {
    /// An archive of what is there, to unpack at the root inside; `None`: nothing is.
    pub archive: Option<File>,
    /// What the archive holds that is no folder, by its place inside.
    pub files: Vec<String>,
    /// Places inside of what is there no more.
    pub gone: Vec<String>,
}

impl Pack {
    /// Looks at what the host has at these paths now: later changes come with later events.
    pub fn of(rules: &[Rule], service: &str, copies: &BTreeMap<String, PathBuf>) -> io::Result<Self> {
        let mut archive = Builder::new(tempfile::tempfile()?);
        archive.follow_symlinks(false);
        let mut pack = Self { archive: None, files: Vec::new(), gone: Vec::new() };
        let mut held = 0;
        for (inside, path) in copies {
            match fs::symlink_metadata(path) {
                Ok(metadata) => {
                    let went = append(&mut archive, path, inside, &metadata)?;
                    held += usize::from(went);
                    if went && !metadata.is_dir() {
                        pack.files.push(inside.clone());
                    }
                }
                Err(error) if is_gone(&error) => pack.gone.push(inside.clone()),
                Err(error) => return Err(on(path, &error)),
            }
        }
        // a whole target is not removed because its folder here was: that is more likely a mistake than a wish
        let own = |rule: &&Rule| rule.service == service;
        let is_target = |inside: &String| rules.iter().filter(own).any(|rule| rule.is_target(inside));
        pack.gone.retain(|inside| !is_target(inside));
        if held > 0 {
            let mut file = archive.into_inner()?;
            file.flush()?;
            file.seek(SeekFrom::Start(0))?;
            pack.archive = Some(file);
        }
        Ok(pack)
    }
}

/// Whether it went in: sockets, pipes and devices have no content, and what has gone meanwhile is told by a later event.
fn append(archive: &mut Builder<File>, path: &Path, inside: &str, metadata: &Metadata) -> io::Result<bool> {
    let name = inside.trim_start_matches('/');
    let mut header = Header::new_gnu();
    header.set_metadata(metadata);
    header.set_uid(0);
    header.set_gid(0);
    if metadata.is_symlink() {
        let Ok(target) = fs::read_link(path) else { return Ok(false) };
        header.set_size(0);
        header.set_entry_type(EntryType::Symlink);
        archive.append_link(&mut header, name, target)?;
        return Ok(true);
    }
    if metadata.is_dir() {
        if !name.is_empty() {
            header.set_size(0);
            archive.append_data(&mut header, format!("{name}/"), io::empty())?;
        }
        return Ok(!name.is_empty());
    }
    if !metadata.is_file() {
        return Ok(false);
    }
    let mut content = Vec::new();
    match File::open(path).and_then(|mut file| file.read_to_end(&mut content)) {
        Ok(_) => {}
        Err(error) if is_gone(&error) => return Ok(false),
        Err(error) => return Err(on(path, &error)),
    }
    // the size as read: a file that grows meanwhile would spoil all that follows it
    header.set_size(content.len() as u64);
    archive.append_data(&mut header, name, content.as_slice())?;
    Ok(true)
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn on(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot copy {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::watch::rule::tests::one;

    #[test]
    fn what_is_there_is_packed_and_what_is_not_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir(root.join("sub")).unwrap();
        fs::write(root.join("sub/a"), "text").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", root.join("link")).unwrap();
        let rule = one(&json!({"path": root, "action": "sync", "target": "/app"}));
        let paths = ["sub", "sub/a", "link", "gone", "sub/a/below"].map(|name| root.join(name));
        let copies: BTreeMap<String, PathBuf> =
            paths.into_iter().map(|path| (rule.inside(&path).unwrap(), path)).collect();
        let pack = Pack::of(&[rule], "web", &copies).unwrap();
        assert_eq!(pack.gone, ["/app/gone", "/app/sub/a/below"]);
        assert_eq!(pack.files, ["/app/link", "/app/sub/a"]);
        let mut archive = tar::Archive::new(pack.archive.unwrap());
        let mut seen = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            let link = entry.link_name().unwrap().map(|link| link.display().to_string()).unwrap_or_default();
            seen.push(format!("{} {text}{link}", entry.path().unwrap().display()));
        }
        assert_eq!(seen, ["app/link /etc/passwd", "app/sub/ ", "app/sub/a text"]);
    }

    #[test]
    fn a_target_is_not_removed_with_its_folder() {
        let rule = one(&json!({"path": "/no/such/folder", "action": "sync", "target": "/app/"}));
        let copies = BTreeMap::from([(rule.inside(&rule.path).unwrap(), rule.path.clone())]);
        let pack = Pack::of(&[rule], "web", &copies).unwrap();
        assert!(pack.gone.is_empty() && pack.archive.is_none());
    }
}
