//! Finding text in records. Pure.
//!
//! A record's line is first looked at as a whole, without parsing it: most lines hold nothing, and are done with that. The look may take a
//! line that holds nothing, never pass over one that holds something, however its JSON spells it.

mod scan;

use memchr::{memchr, memmem};
use regex::{Regex, RegexBuilder};

use crate::output::plain;
pub(crate) use scan::Place;
use scan::{Leaf, decode_into, walk};

/// Characters of an excerpt.
const EXCERPT: usize = 72;
/// Of those, at most so many stand before what was found.
const BEFORE: usize = 24;

/// What is looked for.
#[derive(Debug)]
pub(crate) struct Search {
    needle: Needle,
    /// Whether names of fields count, too.
    names: bool,
}

/// How it is looked for.
#[derive(Debug)]
enum Needle {
    /// Exactly this text.
    Text(Box<memmem::Finder<'static>>),
    /// This text, in capitals or not.
    AnyCase(Regex),
    /// Whatever a value matches. A whole line tells nothing about it: `^` is the beginning of a value.
    Pattern(Regex),
}

/// Buffers that are used again for each line.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    line: Vec<u8>,
}

/// A place in a record where something was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hit {
    /// JSON pointer to the value.
    pub(crate) field: String,
    /// Whether it is the value, or the field's name.
    pub(crate) place: Place,
    /// The whole value as text, or the name.
    pub(crate) text: String,
}

/// Part of a value: what stands before, what was found, what stands behind it. Without control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Excerpt {
    pub(crate) before: String,
    pub(crate) found: String,
    pub(crate) after: String,
}

impl Search {
    /// Looks for `text`: as it is, in capitals or not, or as a regular expression.
    ///
    /// # Errors
    /// What is wrong with the regular expression.
    pub(crate) fn new(text: &str, ignore_case: bool, pattern: bool, names: bool) -> Result<Self, regex::Error> {
        let regex = |text: &str| RegexBuilder::new(text).case_insensitive(ignore_case).build();
        let needle = match (pattern, ignore_case) {
            (true, _) => Needle::Pattern(regex(text)?),
            (false, true) => Needle::AnyCase(regex(&regex::escape(text))?),
            (false, false) => Needle::Text(Box::new(memmem::Finder::new(text).into_owned())),
        };
        Ok(Self { needle, names })
    }

    /// Whether the line may hold what is looked for. False only if it surely does not.
    ///
    /// A value without escapes stands in the line as it is, and a number always does. One with escapes stands in the line as it is once they
    /// are undone, wherever they are; so that, too, is looked at before anything is parsed.
    pub(crate) fn may_hold(&self, line: &str, scratch: &mut Scratch) -> bool {
        match &self.needle {
            Needle::Pattern(_) => true,
            needle if needle.is_in_bytes(line.as_bytes()) => true,
            _ if memchr(b'\\', line.as_bytes()).is_none() => false,
            needle => {
                scratch.line.clear();
                decode_into(&mut scratch.line, line.as_bytes());
                needle.is_in_bytes(&scratch.line)
            }
        }
    }

    /// Where the record holds it: in texts, in numbers as they are written, and in names if those count.
    pub(crate) fn hits(&self, record: &str) -> Vec<Hit> {
        let mut hits = Vec::new();
        walk(record, |path, leaf| {
            let (place, text) = match &leaf {
                Leaf::Text(text) => (Place::Value, text.as_ref()),
                Leaf::Number(digits) => (Place::Value, *digits),
                Leaf::Name(name) if self.names => (Place::Name, name.as_ref()),
                Leaf::Name(_) => return,
            };
            if self.find(text).is_some() {
                hits.push(Hit {
                    field: path.pointer(),
                    place,
                    text: text.to_owned(),
                });
            }
        });
        hits
    }

    /// Whether a record's key holds it; only where names count.
    pub(crate) fn is_in_key(&self, key: &str) -> bool {
        self.names && self.find(key).is_some()
    }

    fn find(&self, text: &str) -> Option<std::ops::Range<usize>> {
        match &self.needle {
            Needle::Text(finder) => {
                let at = finder.find(text.as_bytes())?;
                Some(at..at + finder.needle().len())
            }
            Needle::AnyCase(regex) | Needle::Pattern(regex) => regex.find(text).map(|found| found.range()),
        }
    }

