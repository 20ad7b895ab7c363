//! A feature's archive, unpacked: plain files only, and none outside.

use std::io::Read;
use std::path::{Component, Path};

use flate2::read::GzDecoder;

/// Files of one feature at most.
const MOST_FILES: usize = 10_000;
/// Bytes of one feature at most.
const MOST_BYTES: u64 = 512 << 20;

/// A file.
pub(super) struct File {
    /// Its path in the feature.
    pub(super) path: String,
    /// Its content.
    pub(super) bytes: Vec<u8>,
    /// It is a program.
    pub(super) executable: bool,
}

/// Unpacks an archive, compressed or not.
pub(super) fn unpack(bytes: &[u8]) -> Result<Vec<File>, String> {
    if bytes.starts_with(&[0x1f, 0x8b]) { read(GzDecoder::new(bytes)) } else { read(bytes) }
}

fn read(reader: impl Read) -> Result<Vec<File>, String> {
    let wrong = |error: std::io::Error| format!("it is no archive of a feature: {error}");
    // what is decompressed counts, whatever the archive says of itself
    let mut archive = tar::Archive::new(reader.take(MOST_BYTES));
    let mut files = Vec::new();
    for entry in archive.entries().map_err(wrong)? {
        let mut entry = entry.map_err(wrong)?;
        let kind = entry.header().entry_type();
        let path = entry.path().map_err(wrong)?.into_owned();
        if kind.is_dir() || kind.is_pax_global_extensions() {
            continue;
        }
        if !kind.is_file() {
            return Err(format!("{} is no plain file", path.display()));
        }
        if files.len() == MOST_FILES {
            return Err(format!("it has more than {MOST_FILES} files"));
        }
        let path = inside(&path).ok_or_else(|| format!("{} would lie outside", path.display()))?;
        let executable = entry.header().mode().is_ok_and(|mode| mode & 0o111 != 0);
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(wrong)?;
        files.push(File { path, bytes, executable });
    }
    Ok(files)
}

/// The path with `/`, without `.`; `None` where it leads out.
fn inside(path: &Path) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::Normal(part) => parts.push(part.to_str()?),
            _ => return None,
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn packed(path: &str, kind: tar::EntryType) -> Vec<u8> {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(0o755);
        header.set_size(2);
        let name = &mut header.as_old_mut().name;
        name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        let mut archive = tar::Builder::new(Vec::new());
        archive.append(&header, &b"hi"[..]).unwrap();
        archive.into_inner().unwrap()
    }

    #[test]
    fn plain_files_come_out_compressed_or_not() {
        let plain = packed("./a/install.sh", tar::EntryType::Regular);
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&plain).unwrap();
        for bytes in [plain, encoder.finish().unwrap()] {
            let files = unpack(&bytes).unwrap();
            assert_eq!((files.len(), files[0].path.as_str(), files[0].executable), (1, "a/install.sh", true));
            assert_eq!(files[0].bytes, b"hi");
        }
    }

    #[test]
    fn what_is_hostile_is_refused() {
        for (path, kind) in [
            ("../x", tar::EntryType::Regular),
            ("/etc/x", tar::EntryType::Regular),
            ("a/../../x", tar::EntryType::Regular),
            ("x", tar::EntryType::Symlink),
            ("x", tar::EntryType::Link),
            ("x", tar::EntryType::Char),
        ] {
            assert!(unpack(&packed(path, kind)).is_err(), "{path} {kind:?}");
        }
        assert!(unpack(b"no archive at all, but long enough to be looked at").is_err());
    }

    #[test]
    fn public_hostile_archives_are_refused_or_stay_inside() {
        let Some(cases) = std::env::var_os("DEVUP_CASES") else {
            eprintln!("skipped: DEVUP_CASES is not set");
            return;
        };
        let refused =
            ["absolute", "dotdot", "dotdot-deep", "hardlink-via-symlink", "size-lie-1TB", "symlink-parent-then-file"];
        let mut count = 0;
        for case in std::fs::read_dir(Path::new(&cases).join("hostile-tar")).unwrap() {
            let case = case.unwrap().path();
            let unpacked = unpack(&std::fs::read(&case).unwrap());
            let name = case.file_stem().unwrap().to_string_lossy().into_owned();
            assert!(!refused.contains(&&*name) || unpacked.is_err(), "{name} is accepted");
            for file in unpacked.unwrap_or_default() {
                let parts: Vec<Component> = Path::new(&file.path).components().collect();
                assert!(parts.iter().all(|part| matches!(part, Component::Normal(_))), "{name}: {}", file.path);
            }
            count += 1;
        }
        assert!(count >= refused.len(), "no cases in {}", cases.display());
    }
}
