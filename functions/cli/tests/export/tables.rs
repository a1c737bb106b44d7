//! Tables: every value of every record, by readers that know nothing of Seatbelt.

use std::{collections::BTreeMap, fs::File};

use parquet::{
    file::reader::{FileReader, SerializedFileReader},
    record::Field,
};
use rusqlite::{Connection, types::Value as Sql};
use serde_json::value::RawValue;

use crate::{
    support::names,
    world::{Record, World, key_of, plain},
};

/// Records with everything that a table may stumble over.
const ODD: [&str; 6] = [
    r#"{"id":1,"name":"Ünï 😀 \"q\", x\nline\r\n","big":12345678901234567890123,"whole":9007199254740993,"price":1.50,"ok":true,"none":null,"mixed":1,"o":{"x":1,"deep":{"y":"z"}},"list":[1,{"a":null,"n":1.10}],"a/b":{"c":1},"a":{"b":{"c":2},"b~1c":3},"ID":"upper","_key":"theirs","_json":{"k":0},"empty":"","=1+1":"=1+1"}"#,
    r#"{"id":2,"name":" spaces ","big":1,"whole":-9223372036854775808,"price":-0.25,"ok":false,"mixed":"1","o":{},"list":[],"ID":null,"":{"_key":5},"tab\"le":"x"}"#,
    r#"{"id":3,"none":null,"mixed":{"k":[1.10]},"price":100,"o":"text","control":"\u0001 tab\t","escaped":"\u00fc\/\\"}"#,
    r#"{"id":10,"price":1e3,"exact":0.1}"#,
    r#"{"id":11,"exact":0.10000000000000001,"Id":"third of a kind","ok":null}"#,
    r#"{ "id" : 12 , "o" : { "x" : 2 } }"#,
];

fn world() -> World {
    let other = || plain(&[r#"{"id":1,"only":"here"}"#]);
    World::new(
        "practice_crm",
        [
            ("odd", plain(&ODD)),
            ("Odd", other()),
            ("a/b:c", other()),
            ("say \"hi\"; DROP TABLE odd", other()),
            ("sqlite_master", other()),
            ("_resources", other()),
            ("../out", other()),
            ("nothing", Vec::new()),
        ],
    )
}

/// Every value of a record by its pointer, each as the vendor wrote it. Objects are taken apart, unless they are empty.
fn values(json: &str, pointer: &str, found: &mut BTreeMap<String, String>) {
    let json = json.trim();
    let is_object = json.starts_with('{');
    let members: BTreeMap<String, Box<RawValue>> = match is_object {
        true => serde_json::from_str(json).unwrap(),
        false => BTreeMap::new(),
    };
    if !pointer.is_empty() && members.is_empty() {
        found.insert(pointer.to_owned(), json.to_owned());
    }
    for (name, value) in members {
        let name = name.replace('~', "~0").replace('/', "~1");
        values(value.get(), &format!("{pointer}/{name}"), found);
    }
}

fn expected(record: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    values(record, "", &mut found);
    found
}

/// A value as a cell of text has it.
fn text(raw: &str) -> Option<String> {
    match raw {
        "null" => None,
        raw if raw.starts_with('"') => Some(serde_json::from_str(raw).unwrap()),
        raw => Some(raw.to_owned()),
    }
}

/// Where a column's values stand in the records.
fn pointer(column: &str) -> String {
    if column.starts_with('/') {
        column.to_owned()
    } else {
        format!("/{column}")
    }
}

/// Compares what was read of a row with the record; columns are by pointer.
#[track_caller]
fn compare(record: &str, row: &BTreeMap<String, Option<String>>, of: &str) {
    let wanted = expected(record);
    for (pointer, raw) in &wanted {
        let found = row
            .get(pointer)
            .unwrap_or_else(|| panic!("{of}: no column for {pointer}"));
        assert_eq!(found, &text(raw), "{of}: {pointer}");
    }
    for (pointer, found) in row {
        assert!(
            wanted.contains_key(pointer) || found.is_none(),
            "{of}: {pointer} is {found:?} from nowhere"
        );
    }
}

#[test]
fn csv_has_every_value() {
    let world = world();
    let folder = world.export("csv");
    let mut reader = csv::Reader::from_path(folder.join("odd~2.csv")).unwrap();
    let head = reader.headers().unwrap().clone();
    assert_eq!(&head[0], "_key");
    let mut columns: Vec<_> = head.iter().collect();
    columns.dedup();
    assert_eq!(columns.len(), head.len(), "each name once: {head:?}");
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), ODD.len());
    for (row, record) in rows.iter().zip(ODD) {
        assert_eq!(&row[0], key_of(record));
        let wanted = expected(record);
        for (column, cell) in head.iter().zip(row).skip(1) {
            // A reader of CSV has no null: an empty text, null and absent are told apart below.
            let wanted = wanted
                .get(&pointer(column))
                .and_then(|raw| text(raw))
                .unwrap_or_default();
            assert_eq!(cell, wanted, "{column} of {record}");
        }
        assert!(
            wanted
                .keys()
                .all(|wanted| head.iter().skip(1).any(|column| pointer(column) == *wanted))
        );
    }
    let raw = std::fs::read_to_string(folder.join("odd~2.csv")).unwrap();
    assert!(raw.starts_with("_key,") && raw.ends_with("\r\n"));
    let first = raw.lines().next().unwrap().split(',').collect::<Vec<_>>();
    let last = raw.lines().last().unwrap();
    assert_eq!(
        (last.split(',').count(), last.contains("\"\"")),
        (first.len(), false),
        "absent is nothing at all"
    );
    assert_eq!(raw.matches(",\"\",").count(), 1, "the one empty text has quotes");
}

