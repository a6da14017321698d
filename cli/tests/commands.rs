//! The command line as a user meets it: each file of `cmd/` is a command and what it prints.

#[test]
fn commands_print_what_they_did_before() {
    trycmd::TestCases::new().env("COLUMNS", "100").env("CI", "1").case("tests/cmd/*.trycmd");
}
