//! Where the host's apt gets a release from: both of apt's formats, see `sources.list(5)`.

use super::login;
use crate::secret::value::SecretValue;
use std::fs;
use std::path::Path;

/// One archive of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Address of the archive, without a login.
    pub uri: String,
    /// The release or one of its pockets: `bookworm`, `bookworm-updates`.
    pub suite: String,
    /// Its components: `main`.
    pub components: Vec<String>,
    /// The address's user and password, as a line of `auth.conf`.
    pub login: Option<SecretValue>,
}

impl Source {
    /// As a line of `sources.list`.
    pub fn line(&self) -> String {
        format!("deb {} {} {}", self.uri, self.suite, self.components.join(" "))
    }
}

/// The archives that the host below `root` uses for `suite`, in their order; Debian's own where it uses none. Those that
/// ask for a login count only where builds can be given one (`logins`).
pub fn sources(root: &Path, suite: &str, logins: bool) -> Vec<Source> {
    let folder = root.join("etc/apt");
    let mut texts = vec![(false, fs::read_to_string(folder.join("sources.list")).unwrap_or_default())];
    let mut parts: Vec<_> =
        fs::read_dir(folder.join("sources.list.d")).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    parts.sort();
    for part in parts {
        let kind = part.extension().and_then(|extension| extension.to_str());
        if let (Some("list" | "sources"), Ok(text)) = (kind, fs::read_to_string(&part)) {
            texts.push((kind == Some("sources"), text));
        }
    }
    let all = texts.iter().flat_map(|(stanzas, text)| if *stanzas { from_stanzas(text) } else { from_lines(text) });
    let mut found: Vec<Source> = Vec::new();
    for source in all.filter(|source| usable(source, suite) && (logins || source.login.is_none())) {
        if !found.contains(&source) {
            found.push(source);
        }
    }
    // a host that only knows a pocket of the release is no source of the release
    if found.iter().any(|source| source.suite == suite) { found } else { official(suite) }
}

/// Debian's own archives.
pub fn official(suite: &str) -> Vec<Source> {
    let source = |path: &str, suite: String| Source {
        uri: format!("http://deb.debian.org/{path}"),
        suite,
        components: vec!["main".to_owned()],
        login: None,
    };
    vec![
        source("debian", suite.to_owned()),
        source("debian", format!("{suite}-updates")),
        source("debian-security", format!("{suite}-security")),
    ]
}

/// Third parties' archives have `main` too, but not the release's name as their suite.
fn usable(source: &Source, suite: &str) -> bool {
    let ours = source.suite.strip_prefix(suite).is_some_and(|pocket| matches!(pocket, "" | "-updates" | "-security"));
    let reachable = source.uri.starts_with("http://") || source.uri.starts_with("https://");
    let debian = source.uri.split("://").nth(1).is_some_and(|rest| rest.contains("debian"));
    let open = source.uri.chars().all(|c| c.is_ascii_graphic());
    ours && reachable && debian && open && source.components.iter().any(|component| component == "main")
}

fn from_lines(text: &str) -> Vec<Source> {
    text.lines().filter_map(from_line).collect()
}

fn from_line(line: &str) -> Option<Source> {
    let code = line.split('#').next()?.trim();
    let mut rest = code.strip_prefix("deb")?.trim_start();
    if rest.len() == code.len() - 3 {
        return None;
    }
    if let Some(options) = rest.strip_prefix('[') {
        rest = options.split_once(']')?.1;
    }
    let mut words = rest.split_whitespace();
    let (uri, login) = login::split(words.next()?.trim_end_matches('/'))?;
    let suite = words.next()?.to_owned();
    Some(Source { uri, suite, components: words.map(str::to_owned).collect(), login })
}

