//! Parquet: typed columns in row groups, compressed. Columns of a group are held in memory until it is full, so a group is bounded in bytes.

use std::{io::Write, sync::Arc};

use parquet::{
    basic::{Compression, ConvertedType, LogicalType, Repetition, Type as Physical, ZstdLevel},
    data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type},
    errors::Result,
    file::{
        properties::WriterProperties,
        writer::{SerializedColumnWriter, SerializedFileWriter},
    },
    schema::types::{ColumnPath, Type as Field},
};

use super::{
    Row,
    members::shown,
    schema::{Plan, Type},
};

/// A row group is written when its columns hold about this much.
const GROUP_BYTES: usize = 24 << 20;
/// What a value costs in memory besides its text.
const VALUE_BYTES: usize = 40;

/// Writes one table.
pub(super) struct ParquetTable<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    columns: Vec<Buffer>,
    files: bool,
    bytes: usize,
}

/// The values of a column in the row group at hand, and for each row whether it has one.
struct Buffer {
    values: Values,
    present: Vec<i16>,
}

enum Values {
    Integer(Vec<i64>),
    Double(Vec<f64>),
    Boolean(Vec<bool>),
    Text(Vec<ByteArray>),
}

impl<W: Write + Send> ParquetTable<W> {
    pub(super) fn begin(out: W, plan: &Plan, files: bool) -> Result<Self> {
        let ours = |name: &str, repetition| field(name, Type::Text, repetition);
        let mut fields = vec![ours("_key", Repetition::REQUIRED)?];
        let mut kinds = vec![Type::Text];
        for column in &plan.columns {
            fields.push(field(&column.name, column.kind, Repetition::OPTIONAL)?);
            kinds.push(column.kind);
        }
        if files {
            fields.push(ours("_file", Repetition::OPTIONAL)?);
            kinds.push(Type::Text);
        }
        fields.push(ours("_json", Repetition::REQUIRED)?);
        kinds.push(Type::Text);
        let schema = Field::group_type_builder("record")
            .with_fields(fields.into_iter().map(Arc::new).collect())
            .build()?;
        // A dictionary of values that are all different only costs.
        let unique = |name: &str| ColumnPath::new(vec![name.to_owned()]);
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_column_dictionary_enabled(unique("_key"), false)
            .set_column_dictionary_enabled(unique("_json"), false)
            .set_created_by(concat!("seatbelt version ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        Ok(Self {
            writer: SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties))?,
            columns: kinds.into_iter().map(Buffer::new).collect(),
            files,
            bytes: 0,
        })
    }

    pub(super) fn write(&mut self, row: &Row<'_>) -> Result<()> {
        let last = self.columns.len() - 1;
        self.bytes += self.columns[0].text(Some(row.key.into()));
        for (column, value) in self.columns[1..].iter_mut().zip(row.cells) {
            self.bytes += column.push(*value);
        }
        if self.files {
            self.bytes += self.columns[last - 1].text(row.file.map(Into::into));
        }
        self.bytes += self.columns[last].text(Some(row.json.into()));
        if self.bytes >= GROUP_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        if self.bytes == 0 {
            return Ok(());
        }
        let last = self.columns.len() - 1;
        let mut group = self.writer.next_row_group()?;
        for (at, column) in self.columns.iter_mut().enumerate() {
            let Some(mut writer) = group.next_column()? else { break };
            column.flush(&mut writer, at != 0 && at != last)?;
            writer.close()?;
        }
        group.close()?;
        self.bytes = 0;
        Ok(())
    }

    /// Writes what is left, and the footer.
    pub(super) fn finish(mut self) -> Result<W> {
        self.flush()?;
        self.writer.into_inner()
    }
}

impl Buffer {
    fn new(kind: Type) -> Self {
        let values = match kind {
            Type::Integer => Values::Integer(Vec::new()),
            Type::Double => Values::Double(Vec::new()),
            Type::Boolean => Values::Boolean(Vec::new()),
            Type::Text => Values::Text(Vec::new()),
        };
        Self {
            values,
            present: Vec::new(),
        }
    }

    /// Takes a value as it is written in JSON, and says about how many bytes it holds. The plan has seen that each is of its column's type.
    fn push(&mut self, raw: Option<&str>) -> usize {
        let raw = raw.filter(|raw| *raw != "null");
        let is_there = match &mut self.values {
            Values::Text(_) => return self.text(raw.and_then(shown)),
            Values::Integer(values) => add(values, raw.and_then(|raw| raw.parse().ok())),
            Values::Double(values) => add(values, raw.and_then(|raw| raw.parse().ok())),
            Values::Boolean(values) => add(values, raw.map(|raw| raw == "true")),
        };
        self.present.push(i16::from(is_there));
        if is_there { 10 } else { 2 }
    }

    fn text(&mut self, text: Option<std::borrow::Cow<'_, str>>) -> usize {
        self.present.push(i16::from(text.is_some()));
        let (Some(text), Values::Text(values)) = (text, &mut self.values) else {
            return 2;
        };
        let bytes = text.len() + VALUE_BYTES;
        values.push(ByteArray::from(text.into_owned().into_bytes()));
        bytes
    }

    fn flush(&mut self, writer: &mut SerializedColumnWriter<'_>, is_optional: bool) -> Result<()> {
        let levels = is_optional.then_some(self.present.as_slice());
        match &mut self.values {
            Values::Integer(values) => {
                writer.typed::<Int64Type>().write_batch(values, levels, None)?;
                values.clear();
            }
            Values::Double(values) => {
                writer.typed::<DoubleType>().write_batch(values, levels, None)?;
                values.clear();
            }
            Values::Boolean(values) => {
                writer.typed::<BoolType>().write_batch(values, levels, None)?;
                values.clear();
            }
            Values::Text(values) => {
                writer.typed::<ByteArrayType>().write_batch(values, levels, None)?;
                values.clear();
            }
        }
        self.present.clear();
        Ok(())
    }
}

fn add<T>(values: &mut Vec<T>, value: Option<T>) -> bool {
    let is_there = value.is_some();
    values.extend(value);
    is_there
}

fn field(name: &str, kind: Type, repetition: Repetition) -> Result<Field> {
    let physical = match kind {
        Type::Integer => Physical::INT64,
        Type::Double => Physical::DOUBLE,
        Type::Boolean => Physical::BOOLEAN,
        Type::Text => Physical::BYTE_ARRAY,
    };
    let field = Field::primitive_type_builder(name, physical).with_repetition(repetition);
    match kind {
        Type::Text => field
            .with_logical_type(Some(LogicalType::String))
            .with_converted_type(ConvertedType::UTF8)
            .build(),
        _ => field.build(),
    }
}
