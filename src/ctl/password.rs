//! Reading a new password: twice and without echo at a terminal, otherwise from the input.

use std::io::{self, BufRead, IsTerminal};

use chatroom::secret::Secret;

use crate::failure::Failure;

/// Reads a new password.
pub fn ask(name: &str) -> Result<Secret, Failure> {
    let name = chatroom::clean::line(name);
    let password = if io::stdin().is_terminal() {
        let password = Secret::new(rpassword::prompt_password(format!("Password for {name}: "))?);
        let again = Secret::new(rpassword::prompt_password("Repeat the password: ")?);
        if password != again {
            return Err(Failure::Usage("the passwords differ; nothing was changed".to_owned()));
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
