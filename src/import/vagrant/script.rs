//! Provisioners → steps of a service. Vagrant runs scripts with bash, as root unless told otherwise, from the user's
//! home, and goes on after a line that fails: so do these.

use serde_json::{Value as Json, json};

use super::machine::{Folder, Machine, NAMED, Provisioner};
use super::value::Value;
use crate::import::Snapshot;
use crate::import::finding::{Finding, Place};
use crate::import::section::literal;

/// When a script runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Once, and anew when it changes.
    Once,
    /// At each start.
    Always,
    /// When asked for.
    Never,
}

/// A provisioner, as the spec has it.
#[derive(Debug, Clone)]
pub struct Step {
    /// When it runs.
    pub when: When,
    /// Its name, where it has one.
    pub name: Option<String>,
    /// Where it stands.
    pub place: Place,
    /// What runs, as a person wrote it.
    pub run: String,
    /// As whom, where not as root.
    pub user: Option<&'static str>,
    /// Files of the project that it reads.
    pub inputs: Vec<String>,
}

/// Reads the provisioners of one machine.
#[derive(Debug)]
pub struct Reader<'a> {
    /// The project.
    pub snapshot: &'a Snapshot,
    /// The machine.
    pub machine: &'a Machine,
    /// The machine's folders, the default one too.
    pub folders: &'a [Folder],
    /// Addresses of machines and their services.
    pub addresses: &'a [(String, String)],
    /// What could not be carried over.
    pub open: Vec<Finding>,
}

