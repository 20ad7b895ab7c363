//! The short form of a mount: `[SOURCE:]TARGET[:OPTIONS]`.

/// A mount in short form, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ShortMount {
    /// Path of the host or key of a volume; `None` for an anonymous volume.
    pub source: Option<String>,
    /// Path inside, as written.
    pub target: String,
    /// `ro`.
    pub read_only: bool,
    /// `nocopy`.
    pub nocopy: bool,
    /// `rshared` and the like.
    pub propagation: Option<String>,
    /// `z` or `Z`.
    pub selinux: Option<String>,
}

impl ShortMount {
    /// Whether the source is a path of the host.
    pub fn is_bind(&self) -> bool {
        self.source.as_deref().is_some_and(is_path)
    }
}

/// Takes the short form apart. Says what is wrong with it otherwise.
pub fn parse_mount(text: &str) -> Result<ShortMount, &'static str> {
    if text.is_empty() {
        return Err("it is empty");
    }
    let parts = split(text);
    if parts.iter().any(|part| part.is_empty()) {
        return Err("there is nothing between two colons");
    }
    let mut mount = ShortMount::default();
    match parts.as_slice() {
        [target] => mount.target = (*target).into(),
        [source, target] => {
            mount.source = Some((*source).to_owned());
            mount.target = (*target).into();
        }
        [source, target, options] => {
            mount.source = Some((*source).to_owned());
            mount.target = (*target).into();
            options.split(',').for_each(|option| mount.apply(option));
        }
        _ => return Err("it has too many colons"),
    }
    Ok(mount)
}

impl ShortMount {
    fn apply(&mut self, option: &str) {
        match option {
            "ro" => self.read_only = true,
            "rw" => self.read_only = false,
            "nocopy" => self.nocopy = true,
            "rprivate" | "private" | "rshared" | "shared" | "rslave" | "slave" => {
                self.propagation = Some(option.to_owned());
            }
            "z" | "Z" => self.selinux = Some(option.to_owned()),
            // Compose passes over what it does not know: `cached` and `delegated` of old Docker Desktops among it
            _ => {}
        }
    }
}

/// Splits at colons, except after a drive letter (`C:\data`).
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (position, _) in text.match_indices(':') {
        let part = &text[start..position];
        let is_drive = part.chars().count() == 1 && part.chars().all(char::is_alphabetic);
        if !is_drive {
            parts.push(part);
            start = position + 1;
        }
    }
    parts.push(&text[start..]);
    parts
}

fn is_path(source: &str) -> bool {
    let mut chars = source.chars();
    let (first, second) = (chars.next(), chars.next());
    source.starts_with(['.', '/', '~'])
        || source.starts_with(r"\\")
        || (first.is_some_and(char::is_alphabetic) && second == Some(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_mounts_are_taken_apart() {
        let mount = parse_mount("./src:/app:ro,z").unwrap();
        assert!(mount.is_bind() && mount.read_only);
        assert_eq!((mount.source.as_deref(), mount.target.as_str()), (Some("./src"), "/app"));
        assert_eq!(mount.selinux.as_deref(), Some("z"));
        assert!(!parse_mount("data:/data").unwrap().is_bind());
        assert_eq!(parse_mount("/anonymous").unwrap().source, None);
        let windows = parse_mount(r"C:\data:/data").unwrap();
        assert_eq!((windows.source.as_deref(), windows.target.as_str()), (Some(r"C:\data"), "/data"));
        for wrong in ["", "aa:", ":b", "aa::b", "aa:bb:ro:dd"] {
            assert!(parse_mount(wrong).is_err(), "{wrong}");
        }
    }
}