    /// A short piece of `text` around the first place where it was found.
    pub(crate) fn excerpt(&self, text: &str) -> Excerpt {
        let found = self.find(text).unwrap_or(0..0);
        let all = |part: &str| part.chars().count();
        let found_text: String = text[found.clone()].chars().take(EXCERPT - BEFORE).collect();
        let cut_short = found_text.len() < found.len();
        let room = EXCERPT - all(&found_text);
        let behind = &text[found.end..];
        let before_all = all(&text[..found.start]);
        // What is not needed behind is given to what stands before, and the other way round.
        let before_room = BEFORE.max(room.saturating_sub(all(behind))).min(room);
        let before = if before_all <= before_room {
            plain(&text[..found.start])
        } else {
            let skip = before_all - before_room.saturating_sub(1);
            format!(
                "…{}",
                plain(&text[..found.start].chars().skip(skip).collect::<String>())
            )
        };
        let after_room = room - all(&before).min(room);
        let after = match (cut_short, all(behind) <= after_room) {
            (true, _) => "…".into(),
            (false, true) => plain(behind),
            (false, false) => {
                let taken: String = behind.chars().take(after_room.saturating_sub(1)).collect();
                format!("{}…", plain(&taken))
            }
        };
        Excerpt {
            before,
            found: plain(&found_text),
            after,
        }
    }
}

