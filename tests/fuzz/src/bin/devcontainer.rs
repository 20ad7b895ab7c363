//! Any bytes as a devcontainer.json: an error with a screen, or a spec's document.
#![no_main]

use std::path::Path;

use devup::spec::devcontainer::configuration::{Surroundings, of_source};
use devup::spec::devcontainer::lower;
use devup_fuzz::{FOLDER, Memory, show, variables};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new(FOLDER).join(".devcontainer/devcontainer.json");
    let source = match devup::spec::decode::decode(bytes, Path::new("devcontainer.json")) {
        Ok(source) => source,
        Err(error) => return show(&error),
    };
    let memory = Memory([(path.clone(), bytes.to_vec())].into());
    let environment = variables();
    let around = Surroundings { files: &memory, environment: &environment, local_folder: Path::new(FOLDER), with_id: true };
    match of_source(&path, &source, &around) {
        Err(error) => show(&error),
        Ok(read) => {
            if let Err(error) = lower::document(&read) {
                show(&error);
            }
            let _ = devup::spec::devcontainer::print::json(&read);
        }
    }
});
