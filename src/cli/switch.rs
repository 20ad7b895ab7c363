//! Switches with their value written out, as Compose accepts every one of them: `--wait=true`, `--volumes=false`.

use std::ffi::OsString;

use clap::{Arg, ArgAction, Command};

/// The command line with `--switch=true` as `--switch`, and without what `--switch=false` takes back. What follows `--`,
/// or belongs to a program that is run inside, stays as it is.
pub fn plain(arguments: Vec<OsString>, tree: impl FnOnce() -> Command) -> Vec<OsString> {
    if !arguments.iter().any(|word| valued(word).is_some()) {
        return arguments;
    }
    let mut tree = tree();
    // shared options become options of every command
    tree.build();
    let mut command = &tree;
    let mut words = arguments.into_iter();
    let mut kept: Vec<OsString> = words.next().into_iter().collect();
    while let Some(word) = words.next() {
        let text = word.to_string_lossy().into_owned();
        if text == "--" {
            kept.push(word);
            break;
        }
        if let Some((name, value)) = valued(&word).filter(|(name, _)| long(command, name).is_some_and(is_switch)) {
            let switch = OsString::from(format!("--{name}"));
            kept.retain(|earlier| *earlier != switch);
            kept.extend(value.then_some(switch));
            continue;
        }
        let eats_next = takes_next(command, &text);
        kept.push(word);
        if eats_next {
            kept.extend(words.next());
        } else if !text.starts_with('-') {
            match command.find_subcommand(&text) {
                Some(inner) => command = inner,
                None if ends_options(command) => break,
                None => {}
            }
        }
    }
    kept.extend(words);
    kept
}

/// Name and value of `--name=value` where the value is a truth value; the spellings are those of Go, in which Compose is
/// written.
fn valued(word: &OsString) -> Option<(String, bool)> {
    let (name, value) = word.to_str()?.strip_prefix("--")?.split_once('=')?;
    let value = match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => true,
        "0" | "f" | "F" | "false" | "FALSE" | "False" => false,
        _ => return None,
    };
    Some((name.to_owned(), value))
}

fn long<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|argument| {
        argument.get_long() == Some(name) || argument.get_all_aliases().is_some_and(|aliases| aliases.contains(&name))
    })
}

fn is_switch(argument: &Arg) -> bool {
    matches!(argument.get_action(), ArgAction::SetTrue)
}

/// Whether the word is an option whose value is the next word.
fn takes_next(command: &Command, word: &str) -> bool {
    let wants = |argument: &Arg| argument.get_action().takes_values() && !argument.is_require_equals_set();
    if let Some(name) = word.strip_prefix("--") {
        return long(command, name).is_some_and(wants);
    }
    let Some(letters) = word.strip_prefix('-') else { return false };
    // in `-dn3` the first option with a value has the rest of the word, if there is a rest
    for (at, letter) in letters.char_indices() {
        match command.get_arguments().find(|argument| argument.get_short() == Some(letter)) {
            Some(argument) if wants(argument) => return at + letter.len_utf8() == letters.len(),
            Some(_) => {}
            None => return false,
        }
    }
    false
}

/// Whether a first plain word ends the options: of `exec` and `run` the rest belongs to the program inside, and a word
/// that is no command is a SOURCE.
fn ends_options(command: &Command) -> bool {
    command.has_subcommands() || command.get_positionals().any(Arg::is_trailing_var_arg_set)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::root::Cli;
    use clap::CommandFactory as _;

    fn plain_words(line: &str) -> String {
        let words = line.split_whitespace().map(OsString::from).collect();
        let kept = plain(words, Cli::command);
        kept.into_iter().map(|word| word.into_string().unwrap()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_switch_takes_a_truth_value_and_the_last_one_counts() {
        assert_eq!(plain_words("devup up --wait=true --build=1 -d"), "devup up --wait --build -d");
        assert_eq!(plain_words("devup down --volumes=false --remove-orphans=T"), "devup down --remove-orphans");
        assert_eq!(plain_words("devup down --volumes --volumes=false"), "devup down");
        assert_eq!(plain_words("devup -f a.yaml -p up ps --all=true"), "devup -f a.yaml -p up ps --all");
        assert_eq!(plain_words("devup --dry-run=true up --dry-run=false"), "devup up");
    }

    #[test]
    fn options_with_a_value_and_programs_inside_keep_theirs() {
        for line in [
            "devup exec web env --debug=true",
            "devup run --rm web prog --wait=false",
            "devup up --scale web=1 --menu=false",
            "devup ps --orphans=false",
            "devup logs --tail=1",
            "devup run -e --quiet=true web",
            "devup stop -- --wait=true",
            "devup https://git.example/a.git --yes=true",
            "devup up --unknown=true",
        ] {
            assert_eq!(plain_words(line), line);
        }
    }
}
