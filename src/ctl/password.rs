//! Asking for a password: twice and without showing it at a terminal, else from the input.

use std::io::{self, BufRead, IsTerminal};

use chatroom::secret::Secret;

use crate::failure::Failure;

/// Asks for a new password.
pub fn ask(name: &str) -> Result<Secret, Failure> {
    let name = chatroom::clean::line(name);
    let password = if io::stdin().is_terminal() {
        let password = Secret::new(rpassword::prompt_password(format!("Password for {name}: "))?);
        let again = Secret::new(rpassword::prompt_password("The same again: ")?);
        if password != again {
            return Err(Failure::Usage("the two are not the same; nothing was changed".to_owned()));
        }
        password
    } else {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line)?;
        Secret::of_line(line)
    };
    password.check_new().map_err(Failure::Usage)?;
    Ok(password)
}
