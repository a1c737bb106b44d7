//! Lines: how a vendor's record becomes a line of a chunk, and how it is read back to the byte.
//!
//! A line is the record as it came, newlines between its tokens replaced by spaces. What Seatbelt must add is the
//! *last* member of the object, so that cutting it off gives back the vendor's bytes:
//!
//! ```
//! use seatbelt_vault::line::{self, Extra};
//!
//! let extra = Extra { key: Some("7".into()), ..Extra::default() };
//! let line = line::build(r#"{"price": 1.50}"#, &extra)?;
//! assert_eq!(line, r#"{"price": 1.50,"_seatbelt":{"key":"7"}}"#);
//! let (vendor, found) = line::split(&line);
//! assert_eq!((vendor.as_ref(), found), (r#"{"price": 1.50}"#, Some(extra)));
//! # Ok::<(), seatbelt_vault::VaultError>(())
//! ```
//!
//! Why this is unambiguous: within a JSON string a quote is escaped, so the text `"_seatbelt":` occurs only as the name
//! of a member. A vendor's record that has such a member itself always gets one of ours behind it, if only an empty one.

use std::{borrow::Cow, sync::LazyLock};

use memchr::{memchr2, memmem};
use seatbelt_model::{
    ChangeKind, KeyRule,
    json::{self, Pointer},
};
use serde::{Deserialize, Serialize, de::IgnoredAny};

use crate::VaultError;

const NAME: &str = "\"_seatbelt\":";
/// Made once: every record is searched.
static NAME_FINDER: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(NAME));
const CONTROL: &str = "{\"_seatbelt\":{";
const BEFORE: &str = "{\"_seatbelt\":{\"before\":";
const REMOVED: &str = "{\"_seatbelt\":{\"removed\":";
const LISTED: &str = "{\"_seatbelt\":{\"listed\":";

/// What Seatbelt adds to a record.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Extra {
    /// The record's key, where it cannot be read from the record ([`KeyRule::Written`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The bytes of a file's record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
}

/// The bytes of a file's record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Body {
    /// They are stored.
    Stored(StoredBody),
    /// They could not be had; the next run tries again.
    Missing {
        /// Why not, without customer data.
        missing: String,
    },
}

/// A file's bytes in the vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredBody {
    /// SHA-256 of the bytes in hex, which is the object's name.
    pub sha256: String,
    /// How many there are.
    pub size_bytes: u64,
    /// The media type the vendor stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// The file name the vendor stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// One record that differs between two states. Lines are complete, with what Seatbelt added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The record's key.
    pub key: String,
    /// What happened to it.
    pub kind: ChangeKind,
    /// The line before; `None` if it was added.
    pub before: Option<bytes::Bytes>,
    /// The line after; `None` if it was removed.
    pub after: Option<bytes::Bytes>,
}

impl Difference {
    /// The difference between two lines of one key; `None` if there is none.
    #[must_use]
    pub fn between(key: String, before: Option<bytes::Bytes>, after: Option<bytes::Bytes>) -> Option<Self> {
        let kind = match (&before, &after) {
            (None, Some(_)) => ChangeKind::Added,
            (Some(_), None) => ChangeKind::Removed,
            (Some(before), Some(after)) if before != after => ChangeKind::Changed,
            _ => return None,
        };
        Some(Self {
            key,
            kind,
            before,
            after,
        })
    }

    /// The same seen from the other end.
    #[must_use]
    pub fn inverse(self) -> Self {
        let kind = match self.kind {
            ChangeKind::Added => ChangeKind::Removed,
            ChangeKind::Changed => ChangeKind::Changed,
            ChangeKind::Removed => ChangeKind::Added,
        };
        Self {
            key: self.key,
            kind,
            before: self.after,
            after: self.before,
        }
    }
}

/// The line of a record: its text on one line, with `extra` appended if there is any.
///
/// # Errors
/// [`VaultError::NotARecord`] unless `record` is an object in braces. That it is valid JSON the caller has checked.
pub fn build(record: &str, extra: &Extra) -> Result<String, VaultError> {
    let mut line = String::with_capacity(record.len() + 16);
    build_into(&mut line, record, extra)?;
    Ok(line)
}