impl Reader<'_> {
    /// All steps, in their order.
    pub fn steps(&mut self) -> Vec<Step> {
        let machine = self.machine;
        machine.provisioners.iter().filter_map(|one| self.step(one)).collect()
    }

    fn say(&mut self, place: &Place, what: impl Into<String>) {
        self.open.push(Finding::at(place, what));
    }

    fn step(&mut self, one: &Provisioner) -> Option<Step> {
        let place = Place::new(super::NAME, one.line);
        match one.kind.as_str() {
            "shell" => self.shell(one, &place),
            "file" => self.file(one, &place),
            kind => {
                let names = ["playbook", "manifest_file", "run_list", "recipe", "cookbooks_path"];
                let of = names.iter().find_map(|name| one.option(name)?.shown().ok());
                let of = of.map(|of| format!(" ({of})")).unwrap_or_default();
                self.say(
                    &place,
                    format!("the provisioner `{kind}`{of} is not carried over: run it in a step of `provision`"),
                );
                None
            }
        }
    }

    fn shell(&mut self, one: &Provisioner, place: &Place) -> Option<Step> {
        let when = match one.option("run").map(Value::shown) {
            Some(Ok(word)) if word == "always" => When::Always,
            Some(Ok(word)) if word == "never" => When::Never,
            _ => When::Once,
        };
        let arguments = self.arguments(one, place)?;
        let variables = self.variables(one, place)?;
        // addresses may stand there, too
        self.look_at(&format!("{arguments} {variables}"), place);
        let user = matches!(one.option("privileged"), Some(Value::Bool(false))).then_some("vagrant");
        let mut inputs = Vec::new();
        let run = match (one.option("inline"), one.option("path")) {
            (Some(inline), _) => match inline.shown() {
                Ok(text) => {
                    inputs = self.look_at(&text, place);
                    inline_script(&text, &arguments, one.line)
                }
                Err(why) => {
                    self.say(place, format!("the script could not be read: {why}"));
                    return None;
                }
            },
            (None, Some(path)) => match path.shown() {
                Ok(path) => self.path_script(&path, &arguments, place, &mut inputs)?,
                Err(why) => {
                    self.say(place, format!("which script it is could not be read: {why}"));
                    return None;
                }
            },
            (None, None) => {
                self.say(place, "a shell provisioner without a script");
                return None;
            }
        };
        let name = one.option(NAMED).and_then(|name| name.shown().ok());
        Some(Step { when, name, place: place.clone(), run: format!("{variables}{run}"), user, inputs })
    }

    fn arguments(&mut self, one: &Provisioner, place: &Place) -> Option<String> {
        let given = match one.option("args") {
            None | Some(Value::Nil) => return Some(String::new()),
            // one string is words for the shell already
            Some(Value::List(items)) => items.iter().map(|item| item.shown().and_then(|text| quoted(&text))).collect(),
            Some(other) => other.shown().map(|text| vec![text]),
        };
        match given {
            Ok(words) => Some(words.iter().map(|word| format!(" {word}")).collect()),
            Err(why) => {
                self.say(place, format!("the script's arguments could not be read: {why}"));
                None
            }
        }
    }

    fn variables(&mut self, one: &Provisioner, place: &Place) -> Option<String> {
        let Some(Value::Map(entries)) = one.option("env") else { return Some(String::new()) };
        let mut lines = String::new();
        for (name, value) in entries {
            let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            match (name.shown(), value.shown().and_then(|value| quoted(&value))) {
                (Ok(name), Ok(value)) if is_name(&name) => lines.push_str(&format!("export {name}={value}\n")),
                _ => {
                    self.say(place, "the script's variables could not be read");
                    return None;
                }
            }
        }
        Some(lines)
    }

    fn path_script(&mut self, path: &str, arguments: &str, place: &Place, inputs: &mut Vec<String>) -> Option<String> {
        let Some(relative) = self.of_project(path) else {
            self.say(place, format!("the script {path} is not in this folder: it was left out"));
            return None;
        };
        if let Some(text) = self.snapshot.text(&relative) {
            *inputs = self.look_at(text, &Place::new(&relative, 0));
        }
        if !inputs.contains(&relative) {
            inputs.insert(0, relative.clone());
        }
        match quoted(&self.inside(&relative)) {
            Ok(inside) => Some(format!("bash {inside}{arguments}\n")),
            Err(why) => {
                self.say(place, why);
                None
            }
        }
    }

    /// A path of the host as one of the project's files.
    fn of_project(&self, path: &str) -> Option<String> {
        let relative = path.trim_start_matches("./").trim_end_matches('/');
        let there = self.snapshot.has(relative) || self.snapshot.has_folder(relative);
        (there && !relative.split('/').any(|part| part == "..")).then(|| relative.to_owned())
    }

    /// Where a file of the project is seen inside: beneath the nearest synced folder, else beneath the root.
    fn inside(&self, relative: &str) -> String {
        let below = |folder: &Folder| {
            let host = folder.host.trim_start_matches("./").trim_end_matches('/');
            let rest = if host.is_empty() || host == "." {
                Some(relative)
            } else {
                relative.strip_prefix(host)?.strip_prefix('/')
            };
            rest.map(|rest| (rest.len(), format!("{}/{rest}", folder.guest.trim_end_matches('/'))))
        };
        let found = self.folders.iter().filter(|folder| !folder.disabled).filter_map(below).min();
        found.map_or_else(|| format!("/{relative}"), |(_, path)| path)
    }

    fn file(&mut self, one: &Provisioner, place: &Place) -> Option<Step> {
        let option = |name: &str| one.option(name).map_or_else(|| Err("it is not given".to_owned()), Value::shown);
        let (source, target) = match (option("source"), option("destination")) {
            (Ok(source), Ok(target)) => (source, target),
            (Err(why), _) | (_, Err(why)) => {
                self.say(place, format!("which file is copied could not be read: {why}"));
                return None;
            }
        };
        let Some(relative) = self.of_project(&source) else {
            self.say(place, format!("{source} is not in this folder: it is not copied to {target}"));
            return None;
        };
        let home = |path: &str| format!("/home/vagrant/{}", path.trim_start_matches("./"));
        let target = match target.strip_prefix("~/").or_else(|| target.strip_prefix("$HOME/")) {
            Some(rest) => home(rest),
            None if target.starts_with('/') => target,
            None => home(&target),
        };
        let (Ok(from), Ok(to)) = (quoted(&self.inside(&relative)), quoted(&target)) else { return None };
        let run = format!("mkdir -p \"$(dirname {to})\"\ncp -R {from} {to}\n");
        Some(Step { when: When::Once, name: None, place: place.clone(), run, user: None, inputs: vec![relative] })
    }

    /// Looks through a script for what a container has not, and for the project's files that it reads.
    fn look_at(&mut self, text: &str, place: &Place) -> Vec<String> {
        let mut inputs = Vec::new();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with('#')) {
            let at = if place.line == 0 { Place::new(&place.file, number + 1) } else { place.clone() };
            let words: Vec<&str> =
                line.split(|c: char| c.is_whitespace() || matches!(c, ';' | '"' | '\'' | '=' | '(' | ')')).collect();
            if words.contains(&"systemctl") || words.windows(2).any(|pair| pair[0] == "service" && !pair[1].is_empty())
            {
                let what = format!(
                    "`{}`: a container has no init system; make it a service of its own, or this one's `command`",
                    short(line)
                );
                self.say(&at, what);
            }
            for word in &words {
                self.look_at_path(word, &at, &mut inputs);
            }
            for (address, service) in self.addresses {
                if line.contains(address.as_str()) {
                    self.open.push(Finding::at(&at, format!("{address} was a machine's address: write `{service}`")));
                }
            }
        }
        inputs.truncate(50);
        inputs
    }

    fn look_at_path(&mut self, word: &str, at: &Place, inputs: &mut Vec<String>) {
        for folder in self.folders.iter().filter(|folder| !folder.disabled) {
            let Some(rest) = word.strip_prefix(folder.guest.trim_end_matches('/')) else { continue };
            let host = folder.host.trim_start_matches("./").trim_end_matches('/');
            let host = if host == "." { "" } else { host };
            let rest = rest.trim_matches('/');
            if rest.is_empty() || !word[folder.guest.trim_end_matches('/').len()..].starts_with('/') {
                if rest.is_empty() {
                    let what = format!(
                        "works in {}: while an image is made only `inputs` are there; add them, or name what it writes there under `outputs`",
                        folder.guest
                    );
                    if !self.open.iter().any(|one| one.what == what) {
                        self.say(at, what);
                    }
                }
                continue;
            }
            let path = if host.is_empty() { rest.to_owned() } else { format!("{host}/{rest}") };
            if let Some(path) = self.of_project(&path)
                && !inputs.contains(&path)
            {
                inputs.push(path);
            }
        }
    }
}

