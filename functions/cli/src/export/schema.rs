//! Which columns a resource's records have, found by reading all of them. Pure.
//!
//! Objects are taken apart into a column for each value, named by its JSON pointer without the first slash; arrays stay whole, as JSON. What
//! sort of values a column holds decides its type, and one that holds several sorts is text, so that nothing is bent to fit.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::members::Members;

/// An object with more names than this is a map from keys to values, not a row of fields: it stays whole.
const MOST_MEMBERS: usize = 200;
/// Columns of a table. `SQLite` takes 2,000, and ours are among them.
const MOST_COLUMNS: usize = 1_500;
/// Records between two looks at how many columns there are by now.
const LOOK: u64 = 256;

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    /// 64 bits, signed.
    Integer,
    /// Decimal numbers that a double holds without losing a digit.
    Double,
    Boolean,
    /// Texts, and everything that is of several sorts, too large, or a list.
    Text,
}

impl Type {
    /// Its name in the page about the export.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Double => "double",
            Self::Boolean => "boolean",
            Self::Text => "text",
        }
    }
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    /// JSON pointer without its first slash; with it where the name is one of ours.
    pub(crate) name: String,
    /// The JSON pointer of its values.
    pub(crate) pointer: String,
    /// What they are.
    pub(crate) kind: Type,
}

/// What was seen at one place of the records.
#[derive(Debug, Default)]
struct Node {
    seen: u16,
    /// Too many names: it is one column.
    whole: bool,
    members: BTreeMap<String, Node>,
}

const NULL: u16 = 1;
const BOOLEAN: u16 = 2;
/// A whole number that a double holds, too.
const SMALL: u16 = 4;
/// A whole number of 64 bits.
const LARGE: u16 = 8;
/// A number that a double holds without losing a digit.
const DOUBLE: u16 = 16;
/// Any other number.
const NUMBER: u16 = 32;
const TEXT: u16 = 64;
const ARRAY: u16 = 128;
const EMPTY: u16 = 256;
const OBJECT: u16 = 512;

/// Collects what records are made of. Memory grows with the number of different fields, not with the records.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    root: Node,
    /// Fields of the records themselves that have no column, as there are too many.
    crowded: bool,
    records: u64,
}

impl Survey {
    /// Looks at a record.
    ///
    /// # Errors
    /// When it is no JSON object.
    pub(crate) fn add(&mut self, record: &str) -> Result<(), serde_json::Error> {
        let members: Members<'_> = serde_json::from_str(record)?;
        for (name, value) in members.0 {
            if !self.root.members.contains_key(&*name) {
                if self.root.members.len() >= MOST_COLUMNS {
                    self.crowded = true;
                    continue;
                }
                self.root.members.insert(name.clone().into_owned(), Node::default());
            }
            if let Some(node) = self.root.members.get_mut(&*name) {
                node.add(value)?;
            }
        }
        self.records += 1;
        if self.records.is_multiple_of(LOOK) {
            self.narrow();
        }
        Ok(())
    }

    /// Folds the widest objects until the columns fit a table. Done on the way, too: maps within maps would fill the memory before the end.
    fn narrow(&mut self) {
        while self.root.columns() > MOST_COLUMNS
            && let Some(widest) = self.root.widest()
        {
            widest.fold();
        }
    }

    /// The columns, in the order of their names.
    pub(crate) fn plan(mut self) -> Plan {
        self.narrow();
        let mut plan = Plan {
            columns: Vec::new(),
            root: Place::default(),
            crowded: self.crowded,
        };
        plan.root = place(self.root, "", &mut plan.columns);
        plan
    }
}

impl Node {
    fn add(&mut self, value: &RawValue) -> Result<(), serde_json::Error> {
        let text = value.get();
        self.seen |= match text.as_bytes().first() {
            Some(b'{') => return self.add_object(text),
            Some(b'[') => ARRAY,
            Some(b'"') => TEXT,
            Some(b't' | b'f') => BOOLEAN,
            Some(b'n') => NULL,
            _ => number(text),
        };
        Ok(())
    }

    fn add_object(&mut self, text: &str) -> Result<(), serde_json::Error> {
        if self.whole {
            self.seen |= OBJECT;
            return Ok(());
        }
        let members: Members<'_> = serde_json::from_str(text)?;
        self.seen |= if members.0.is_empty() { EMPTY } else { OBJECT };
        for (name, value) in members.0 {
            match self.members.get_mut(&*name) {
                Some(node) => node.add(value)?,
                None => {
                    let mut node = Self::default();
                    node.add(value)?;
                    self.members.insert(name.into_owned(), node);
                }
            }
        }
        if self.members.len() > MOST_MEMBERS {
            self.fold();
        }
        Ok(())
    }