/// [`build`], appended to a buffer that is reused.
///
/// # Errors
/// As [`build`]; the buffer is then unchanged.
pub fn build_into(line: &mut String, record: &str, extra: &Extra) -> Result<(), VaultError> {
    let record = record.trim_ascii();
    if !(record.starts_with('{') && record.ends_with('}')) {
        return Err(VaultError::NotARecord);
    }
    let plain = *extra == Extra::default() && NAME_FINDER.find(record.as_bytes()).is_none();
    let inner = &record[..record.len() - 1];
    if plain {
        push_on_one_line(line, record);
        return Ok(());
    }
    push_on_one_line(line, inner);
    if !inner[1..].trim_ascii().is_empty() {
        line.push(',');
    }
    line.push_str(NAME);
    line.push_str(&serde_json::to_string(extra).expect("strings and numbers can be written as JSON"));
    line.push('}');
    Ok(())
}

/// In valid JSON a line break can only stand between tokens, where a space means the same.
fn push_on_one_line(line: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = memchr2(b'\n', b'\r', rest.as_bytes()) {
        line.push_str(&rest[..at]);
        line.push(' ');
        rest = &rest[at + 1..];
    }
    line.push_str(rest);
}

/// The vendor's record and what Seatbelt added to it. Copies only where something was added.
#[must_use]
pub fn split(line: &str) -> (Cow<'_, str>, Option<Extra>) {
    let Some((at, value)) = appended(line) else {
        return (Cow::Borrowed(line), None);
    };
    let inner = &line[..at];
    let inner = inner.strip_suffix(',').unwrap_or(inner);
    (
        Cow::Owned(format!("{inner}}}")),
        Some(serde_json::from_str(value).unwrap_or_default()),
    )
}

/// What Seatbelt added to a record.
#[must_use]
pub fn extra(line: &str) -> Option<Extra> {
    let (_, value) = appended(line)?;
    serde_json::from_str(value).ok()
}

/// The file bytes a record names.
#[must_use]
pub fn body(line: &str) -> Option<Body> {
    // `{..,"_seatbelt":{..,"body":{..}}}`: three braces, which spares nearly all other records the search.
    if line.ends_with("}}}") { extra(line)?.body } else { None }
}

/// Whether this line of a delta holds a removed record's key and content.
#[must_use]
pub fn is_tombstone(line: &str) -> bool {
    matches!(control(line), Some(Control::Removed { .. }))
}

/// Whether this line of a delta holds what the record of the next line was before.
#[must_use]
pub fn is_before(line: &str) -> bool {
    matches!(control(line), Some(Control::Before(_)))
}

/// Where the appended member begins, and its value.
fn appended(line: &str) -> Option<(usize, &str)> {
    if !line.ends_with("}}") {
        return None; // its value is an object
    }
    let at = memmem::rfind(line.as_bytes(), NAME.as_bytes())?;
    let value = &line[at + NAME.len()..line.len() - 1];
    // If the member stood deeper, or not last, more than one value would remain.
    serde_json::from_str::<IgnoredAny>(value).ok().map(|_| (at, value))
}

/// Finds the key of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    pointer: Option<Pointer>,
}

impl Keys {
    /// Reads keys by `rule`; `None` if its pointer is none.
    #[must_use]
    pub fn new(rule: &KeyRule) -> Option<Self> {
        match rule {
            KeyRule::Pointer(text) if !text.is_empty() && !text.starts_with('/') => None,
            KeyRule::Pointer(text) => Some(Self {
                pointer: Some(Pointer::new(text)),
            }),
            KeyRule::Written => Some(Self { pointer: None }),
        }
    }

    /// The key of a record's line. `None` if it has none, which in a stored line means damage.
    #[must_use]
    pub fn of<'a>(&self, line: &'a str) -> Option<Cow<'a, str>> {
        match &self.pointer {
            Some(pointer) => json::text_at(line, pointer),
            None => extra(line)?.key.map(Cow::Owned),
        }
    }
}

/// A line that is no record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Control<'a> {
    /// What the record on the next line was before.
    Before(&'a str),
    /// A record that is gone, and what it was.
    Removed { key: String, before: Option<&'a str> },
    /// Every child of this parent was listed (staged runs only).
    Listed { parent: String },
}

/// Tells a line that Seatbelt wrote from a record.
pub(crate) fn control(line: &str) -> Option<Control<'_>> {
    if !line.starts_with(CONTROL) {
        return None;
    }
    if memmem::rfind(line.as_bytes(), NAME.as_bytes()) != Some(1) && appended(line).is_some() {
        return None; // a vendor's record that looks like ours: then ours stands behind it
    }
    if let Some(rest) = line.strip_prefix(BEFORE) {
        return Some(Control::Before(rest.strip_suffix("}}")?));
    }
    if let Some(rest) = line.strip_prefix(REMOVED) {
        let (key, rest) = string(rest)?;
        let before = rest
            .strip_prefix(",\"before\":")
            .and_then(|rest| rest.strip_suffix("}}"));
        return Some(Control::Removed { key, before });
    }
    let (parent, _) = string(line.strip_prefix(LISTED)?)?;
    Some(Control::Listed { parent })
}

