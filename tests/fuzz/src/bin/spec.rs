//! Any bytes as a spec: an error with a screen, or an environment and a text that reads back as the same data.
//! A line `#---override` begins a second file that overrides the first.
#![no_main]

use devup::spec::{config, resolve};
use devup_fuzz::{load_all, show};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    const SPLIT: &[u8] = b"#---override\n";
    let at = bytes.windows(SPLIT.len()).position(|window| window == SPLIT);
    let files = match at {
        Some(at) => vec![("compose.yaml", &bytes[..at]), ("over.yaml", &bytes[at + SPLIT.len()..])],
        None => vec![("compose.yaml", bytes)],
    };
    for consistency in [true, false] {
        match load_all(&files, |options| options.consistency = consistency) {
            Err(error) => show(&error),
            Ok(loaded) => {
                if let Err(error) = resolve::environment(&loaded) {
                    show(&error);
                }
                let _ = config::json(&loaded);
                let text = config::yaml(&loaded);
                let source = devup::spec::decode::decode(text.as_bytes(), std::path::Path::new("out.yaml"));
                let source = source.unwrap_or_else(|error| panic!("{}\n{text}", error.screen(false)));
                let read = devup::spec::parse::parse(&source);
                read.unwrap_or_else(|error| panic!("{}\n{text}", error.screen(false)));
            }
        }
    }
});
