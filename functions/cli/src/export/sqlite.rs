//! One `SQLite` file with a table for each resource, and three that say what is in it.

use std::{collections::BTreeSet, path::Path};

use anyhow::{Context as _, Result};
use rusqlite::{Connection, params, params_from_iter, types::ValueRef};
use seatbelt_model::{Completeness, ResourceState, Snapshot};

use super::{
    Row, Written,
    members::shown,
    schema::{Plan, Type},
};

/// A table has at most this many indexes besides its key's.
const MOST_INDEXES: usize = 8;

const OURS: &str = "
CREATE TABLE _resources (
    resource TEXT PRIMARY KEY, table_name TEXT NOT NULL, kind TEXT NOT NULL,
    records INTEGER NOT NULL, files INTEGER NOT NULL, files_missing INTEGER NOT NULL, gaps INTEGER NOT NULL,
    system TEXT NOT NULL, platform TEXT NOT NULL, snapshot TEXT NOT NULL, snapshot_at TEXT NOT NULL,
    completeness TEXT NOT NULL, read_at TEXT NOT NULL, stale_since TEXT
);
CREATE TABLE _columns (
    table_name TEXT NOT NULL, column_name TEXT NOT NULL, pointer TEXT NOT NULL, type TEXT NOT NULL,
    PRIMARY KEY (table_name, column_name)
);
CREATE TABLE _files (
    resource TEXT NOT NULL, _key TEXT NOT NULL, path TEXT NOT NULL, sha256 TEXT NOT NULL,
    size_bytes INTEGER NOT NULL, media_type TEXT,
    PRIMARY KEY (resource, _key)
);
CREATE INDEX _files_sha256 ON _files (sha256);
";

/// The file, while it is written.
pub(super) struct Database {
    connection: Connection,
    tables: BTreeSet<String>,
}

/// A table that is being filled.
pub(super) struct SqliteTable {
    name: String,
    insert: String,
    columns: Vec<(String, Type)>,
    pointers: Vec<String>,
    files: bool,
}

impl Database {
    /// Begins a file that is not there yet. It is whole only when it is finished; until then it has another name anyway.
    pub(super) fn create(path: &Path) -> Result<Self> {
        let connection = Connection::open(path)?;
        connection
            .execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -16000; BEGIN;")?;
        connection.execute_batch(OURS)?;
        Ok(Self {
            connection,
            tables: ["_resources", "_columns", "_files"].map(str::to_owned).into(),
        })
    }

    /// Makes the table of a resource.
    pub(super) fn table(&mut self, resource: &str, plan: &Plan, files: bool) -> Result<SqliteTable> {
        // Names that begin so are SQLite's own.
        let name = if resource.to_lowercase().starts_with("sqlite_") {
            format!("_{resource}")
        } else {
            resource.to_owned()
        };
        let name = unique(&name, &mut self.tables);
        let mut taken: BTreeSet<String> = ["_key", "_file", "_json"].map(str::to_owned).into();
        let columns = plan.columns.iter();
        let columns: Vec<_> = columns
            .map(|column| (unique(&column.name, &mut taken), column.kind))
            .collect();
        let mut definitions = vec!["\"_key\" TEXT NOT NULL PRIMARY KEY".to_owned()];
        definitions.extend(
            columns
                .iter()
                .map(|(name, kind)| format!("{} {}", quoted(name), declared(*kind))),
        );
        if files {
            definitions.push("\"_file\" TEXT".to_owned());
        }
        definitions.push("\"_json\" TEXT NOT NULL".to_owned());
        let marks = vec!["?"; definitions.len()].join(",");
        let table = quoted(&name);
        let sql = format!("CREATE TABLE {table} ({})", definitions.join(", "));
        self.connection.execute_batch(&sql)?;
        for ((column, kind), of_plan) in columns.iter().zip(&plan.columns) {
            let row = params![name, column, of_plan.pointer, kind.word()];
            self.connection.execute("INSERT INTO _columns VALUES (?,?,?,?)", row)?;
        }
        Ok(SqliteTable {
            insert: format!("INSERT INTO {table} VALUES ({marks})"),
            pointers: plan.columns.iter().map(|column| column.pointer.clone()).collect(),
            name,
            columns,
            files,
        })
    }

    /// Adds a record.
    pub(super) fn insert(&self, table: &SqliteTable, row: &Row<'_>) -> Result<()> {
        let mut statement = self.connection.prepare_cached(&table.insert)?;
        let cells = row.cells.iter().zip(&table.columns);
        let values = cells.map(|(raw, (_, kind))| Cell::of(*raw, *kind));
        let file = table.files.then(|| Cell::text(row.file));
        let all = std::iter::once(Cell::text(Some(row.key)))
            .chain(values)
            .chain(file)
            .chain([Cell::text(Some(row.json))]);
        statement.execute(params_from_iter(all))?;
        Ok(())
    }

