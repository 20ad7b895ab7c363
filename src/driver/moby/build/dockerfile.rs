//! A Dockerfile with what its `RUN` steps shall find beside what it gives them itself: certificate authorities.
//!
//! The lines go before the first `RUN` of each stage, and nowhere else. So a stage that runs nothing stays as it is (also
//! one from `scratch`), no stage is added (numbers and `--target` keep their meaning), and what lies above the first `RUN`
//! keeps its place in the cache. A stage on top of one that has the files gets the variables alone.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::driver::image::Surroundings;

/// A line of this says that a Dockerfile is to be built as it stands.
const OPT_OUT: &str = "devup: no-authorities";

/// Where the files come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The image that holds them under the same paths.
    Image,
    /// The build's context, below [`FOLDER`].
    Context,
}

/// The folder of the context that holds the files, where they come from there.
pub(super) const FOLDER: &str = ".devup-authorities";

/// The text with the lines added; `None` where it runs nothing, or says that it wants none.
pub(super) fn surrounded(
    text: &str,
    given: &Surroundings,
    origin: Origin,
    arguments: &BTreeSet<&str>,
) -> Option<String> {
    let instructions = instructions(text);
    if opts_out(text, &instructions) {
        return None;
    }
    let declared = declared(&instructions);
    let variables = given.variables.iter().filter(|(name, _)| {
        let name = name.as_str();
        !arguments.contains(name) && !declared.contains(name)
    });
    let variables: Vec<String> = variables.map(|(name, value)| format!("ARG {name}={value}")).collect();
    let copies = copies(given, origin);
    let mut out = String::with_capacity(text.len() + 1024);
    let mut written = 0;
    let mut stages = Stages::default();
    for instruction in &instructions {
        if instruction.is("FROM") {
            stages.begin(instruction);
        } else if instruction.is("RUN")
            && let Some(needs) = stages.run()
        {
            out.push_str(&text[written..instruction.start]);
            written = instruction.start;
            let copies: &[String] = if needs == Needs::Everything { &copies } else { &[] };
            for line in copies.iter().chain(&variables) {
                // linters want one spelling in the whole file
                let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
                let word = if instruction.is_lowercase() { word.to_lowercase() } else { word.to_owned() };
                let _ = writeln!(out, "{word} {rest}");
            }
        }
    }
    (written > 0).then(|| out + &text[written..])
}

/// One `COPY` per folder that files go to: each is a layer.
fn copies(given: &Surroundings, origin: Origin) -> Vec<String> {
    let mut folders: Vec<(&str, Vec<String>)> = Vec::new();
    for path in given.files.keys() {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let from = if origin == Origin::Image { path.clone() } else { format!("{FOLDER}{path}") };
        match folders.iter_mut().find(|(other, _)| *other == folder) {
            Some((_, files)) => files.push(from),
            None => folders.push((folder, vec![from])),
        }
    }
    let flag = if origin == Origin::Image { format!("--from={} ", given.image) } else { String::new() };
    let line = |(folder, mut words): (&str, Vec<String>)| {
        words.push(format!("{folder}/"));
        format!("COPY {flag}{}", serde_json::Value::from(words))
    };
    folders.into_iter().map(line).collect()
}

/// What a stage still lacks at its first `RUN`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    Everything,
    /// The files came with the stage below; variables of `ARG` end with their stage.
    Variables,
}

/// The stages so far.
#[derive(Default)]
struct Stages {
    /// Names, in small letters, of stages that have the files.
    furnished: BTreeSet<String>,
    name: Option<String>,
    inherits: bool,
    ran: bool,
}

impl Stages {
    fn begin(&mut self, from: &Instruction) {
        let words: Vec<String> =
            from.words.iter().filter(|word| !word.starts_with("--")).map(|word| word.to_lowercase()).collect();
        self.inherits = words.first().is_some_and(|base| self.furnished.contains(base));
        self.name = match words.as_slice() {
            [_, word, name, ..] if word == "as" => Some(name.clone()),
            _ => None,
        };
        self.ran = false;
        if let Some(name) = &self.name {
            // a later stage of the same name hides the earlier one
            if self.inherits {
                self.furnished.insert(name.clone())
            } else {
                self.furnished.remove(name)
            };
        }
    }

    /// A `RUN`: what has to stand before it.
    fn run(&mut self) -> Option<Needs> {
        if std::mem::replace(&mut self.ran, true) {
            return None;
        }
        self.furnished.extend(self.name.clone());
        Some(if self.inherits { Needs::Variables } else { Needs::Everything })
    }
}

/// An instruction, as far as its place matters.
struct Instruction {
    /// Where its first line begins in the text.
    start: usize,
    /// Where what belongs to it ends.
    end: usize,
    /// As written.
    name: String,
    /// What follows, without line continuations.
    words: Vec<String>,
}

impl Instruction {
    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    fn is_lowercase(&self) -> bool {
        self.name.chars().all(|c| c.is_ascii_lowercase())
    }
}

