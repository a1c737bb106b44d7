//! JSON without a tree: pages split into records, values found by pointer, records compared.
//!
//! A vendor's bytes pass through unchanged: numbers keep their digits, members their order. [`split`] validates a page
//! once; [`find`] then reads from text known to be valid, and stops at the value it looks for.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use memchr::memchr2;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

/// A compiled JSON pointer (RFC 6901). Where [`same`] takes it, the part `*` stands for every member or element, and a last part
/// `{}` for an array whose order means nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pointer {
    parts: Vec<String>,
}

impl Pointer {
    /// Compiles `text`: empty for the whole value, else parts that each follow a slash.
    ///
    /// # Panics
    /// If `text` is neither empty nor starts with a slash. Pointers are written in declarations, which tests compile.
    #[must_use]
    pub fn new(text: &str) -> Self {
        assert!(
            text.is_empty() || text.starts_with('/'),
            "`{text}` is not a JSON pointer"
        );
        let parts = text
            .split('/')
            .skip(1)
            .map(|part| part.replace("~1", "/").replace("~0", "~"))
            .collect();
        Self { parts }
    }

    /// The parts, unescaped.
    #[must_use]
    pub fn parts(&self) -> &[String] {
        &self.parts
    }
}

/// Text that is not JSON, or not of the shape looked for.
#[derive(Debug, thiserror::Error)]
#[error("not the JSON expected: {0}")]
pub struct InvalidJson(#[from] serde_json::Error);

/// The values of the array, or the members of the object, at `records` in `page`, each as the vendor wrote it. The whole page is
/// validated. A missing or null value gives no records; a scalar gives itself.
///
/// # Errors
/// [`InvalidJson`] if the page is not valid JSON, to its last byte.
pub fn split<'a>(page: &'a [u8], records: &Pointer) -> Result<Vec<&'a RawValue>, InvalidJson> {
    // Nearly always they are an array, which is split in the same pass that validates; what else it may be takes another.
    descend(page, records, true).or_else(|_| descend(page, records, false))
}

fn descend<'a>(page: &'a [u8], records: &Pointer, array: bool) -> Result<Vec<&'a RawValue>, InvalidJson> {
    let mut deserializer = serde_json::Deserializer::from_slice(page);
    let parts = &records.parts;
    let raw = Descend { parts, array }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(raw)
}

/// The members of the object at `records` in `page`, with their names.
///
/// # Errors
/// [`InvalidJson`] if the page is not valid JSON or holds no object there.
pub fn members<'a>(page: &'a [u8], records: &Pointer) -> Result<Vec<(String, &'a RawValue)>, InvalidJson> {
    let text: &RawValue = serde_json::from_slice(page)?;
    let Some(object) = find(text.get(), records) else {
        return Ok(Vec::new());
    };
    if object == "[]" {
        return Ok(Vec::new()); // PHP writes an empty object so.
    }
    let members: Members<'a> = serde_json::from_str(object)?;
    Ok(members.0)
}

struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry::<String, &'de RawValue>()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

/// Walks down the parts, then collects the elements found there.
struct Descend<'p> {
    parts: &'p [String],
    /// Only an array will do.
    array: bool,
}

impl<'de> DeserializeSeed<'de> for Descend<'_> {
    type Value = Vec<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        if self.parts.is_empty() && self.array {
            return Vec::deserialize(deserializer);
        }
        if self.parts.is_empty() {
            // Looking at the first byte first keeps an object whole, which is one record, apart from an array of them.
            let raw = <&RawValue>::deserialize(deserializer)?;
            return elements(raw).map_err(serde::de::Error::custom);
        }
        deserializer.deserialize_any(self)
    }
}

impl Descend<'_> {
    fn below(&self) -> Self {
        Self {
            parts: &self.parts[1..],
            array: self.array,
        }
    }
}

fn elements(raw: &RawValue) -> Result<Vec<&RawValue>, serde_json::Error> {
    match raw.get().as_bytes()[0] {
        b'[' => serde_json::from_str(raw.get()),
        b'n' => Ok(Vec::new()),
        _ => Ok(vec![raw]),
    }
}

impl<'de> Visitor<'de> for Descend<'_> {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with `{}`", self.parts[0])
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            if name == self.parts[0] {
                found = map.next_value_seed(self.below())?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let wanted: Option<usize> = self.parts[0].parse().ok();
        let (mut found, mut at) = (Vec::new(), 0);
        loop {
            if wanted == Some(at) {
                match seq.next_element_seed(self.below())? {
                    Some(elements) => found = elements,
                    None => return Ok(found),
                }
            } else if seq.next_element::<IgnoredAny>()?.is_none() {
                return Ok(found);
            }
            at += 1;
        }
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }
}

