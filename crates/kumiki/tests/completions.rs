//! What `kumiki completions` prints, in a real shell.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::process::Command;

/// What bash offers for the last of some words.
fn offered(words: &str) -> String {
    let script = format!(
        r#"
        source <("$KUMIKI" completions bash)
        COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        _kumiki kumiki "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD - 1]}}"
        echo "${{COMPREPLY[*]}}"
        "#
    );
    let bash = Command::new("bash")
        .args(["-euc", &script])
        .env("KUMIKI", env!("CARGO_BIN_EXE_kumiki"))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&bash.stderr), "");
    String::from_utf8(bash.stdout).unwrap().trim().to_owned()
}

#[test]
fn bash_completes() {
    let cases = [
        ("kumiki ch", "check changeset"),
        ("kumiki check --base", "--baseline"),
        ("kumiki check --format s", "sarif"),
        ("kumiki completions f", "fish"),
        ("kumiki nothing-of-the-kin", ""),
    ];
    for (words, expected) in cases {
        assert_eq!(offered(words), expected, "{words}");
    }
}

/// The other shells are seldom where tests run; each script names the command and its parts.
#[test]
fn every_shell_is_served() {
    for (shell, expected) in [
        ("zsh", "#compdef kumiki"),
        ("fish", "complete -c kumiki"),
        ("powershell", "Register-ArgumentCompleter"),
        ("elvish", "edit:completion:arg-completer[kumiki]"),
    ] {
        let kumiki = Command::new(env!("CARGO_BIN_EXE_kumiki"))
            .args(["completions", shell, "--language", "ja"])
            .output()
            .unwrap();
        let script = String::from_utf8(kumiki.stdout).unwrap();
        assert!(script.contains(expected), "{shell}");
        assert!(script.contains("ルールを説明する"), "{shell}: help is in the reader's language");
    }
}
