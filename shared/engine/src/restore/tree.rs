//! A record as a tree whose leaves keep the vendor's text: numbers keep their digits, members their order.

use std::collections::BTreeMap;

use seatbelt_model::json::{self, Pointer, members};

/// A JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tree {
    Object(Vec<(String, Tree)>),
    Array(Vec<Tree>),
    /// A scalar as it is written.
    Scalar(String),
}

impl Tree {
    pub(super) const NULL: &'static str = "null";

    /// Reads `text`, which must be valid JSON; what is not stays one scalar.
    pub(super) fn parse(text: &str) -> Self {
        let text = text.trim();
        match text.as_bytes().first() {
            Some(b'{') => match members(text.as_bytes(), &Pointer::default()) {
                Ok(found) => Self::Object(
                    found
                        .into_iter()
                        .map(|(name, raw)| (name, Self::parse(raw.get())))
                        .collect(),
                ),
                Err(_) => Self::Scalar(text.to_owned()),
            },
            Some(b'[') => match json::split(text.as_bytes(), &Pointer::default()) {
                Ok(found) => Self::Array(found.into_iter().map(|raw| Self::parse(raw.get())).collect()),
                Err(_) => Self::Scalar(text.to_owned()),
            },
            _ => Self::Scalar(text.to_owned()),
        }
    }

    pub(super) fn empty() -> Self {
        Self::Object(Vec::new())
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) {
        match self {
            Self::Scalar(scalar) => text.push_str(scalar),
            Self::Array(elements) => {
                text.push('[');
                for (at, element) in elements.iter().enumerate() {
                    if at > 0 {
                        text.push(',');
                    }
                    element.write(text);
                }
                text.push(']');
            }
            Self::Object(members) => {
                text.push('{');
                for (at, (name, value)) in members.iter().enumerate() {
                    if at > 0 {
                        text.push(',');
                    }
                    text.push_str(&quoted(name));
                    text.push(':');
                    value.write(text);
                }
                text.push('}');
            }
        }
    }

    pub(super) fn get(&self, parts: &[String]) -> Option<&Self> {
        let Some((first, rest)) = parts.split_first() else {
            return Some(self);
        };
        match self {
            Self::Object(members) => members.iter().find(|(name, _)| name == first)?.1.get(rest),
            Self::Array(elements) => elements.get(first.parse::<usize>().ok()?)?.get(rest),
            Self::Scalar(_) => None,
        }
    }

    /// Puts `value` at `parts`; what stands in the way gives place to objects.
    pub(super) fn set(&mut self, parts: &[String], value: Self) {
        let Some((first, rest)) = parts.split_first() else {
            *self = value;
            return;
        };
        if !matches!(self, Self::Object(_)) {
            *self = Self::empty();
        }
        let Self::Object(members) = self else { return };
        match members.iter_mut().find(|(name, _)| name == first) {
            Some((_, member)) => member.set(rest, value),
            None => {
                let mut member = Self::empty();
                member.set(rest, value);
                members.push((first.clone(), member));
            }
        }
    }

    /// Shows every value at `parts`, where `*` is every member or element, to `change`.
    pub(super) fn visit(&mut self, parts: &[String], change: &mut dyn FnMut(&mut Self)) {
        let Some((first, rest)) = parts.split_first() else {
            return change(self);
        };
        match self {
            Self::Object(members) => members
                .iter_mut()
                .filter(|(name, _)| first == "*" || name == first)
                .for_each(|(_, member)| member.visit(rest, change)),
            Self::Array(elements) => elements
                .iter_mut()
                .enumerate()
                .filter(|(at, _)| first == "*" || at.to_string() == *first)
                .for_each(|(_, element)| element.visit(rest, change)),
            Self::Scalar(_) => {}
        }
    }

    /// Every value that is no object, by its pointer. An array is one value. Null and an empty object are as good as absent.
    pub(super) fn leaves(&self) -> BTreeMap<Vec<String>, String> {
        let mut found = BTreeMap::new();
        self.collect(&mut Vec::new(), &mut found);
        found
    }

    fn collect(&self, at: &mut Vec<String>, found: &mut BTreeMap<Vec<String>, String>) {
        match self {
            Self::Object(members) => {
                for (name, member) in members {
                    at.push(name.clone());
                    member.collect(at, found);
                    at.pop();
                }
            }
            Self::Scalar(scalar) if scalar == Self::NULL => {}
            other => _ = found.insert(at.clone(), other.text()),
        }
    }
}

pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The pointer of these parts.
pub(super) fn pointer(parts: &[String]) -> String {
    parts
        .iter()
        .map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Vec<String> {
        Pointer::new(text).parts().to_vec()
    }

    #[test]
    fn text_keeps_digits_and_order() {
        let text = r#"{"b":1.50,"a":{"c":[1,{"d":"é\n"}],"e":null},"f":[]}"#;
        assert_eq!(Tree::parse(text).text(), text);
    }

    #[test]
    fn values_are_set_and_found() {
        let mut tree = Tree::parse(r#"{"a":{"b":1},"c":2}"#);
        tree.set(&parts("/a/x/y"), Tree::parse("[3]"));
        tree.set(&parts("/c"), Tree::parse("null"));
        assert_eq!(tree.text(), r#"{"a":{"b":1,"x":{"y":[3]}},"c":null}"#);
        assert_eq!(tree.get(&parts("/a/x/y/0")), Some(&Tree::Scalar("3".into())));
        tree.visit(&parts("/a/x/y/*"), &mut |value| *value = Tree::Scalar("4".into()));
        assert_eq!(tree.get(&parts("/a/x")).unwrap().text(), r#"{"y":[4]}"#);
    }

    #[test]
    fn leaves_are_values_and_nothing_is_nothing() {
        let leaves = Tree::parse(r#"{"a":{"b":1,"n":null},"l":[1,2],"e":{}}"#).leaves();
        let shown: Vec<_> = leaves.iter().map(|(at, text)| (pointer(at), text.as_str())).collect();
        assert_eq!(shown, [("/a/b".to_owned(), "1"), ("/l".to_owned(), "[1,2]")]);
    }
}
