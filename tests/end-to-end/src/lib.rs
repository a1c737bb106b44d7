//! The real binaries against embedded or emulated AWS, and the rules of the house. All of it is in `tests`; here is what they share.

use std::path::PathBuf;

/// The folder of the workspace.
#[must_use]
pub fn workspace() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).map(PathBuf::from).unwrap_or(here)
}
