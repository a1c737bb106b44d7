//! A pass over JSON that is known to be valid: every text, number and name, with the way to it. Builds no tree, and takes any depth.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

/// What was met on the way.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Leaf<'a> {
    /// A text, its escapes undone.
    Text(Cow<'a, str>),
    /// A number as it is written.
    Number(&'a str),
    /// The name of a member, its escapes undone; the way ends in it.
    Name(Cow<'a, str>),
}

/// Where in a record something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a value.
    Value,
    /// In the name of a field.
    Name,
    /// In the record's key.
    Key,
}

/// The way from the record to a value.
#[derive(Debug, Default)]
pub(super) struct Path<'a>(Vec<Step<'a>>);

#[derive(Debug)]
enum Step<'a> {
    Member(Cow<'a, str>),
    Element(usize),
}

impl Path<'_> {
    /// As a JSON pointer (RFC 6901).
    pub(super) fn pointer(&self) -> String {
        let mut pointer = String::new();
        for step in &self.0 {
            pointer.push('/');
            match step {
                Step::Member(name) => pointer += &name.replace('~', "~0").replace('/', "~1"),
                Step::Element(at) => pointer += &at.to_string(),
            }
        }
        pointer
    }
}

/// Shows every text, number and name of `json` to `visit`, in the order in which they stand.
pub(super) fn walk<'a>(json: &'a str, mut visit: impl FnMut(&Path<'a>, Leaf<'a>)) {
    let bytes = json.as_bytes();
    let mut path = Path::default();
    // Whether the next text is a name.
    let mut name_next = false;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'{' => {
                path.0.push(Step::Member(Cow::Borrowed("")));
                name_next = true;
                at += 1;
            }
            b'[' => {
                path.0.push(Step::Element(0));
                name_next = false;
                at += 1;
            }
            b'}' | b']' => {
                path.0.pop();
                name_next = false;
                at += 1;
            }
            b',' => {
                match path.0.last_mut() {
                    Some(Step::Element(index)) => *index += 1,
                    Some(Step::Member(_)) => name_next = true,
                    None => {}
                }
                at += 1;
            }
            b'"' => {
                let end = end_of_text(bytes, at + 1);
                let text = decoded(&json[at + 1..end]);
                if name_next {
                    name_next = false;
                    if let Some(step) = path.0.last_mut() {
                        *step = Step::Member(text.clone());
                    }
                    visit(&path, Leaf::Name(text));
                } else {
                    visit(&path, Leaf::Text(text));
                }
                at = end + 1;
            }
            b'-' | b'0'..=b'9' => {
                let length = bytes[at..]
                    .iter()
                    .take_while(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
                let end = at + length.count();
                visit(&path, Leaf::Number(&json[at..end]));
                at = end;
            }
            _ => at += 1,
        }
    }
}

/// Where the quote stands that ends the text; the end of everything if none does.
fn end_of_text(bytes: &[u8], mut at: usize) -> usize {
    while let Some(next) = memchr2(b'"', b'\\', bytes.get(at..).unwrap_or_default()) {
        if bytes[at + next] == b'"' {
            return at + next;
        }
        at += next + 2;
    }
    bytes.len()
}

fn decoded(raw: &str) -> Cow<'_, str> {
    if memchr(b'\\', raw.as_bytes()).is_none() {
        return Cow::Borrowed(raw);
    }
    let mut text = Vec::with_capacity(raw.len());
    decode_into(&mut text, raw.as_bytes());
    Cow::Owned(String::from_utf8(text).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

/// Appends `raw`, every escape in it undone. Half a surrogate pair, which is no character, becomes U+FFFD.
pub(super) fn decode_into(out: &mut Vec<u8>, raw: &[u8]) {
    let mut rest = raw;
    while let Some(at) = memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        let (char, length) = escape(&rest[at..]);
        out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
        rest = rest.get(at + length..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

/// The character of the escape that `raw` begins with, and the escape's length.
fn escape(raw: &[u8]) -> (char, usize) {
    let char = match raw.get(1) {
        Some(b'n') => '\n',
        Some(b't') => '\t',
        Some(b'r') => '\r',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'u') => return unicode(raw),
        Some(other) if other.is_ascii() => char::from(*other),
        // No escape at all, so no JSON: the backslash is taken for itself.
        _ => return ('\\', 1),
    };
    (char, 2)
}

fn unicode(raw: &[u8]) -> (char, usize) {
    let Some(unit) = unit(raw) else { return ('u', 2) };
    if let Some(char) = char::from_u32(unit) {
        return (char, 6);
    }
    let second = raw.get(6..).and_then(self::unit);
    let pair = second.and_then(|second| char::decode_utf16([unit as u16, second as u16]).next()?.ok());
    match pair {
        Some(char) => (char, 12),
        None => (char::REPLACEMENT_CHARACTER, 6),
    }
}

/// The number in `\u0041`.
fn unit(raw: &[u8]) -> Option<u32> {
    let digits = raw.strip_prefix(b"\\u")?.get(..4)?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}