/// The text of the value at `pointer` in `json`, which must be valid JSON. `None` if it is not there.
/// Reads no further than the value.
#[must_use]
pub fn find<'a>(json: &'a str, pointer: &Pointer) -> Option<&'a str> {
    let mut scan = Scan { text: json, at: 0 };
    for part in &pointer.parts {
        scan.space();
        match scan.peek()? {
            b'{' => scan.enter_member(part)?,
            b'[' => scan.enter_element(part.parse().ok()?)?,
            _ => return None,
        }
    }
    scan.space();
    let start = scan.at;
    scan.skip_value()?;
    Some(&json[start..scan.at])
}

/// A scalar's text: a string without quotes and escapes, a number's digits as written, `true` or `false`. `None` for null, arrays and objects.
#[must_use]
pub fn scalar(json: &str) -> Option<Cow<'_, str>> {
    let json = json.trim();
    match json.as_bytes().first()? {
        b'"' if !json.contains('\\') => Some(Cow::Borrowed(&json[1..json.len() - 1])),
        b'"' => serde_json::from_str::<String>(json).ok().map(Cow::Owned),
        b'{' | b'[' | b'n' => None,
        _ => Some(Cow::Borrowed(json)),
    }
}

/// The scalar at `pointer`, as text.
#[must_use]
pub fn text_at<'a>(json: &'a str, pointer: &Pointer) -> Option<Cow<'a, str>> {
    find(json, pointer).and_then(scalar)
}

/// The names of the top-level members of `json`, an object known to be valid.
#[must_use]
pub fn names(json: &str) -> Vec<Cow<'_, str>> {
    let mut scan = Scan { text: json, at: 0 };
    let mut names = Vec::new();
    scan.space();
    if scan.peek() == Some(b'{') {
        scan.at += 1;
        while let Some(name) = scan.member_name() {
            names.push(name);
            if scan.skip_value().is_none() {
                break;
            }
        }
    }
    names
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// Past `{` or `,`: reads the next member's name and its colon. `None` at the end of the object.
    fn member_name(&mut self) -> Option<Cow<'a, str>> {
        self.space();
        if self.peek() == Some(b',') {
            self.at += 1;
            self.space();
        }
        if self.peek()? != b'"' {
            return None;
        }
        let start = self.at;
        let is_plain = self.skip_string()?;
        let name = if is_plain {
            Cow::Borrowed(&self.text[start + 1..self.at - 1])
        } else {
            scalar(&self.text[start..self.at])?
        };
        self.space();
        self.at += 1; // the colon
        self.space();
        Some(name)
    }

    fn enter_member(&mut self, wanted: &str) -> Option<()> {
        self.at += 1;
        while let Some(name) = self.member_name() {
            if name == wanted {
                return Some(());
            }
            self.skip_value()?;
        }
        None
    }

    fn enter_element(&mut self, wanted: usize) -> Option<()> {
        self.at += 1;
        for at in 0.. {
            self.space();
            if self.peek() == Some(b',') {
                self.at += 1;
                self.space();
            }
            if self.peek()? == b']' {
                return None;
            }
            if at == wanted {
                return Some(());
            }
            self.skip_value()?;
        }
        None
    }

    /// Whether nothing in the string was escaped.
    fn skip_string(&mut self) -> Option<bool> {
        self.at += 1;
        let mut is_plain = true;
        loop {
            let rest = &self.text.as_bytes()[self.at..];
            let stop = memchr2(b'"', b'\\', rest)?;
            self.at += stop + 1;
            if rest[stop] == b'"' {
                return Some(is_plain);
            }
            is_plain = false;
            self.at += 1; // what the backslash escapes
        }
    }

    fn skip_value(&mut self) -> Option<()> {
        self.space();
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => drop(self.skip_string()?),
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth -= 1;
                    self.at += 1;
                }
                b',' | b':' | b' ' | b'\n' | b'\r' | b'\t' => {
                    self.at += 1;
                    continue; // only inside a value: one never starts with these
                }
                _ => self.skip_literal(),
            }
            if depth == 0 {
                return Some(());
            }
        }
    }

    fn skip_literal(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        let end = rest
            .iter()
            .position(|byte| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t' | b':'));
        self.at += end.unwrap_or(rest.len());
    }
}

