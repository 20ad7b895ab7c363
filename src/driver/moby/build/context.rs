//! A build's context as an archive, written while it is sent: modes and links as they are, owner root, nothing from outside
//! the folder. A symbolic link travels as a link and is never followed, so that it cannot fetch a file of the host.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use tar::{Builder, EntryType, Header};

use crate::base::ignore::Ignore;

/// What goes into the archive.
pub(super) struct Context {
    /// The folder; `None`: the further files alone.
    pub(super) folder: Option<PathBuf>,
    /// What stays out of it.
    pub(super) ignore: Ignore,
    /// Paths that stay in whatever is ignored: the Dockerfile.
    pub(super) kept: Vec<String>,
    /// Further files: path, content, mode. They stand before the folder's own of the same path.
    pub(super) extra: Vec<(PathBuf, Vec<u8>, u32)>,
}

/// Writes the archive.
pub(super) fn pack(context: &Context, to: impl Write) -> io::Result<()> {
    let mut archive = Builder::new(to);
    archive.follow_symlinks(false);
    for (path, content, mode) in &context.extra {
        let mut header = Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(*mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        archive.append_data(&mut header, path, content.as_slice())?;
    }
    if let Some(folder) = &context.folder {
        walk(context, &mut archive, folder, "")?;
    }
    archive.into_inner()?.flush()
}

fn walk<W: Write>(context: &Context, archive: &mut Builder<W>, folder: &Path, within: &str) -> io::Result<()> {
    let mut names: Vec<_> =
        fs::read_dir(folder).map_err(|error| on(folder, &error))?.collect::<io::Result<Vec<_>>>()?;
    // the same order each time gives the same archive
    names.sort_by_key(fs::DirEntry::file_name);
    for entry in names {
        let path = entry.path();
        let name = entry.file_name();
        let shown = name.to_string_lossy();
        let relative = if within.is_empty() { shown.into_owned() } else { format!("{within}/{shown}") };
        let inside = if within.is_empty() { PathBuf::from(&name) } else { Path::new(within).join(&name) };
        if context.extra.iter().any(|(extra, ..)| *extra == inside) {
            continue;
        }
        let metadata = match fs::symlink_metadata(&path) {
            // removed since the folder was read
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other.map_err(|error| on(&path, &error))?,
        };
        let out = context.ignore.excludes(&relative) && !context.kept.contains(&relative);
        if metadata.is_dir() {
            let holds_kept = context.kept.iter().any(|kept| kept.starts_with(&format!("{relative}/")));
            if out && !holds_kept && !context.ignore.may_bring_back_below(&relative) {
                continue;
            }
            if !out {
                append(archive, &path, &inside, &metadata)?;
            }
            walk(context, archive, &path, &relative)?;
        } else if !out {
            append(archive, &path, &inside, &metadata)?;
        }
    }
    Ok(())
}

fn append<W: Write>(archive: &mut Builder<W>, path: &Path, inside: &Path, metadata: &Metadata) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_metadata(metadata);
    header.set_uid(0);
    header.set_gid(0);
    if metadata.is_symlink() {
        header.set_size(0);
        header.set_entry_type(EntryType::Symlink);
        let target = fs::read_link(path).map_err(|error| on(path, &error))?;
        return archive.append_link(&mut header, inside, target);
    }
    if metadata.is_dir() {
        header.set_size(0);
        return archive.append_data(&mut header, inside, io::empty());
    }
    if !metadata.is_file() {
        // sockets, pipes and devices have no content that an image could hold
        return Ok(());
    }
    let file = File::open(path).map_err(|error| on(path, &error))?;
    let length = metadata.len();
    let mut exact = Exact { inner: file.take(length), left: length };
    header.set_size(length);
    archive.append_data(&mut header, inside, &mut exact).map_err(|error| on(path, &error))
}

fn on(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot pack {}: {error}", path.display()))
}

/// Gives as many bytes as were announced: a file that shrinks meanwhile would spoil all that follows it.
struct Exact<R> {
    inner: io::Take<R>,
    left: u64,
}

impl<R: Read> Read for Exact<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        self.left -= got as u64;
        if got == 0 && self.left > 0 && !buffer.is_empty() {
            return Err(io::Error::other("it became shorter while it was read"));
        }
        Ok(got)
    }
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn packed(context: &Context) -> Vec<(String, u32, EntryType, Vec<u8>)> {
        let mut bytes = Vec::new();
        pack(context, &mut bytes).unwrap();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().display().to_string();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            if let Some(link) = entry.link_name().unwrap() {
                content = link.display().to_string().into_bytes();
            }
            assert_eq!(entry.header().uid().unwrap(), 0);
            (path, entry.header().mode().unwrap() & 0o7777, entry.header().entry_type(), content)
        });
        entries.collect()
    }

    #[test]
    fn modes_links_order_and_the_dockerfile_survive() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("sub/deep")).unwrap();
        fs::write(at("Dockerfile"), "FROM scratch").unwrap();
        fs::write(at("run.sh"), "#!/bin/sh").unwrap();
        fs::set_permissions(at("run.sh"), fs::Permissions::from_mode(0o750)).unwrap();
        fs::write(at("sub/deep/a.log"), "").unwrap();
        fs::write(at("sub/b"), "b").unwrap();
        symlink("/etc/passwd", at("link")).unwrap();
        let context = Context {
            folder: Some(folder.path().to_owned()),
            ignore: Ignore::parse("Dockerfile\n**/*.log").unwrap(),
            kept: vec!["Dockerfile".to_owned()],
            extra: vec![(PathBuf::from("sub/b"), b"ours".to_vec(), 0o600)],
        };
        let entries = packed(&context);
        let names: Vec<_> = entries.iter().map(|entry| entry.0.as_str()).collect();
        assert_eq!(names, ["sub/b", "Dockerfile", "link", "run.sh", "sub", "sub/deep"]);
        assert_eq!((entries[0].1, entries[0].3.as_slice()), (0o600, &b"ours"[..]));
        assert_eq!((entries[2].2, entries[2].3.as_slice()), (EntryType::Symlink, &b"/etc/passwd"[..]));
        assert_eq!(entries[3].1, 0o750);
    }

    #[test]
    fn long_and_strange_names() {
        let folder = tempfile::tempdir().unwrap();
        let long = format!("{}/{}", "d".repeat(120), "f".repeat(120));
        fs::create_dir_all(folder.path().join(&long)).unwrap();
        fs::write(folder.path().join("--checkpoint-action=exec=x\n"), "x").unwrap();
        let context = Context {
            folder: Some(folder.path().to_owned()),
            ignore: Ignore::default(),
            kept: Vec::new(),
            extra: Vec::new(),
        };
        let names: Vec<_> = packed(&context).into_iter().map(|entry| entry.0).collect();
        assert!(names.contains(&long) && names.contains(&"--checkpoint-action=exec=x\n".to_owned()), "{names:?}");
    }
}