    /// Notes a file that was written.
    pub(super) fn file(&self, resource: &str, row: &Row<'_>) -> Result<()> {
        if let (Some(path), Some(body)) = (row.file, row.body) {
            let size = i64::try_from(body.size_bytes)?;
            let mut statement = self
                .connection
                .prepare_cached("INSERT INTO _files VALUES (?,?,?,?,?,?)")?;
            statement.execute(params![resource, row.key, path, body.sha256, size, body.media_type])?;
        }
        Ok(())
    }

    /// Makes a table's indexes, and says what is in it.
    pub(super) fn close(
        &self,
        table: &SqliteTable,
        snapshot: &Snapshot,
        state: &ResourceState,
        written: &Written,
    ) -> Result<()> {
        let key = match &state.key {
            seatbelt_model::KeyRule::Pointer(pointer) => pointer.as_str(),
            seatbelt_model::KeyRule::Written => "",
        };
        let indexed = table.columns.iter().zip(&table.pointers);
        let indexed = indexed.filter(|(_, pointer)| *pointer == key || is_reference(pointer));
        for ((column, _), _) in indexed.take(MOST_INDEXES) {
            let index = quoted(&format!("{} by {column}", table.name));
            let sql = format!("CREATE INDEX {index} ON {} ({})", quoted(&table.name), quoted(column));
            self.connection.execute_batch(&sql)?;
        }
        let completeness = match state.completeness() {
            Completeness::Complete => "complete",
            Completeness::Partial => "partial",
        };
        let row = params![
            written.resource,
            table.name,
            state.kind.to_string(),
            i64::try_from(written.records)?,
            i64::try_from(written.files)?,
            i64::try_from(written.missing)?,
            i64::try_from(state.receipt.gaps.iter().map(|gap| gap.more + 1).sum::<u64>())?,
            snapshot.system,
            snapshot.platform,
            snapshot.id.to_string(),
            snapshot.id.start().to_string(),
            completeness,
            state.freshness.read_at.to_string(),
            state.freshness.stale_since.map(|since| since.to_string()),
        ];
        let sql = "INSERT INTO _resources VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
        self.connection.execute(sql, row)?;
        Ok(())
    }

    /// Ends the file.
    pub(super) fn finish(self) -> Result<()> {
        self.connection.execute_batch("ANALYZE; COMMIT;")?;
        let closed = self.connection.close().map_err(|(_, error)| error);
        closed.context("cannot close the database")
    }
}

/// A value on its way into a column.
enum Cell<'a> {
    Null,
    Integer(i64),
    Real(f64),
    Text(std::borrow::Cow<'a, str>),
}

impl<'a> Cell<'a> {
    fn text(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, |text| Self::Text(text.into()))
    }

    fn of(raw: Option<&'a str>, kind: Type) -> Self {
        let Some(raw) = raw.filter(|raw| *raw != "null") else {
            return Self::Null;
        };
        match kind {
            Type::Integer => raw.parse().map_or(Self::Null, Self::Integer),
            Type::Double => raw.parse().map_or(Self::Null, Self::Real),
            Type::Boolean => Self::Integer(i64::from(raw == "true")),
            Type::Text => shown(raw).map_or(Self::Null, Self::Text),
        }
    }
}

impl rusqlite::ToSql for Cell<'_> {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        Ok(rusqlite::types::ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(whole) => ValueRef::Integer(*whole),
            Self::Real(double) => ValueRef::Real(*double),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

fn declared(kind: Type) -> &'static str {
    match kind {
        Type::Integer => "INTEGER",
        Type::Double => "REAL",
        Type::Boolean => "BOOLEAN",
        Type::Text => "TEXT",
    }
}

/// Whether people will join by it: it ends as references to other records do.
fn is_reference(pointer: &str) -> bool {
    let last = pointer.rsplit('/').next().unwrap_or_default();
    pointer.matches('/').count() == 1 && (last == "id" || last.ends_with("_id") || last.ends_with("Id"))
}

fn quoted(name: &str) -> String {
    // SQLite's texts end at a zero.
    format!("\"{}\"", name.replace('\0', "\u{fffd}").replace('"', "\"\""))
}

/// A name that is not taken. SQLite takes capital and small letters for the same; a pointer never has `~` before these digits.
fn unique(name: &str, taken: &mut BTreeSet<String>) -> String {
    let name = name.replace('\0', "\u{fffd}");
    let mut found = name.clone();
    let mut number = 2;
    while !taken.insert(found.to_ascii_lowercase()) {
        found = format!("{name}~{number}");
        number += 1;
    }
    found
}
