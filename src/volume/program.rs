//! devup's own program as the only content of an image: the file itself and, where it is linked dynamically, its loader
//! and libraries, as the loader itself names them.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::error::{Result, VolumeError};
use crate::base::digest::{Digest, FieldHasher};
use crate::base::process::Call;

/// Where the program lies in the image.
pub(super) const INSIDE: &str = "devup";
/// The part of a program file that says where its loader is.
const HEADER: u64 = 64 * 1024;

/// The files of the image, by their path in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Files(pub(super) Vec<(String, PathBuf)>);

/// What the program needs to run where nothing else is.
pub(super) async fn files(program: &Path) -> Result<Files> {
    let attempt = || format!("looking at {}", program.display());
    let mut head = Vec::new();
    File::open(program)
        .and_then(|file| file.take(HEADER).read_to_end(&mut head))
        .map_err(|error| VolumeError::failed(attempt(), error))?;
    let mut files = vec![(INSIDE.to_owned(), program.to_owned())];
    if let Some(loader) = loader(&head).map_err(VolumeError::NoHelper)? {
        let listed = Call::new(&loader).arg("--list").arg(program).run().await;
        let listed = listed.map_err(|error| VolumeError::failed(attempt(), error))?;
        files.extend(libraries(&listed.text()).map(|path| (inside(&path), path)));
        files.push((inside(&loader), loader));
    }
    files.sort();
    files.dedup();
    Ok(Files(files))
}

fn inside(path: &Path) -> String {
    path.to_string_lossy().trim_start_matches('/').to_owned()
}

/// The loader that a program file names; `None`: it needs none.
fn loader(head: &[u8]) -> Result<Option<PathBuf>, String> {
    let word = |at: usize, length: usize| {
        let bytes = at.checked_add(length).and_then(|end| head.get(at..end))?;
        let mut word = [0; 8];
        word[..length].copy_from_slice(bytes);
        usize::try_from(u64::from_le_bytes(word)).ok()
    };
    // 64 bits, lowest byte first: what Linux runs on here
    if head.get(..6) != Some(b"\x7fELF\x02\x01") {
        return Err("its program file is none of a 64-bit Linux".to_owned());
    }
    let broken = || "its program file is cut or damaged".to_owned();
    let (start, size, count) = (word(32, 8), word(54, 2), word(56, 2));
    let (start, size, count) = (start.ok_or_else(broken)?, size.ok_or_else(broken)?, count.ok_or_else(broken)?);
    for at in (0..count).map(|index| start + index * size) {
        // PT_INTERP
        if word(at, 4) == Some(3) {
            let (from, length) = (word(at + 8, 8).ok_or_else(broken)?, word(at + 32, 8).ok_or_else(broken)?);
            let text = from.checked_add(length).and_then(|end| head.get(from..end)).ok_or_else(broken)?;
            let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
            return Ok(Some(PathBuf::from(String::from_utf8_lossy(text).into_owned())));
        }
    }
    Ok(None)
}

/// The files in a loader's list: `name => path (address)` or `path (address)`.
fn libraries(list: &str) -> impl Iterator<Item = PathBuf> {
    list.lines().filter_map(|line| {
        let line = line.trim();
        let path = line.split_once("=> ").map_or(line, |(_, path)| path);
        let path = path.split(" (").next()?;
        path.starts_with('/').then(|| PathBuf::from(path))
    })
}

impl Files {
    /// Over names and contents.
    pub(super) fn digest(&self) -> io::Result<Digest> {
        let mut sum = FieldHasher::new();
        for (inside, path) in &self.0 {
            sum.field(inside);
            sum.field(Digest::of_reader(File::open(path)?)?.bytes());
        }
        Ok(sum.finish())
    }

    /// As an archive, with the folders that the engine mounts on.
    pub(super) fn archive(&self, out: impl io::Write) -> io::Result<()> {
        let mut archive = tar::Builder::new(out);
        for folder in ["dev/", "proc/", "sys/", "etc/", "volume/"] {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(tar::EntryType::Directory);
            header.set_size(0);
            header.set_mode(0o755);
            header.set_mtime(0);
            archive.append_data(&mut header, folder, io::empty())?;
        }
        for (inside, path) in &self.0 {
            let file = File::open(path)?;
            let mut header = tar::Header::new_gnu();
            header.set_size(file.metadata()?.len());
            header.set_mode(0o755);
            header.set_mtime(0);
            archive.append_data(&mut header, inside, file)?;
        }
        archive.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loaders_list_is_read() {
        let list = "\tlinux-vdso.so.1 (0x7ffd)\n\tlibm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x7f)\n\t/lib64/ld.so (0x7f)\n";
        let found: Vec<PathBuf> = libraries(list).collect();
        assert_eq!(found, [PathBuf::from("/lib/x86_64-linux-gnu/libm.so.6"), PathBuf::from("/lib64/ld.so")]);
    }

    #[test]
    fn what_is_no_program_says_so() {
        assert!(loader(b"#!/bin/sh\n").unwrap_err().contains("64-bit Linux"));
        assert!(loader(b"\x7fELF\x02\x01").unwrap_err().contains("cut or damaged"));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn this_very_program_is_packed_with_what_it_needs() {
        let program = std::env::current_exe().unwrap();
        let files = files(&program).await.unwrap();
        assert!(files.0.iter().any(|(inside, path)| inside == INSIDE && *path == program));
        assert!(files.0.iter().all(|(inside, path)| path.is_file() && !inside.starts_with('/')), "{files:?}");
        assert_eq!(files.digest().unwrap(), files.digest().unwrap());
    }
}
