//! `cp`: files between the host and containers, in the way of `docker cp`.
//!
//! What comes out of a container is foreign: every entry is unpacked below the destination, whatever it calls itself.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};

use futures_util::StreamExt;
use tar::{Archive, Builder, EntryType};
use tokio::io::AsyncRead;

use crate::app::error::{AppError, Result};
use crate::app::wiring::Engine;
use crate::driver::session::PathKind;
use crate::model::observed::Container;

/// One side of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Side {
    /// `SERVICE:PATH`
    Inside {
        /// The service.
        service: String,
        /// The path inside.
        path: String,
    },
    /// A path of the host.
    Here(PathBuf),
    /// A tar stream: standard input or output.
    Stream,
}

impl Side {
    /// Reads one argument. A colon after a `/`, or in a path that begins with `.` or `/`, belongs to the path.
    pub fn parse(text: &str) -> Self {
        if text == "-" {
            return Self::Stream;
        }
        match text.split_once(':') {
            Some((service, path)) if !service.is_empty() && !service.contains('/') && !service.starts_with('.') => {
                Self::Inside { service: service.to_owned(), path: path.to_owned() }
            }
            _ => Self::Here(PathBuf::from(text)),
        }
    }
}

/// How to copy.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manner {
    /// Owner and group go along.
    pub archive: bool,
    /// A link given as source stands for what it points to.
    pub follow_link: bool,
}

/// A tar stream of a path inside.
pub async fn out_to_stream(
    engine: &Engine,
    container: &Container,
    path: &str,
    write: &mut (dyn Write + Send),
) -> Result<()> {
    let mut chunks = engine.sessions.copy_out(&container.id, path).await?;
    while let Some(chunk) = chunks.next().await {
        write.write_all(&chunk?).map_err(|source| AppError::io("writing the archive", source))?;
    }
    write.flush().map_err(|source| AppError::io("writing the archive", source))
}

/// A path inside becomes one of the host.
pub async fn out(engine: &Engine, container: &Container, path: &str, to: &Path, manner: Manner) -> Result<()> {
    let mut spool = spool()?;
    out_to_stream(engine, container, path, &mut spool).await?;
    let spool = match link_of(&mut spool)? {
        Some(target) if manner.follow_link => {
            let mut followed = self::spool()?;
            out_to_stream(engine, container, &beside(path, &target), &mut followed).await?;
            followed
        }
        _ => spool,
    };
    unpack(spool, path, to, manner)
}

/// A path of the host goes inside.
pub async fn into(engine: &Engine, container: &Container, from: &Path, path: &str, manner: Manner) -> Result<()> {
    let meta = if manner.follow_link { from.metadata() } else { from.symlink_metadata() };
    let meta = meta.map_err(|source| AppError::io(format!("reading {}", from.display()), source))?;
    let kind = engine.sessions.stat(&container.id, path).await?;
    let contents_only = ends_in_dot(from);
    let own_name = from.canonicalize().ok().and_then(|real| real.file_name().map(ToOwned::to_owned));
    let own_name = from.file_name().map(ToOwned::to_owned).or(own_name).unwrap_or_default();
    let (folder, name) = match kind {
        Some(PathKind::Folder) if contents_only => (path.to_owned(), PathBuf::new()),
        Some(PathKind::Folder) => (path.to_owned(), PathBuf::from(own_name)),
        Some(PathKind::File) if meta.is_dir() => {
            return Err(AppError::failed(format!("can't copy a folder over the file {path} in {}", container.name)));
        }
        None if path.ends_with('/') && !meta.is_dir() => {
            return Err(AppError::failed(format!("there is no folder {path} in {}", container.name))
                .help(format!("make it with `devup exec {} mkdir -p {path}`", container.service())));
        }
        Some(PathKind::File) | None => split_inside(path),
    };
    let archive = pack(from, &name, manner)?;
    engine.sessions.copy_in(&container.id, &folder, Box::new(tokio::fs::File::from_std(archive))).await?;
    Ok(())
}

/// A tar stream is unpacked in a folder inside.
pub async fn stream_into(
    engine: &Engine,
    container: &Container,
    archive: Box<dyn AsyncRead + Send + Unpin>,
    path: &str,
) -> Result<()> {
    if engine.sessions.stat(&container.id, path).await? != Some(PathKind::Folder) {
        return Err(AppError::failed(format!(
            "{path} in {} is no folder: an archive has to be unpacked in one",
            container.name
        )));
    }
    Ok(engine.sessions.copy_in(&container.id, path, archive).await?)
}

fn ends_in_dot(path: &Path) -> bool {
    let text = path.to_string_lossy();
    text == "." || text.ends_with("/.")
}

/// Folder and name of a path inside.
fn split_inside(path: &str) -> (String, PathBuf) {
    let trimmed = path.trim_end_matches('/');
    match trimmed.rsplit_once('/') {
        Some(("", name)) => ("/".to_owned(), name.into()),
        Some((folder, name)) => (folder.to_owned(), name.into()),
        None => ("/".to_owned(), trimmed.into()),
    }
}

