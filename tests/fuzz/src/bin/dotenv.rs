//! Any bytes as an environment file, in both formats: an error with a screen, or variables with names.
#![no_main]

use devup::spec::dotenv::{parse, parse_raw};
use devup_fuzz::{show, variables};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let known = variables();
    let lookup = |name: &str| known.get(name).cloned();
    let source = match devup::spec::decode::decode(bytes, std::path::Path::new(".env")) {
        Ok(source) => source,
        Err(error) => return show(&error),
    };
    match parse(&source, &lookup) {
        Ok(read) => assert!(read.variables.keys().all(|name| !name.is_empty() && !name.contains('='))),
        Err(error) => show(&error),
    }
    if let Err(error) = parse_raw(&source, &lookup) {
        show(&error);
    }
});