/// Names that the Dockerfile itself gives meaning to as arguments.
fn declared(instructions: &[Instruction]) -> BTreeSet<&str> {
    let arguments = instructions.iter().filter(|instruction| instruction.is("ARG"));
    arguments.flat_map(|argument| &argument.words).map(|word| word.split('=').next().unwrap_or(word)).collect()
}

/// A comment between instructions that wants no additions; a heredoc's text is no comment.
fn opts_out(text: &str, instructions: &[Instruction]) -> bool {
    let mut at = 0;
    text.split_inclusive('\n').any(|line| {
        let start = at;
        at += line.len();
        let asks = line.trim().strip_prefix('#').is_some_and(|comment| comment.trim() == OPT_OUT);
        asks && !instructions.iter().any(|one| one.start <= start && start < one.end)
    })
}

/// The instructions of a Dockerfile, as the builders cut it into them.
fn instructions(text: &str) -> Vec<Instruction> {
    let escape = escape(text);
    let mut lines = Lines { text, at: if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 } };
    let mut found = Vec::new();
    while let Some((start, line)) = lines.next() {
        if is_passed_over(line) {
            continue;
        }
        let mut whole = String::new();
        let mut piece = line;
        while let Some(part) = continued(piece, escape) {
            whole.push_str(part);
            let next = std::iter::from_fn(|| lines.next()).find(|(_, line)| !is_passed_over(line));
            let Some((_, next)) = next else {
                piece = "";
                break;
            };
            piece = next;
        }
        whole.push_str(piece);
        let mut words = whole.split_whitespace().map(str::to_owned);
        let Some(name) = words.next() else { continue };
        let words: Vec<String> = words.collect();
        if takes_heredocs(&name, &words) {
            words.iter().filter_map(|word| heredoc(word)).for_each(|end| lines.skip_to(&end));
        }
        found.push(Instruction { start, end: lines.at, name, words });
    }
    found
}

/// Comments and empty lines, which a continued instruction may hold as well.
fn is_passed_over(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

/// The character that continues lines: of the `# escape` directive among the first lines, else a backslash.
fn escape(text: &str) -> char {
    for line in text.trim_start_matches('\u{feff}').lines() {
        let directive = line.trim().strip_prefix('#').and_then(|comment| comment.split_once('='));
        let Some((name, value)) = directive.map(|(name, value)| (name.trim(), value.trim())) else { break };
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
            break;
        }
        if name.eq_ignore_ascii_case("escape") {
            return if value == "`" { '`' } else { '\\' };
        }
    }
    '\\'
}

/// What stands before the sign that the line goes on.
fn continued(line: &str, escape: char) -> Option<&str> {
    line.trim_end().strip_suffix(escape)
}

fn takes_heredocs(name: &str, words: &[String]) -> bool {
    let takes = |name: &str| ["RUN", "COPY", "ADD"].iter().any(|other| name.eq_ignore_ascii_case(other));
    takes(name) || (name.eq_ignore_ascii_case("ONBUILD") && words.first().is_some_and(|word| takes(word)))
}

/// The end that `<<EOF`, `<<-"EOF"` or `3<<EOF` waits for.
fn heredoc(word: &str) -> Option<Heredoc> {
    let rest = word.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix("<<")?;
    let (tabs, name) = rest.strip_prefix('-').map_or((false, rest), |rest| (true, rest));
    let name: String = name.chars().filter(|c| !matches!(c, '"' | '\'')).collect();
    let plain = !name.is_empty() && !name.contains(['<', '>', '(', ')', ';', '&', '|']);
    plain.then_some(Heredoc { name, tabs })
}

struct Heredoc {
    name: String,
    /// Tabs before the end do not count.
    tabs: bool,
}

