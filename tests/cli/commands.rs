//! The commands there are, as the program itself lists them: a new one can't be forgotten by a test that walks them.

use crate::environment::TestEnvironment;

/// Names that the help of this command lists.
pub fn listed(env: &TestEnvironment, command: &[&str]) -> Vec<String> {
    let ran = env.run(&[command, &["--help"]].concat());
    let lines = ran.stdout.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // what an entry says may go on in the next line, which is further in
    let entries = lines.filter_map(|line| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')));
    let names = entries.filter_map(|entry| entry.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

/// Every command that can be typed, those below others too; the program itself is the empty one.
pub fn all(env: &TestEnvironment) -> Vec<Vec<String>> {
    let mut all: Vec<Vec<String>> = vec![Vec::new()];
    let mut at = 0;
    while at < all.len() {
        let command: Vec<&str> = all[at].iter().map(String::as_str).collect();
        let below = listed(env, &command);
        let grown: Vec<Vec<String>> =
            below.into_iter().map(|name| all[at].iter().cloned().chain([name]).collect()).collect();
        all.extend(grown);
        at += 1;
    }
    all
}