#[test]
fn every_resource_has_its_own_file_inside_the_folder() {
    let world = world();
    for format in ["ndjson", "csv", "parquet"] {
        let folder = world.export(format);
        let files: Vec<_> = names(&folder)
            .into_iter()
            .filter(|name| name.ends_with(&format!(".{format}")))
            .collect();
        assert_eq!(files.len(), world.resources.len(), "{files:?}");
        let about: serde_json::Value =
            serde_json::from_slice(&std::fs::read(folder.join("export.json")).unwrap()).unwrap();
        for written in about["resources"].as_array().unwrap() {
            let records = world.resources[written["resource"].as_str().unwrap()].len();
            assert_eq!(written["records"], records);
            assert!(files.contains(&written["file"].as_str().unwrap().to_owned()));
        }
        assert!(folder.join("README.txt").exists());
    }
    let lines = std::fs::read_to_string(world.home.beside("ndjson").join("odd~2.ndjson")).unwrap();
    assert_eq!(lines.lines().collect::<Vec<_>>(), ODD, "byte by byte");
}

fn shown(field: &Field) -> Option<String> {
    match field {
        Field::Null => None,
        Field::Long(whole) => Some(whole.to_string()),
        Field::Double(double) => Some(format!("double {double}")),
        Field::Bool(value) => Some(value.to_string()),
        Field::Str(text) => Some(text.clone()),
        other => panic!("a type that is not written: {other:?}"),
    }
}

/// Numbers that are doubles are compared as such.
fn double(raw: Option<String>, wanted: Option<&String>) -> Option<String> {
    let number: Option<f64> = raw
        .as_deref()?
        .strip_prefix("double ")
        .and_then(|text| text.parse().ok());
    match (number, wanted) {
        (Some(number), Some(wanted)) => {
            assert_eq!(number, wanted.parse::<f64>().unwrap());
            Some(wanted.clone())
        }
        (Some(number), None) => panic!("{number} from nowhere"),
        (None, _) => raw,
    }
}

#[test]
fn parquet_has_every_value_in_typed_columns() {
    let world = world();
    let folder = world.export("parquet");
    let reader = SerializedFileReader::new(File::open(folder.join("odd~2.parquet")).unwrap()).unwrap();
    let fields = reader.metadata().file_metadata().schema().get_fields();
    let physical: BTreeMap<_, _> = fields
        .iter()
        .map(|field| (field.name(), format!("{:?}", field.get_physical_type())))
        .collect();
    assert_eq!((fields[0].name(), fields.last().unwrap().name()), ("_key", "_json"));
    let kinds = ["id", "whole", "price", "ok", "name", "big", "mixed", "exact", "none"].map(|name| &*physical[name]);
    let wanted = ["INT64", "INT64", "DOUBLE", "BOOLEAN"];
    assert_eq!(kinds[..4], wanted);
    assert!(kinds[4..].iter().all(|kind| *kind == "BYTE_ARRAY"), "{physical:?}");
    let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    assert_eq!(rows.len(), ODD.len());
    for (row, record) in rows.iter().zip(ODD) {
        let wanted = expected(record);
        let mut found = BTreeMap::new();
        for (column, field) in row.get_column_iter() {
            match column.as_str() {
                "_key" => assert_eq!(shown(field), Some(key_of(record))),
                "_json" => assert_eq!(shown(field).as_deref(), Some(record), "the record as it came"),
                column => {
                    let pointer = pointer(column);
                    let value = double(shown(field), wanted.get(&pointer).filter(|raw| *raw != "null"));
                    found.insert(pointer, value);
                }
            }
        }
        compare(record, &found, "parquet");
    }
    let empty = SerializedFileReader::new(File::open(folder.join("nothing.parquet")).unwrap()).unwrap();
    assert_eq!(empty.metadata().file_metadata().num_rows(), 0);
}

