//! The pages that say what an export holds: one for programs, one for people.

use std::path::Path;

use anyhow::{Context as _, Result};
use seatbelt_model::{KeyRule, Snapshot};
use serde_json::{Map, Value, json};

use super::{Format, Written};

const NDJSON: &str = "\
RESOURCE.ndjson holds the vendor's own records, byte by byte, one a line, in the order of their keys. `export.json` says at which
JSON pointer a record of each resource has its key.
";

const TABLES: &str = "\
Columns are the fields of all records, in alphabetical order. Objects are taken apart: `address/city` is the value at the JSON pointer
/address/city (RFC 6901, without its first slash; a slash within a name is ~1, a tilde ~0). Lists stay whole, as JSON. An object with
more than 200 different names is a list of a kind, and stays whole, too. `_key` is the record's key, and `_file`, where records have files,
the path of its file in this folder. A field of the vendor's that has one of these names keeps its first slash: `/_key`.
";

const CSV: &str = "\
RESOURCE.csv is a table as RFC 4180 has it: UTF-8, commas, lines that end in CRLF, the names of the columns first. Texts are written as
they are, numbers with the digits the vendor sent, lists as JSON. A cell without anything in it is null, or a field the record does not have;
an empty text is \"\". Only the formats ndjson, parquet and sqlite tell null from absent. A spreadsheet may take a text that begins with = for a formula.
";

const PARQUET: &str = "\
RESOURCE.parquet is an Apache Parquet file, compressed with zstd. A column is int64, double, boolean or string; one whose values are of
several sorts, or numbers that these types would not hold to the last digit, is string. Null stands for null and for a field the record
does not have. `_json` is the whole record as the vendor sent it, which tells them apart.
";

const SQLITE: &str = "\
SYSTEM.sqlite is an SQLite 3 database with a table for each resource. A column is INTEGER, REAL, BOOLEAN (0 or 1) or TEXT; one whose
values are of several sorts, or numbers that these types would not hold to the last digit, is TEXT. NULL stands for null and for a field the record
does not have. `_json` is the whole record as the vendor sent it, which tells them apart, and which SQLite reads: json_extract(_json, '$.a.b').
`_resources` says what was exported, with counts and dates, `_columns` what each column is, `_files` which files there are.
Names that SQLite cannot tell apart get a number: `ID~2`.
";

const FILES: &str = "\
files/RESOURCE/ holds the bytes of records' files, each named after its record's key and its own name; files/_index.csv lists them with
their SHA-256. Characters that not every file system takes are underscores, and names that are then the same get a number.
A file that ends in .bundle is a git repository: git clone reads it.
";

/// Writes both.
pub(super) fn write(folder: &Path, format: Format, snapshot: &Snapshot, written: &[Written]) -> Result<()> {
    let (name, about) = match format {
        Format::Ndjson => ("ndjson", NDJSON.to_owned()),
        Format::Csv => ("csv", format!("{CSV}\n{TABLES}")),
        Format::Parquet => ("parquet", format!("{PARQUET}\n{TABLES}")),
        Format::Sqlite => ("sqlite", format!("{SQLITE}\n{TABLES}")),
        Format::Native(native) => (
            native.name,
            format!("{} is {}. {}\n", native.file, native.title, native.import),
        ),
    };
    let keys: Map<String, Value> = written
        .iter()
        .filter_map(|written| match &snapshot.resources[&written.resource].key {
            KeyRule::Pointer(pointer) => Some((written.resource.clone(), Value::from(pointer.as_str()))),
            KeyRule::Written => None,
        })
        .collect();
    let index = json!({
        "system": snapshot.system,
        "platform": snapshot.platform,
        "snapshot": snapshot.id,
        "format": name,
        "completeness": snapshot.completeness,
        "resources": written,
        "key_pointers": keys,
    });
    save(
        folder,
        "export.json",
        &format!("{}\n", serde_json::to_string_pretty(&index)?),
    )?;
    let files = if written.iter().any(|written| written.files > 0) {
        format!("\n{FILES}")
    } else {
        String::new()
    };
    let head = format!(
        "{} ({}), snapshot {}, written by seatbelt {}.\n\n",
        snapshot.system,
        snapshot.platform,
        snapshot.id,
        env!("CARGO_PKG_VERSION")
    );
    save(folder, "README.txt", &format!("{head}{about}{files}"))
}

fn save(folder: &Path, name: &str, text: &str) -> Result<()> {
    let path = folder.join(name);
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}