impl Needle {
    fn is_in_bytes(&self, bytes: &[u8]) -> bool {
        match self {
            Self::Text(finder) => finder.find(bytes).is_some(),
            // Bytes that are no UTF-8 cannot be: lines are text, and escapes become text.
            Self::AnyCase(regex) | Self::Pattern(regex) => {
                std::str::from_utf8(bytes).map_or(true, |text| regex.is_match(text))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn search(text: &str) -> Search {
        Search::new(text, false, false, false).unwrap()
    }

    fn fields(search: &Search, line: &str) -> Vec<String> {
        search.hits(line).into_iter().map(|hit| hit.field).collect()
    }

    #[test]
    fn texts_numbers_and_names_are_found_where_they_are() {
        let line = r#"{"id":12345678901234567890123,"a/b":{"m~n":["x","Ann Lee"]},"price":1.50,"ok":true,"Ann":null}"#;
        assert_eq!(fields(&search("Ann"), line), ["/a~1b/m~0n/1"]);
        assert_eq!(fields(&search("7890123"), line), ["/id"]);
        assert_eq!(fields(&search("1.50"), line), ["/price"]);
        assert_eq!(fields(&search("true"), line), [""; 0]);
        let names = Search::new("ann", true, false, true).unwrap();
        let hits = names.hits(line);
        assert_eq!(hits.len(), 2);
        assert_eq!((hits[1].field.as_str(), hits[1].place), ("/Ann", Place::Name));
        let pattern = Search::new("^Ann", false, true, false).unwrap();
        assert_eq!(fields(&pattern, line), ["/a~1b/m~0n/1"]);
        assert!(fields(&Search::new("^Lee", false, true, false).unwrap(), line).is_empty());
    }

    #[test]
    fn escapes_hide_nothing() {
        let mut scratch = Scratch::default();
        let cases = [
            ("Müller", r#"{"a":"M\u00fcller"}"#),
            ("Ann", r#"{"a":"\u0041\u006e\u006E"}"#),
            ("say \"hi\"", r#"{"a":"say \"hi\""}"#),
            ("C:\\temp", r#"{"a":"C:\\temp"}"#),
            ("a/b", r#"{"a":"a\/b"}"#),
            ("one\ntwo", r#"{"a":"one\ntwo"}"#),
            ("😀!", r#"{"a":"\ud83d\ude00!"}"#),
            ("whole", r#"{"a":"half \ud83d a whole"}"#),
            ("\u{1}", r#"{"a":"\u0001"}"#),
        ];
        for (text, line) in cases {
            for ignore_case in [false, true] {
                let search = Search::new(text, ignore_case, false, false).unwrap();
                assert!(search.may_hold(line, &mut scratch), "{text}: {line}");
                assert_eq!(fields(&search, line), ["/a"], "{text}: {line}");
            }
        }
        assert!(!search("Ann").may_hold(r#"{"a":"A\nnn"}"#, &mut scratch));
        assert!(!search("\\n").may_hold(r#"{"a":"A\u0062"}"#, &mut scratch));
    }

    #[test]
    fn an_excerpt_shows_what_was_found_and_fits_a_line() {
        let text = format!("{}needle{}", "ä".repeat(500), "ö\n".repeat(500));
        let excerpt = search("needle").excerpt(&text);
        let whole = format!("{}{}{}", excerpt.before, excerpt.found, excerpt.after);
        assert_eq!((excerpt.found.as_str(), whole.chars().count()), ("needle", EXCERPT));
        assert!(excerpt.before.starts_with('…') && excerpt.after.ends_with('…') && !whole.contains('\n'));
        let short = search("b").excerpt("a\u{1b}b");
        assert_eq!(
            (short.before.as_str(), short.found.as_str(), short.after.as_str()),
            ("a ", "b", "")
        );
        let at_end = search("end").excerpt(&format!("{}end", "x".repeat(100)));
        assert_eq!(at_end.before.chars().count() + 3, EXCERPT);
        let long = search(&"y".repeat(300)).excerpt(&"y".repeat(300));
        assert!(long.found.chars().count() + long.after.chars().count() <= EXCERPT);
    }

    /// Every spelling JSON has for a text: each character as it is, if it may be, or escaped in one of the ways there are.
    fn spelled(text: &str, ways: &[u8]) -> String {
        let mut out = String::from("\"");
        for (at, char) in text.chars().enumerate() {
            let way = ways.get(at % ways.len().max(1)).copied().unwrap_or(0) % 4;
            let short = match char {
                '"' => Some("\\\""),
                '\\' => Some("\\\\"),
                '/' => Some("\\/"),
                '\n' => Some("\\n"),
                '\t' => Some("\\t"),
                '\r' => Some("\\r"),
                '\u{8}' => Some("\\b"),
                '\u{c}' => Some("\\f"),
                _ => None,
            };
            let must = char < ' ' || char == '"' || char == '\\';
            match (way, short) {
                (0, _) if !must => out.push(char),
                (0 | 1, Some(short)) => out += short,
                (2, _) => char
                    .encode_utf16(&mut [0; 2])
                    .iter()
                    .for_each(|unit| out += &format!("\\u{unit:04X}")),
                _ => char
                    .encode_utf16(&mut [0; 2])
                    .iter()
                    .for_each(|unit| out += &format!("\\u{unit:04x}")),
            }
        }
        out + "\""
    }

    /// What a plain reader of JSON finds, in the order of the text.
    fn expected(value: &Value, path: &str, holds: &dyn Fn(&str) -> bool, found: &mut Vec<String>) {
        let escaped = |name: &str| name.replace('~', "~0").replace('/', "~1");
        match value {
            Value::String(text) if holds(text) => found.push(path.to_owned()),
            Value::Number(number) if holds(&number.to_string()) => found.push(path.to_owned()),
            Value::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    expected(item, &format!("{path}/{at}"), holds, found);
                }
            }
            Value::Object(members) => {
                for (name, member) in members {
                    expected(member, &format!("{path}/{}", escaped(name)), holds, found);
                }
            }
            _ => {}
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

        /// However a line spells its texts, whatever a plain reader finds is found; and the look before parsing says so.
        #[test]
        fn no_hit_is_lost(
            texts in prop::collection::vec("[aAbßé\"\\\\/\n\t\u{1}u0041 😀k\u{212a}]{0,8}", 1..5),
            names in prop::collection::vec("[ab/~\"\\\\é]{0,3}", 1..5),
            ways in prop::collection::vec(any::<u8>(), 1..7),
            number in any::<i64>(),
            needle in "[aAbßé\"\\\\/\n\t\u{1}u0041 😀k]{1,3}",
            ignore_case in any::<bool>(),
        ) {
            let mut line = String::from("{\"number\": ");
            line += &format!("{number} , \"list\":[");
            for text in &texts { line += &format!("{} ,", spelled(text, &ways)); }
            line += "[]],\"deep\":{\"\":{}";
            for (at, (name, text)) in names.iter().zip(&texts).enumerate() {
                line += &format!(",{}:{{{}: {}}}", spelled(&format!("{at}{name}"), &ways), spelled(name, &ways), spelled(text, &ways));
            }
            line += "}}";
            let value: Value = serde_json::from_str(&line).unwrap();
            let search = Search::new(&needle, ignore_case, false, false).unwrap();
            let regex = RegexBuilder::new(&regex::escape(&needle)).case_insensitive(ignore_case).build().unwrap();
            let mut wanted = Vec::new();
            expected(&value, "", &|text| regex.is_match(text), &mut wanted);
            let mut found = fields(&search, &line);
            wanted.sort();
            found.sort();
            prop_assert_eq!(&found, &wanted);
            prop_assert!(wanted.is_empty() || search.may_hold(&line, &mut Scratch::default()));
        }

        /// Text that is no JSON is no reason to stop.
        #[test]
        fn nothing_makes_it_panic(line in "[\\[\\]{}\",:\\\\u0dD8a 1ä-]{0,40}") {
            let search = Search::new("a", false, false, true).unwrap();
            search.may_hold(&line, &mut Scratch::default());
            search.hits(&line);
        }
    }

    #[test]
    fn most_lines_are_not_parsed() {
        let mut scratch = Scratch::default();
        let lines: Vec<String> = (0..100)
            .map(|id| json!({"id": id, "html": "<a href=\"x\">\n</a>"}).to_string())
            .collect();
        let search = search("wanted");
        assert!(lines.iter().all(|line| !search.may_hold(line, &mut scratch)));
    }
}
