//! The completion script of a shell.

use clap_complete::env::Shells;

use super::Shell;

/// The environment variable that names the shell that asks.
pub const VARIABLE: &str = "_CHATCTL_COMPLETE";

/// The script for a shell.
pub fn script(shell: Shell) -> String {
    let mut script = Vec::new();
    let name = match shell {
        Shell::Bash => "bash",
        Shell::Zsh => "zsh",
        Shell::Fish => "fish",
    };
    if let Some(shell) = Shells::builtins().completer(name) {
        // Writing to memory does not fail.
        let _ = shell.write_registration(VARIABLE, "chatctl", "chatctl", "chatctl", &mut script);
    }
    let script = String::from_utf8_lossy(&script).trim().to_owned() + "\n";
    // At first, zsh runs a file of its function path as the function itself, and expects it to
    // complete.
    let register = "compdef _clap_dynamic_completer_chatctl chatctl\n";
    let or_complete = "if [ \"$funcstack[1]\" = _chatctl ]; then\n    \
                       _clap_dynamic_completer_chatctl \"$@\"\nelse\n    \
                       compdef _clap_dynamic_completer_chatctl chatctl\nfi\n";
    script.replace(register, or_complete)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zsh_completes_the_first_time() {
        let script = script(Shell::Zsh);
        assert!(script.starts_with("#compdef chatctl\n"), "{script}");
        assert!(script.ends_with("chatctl chatctl\nfi\n"), "{script}");
    }
}
