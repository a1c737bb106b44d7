//! How commands on the demo's folder are typed where the demo was started.

use std::path::Path;

/// The program and the folder, as they are typed.
pub(super) struct Voice {
    program: String,
    home: String,
}

impl Voice {
    /// For the folder as the user named it.
    pub(super) fn new(home: &Path) -> Self {
        let home = home.strip_prefix("./").unwrap_or(home).display().to_string();
        Self {
            program: program(),
            home: quoted(&home),
        }
    }

    /// The folder as it is typed.
    pub(super) fn home(&self) -> &str {
        &self.home
    }

    /// A whole command line.
    pub(super) fn command(&self, rest: &str) -> String {
        format!("{} --home {} {rest}", self.program, self.home)
    }
}

/// Started from a build below this folder, the tool is not on the search path: then its path is typed.
fn program() -> String {
    let below = || {
        let started = std::env::args_os().next()?;
        let path = Path::new(&started);
        let below = match path.is_absolute() {
            true => path.strip_prefix(std::env::current_dir().ok()?).ok()?,
            false => path,
        };
        (below.components().count() > 1).then(|| quoted(&below.display().to_string()))
    };
    below().unwrap_or_else(|| "seatbelt".to_owned())
}

/// `text` as one word of a shell.
pub(super) fn quoted(text: &str) -> String {
    let plain = |char: char| char.is_ascii_alphanumeric() || "/._-+=:,@%".contains(char);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_can_be_pasted_into_a_shell() {
        let voice = |home: &str| Voice {
            program: "seatbelt".to_owned(),
            ..Voice::new(Path::new(home))
        };
        assert_eq!(
            voice("./seatbelt-demo").command("runs"),
            "seatbelt --home seatbelt-demo runs"
        );
        assert_eq!(
            voice("/tmp/Ann's demo").command("runs"),
            "seatbelt --home '/tmp/Ann'\\''s demo' runs"
        );
    }
}