/// Where a link leads that stands at `path`.
fn beside(path: &str, target: &str) -> String {
    if target.starts_with('/') {
        return target.to_owned();
    }
    let (folder, _) = split_inside(path);
    format!("{}/{target}", folder.trim_end_matches('/'))
}

fn spool() -> Result<File> {
    tempfile::tempfile().map_err(|source| AppError::io("making a temporary file", source))
}

fn rewind(file: &mut File) -> Result<()> {
    file.seek(SeekFrom::Start(0)).map(|_| ()).map_err(|source| AppError::io("reading the archive", source))
}

/// Target of the link that is the archive's only content.
fn link_of(spool: &mut File) -> Result<Option<String>> {
    rewind(spool)?;
    let broken = |source| AppError::io("reading the archive", source);
    let mut archive = Archive::new(&mut *spool);
    let Some(first) = archive.entries().map_err(broken)?.next() else { return Ok(None) };
    let first = first.map_err(broken)?;
    if first.header().entry_type() != EntryType::Symlink {
        return Ok(None);
    }
    Ok(first.link_name().map_err(broken)?.map(|name| name.to_string_lossy().into_owned()))
}

/// Unpacks what came from `from` at `to`, as `cp` would: into a folder that exists, else under the new name.
fn unpack(mut spool: File, from: &str, to: &Path, manner: Manner) -> Result<()> {
    let contents_only = from == "." || from.ends_with("/.");
    let (folder, name) = if to.is_dir() {
        (to.to_owned(), None)
    } else {
        let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !parent.is_dir() {
            return Err(AppError::failed(format!("there is no folder {}", parent.display()))
                .help(format!("make it with `mkdir -p {}`", parent.display())));
        }
        (parent.to_owned(), to.file_name().map(PathBuf::from))
    };
    rewind(&mut spool)?;
    let mut renamed = self::spool()?;
    let broken = |source| AppError::io(format!("unpacking into {}", to.display()), source);
    let new_root = match (&name, contents_only) {
        (Some(name), _) => Root::Becomes(name.clone()),
        (None, true) => Root::Goes,
        (None, false) => Root::Stays,
    };
    rename_root(&mut spool, &mut renamed, &new_root).map_err(broken)?;
    rewind(&mut renamed)?;
    let mut archive = Archive::new(renamed);
    archive.set_preserve_permissions(true);
    archive.set_preserve_ownerships(manner.archive);
    archive.set_overwrite(true);
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        // devices and pipes have no business on the host
        if !matches!(
            entry.header().entry_type(),
            EntryType::Regular | EntryType::Continuous | EntryType::Directory | EntryType::Symlink | EntryType::Link
        ) {
            continue;
        }
        if to.is_file() && entry.header().entry_type() == EntryType::Directory && name.is_some() {
            return Err(AppError::failed(format!("can't copy a folder over the file {}", to.display())));
        }
        entry.unpack_in(&folder).map_err(broken)?;
    }
    Ok(())
}

/// What becomes of the first component of every path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Root {
    Stays,
    Goes,
    Becomes(PathBuf),
}

impl Root {
    /// The path's new name; `None`: the entry is left out.
    fn apply(&self, path: &Path) -> Option<PathBuf> {
        let mut parts = path.components().filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
        match self {
            Self::Stays => Some(path.to_owned()),
            Self::Goes => {
                parts.next();
                let rest: PathBuf = parts.collect();
                (!rest.as_os_str().is_empty()).then_some(rest)
            }
            Self::Becomes(name) => {
                parts.next();
                Some(parts.fold(name.clone(), |path, part| path.join(part)))
            }
        }
    }
}

fn rename_root(from: &mut impl Read, to: &mut impl Write, root: &Root) -> std::io::Result<()> {
    let mut builder = Builder::new(to);
    for entry in Archive::new(from).entries()? {
        let mut entry = entry?;
        let Some(path) = root.apply(&entry.path()?) else { continue };
        // a name that climbs out is skipped, as unpacking would skip it; the rest of the archive is good
        if path.components().any(|part| part == Component::ParentDir) {
            continue;
        }
        let mut header = entry.header().clone();
        match header.entry_type() {
            EntryType::Symlink => {
                let target = entry.link_name()?.unwrap_or_default().into_owned();
                builder.append_link(&mut header, &path, &target)?;
            }
            EntryType::Link => {
                let target = entry.link_name()?.unwrap_or_default().into_owned();
                let Some(target) = root.apply(&target) else { continue };
                builder.append_link(&mut header, &path, &target)?;
            }
            _ => builder.append_data(&mut header, &path, &mut entry)?,
        }
    }
    builder.finish()
}