#[test]
fn sqlite_has_every_value_in_typed_columns() {
    let world = world();
    let folder = world.export("sqlite");
    let database = Connection::open(folder.join("acme.sqlite")).unwrap();
    let check: String = database
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(check, "ok");
    let mut tables = database
        .prepare("SELECT resource, table_name, records, snapshot FROM _resources")
        .unwrap();
    let tables: Vec<(String, String, usize, String)> = tables
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(tables.len(), world.resources.len());
    for (resource, table, records, snapshot) in &tables {
        assert_eq!(
            (*records, snapshot.as_str()),
            (world.resources[resource].len(), "20261122T060000Z")
        );
        for row in rows(&database, table) {
            let (key, json, values) = row;
            let record = &world.resources[resource]
                .iter()
                .find(|record| key_of(&record.0) == key)
                .unwrap()
                .0;
            assert_eq!(&json, record, "the record as it came");
            let wanted = expected(record);
            let found = values.into_iter().map(|(pointer, value)| {
                let value = double(value, wanted.get(&pointer).filter(|raw| *raw != "null"));
                // SQLite has no boolean: 0 and 1 stand for them.
                let value = match (value.as_deref(), wanted.get(&pointer).map(String::as_str)) {
                    (Some("1"), Some("true")) => Some("true".to_owned()),
                    (Some("0"), Some("false")) => Some("false".to_owned()),
                    _ => value,
                };
                (pointer, value)
            });
            compare(record, &found.collect(), resource);
        }
    }
    let odd = &tables.iter().find(|table| table.0 == "odd").unwrap().1;
    let found: i64 = database
        .query_row(
            &format!("SELECT whole FROM \"{odd}\" WHERE _key = '1' AND json_extract(_json, '$.o.x') = 1"),
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(found, 9_007_199_254_740_993);
    let stored: Vec<String> = ["whole", "price", "big", "mixed"]
        .iter()
        .map(|column| {
            let sql =
                format!("SELECT group_concat(DISTINCT typeof({column})) FROM \"{odd}\" WHERE {column} IS NOT NULL");
            database.query_row(&sql, [], |row| row.get(0)).unwrap()
        })
        .collect();
    assert_eq!(stored, ["integer", "real", "text", "text"]);
}

type Row = (String, String, BTreeMap<String, Option<String>>);

/// The rows of a table, columns by the pointers that `_columns` says.
fn rows(database: &Connection, table: &str) -> Vec<Row> {
    let mut columns = database
        .prepare("SELECT column_name, pointer FROM _columns WHERE table_name = ?")
        .unwrap();
    let columns: Vec<(String, String)> = columns
        .query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let mut select = database
        .prepare(&format!("SELECT * FROM \"{}\"", table.replace('"', "\"\"")))
        .unwrap();
    let read = |row: &rusqlite::Row<'_>| {
        let mut values = BTreeMap::new();
        for (column, pointer) in &columns {
            let value = match row.get::<_, Sql>(column.as_str())? {
                Sql::Null => None,
                Sql::Integer(whole) => Some(whole.to_string()),
                Sql::Real(double) => Some(format!("double {double}")),
                Sql::Text(text) => Some(text),
                Sql::Blob(_) => panic!("no column is a blob"),
            };
            values.insert(pointer.clone(), value);
        }
        Ok((row.get(0)?, row.get("_json")?, values))
    };
    select.query_map([], read).unwrap().map(Result::unwrap).collect()
}

/// Enough for several row groups, and for columns that only the last record has.
#[test]
fn many_records_come_in_groups() {
    let text = "0123456789".repeat(2_000);
    let mut records: Vec<Record> = (0..1_500)
        .map(|id| (format!("{{\"id\":{id},\"text\":\"{id} {text}\",\"flag\":true}}"), None))
        .collect();
    records.push((r#"{"id":1500,"late":{"field":"here"},"flag":"no"}"#.into(), None));
    let world = World::new("practice_crm", [("many", records)]);
    let folder = world.export("parquet");
    let reader = SerializedFileReader::new(File::open(folder.join("many.parquet")).unwrap()).unwrap();
    assert!(reader.num_row_groups() > 1);
    let mut read = 0;
    for (row, record) in reader
        .get_row_iter(None)
        .unwrap()
        .map(Result::unwrap)
        .zip(&world.resources["many"])
    {
        let found = row
            .get_column_iter()
            .find(|(name, _)| *name == "_json")
            .and_then(|(_, field)| shown(field));
        assert!(found.as_ref() == Some(&record.0), "record {read}");
        read += 1;
    }
    assert_eq!(read, 1_501);
    let folder = world.export("csv");
    let mut reader = csv::Reader::from_path(folder.join("many.csv")).unwrap();
    assert_eq!(
        reader.headers().unwrap(),
        vec!["_key", "flag", "id", "late/field", "text"]
    );
    let last = reader.records().last().unwrap().unwrap();
    assert_eq!(last, vec!["1500", "no", "1500", "here", ""]);
}

/// Half a surrogate pair, as vendors make by cutting texts, ends no export; the record itself is kept as it came.
#[test]
fn half_a_character_ends_no_export() {
    let record = r#"{"id":1,"text":"cut \ud83d","na\ud83dme":1}"#;
    let world = World::new("practice_crm", [("cut", plain(&[record]))]);
    for format in ["ndjson", "csv", "parquet", "sqlite"] {
        world.export(format);
    }
    let cell = std::fs::read_to_string(world.home.beside("csv").join("cut.csv")).unwrap();
    assert!(cell.contains("cut \u{fffd}"), "{cell}");
    let database = Connection::open(world.home.beside("sqlite").join("acme.sqlite")).unwrap();
    let json: String = database
        .query_row("SELECT _json FROM cut", [], |row| row.get(0))
        .unwrap();
    assert_eq!(json, record);
}
