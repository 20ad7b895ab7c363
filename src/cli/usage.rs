//! A command line that clap does not take: its words for people, an error object for programs.

use std::ffi::OsString;
use std::process::ExitCode;

use super::context::Context;
use super::exit::Exit;
use super::root::GlobalArgs;
use crate::app::error::AppError;
use crate::ui::fault;

/// Help and version are answers; everything else is a wrong command line.
pub fn refuse(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    if error.use_stderr() && wants_json(arguments) {
        let context = Context::new(GlobalArgs { json: true, ..GlobalArgs::default() });
        let error = as_usage(&error.render().to_string());
        fault::show(&context.screen, &error);
        return Exit::of(&error).into();
    }
    // nobody reading is no reason to fail
    let _ = error.print();
    if error.use_stderr() { Exit::USAGE.into() } else { Exit::DONE.into() }
}

/// Read from the words themselves: nothing was parsed. What stands behind `--` is a program's.
fn wants_json(arguments: &[OsString]) -> bool {
    arguments.iter().take_while(|word| *word != "--").any(|word| word == "--json")
}

/// clap's text: `error: …` up to the first empty line, then tips and the usage.
fn as_usage(text: &str) -> AppError {
    let Some(said) = text.strip_prefix("error: ") else {
        // nothing is wrong with it but that it ends too early: clap shows the help
        return AppError::usage("the command line is not complete").help(text.trim_end());
    };
    let (message, rest) = said.split_once("\n\n").unwrap_or((said, ""));
    let message: Vec<&str> = message.lines().map(str::trim).collect();
    let help: Vec<&str> = rest.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let error = AppError::usage(message.join(" "));
    if help.is_empty() { error } else { error.help(help.join("\n")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::root::Cli;
    use clap::Parser as _;

    fn refused(line: &[&str]) -> (String, String) {
        let error = Cli::try_parse_from([&["devup"], line].concat()).unwrap_err();
        let usage = as_usage(&error.render().to_string());
        (usage.to_string(), usage.remedy().unwrap_or_default())
    }

    #[test]
    fn message_and_help_are_told_apart() {
        let (message, help) = refused(&["ps", "--servces"]);
        assert_eq!(message, "unexpected argument '--servces' found");
        assert!(help.contains("'--services'") && help.contains("Usage: devup ps"), "{help}");
        let (message, help) = refused(&["exec"]);
        assert!(message.starts_with("the following required arguments were not provided: <"), "{message}");
        assert!(help.contains("Usage: devup exec"), "{help}");
        let (message, help) = refused(&["secret"]);
        assert_eq!(message, "the command line is not complete");
        assert!(help.contains("list"), "{help}");
    }

    #[test]
    fn a_programs_own_flag_does_not_count() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        assert!(wants_json(&words("devup ps --bogus --json")));
        assert!(!wants_json(&words("devup task --bogus -- --json")));
    }
}