    fn fold(&mut self) {
        self.whole = true;
        self.members.clear();
    }

    /// Whether its own values need a column, beside those of its members.
    fn is_column(&self) -> bool {
        self.members.is_empty() || self.seen & !(OBJECT | NULL) != 0
    }

    fn columns(&self) -> usize {
        usize::from(self.is_column()) + self.members.values().map(Self::columns).sum::<usize>()
    }

    /// The object with the most columns, the record itself aside.
    fn widest(&mut self) -> Option<&mut Self> {
        let objects = self.members.values_mut().filter(|node| !node.members.is_empty());
        objects.max_by_key(|node| node.columns())
    }

    fn kind(&self) -> Type {
        let seen = self.seen & !NULL & !(if self.whole { 0 } else { OBJECT });
        match seen {
            BOOLEAN => Type::Boolean,
            _ if seen != 0 && seen & !(SMALL | LARGE) == 0 => Type::Integer,
            _ if seen & DOUBLE != 0 && seen & !(SMALL | DOUBLE) == 0 => Type::Double,
            _ => Type::Text,
        }
    }
}

/// Where the values of a record go.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The columns, ours not among them.
    pub(crate) columns: Vec<Column>,
    root: Place,
    /// Some fields have no column, so the whole record must stand in one.
    pub(crate) crowded: bool,
}

#[derive(Debug, Default)]
struct Place {
    column: Option<usize>,
    members: std::collections::HashMap<String, Place>,
}

fn place(node: Node, pointer: &str, columns: &mut Vec<Column>) -> Place {
    let mut own = Place::default();
    if !pointer.is_empty() && node.is_column() {
        own.column = Some(columns.len());
        columns.push(Column {
            name: name(pointer),
            pointer: pointer.to_owned(),
            kind: node.kind(),
        });
    }
    for (member, node) in node.members {
        let escaped = member.replace('~', "~0").replace('/', "~1");
        let below = place(node, &format!("{pointer}/{escaped}"), columns);
        own.members.insert(member, below);
    }
    own
}

/// `address/city` for `/address/city`. A field that has a name of ours keeps its slash, as does one without a name, so that no two
/// pointers make the same name.
fn name(pointer: &str) -> String {
    match &pointer[1..] {
        "_key" | "_file" | "_json" | "" => pointer.to_owned(),
        plain if plain.starts_with('/') => pointer.to_owned(),
        plain => plain.to_owned(),
    }
}

impl Plan {
    /// Lays a record's values out, each as the vendor wrote it, in the order of the columns; `None` where it has none.
    ///
    /// # Errors
    /// When it is no JSON object.
    pub(crate) fn cells<'r>(&self, record: &'r str, cells: &mut Vec<Option<&'r str>>) -> Result<(), serde_json::Error> {
        cells.clear();
        cells.resize(self.columns.len(), None);
        lay(&self.root, record, cells)
    }
}

fn lay<'r>(place: &Place, object: &'r str, cells: &mut [Option<&'r str>]) -> Result<(), serde_json::Error> {
    let members: Members<'r> = serde_json::from_str(object)?;
    if members.0.is_empty() {
        if let Some(column) = place.column {
            cells[column] = Some(object);
        }
        return Ok(());
    }
    for (name, value) in members.0 {
        let Some(below) = place.members.get(&*name) else {
            continue;
        };
        let text = value.get();
        if text.starts_with('{') && !below.members.is_empty() {
            lay(below, text, cells)?;
        } else if let Some(column) = below.column {
            cells[column] = Some(text);
        }
    }
    Ok(())
}

/// What sort of number this is, by its digits.
fn number(text: &str) -> u16 {
    match text.parse::<i64>() {
        // Minus zero is no whole number, but a double knows it.
        Ok(0) if text.starts_with('-') => DOUBLE,
        Ok(whole) if whole.unsigned_abs() <= 1 << f64::MANTISSA_DIGITS => SMALL,
        Ok(_) => LARGE,
        Err(_) if is_exact(text) => DOUBLE,
        Err(_) => NUMBER,
    }
}

/// Whether a double gives back the digits of this number, zeros at its ends aside.
fn is_exact(text: &str) -> bool {
    let Ok(double) = text.parse::<f64>() else { return false };
    double.is_finite() && normal(text).is_some_and(|wanted| normal(&format!("{double:e}")) == Some(wanted))
}