fn from_stanzas(text: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let mut stanza: Vec<(String, String)> = Vec::new();
    for line in text.lines().chain([""]) {
        if line.starts_with('#') {
        } else if line.trim().is_empty() {
            found.extend(from_stanza(&std::mem::take(&mut stanza)));
        } else if let (true, Some((_, value))) = (line.starts_with([' ', '\t']), stanza.last_mut()) {
            value.push(' ');
            value.push_str(line.trim());
        } else if let Some((key, value)) = line.split_once(':') {
            stanza.push((key.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    found
}

fn from_stanza(stanza: &[(String, String)]) -> Vec<Source> {
    let words = |key: &str| -> Vec<&str> {
        stanza.iter().filter(|(own, _)| own == key).flat_map(|(_, value)| value.split_whitespace()).collect()
    };
    if !words("types").contains(&"deb") || words("enabled").iter().any(|word| word.eq_ignore_ascii_case("no")) {
        return Vec::new();
    }
    let components: Vec<String> = words("components").into_iter().map(str::to_owned).collect();
    let mut found = Vec::new();
    for (uri, login) in words("uris").into_iter().filter_map(|uri| login::split(uri.trim_end_matches('/'))) {
        for suite in words("suites") {
            let (uri, login) = (uri.clone(), login.clone());
            found.push(Source { uri, suite: suite.to_owned(), components: components.clone(), login });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("etc/apt/sources.list.d")).unwrap();
        for (name, text) in files {
            fs::write(root.path().join("etc/apt").join(name), text).unwrap();
        }
        root
    }

    fn lines(root: &tempfile::TempDir) -> Vec<String> {
        sources(root.path(), "bookworm", false).iter().map(Source::line).collect()
    }

    #[test]
    fn one_line_format() {
        let root = host(&[(
            "sources.list",
            "deb [arch=amd64 signed-by=/x] http://mirror.example/debian/ bookworm main contrib # near\n\
             deb-src http://mirror.example/debian bookworm main\n\
             #deb http://old.example/debian bookworm main\n\
             deb http://mirror.example/debian bullseye main\n",
        )]);
        assert_eq!(lines(&root), ["deb http://mirror.example/debian bookworm main contrib"]);
    }

    #[test]
    fn stanza_format() {
        let root = host(&[(
            "sources.list.d/debian.sources",
            "Types: deb deb-src\n# near\nURIs: http://mirror.example/debian\nSuites: bookworm\n bookworm-updates\n\
             Components: main\n\nTypes: deb\nEnabled: no\nURIs: http://off.example/debian\nSuites: bookworm\n\
             Components: main\n",
        )]);
        let expected = [
            "deb http://mirror.example/debian bookworm main",
            "deb http://mirror.example/debian bookworm-updates main",
        ];
        assert_eq!(lines(&root), expected);
    }

    #[test]
    fn a_host_of_another_release_or_with_passwords_gets_debians_own() {
        let official = official("bookworm").iter().map(Source::line).collect::<Vec<_>>();
        assert_eq!(lines(&host(&[("sources.list", "deb http://a.example/ubuntu jammy main")])), official);
        assert_eq!(lines(&host(&[("sources.list", "deb http://me:pw@a.example/debian bookworm main")])), official);
        assert_eq!(lines(&host(&[("sources.list", "deb http://a.example/debian bookworm-updates main")])), official);
        assert_eq!(lines(&host(&[])), official);
    }

    #[test]
    fn a_login_is_kept_beside_the_address_where_builds_can_be_given_one() {
        let stanza = "Types: deb\nURIs: https://me:pw@a.example/debian/\nSuites: bookworm\nComponents: main\n";
        for (name, text) in [
            ("sources.list", "deb https://me:pw@a.example/debian/ bookworm main"),
            ("sources.list.d/debian.sources", stanza),
        ] {
            let found = sources(host(&[(name, text)]).path(), "bookworm", true);
            assert_eq!(
                found.iter().map(Source::line).collect::<Vec<_>>(),
                ["deb https://a.example/debian bookworm main"]
            );
            let login = found[0].login.as_ref().unwrap();
            assert_eq!(login.expose(), b"machine https://a.example/debian login me password pw\n");
            assert!(!format!("{found:?}").contains("pw"));
        }
    }
}
