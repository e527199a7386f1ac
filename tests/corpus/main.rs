//! The checks of the fuzzer over the corpora that are kept: what was once found is not forgotten.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "what is not as it should be fails")]

#[path = "../../fuzz/checks.rs"]
mod checks;

use std::fs;
use std::path::Path;

#[test]
#[expect(clippy::disallowed_macros, reason = "it is shown where the check fails")]
fn every_input_that_is_kept_still_holds() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, _) in checks::ALL {
        let inputs = fs::read_dir(corpora.join(name)).unwrap();
        let inputs: Vec<_> = inputs.map(|entry| entry.unwrap().path()).collect();
        assert!(!inputs.is_empty(), "{name} has no corpus");
        for path in inputs {
            println!("{}", path.display());
            checks::run(name, &fs::read(&path).unwrap());
        }
    }
}