/// Sign, digits without zeros at the ends, and the power of ten of the last of them.
fn normal(text: &str) -> Option<(bool, String, i64)> {
    let (is_negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    let kept = digits.trim_end_matches('0');
    if kept.is_empty() {
        return Some((is_negative, String::new(), 0));
    }
    let exponent = exponent.parse::<i64>().ok()?;
    let power = exponent - i64::try_from(fraction.len()).ok()? + i64::try_from(digits.len() - kept.len()).ok()?;
    Some((is_negative, kept.to_owned(), power))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(records: &[&str]) -> Plan {
        let mut survey = Survey::default();
        records.iter().for_each(|record| survey.add(record).unwrap());
        survey.plan()
    }

    fn columns(records: &[&str]) -> Vec<(String, Type)> {
        let columns = plan(records).columns.into_iter();
        columns.map(|column| (column.name, column.kind)).collect()
    }

    #[test]
    fn a_column_has_the_one_type_of_its_values_or_is_text() {
        let found = columns(&[
            r#"{"a":1,"b":1.5,"c":true,"d":"x","e":1,"f":1,"g":null,"h":9007199254740993,"i":[1],"k":"1"}"#,
            r#"{"a":null,"b":2,"c":false,"d":null,"e":"1","f":12345678901234567890,"h":0.5,"k":0.1}"#,
        ]);
        use Type::{Boolean, Double, Integer, Text};
        let kinds: Vec<Type> = found.iter().map(|(_, kind)| *kind).collect();
        assert_eq!(
            kinds,
            [Integer, Double, Boolean, Text, Text, Text, Text, Text, Text, Text],
            "{found:?}"
        );
    }

    #[test]
    fn a_double_column_loses_no_digit() {
        for exact in [
            "1.50",
            "0.1",
            "1e3",
            "-0",
            "-0.0",
            "100.00",
            "1.7976931348623157e308",
            "5e-324",
            "0e0",
        ] {
            assert_eq!(number(exact), DOUBLE, "{exact}");
        }
        for inexact in [
            "12345678901234567890",
            "0.10000000000000001",
            "1e400",
            "3.141592653589793238",
            "1e-400",
        ] {
            assert_eq!(number(inexact), NUMBER, "{inexact}");
        }
        assert_eq!((number("9007199254740992"), number("9007199254740993")), (SMALL, LARGE));
    }

    #[test]
    fn objects_are_taken_apart_and_every_value_has_its_place() {
        let records = [
            r#"{"id":1,"at":{"city":"Bonn","geo":{"lat":1.5}},"x":{},"_key":7,"a/b":{"c~":1}}"#,
            r#"{"id":2,"at":"nowhere","x":{"y":1},"at2":null}"#,
        ];
        let plan = plan(&records);
        let names: Vec<_> = plan.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "/_key",
                "a~1b/c~0",
                "at",
                "at/city",
                "at/geo/lat",
                "at2",
                "id",
                "x",
                "x/y"
            ]
        );
        let mut cells = Vec::new();
        plan.cells(records[0], &mut cells).unwrap();
        let some = |text| Some(text);
        assert_eq!(
            cells,
            [
                some("7"),
                some("1"),
                None,
                some("\"Bonn\""),
                some("1.5"),
                None,
                some("1"),
                some("{}"),
                None
            ]
        );
        plan.cells(records[1], &mut cells).unwrap();
        assert_eq!(
            cells,
            [
                None,
                None,
                some("\"nowhere\""),
                None,
                None,
                some("null"),
                some("2"),
                None,
                some("1")
            ]
        );
    }

    #[test]
    fn what_would_be_too_many_columns_stays_whole() {
        let members = |from: usize, n: usize| -> String {
            (from..from + n)
                .map(|at| format!("\"k{at}\":1"))
                .collect::<Vec<_>>()
                .join(",")
        };
        let map = [
            format!("{{\"m\":{{{}}}}}", members(0, 150)),
            format!("{{\"m\":{{{}}}}}", members(150, 150)),
        ];
        let found = columns(&[&map[0], &map[1]]);
        assert_eq!(found, [("m".to_owned(), Type::Text)], "a map by keys is one column");
        let wide: Vec<String> = (0..12).map(|at| format!("\"o{at}\":{{{}}}", members(0, 150))).collect();
        let found = columns(&[&format!("{{{}}}", wide.join(","))]);
        assert!(found.len() <= MOST_COLUMNS && found.len() > 1_000, "{}", found.len());
        let plan = plan(&[&format!("{{{}}}", members(0, 1_600))]);
        assert!(plan.crowded && plan.columns.len() == MOST_COLUMNS);
    }
}