/// An archive of a path of the host under a new name; an empty name: the folder's content only.
fn pack(from: &Path, name: &Path, manner: Manner) -> Result<File> {
    let broken = |source| AppError::io(format!("packing {}", from.display()), source);
    let mut builder = Builder::new(spool()?);
    let real = if manner.follow_link { from.canonicalize().map_err(broken)? } else { from.to_owned() };
    let mut pending = vec![(real, name.to_owned())];
    while let Some((path, name)) = pending.pop() {
        let meta = path.symlink_metadata().map_err(broken)?;
        if meta.is_dir() {
            let mut entries =
                std::fs::read_dir(&path).map_err(broken)?.collect::<std::io::Result<Vec<_>>>().map_err(broken)?;
            entries.sort_by_key(std::fs::DirEntry::file_name);
            pending.extend(entries.into_iter().rev().map(|entry| (entry.path(), name.join(entry.file_name()))));
        }
        if !name.as_os_str().is_empty() {
            append(&mut builder, &path, &meta, &name, manner).map_err(broken)?;
        }
    }
    let mut file = builder.into_inner().map_err(broken)?;
    rewind(&mut file)?;
    Ok(file)
}

fn append(
    builder: &mut Builder<File>,
    path: &Path,
    meta: &std::fs::Metadata,
    name: &Path,
    manner: Manner,
) -> std::io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_metadata(meta);
    if !manner.archive {
        header.set_uid(0);
        header.set_gid(0);
    }
    if meta.is_symlink() {
        return builder.append_link(&mut header, name, std::fs::read_link(path)?);
    }
    if meta.is_dir() {
        return builder.append_data(&mut header, name, std::io::empty());
    }
    if meta.is_file() {
        return builder.append_data(&mut header, name, File::open(path)?.take(meta.len()));
    }
    // sockets and pipes can't be copied
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_name_their_sides() {
        assert_eq!(Side::parse("-"), Side::Stream);
        assert_eq!(Side::parse("web:/etc"), Side::Inside { service: "web".into(), path: "/etc".into() });
        assert_eq!(Side::parse("./a:b"), Side::Here("./a:b".into()));
        assert_eq!(Side::parse("/a:b"), Side::Here("/a:b".into()));
        assert_eq!(Side::parse("plain"), Side::Here("plain".into()));
    }

    #[test]
    fn paths_inside_are_taken_apart() {
        assert_eq!(split_inside("/etc/passwd"), ("/etc".into(), "passwd".into()));
        assert_eq!(split_inside("/x/"), ("/".into(), "x".into()));
        assert_eq!(split_inside("x"), ("/".into(), "x".into()));
        assert_eq!(beside("/a/link", "b/c"), "/a/b/c");
        assert_eq!(beside("/a/link", "/b"), "/b");
    }

    fn hostile() -> File {
        let mut builder = Builder::new(tempfile::tempfile().unwrap());
        for (name, text) in [("root/ok", "fine"), ("root/sub/deep", "fine")] {
            let mut header = tar::Header::new_gnu();
            header.set_size(4);
            header.set_mode(0o644);
            header.set_cksum();
            builder.append_data(&mut header, name, text.as_bytes()).unwrap();
        }
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(EntryType::Symlink);
        header.set_size(0);
        builder.append_link(&mut header, "root/out", "/").unwrap();
        let mut evil = tar::Header::new_gnu();
        let name = b"root/../../escaped";
        evil.as_old_mut().name[..name.len()].copy_from_slice(name);
        evil.set_size(4);
        evil.set_mode(0o644);
        evil.set_cksum();
        builder.append(&evil, &b"evil"[..]).unwrap();
        builder.into_inner().unwrap()
    }

    #[test]
    fn nothing_is_written_outside_the_destination() {
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().join("a/b");
        std::fs::create_dir_all(&to).unwrap();
        // refused or skipped, but never obeyed
        let _ = unpack(hostile(), "/root", &to, Manner::default());
        assert!(!dir.path().join("escaped").exists() && !dir.path().join("a/escaped").exists());
        assert_eq!(std::fs::read_to_string(to.join("root/ok")).unwrap(), "fine");
    }

    #[test]
    fn a_new_name_is_given_and_contents_are_spread() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("one"), "1").unwrap();
        let packed = pack(&dir.path().join("one"), Path::new("root"), Manner::default()).unwrap();
        unpack(packed, "/root", &dir.path().join("two"), Manner::default()).unwrap();
        assert_eq!(std::fs::read_to_string(dir.path().join("two")).unwrap(), "1");
        let tree = dir.path().join("tree/sub");
        std::fs::create_dir_all(&tree).unwrap();
        std::fs::write(tree.join("leaf"), "2").unwrap();
        let packed = pack(&dir.path().join("tree"), Path::new("tree"), Manner::default()).unwrap();
        let to = dir.path().join("to");
        std::fs::create_dir(&to).unwrap();
        unpack(packed, "/tree/.", &to, Manner::default()).unwrap();
        assert_eq!(std::fs::read_to_string(to.join("sub/leaf")).unwrap(), "2");
    }
}
