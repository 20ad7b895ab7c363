//! Any text as a value with variables: an error whose offset is inside, or a text; what has no `$` stays as it is.
#![no_main]

use devup::spec::interpolate::template::{Pieces, expand};
use devup_fuzz::variables;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let known = variables();
    let lookup = |name: &str| known.get(name).cloned();
    let mut missing = Vec::new();
    let expanded = expand(text, &lookup, &mut |name, offset| {
        assert!(text.is_char_boundary(offset), "{offset} in {text:?}");
        missing.push(name.to_owned());
    });
    match expanded {
        Ok(out) if !text.contains('$') => assert_eq!(out, text),
        Ok(_) => {}
        Err(error) => assert!(text.is_char_boundary(error.offset()), "{} in {text:?}", error.offset()),
    }
    // a text whose dollars are doubled means itself
    let doubled = text.replace('$', "$$");
    assert_eq!(expand(&doubled, &lookup, &mut |_, _| {}).ok().as_deref(), Some(text));
    let pieces = Pieces::of(text).count();
    assert!(pieces <= text.len() + 1);
});