fn string(text: &str) -> Option<(String, &str)> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<String>();
    let value = values.next()?.ok()?;
    Some((value, &text[values.byte_offset()..]))
}

pub(crate) fn push_before(out: &mut Vec<u8>, before: &[u8]) {
    out.extend_from_slice(BEFORE.as_bytes());
    out.extend_from_slice(before);
    out.extend_from_slice(b"}}\n");
}

pub(crate) fn push_removed(out: &mut Vec<u8>, key: &str, before: Option<&[u8]>) {
    out.extend_from_slice(REMOVED.as_bytes());
    push_string(out, key);
    if let Some(before) = before {
        out.extend_from_slice(b",\"before\":");
        out.extend_from_slice(before);
    }
    out.extend_from_slice(b"}}\n");
}

pub(crate) fn push_listed(out: &mut Vec<u8>, parent: &str) {
    out.extend_from_slice(LISTED.as_bytes());
    push_string(out, parent);
    out.extend_from_slice(b"}}\n");
}

fn push_string(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("a Vec takes whatever is written");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(key: &str) -> Extra {
        Extra {
            key: Some(key.into()),
            body: None,
        }
    }

    #[test]
    fn an_empty_record_and_odd_whitespace_come_back() {
        for record in ["{}", "{ }", r#"{"a":1 }"#, "{\t\"a\" : [1,\t2 ] }"] {
            let line = build(record, &key("k")).unwrap();
            assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok(), "{line}");
            assert_eq!(split(&line), (Cow::Borrowed(record), Some(key("k"))));
        }
        assert_eq!(build("{\"a\":\r\n1}", &Extra::default()).unwrap(), "{\"a\":  1}");
        assert!(build("[1]", &Extra::default()).is_err());
    }

    #[test]
    fn a_vendor_that_speaks_our_language_is_only_data() {
        for record in [
            r#"{"_seatbelt":{"removed":"1"}}"#,
            r#"{"_seatbelt":{"before":{}}}"#,
            r#"{"id":1,"_seatbelt":{"key":"x"}}"#,
            r#"{"id":1,"_seatbelt":5}"#,
            r#"{"id":{"_seatbelt":{"key":"x"}}}"#,
            r#"{"id":"\"_seatbelt\":{}}"}"#,
        ] {
            for extra in [Extra::default(), key("7")] {
                let line = build(record, &extra).unwrap();
                assert_eq!(control(&line), None, "{line}");
                assert_eq!(split(&line).0, record);
                assert_eq!(
                    Keys::new(&KeyRule::Written).unwrap().of(&line).as_deref(),
                    extra.key.as_deref()
                );
                let mut stored = Vec::new();
                push_before(&mut stored, line.as_bytes());
                push_removed(&mut stored, "\"7\n", Some(line.as_bytes()));
                let stored = String::from_utf8(stored).unwrap();
                let lines: Vec<_> = stored.lines().collect();
                assert_eq!(control(lines[0]), Some(Control::Before(&line)));
                let removed = Control::Removed {
                    key: "\"7\n".into(),
                    before: Some(&line),
                };
                assert_eq!(control(lines[1]), Some(removed));
            }
        }
    }

    #[test]
    fn a_body_is_found_only_where_we_wrote_it() {
        let missing = Extra {
            key: None,
            body: Some(Body::Missing { missing: "404".into() }),
        };
        let line = build(r#"{"id":1}"#, &missing).unwrap();
        assert_eq!(line, r#"{"id":1,"_seatbelt":{"body":{"missing":"404"}}}"#);
        assert_eq!(body(&line), missing.body);
        assert_eq!(body(r#"{"id":{"a":{"body":{}}}}"#), None);
    }

    proptest! {
        #[test]
        fn any_record_and_key_come_back(members in prop::collection::btree_map(".{0,6}", ".{0,12}", 0..4), written in prop::option::of(".{0,8}"), odd in any::<bool>()) {
            let mut value = serde_json::json!(members);
            if odd { value["_seatbelt"] = serde_json::json!({"key": "x", "removed": "y"}); }
            let record = value.to_string();
            let extra = Extra { key: written, body: None };
            let line = build(&record, &extra).unwrap();
            let (vendor, found) = split(&line);
            prop_assert_eq!(vendor.as_ref(), &record);
            prop_assert_eq!(found.unwrap_or_default(), extra);
            prop_assert_eq!(control(&line), None);
        }
    }
}