/// Whether two valid JSON texts say the same, fields at `volatile` aside: members in any order, numbers by their digits.
#[must_use]
pub fn same(a: &str, b: &str, volatile: &[Pointer]) -> bool {
    let rules: Vec<&[String]> = volatile.iter().map(|pointer| pointer.parts.as_slice()).collect();
    a == b || same_value(a, b, &rules)
}

fn same_value(a: &str, b: &str, volatile: &[&[String]]) -> bool {
    let (a, b) = (a.trim(), b.trim());
    match (a.as_bytes().first(), b.as_bytes().first()) {
        (Some(b'{'), Some(b'{')) => match (object(a, volatile), object(b, volatile)) {
            (Some(a), Some(b)) => same_members(&a, &b, volatile),
            _ => false,
        },
        (Some(b'['), Some(b'[')) => match (
            serde_json::from_str::<Vec<&RawValue>>(a),
            serde_json::from_str::<Vec<&RawValue>>(b),
        ) {
            (Ok(a), Ok(b)) if volatile.iter().any(|rule| rule.len() == 1 && rule[0] == UNORDERED) => same_set(&a, &b),
            (Ok(a), Ok(b)) => {
                let elements = a.iter().zip(&b).enumerate();
                a.len() == b.len()
                    && elements
                        .into_iter()
                        .all(|(at, (a, b))| same_value(a.get(), b.get(), &below(volatile, &at.to_string())))
            }
            _ => false,
        },
        _ => a == b || matches!((scalar_string(a), scalar_string(b)), (Some(a), Some(b)) if a == b),
    }
}

/// The last part of a pointer to an array whose order means nothing.
const UNORDERED: &str = "{}";

fn same_set(a: &[&RawValue], b: &[&RawValue]) -> bool {
    let sorted = |elements: &[&RawValue]| {
        let mut texts: Vec<String> = elements.iter().map(|element| element.get().to_owned()).collect();
        texts.sort_unstable();
        texts
    };
    sorted(a) == sorted(b)
}

fn same_members(a: &BTreeMap<String, &RawValue>, b: &BTreeMap<String, &RawValue>, volatile: &[&[String]]) -> bool {
    a.len() == b.len()
        && a.iter()
            .zip(b)
            .all(|((name, a), (other, b))| name == other && same_value(a.get(), b.get(), &below(volatile, name)))
}

/// Strings may be escaped in different ways; everything else is compared as written.
fn scalar_string(json: &str) -> Option<Cow<'_, str>> {
    json.starts_with('"').then(|| scalar(json)).flatten()
}

fn object<'a>(json: &'a str, volatile: &[&[String]]) -> Option<BTreeMap<String, &'a RawValue>> {
    let mut members: BTreeMap<String, &RawValue> = serde_json::from_str(json).ok()?;
    members.retain(|name, _| {
        !volatile
            .iter()
            .any(|rule| rule.len() == 1 && matches_part(&rule[0], name))
    });
    Some(members)
}

fn below<'r>(volatile: &[&'r [String]], name: &str) -> Vec<&'r [String]> {
    volatile
        .iter()
        .filter(|rule| rule.len() > 1 && matches_part(&rule[0], name))
        .map(|rule| &rule[1..])
        .collect()
}

