//! The manual page of the configuration, generated from the file of the package.

use clap_mangen::roff::{Roff, bold, roman};

/// The page, in roff.
pub fn page(shipped: &str, see: &str) -> String {
    let mut roff = Roff::new();
    let version = concat!("chatroomd ", env!("CARGO_PKG_VERSION"));
    roff.control("TH", ["CHATROOMD.TOML", "5", "", version, "Chat server"]);
    roff.control("SH", ["NAME"]).text([roman("chatroomd.toml - configuration file of chatroomd")]);
    roff.control("SH", ["SYNOPSIS"]).text([roman("/etc/chatroomd.toml")]);
    roff.control("SH", ["DESCRIPTION"]);
    let mut comment: Vec<&str> = Vec::new();
    let mut options: Vec<&str> = Vec::new();
    for line in shipped.lines() {
        if let Some(option) = option(line) {
            options.push(option);
            continue;
        }
        describe(&mut roff, &mut options, &mut comment);
        if let Some(section) = line.strip_prefix('[') {
            paragraphs(&mut roff, &mut comment);
            roff.control("SH", [format!("[{section}").as_str()]);
        } else if let Some(text) = line.strip_prefix('#') {
            comment.push(text.trim());
        }
    }
    describe(&mut roff, &mut options, &mut comment);
    roff.control("SH", ["FILES"]).control("TP", []);
    roff.text([roman("/etc/chatroomd.toml")]).text([roman(
        "The configuration file. The file of the package lists every option with its default.",
    )]);
    roff.to_roff() + &format!(".SH \"SEE ALSO\"\n{see}\n")
}

/// Writes the options that a comment describes, and the comment.
fn describe(roff: &mut Roff, options: &mut Vec<&str>, comment: &mut Vec<&str>) {
    for (number, option) in options.iter().enumerate() {
        roff.control(if number == 0 { "TP" } else { "TQ" }, []).text([bold(*option)]);
    }
    if !options.is_empty() {
        roff.text([roman(std::mem::take(comment).join(" "))]);
        options.clear();
    }
}

/// An option with its default, which is commented out, or an example of an option without a
/// default.
fn option(line: &str) -> Option<&str> {
    let text = line.strip_prefix('#')?;
    let (name, _) = text.trim().split_once(" = ")?;
    let is_name = name.chars().all(|char| char.is_ascii_lowercase() || char == '_');
    is_name.then(|| text.trim())
}

/// Writes a comment that does not describe an option. An empty line begins a paragraph.
fn paragraphs(roff: &mut Roff, comment: &mut Vec<&str>) {
    for paragraph in std::mem::take(comment).split(|line| line.is_empty()) {
        if !paragraph.is_empty() {
            roff.control("PP", []).text([roman(paragraph.join(" "))]);
        }
    }
}
