//! The real binary on real project folders: every `cmd/*.trycmd` is commands and their output.
//!
//! `TRYCMD=overwrite cargo nextest run -p kumiki cli` writes what comes out instead.

#[test]
fn cli() {
    trycmd::TestCases::new()
        .case("tests/cmd/*.trycmd")
        .env("LC_ALL", "C.UTF-8")
        .env("COLUMNS", "100")
        .env("NO_COLOR", "1")
        .env("GITHUB_WORKSPACE", "");
}