fn short(line: &str) -> String {
    let line = line.trim();
    if line.chars().count() > 60 {
        format!("{}…", line.chars().take(60).collect::<String>())
    } else {
        line.to_owned()
    }
}

/// A word for a shell.
fn quoted(text: &str) -> Result<String, String> {
    shlex::try_quote(text).map(std::borrow::Cow::into_owned).map_err(|_| "a shell can't be given this".to_owned())
}

/// A script as a file, run by bash.
fn inline_script(text: &str, arguments: &str, line: usize) -> String {
    let short = !text.trim_end().contains('\n') && arguments.is_empty() && !text.contains(['\0', '\r']);
    if short && let Ok(word) = quoted(text.trim()) {
        return format!("bash -c {word}");
    }
    let mut end = "SCRIPT".to_owned();
    while text.lines().any(|line| line.trim() == end) {
        end.push('_');
    }
    // one of its own: another user may have written the one before
    let file = format!("/tmp/vagrant-{line}");
    let newline = if text.ends_with('\n') || text.is_empty() { "" } else { "\n" };
    format!("cat > {file} <<'{end}'\n{}{newline}{end}\nbash {file}{arguments}\n", undented(text))
}

/// The script without the indentation that the Vagrantfile gave all of it.
fn undented(text: &str) -> String {
    let width = |line: &str| line.len() - line.trim_start_matches(' ').len();
    // a text within the script keeps its own
    if text.contains("<<") {
        return text.to_owned();
    }
    let least = text.lines().filter(|line| !line.trim().is_empty()).map(width).min().unwrap_or(0);
    text.split_inclusive('\n').map(|line| line.get(least..).unwrap_or_else(|| line.trim_start_matches(' '))).collect()
}

impl Step {
    /// As an entry of `provision`.
    pub fn provision(&self) -> Json {
        let mut fields = serde_json::Map::new();
        fields.insert("run".to_owned(), json!(literal(&self.run)));
        if let Some(user) = self.user {
            fields.insert("user".to_owned(), json!(user));
        }
        if !self.inputs.is_empty() {
            fields.insert("inputs".to_owned(), self.inputs.iter().map(|input| literal(input)).collect());
        }
        Json::Object(fields)
    }

    /// As an entry of `post_start`.
    pub fn hook(&self) -> Json {
        json!({ "command": ["bash", "-c", literal(&self.run)], "user": self.user.unwrap_or("root") })
    }
}
