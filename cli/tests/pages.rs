//! The pages for readers show what commands print today: each `console` block of them is run. Commands that take long, or
//! need the network or a shell, are in `sh` blocks, which nobody runs.

use std::path::Path;

/// Alone in its process: it runs the commands where a reader would, at the root.
#[test]
fn pages_show_what_commands_print() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    std::env::set_current_dir(root).unwrap();
    let cases = trycmd::TestCases::new();
    cases.env("COLUMNS", "100").env("CI", "1");
    for page in ["README.md", "CONTRIBUTING.md", "checker/README.md"] {
        cases.case(page);
    }
}
