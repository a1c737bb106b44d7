//! The key of an entry.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A system's name: 1 to 63 lower-case letters, digits and hyphens, the first no hyphen. It is a key of both tables, a
/// folder of the bucket and part of a schedule's name, and all of them take it as it is.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SystemName(String);

/// A text that is no [`SystemName`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "\"{0}\" is not a system name: use 1 to 63 lower-case letters, digits and hyphens, beginning with a letter or digit, \
     such as acme-crm"
)]
pub struct InvalidSystemName(String);

impl SystemName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SystemName {
    type Error = InvalidSystemName;

    fn try_from(text: String) -> Result<Self, InvalidSystemName> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let fits = (1..=63).contains(&text.len())
            && text.bytes().all(|byte| plain(byte) || byte == b'-')
            && !text.starts_with('-');
        if fits {
            Ok(Self(text))
        } else {
            Err(InvalidSystemName(text.chars().take(80).collect()))
        }
    }
}

impl FromStr for SystemName {
    type Err = InvalidSystemName;

    fn from_str(text: &str) -> Result<Self, InvalidSystemName> {
        text.to_owned().try_into()
    }
}

impl From<SystemName> for String {
    fn from(name: SystemName) -> Self {
        name.0
    }
}

impl AsRef<str> for SystemName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for SystemName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SystemName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