fn matches_part(part: &str, name: &str) -> bool {
    part == "*" || part == name
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn texts<'a>(page: &'a str, pointer: &str) -> Vec<&'a str> {
        split(page.as_bytes(), &Pointer::new(pointer))
            .unwrap()
            .into_iter()
            .map(RawValue::get)
            .collect()
    }

    #[test]
    fn a_page_is_split_where_its_records_are() {
        assert_eq!(
            texts(r#"[{"id": 1.50}, {"id":2}]"#, ""),
            [r#"{"id": 1.50}"#, r#"{"id":2}"#]
        );
        assert_eq!(texts(r#"{"a":{"b":[1,2]},"c":3}"#, "/a/b"), ["1", "2"]);
        assert_eq!(texts(r#"{"a":[{"b":[7]}]}"#, "/a/0/b"), ["7"]);
        assert_eq!(texts(r#"{"id":1}"#, ""), [r#"{"id":1}"#], "an object is one record");
        assert!(texts(r#"{"a":null}"#, "/a").is_empty());
        assert!(texts(r#"{"b":1}"#, "/a").is_empty());
    }

    #[test]
    fn a_cut_or_continued_page_is_refused() {
        for page in ["", "[", "[{\"id\":1},", "[1] [2]", "<html>", "[{\"id\":1}}"] {
            assert!(split(page.as_bytes(), &Pointer::new("")).is_err(), "{page}");
            assert!(split(page.as_bytes(), &Pointer::new("/a")).is_err(), "{page}");
        }
    }

    #[test]
    fn members_keep_their_names() {
        let page = br#"{"types":{"post":{"slug":"post"},"page":{}}}"#;
        let found = members(page, &Pointer::new("/types")).unwrap();
        assert_eq!(
            found
                .iter()
                .map(|(name, raw)| (name.as_str(), raw.get()))
                .collect::<Vec<_>>(),
            [("post", r#"{"slug":"post"}"#), ("page", "{}")]
        );
        assert!(members(b"[]", &Pointer::new("")).unwrap().is_empty());
    }

    #[test]
    fn a_value_is_found_as_it_was_written() {
        let json = r#"{"a":"}\"", "b":{"c":[10, 2.50, {"d": "\u00e9"}]}, "e": null}"#;
        let at = |pointer: &str| find(json, &Pointer::new(pointer));
        assert_eq!(at("/b/c/1"), Some("2.50"));
        assert_eq!(text_at(json, &Pointer::new("/b/c/2/d")).as_deref(), Some("é"));
        assert_eq!(text_at(json, &Pointer::new("/a")).as_deref(), Some("}\""));
        assert_eq!(text_at(json, &Pointer::new("/e")), None);
        assert_eq!(at("/b/c/9"), None);
        assert_eq!(at("/x"), None);
        assert_eq!(names(json), ["a", "b", "e"]);
    }

    #[test]
    fn volatile_fields_order_and_escapes_make_no_difference() {
        let volatile = [Pointer::new("/link"), Pointer::new("/sizes/*/url")];
        let a = r#"{"id":1,"link":"x","sizes":{"s":{"url":"1","w":2}},"t":"\u00e9"}"#;
        let b = r#"{"t":"é","sizes":{"s":{"w":2,"url":"2"}},"id":1}"#;
        assert!(same(a, b, &volatile));
        assert!(!same(a, b, &[]));
        assert!(
            !same(
                r#"{"n":10000000000000000000001}"#,
                r#"{"n":10000000000000000000002}"#,
                &[]
            ),
            "digits count"
        );
        assert!(!same(r#"{"a":[1,2]}"#, r#"{"a":[2,1]}"#, &[]));
        assert!(same(r#"{"a":[1,2]}"#, r#"{"a":[2,1]}"#, &[Pointer::new("/a/{}")]));
        assert!(!same(r#"{"a":[1,2]}"#, r#"{"a":[2,2]}"#, &[Pointer::new("/a/{}")]));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(".{0,4}", inner, 0..6).prop_map(|map| json!(map)),
            ]
        })
    }

    fn pointers(value: &Value, at: &str, found: &mut Vec<(String, Value)>) {
        found.push((at.to_owned(), value.clone()));
        let escape = |name: &str| name.replace('~', "~0").replace('/', "~1");
        match value {
            Value::Object(map) => map
                .iter()
                .for_each(|(name, value)| pointers(value, &format!("{at}/{}", escape(name)), found)),
            Value::Array(list) => list
                .iter()
                .enumerate()
                .for_each(|(n, value)| pointers(value, &format!("{at}/{n}"), found)),
            _ => {}
        }
    }

    proptest! {
        #[test]
        fn every_pointer_finds_what_a_tree_would(value in any_json()) {
            for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
                let mut found = Vec::new();
                pointers(&value, "", &mut found);
                for (pointer, expected) in found {
                    let raw = find(&text, &Pointer::new(&pointer)).unwrap();
                    prop_assert_eq!(serde_json::from_str::<Value>(raw).unwrap(), expected);
                }
                prop_assert!(same(&text, &value.to_string(), &[]));
            }
        }

        #[test]
        fn no_text_makes_the_splitter_panic(page in ".{0,60}", pointer in "(/[a-z0-9]{0,2}){0,2}") {
            let accepted = split(page.as_bytes(), &Pointer::new(&pointer)).is_ok();
            prop_assert!(!accepted || serde_json::from_str::<Value>(&page).is_ok());
        }

        #[test]
        fn a_page_cut_anywhere_is_refused(records in prop::collection::vec(any_json(), 1..5), cut in 0.0..1.0_f64) {
            let page = json!({ "records": records }).to_string();
            let mut at = (page.len() as f64 * cut) as usize;
            while !page.is_char_boundary(at) { at -= 1; }
            prop_assert!(split(&page.as_bytes()[..at], &Pointer::new("/records")).is_err());
        }
    }
}