/// The text, line by line, without the ends of lines.
struct Lines<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lines<'t> {
    fn next(&mut self) -> Option<(usize, &'t str)> {
        let start = self.at;
        let rest = self.text.get(start..).filter(|rest| !rest.is_empty())?;
        let length = rest.find('\n').map_or(rest.len(), |end| end + 1);
        self.at += length;
        Some((start, rest[..length].trim_end_matches(['\n', '\r'])))
    }

    /// Passes over a heredoc. One that never ends is none: an older builder has it as ordinary words.
    fn skip_to(&mut self, end: &Heredoc) {
        let begin = self.at;
        while let Some((_, line)) = self.next() {
            let line = if end.tabs { line.trim_start_matches('\t') } else { line };
            if line == end.name {
                return;
            }
        }
        self.at = begin;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use indexmap::IndexMap;

    fn given() -> Surroundings {
        let files = ["/etc/devup/authorities.pem", "/usr/ca/a.crt", "/usr/ca/b.crt"];
        Surroundings {
            image: "localhost/devup-authorities:1".to_owned(),
            files: files.map(|path| (path.to_owned(), b"pem".to_vec())).into(),
            variables: IndexMap::from([("PIP_CERT".to_owned(), "/etc/devup/authorities.pem".to_owned())]),
        }
    }

    const COPY: &str = "COPY --from=localhost/devup-authorities:1 [\"/etc/devup/authorities.pem\",\"/etc/devup/\"]\n\
                        COPY --from=localhost/devup-authorities:1 [\"/usr/ca/a.crt\",\"/usr/ca/b.crt\",\"/usr/ca/\"]\n";
    const ARG: &str = "ARG PIP_CERT=/etc/devup/authorities.pem\n";

    fn added(text: &str) -> Option<String> {
        surrounded(text, &given(), Origin::Image, &BTreeSet::new())
    }

    /// `@` stands for all added lines, `§` for the variables alone.
    #[track_caller]
    fn becomes(expected: &str) {
        let before = expected.replace(['@', '§'], "");
        let after = expected.replace('@', &format!("{COPY}{ARG}")).replace('§', ARG);
        assert_eq!(added(&before).unwrap(), after);
    }

    #[test]
    fn the_lines_stand_before_the_first_run_of_each_stage() {
        becomes("FROM a\nCOPY x y\n@RUN one\nRUN two\nFROM b AS c\nUSER app\n# why\n@RUN three");
        becomes("# syntax=docker/dockerfile:1\n# check=error=true\nARG V=1\nFROM a:${V}\n@RUN x\n");
        becomes("FROM scratch\nADD root.tar /\n@RUN [\"/bin/x\"]\n");
        becomes("\u{feff}FROM a\r\n@RUN x\r\nRUN y\r\n");
    }

    #[test]
    fn stages_that_run_nothing_stay_as_they_are() {
        assert_eq!(added("FROM a\nCOPY . .\nONBUILD RUN x\nCMD run\n"), None);
        becomes("FROM a AS build\n@RUN x\nFROM scratch\nCOPY --from=build /x /x\n");
        becomes("FROM a AS build\n@RUN x\nFROM scratch\nCOPY --from=0 /x /x\nENTRYPOINT [\"RUN\"]\n");
    }

    #[test]
    fn a_stage_on_another_inherits_its_files_and_not_its_variables() {
        becomes("FROM a AS Base\n@RUN x\nFROM --platform=$BUILDPLATFORM base as next\n§RUN y\nFROM next\n§RUN z\n");
        becomes("FROM a AS base\nENV A=b\nFROM base\n@RUN y\n");
        becomes("FROM a AS base\n@RUN x\nFROM base AS thin\nFROM thin\n§RUN z\n");
        becomes("FROM a AS base\n@RUN x\nFROM b AS base\nFROM base\n@RUN z\n");
    }

    #[test]
    fn continued_lines_comments_and_heredocs_are_no_instructions() {
        becomes("FROM a\nENV A=1 \\\n  # comment\n\n  RUN=2\n@RUN x \\\n RUN y\n");
        becomes("# escape=`\nFROM a\nENV A=c:\\\n@RUN x `\n  RUN y\n");
        becomes("FROM a\nCOPY <<EOF /x\nRUN no\nFROM no\nEOF\n@RUN <<-'END'\nFROM b\n\tEND\nFROM c\n@RUN d\n");
        becomes("FROM a\n@RUN cat <<A <<B\nFROM x\nA\nFROM y\nB\nFROM c\n@RUN d\n");
        becomes("FROM a\n@RUN echo $((1 <<2))\nFROM b\n@RUN cat <<NEVER\nFROM c\n@RUN x\n");
    }

    #[test]
    fn what_the_user_sets_is_spared() {
        let spared = surrounded("FROM a\nRUN x\n", &given(), Origin::Image, &BTreeSet::from(["PIP_CERT"])).unwrap();
        assert_eq!(spared, format!("FROM a\n{COPY}RUN x\n"));
        let spared = added("FROM a\nARG PIP_CERT=/mine\nRUN x\n").unwrap();
        assert_eq!(spared, format!("FROM a\nARG PIP_CERT=/mine\n{COPY}RUN x\n"));
        let small = added("from a\nrun x\n").unwrap();
        assert!(small.contains("\ncopy --from=") && small.contains("\narg PIP_CERT="), "{small}");
    }

    #[test]
    fn a_comment_opts_out() {
        assert_eq!(added("FROM a\n#  devup: no-authorities\nRUN x\n"), None);
        assert!(added("FROM a\nRUN <<EOF\n# devup: no-authorities\nEOF\n").is_some());
        assert!(added("FROM a\nRUN echo devup: no-authorities\n").is_some());
    }

    #[test]
    fn the_context_is_the_other_origin() {
        let text = surrounded("FROM a\nRUN x\n", &given(), Origin::Context, &BTreeSet::new()).unwrap();
        assert!(text.contains("COPY [\".devup-authorities/etc/devup/authorities.pem\",\"/etc/devup/\"]"), "{text}");
    }
}
