//! SHA-256, the name of everything stored.

use std::fmt::Write;

use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

/// A SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Sha(pub(crate) [u8; 32]);

impl Sha {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    pub(crate) fn of_hasher(hasher: Sha256) -> Self {
        Self(hasher.finalize().into())
    }

    /// As object names and documents write it.
    pub(crate) fn hex(self) -> String {
        hex(&self.0)
    }

    /// As S3's checksum headers write it.
    pub(crate) fn base64(self) -> String {
        STANDARD.encode(self.0)
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a String takes whatever is written");
            text
        })
}
