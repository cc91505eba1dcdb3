//! Runs as Parquet: texts as strings, metrics as doubles, times as timestamps in UTC; null where a run
//! has no such thing. Each page is a row group.

use super::{FIXED, Fixed, Format};
use crate::error::{Code, Error, Result};
use crate::insight::number::Num;
use crate::insight::table::{Column, Kind, Table, Wanted};
use bytes::Bytes;
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};
use std::io;
use std::sync::Arc;

pub(super) const MEDIA_TYPE: &str = "application/vnd.apache.parquet";

/// A file of row groups; what is written of it waits here until it is sent.
pub(super) struct Writer(SerializedFileWriter<Vec<u8>>);

impl Writer {
    pub(super) fn new(wanted: &[Wanted]) -> Result<Self> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .build();
        let file = schema(wanted)
            .and_then(|schema| SerializedFileWriter::new(Vec::new(), schema, properties.into()));
        file.map(Self).map_err(|error| {
            Error::new(Code::Internal, "A Parquet file cannot be begun.").with_cause(error)
        })
    }

    /// Takes what is written so far.
    fn take(&mut self) -> io::Result<Bytes> {
        self.0.flush()?;
        Ok(Bytes::from(std::mem::take(self.0.inner_mut())))
    }
}

impl Format for Writer {
    fn add(&mut self, page: &Table) -> io::Result<Bytes> {
        if page.rows > 0 {
            let mut group = Group(self.0.next_row_group().map_err(io::Error::other)?);
            group.write(page).map_err(io::Error::other)?;
            group.0.close().map_err(io::Error::other)?;
        }
        self.take()
    }

    fn end(mut self) -> io::Result<Bytes> {
        self.0.finish().map_err(io::Error::other)?;
        self.take()
    }
}

fn schema(wanted: &[Wanted]) -> Result<TypePtr, ParquetError> {
    let (required, optional) = (Repetition::REQUIRED, Repetition::OPTIONAL);
    let fixed = FIXED.iter().map(|(name, fixed)| match fixed {
        Fixed::Text => string(name, required),
        Fixed::MaybeText => string(name, optional),
        Fixed::Time => timestamp(name, required),
        Fixed::MaybeTime => timestamp(name, optional),
    });
    let asked = wanted.iter().map(|column| match column.kind {
        Kind::Metric => field(&column.name(), optional, (Physical::DOUBLE, None)),
        Kind::Param | Kind::Tag => string(&column.name(), optional),
    });
    let fields = fixed.chain(asked).collect::<Result<_, _>>()?;
    let root = Type::group_type_builder("runs").with_fields(fields);
    root.build().map(Arc::new)
}

fn string(name: &str, repetition: Repetition) -> Result<TypePtr, ParquetError> {
    let text = (Physical::BYTE_ARRAY, Some(LogicalType::String));
    field(name, repetition, text)
}

/// A field of milliseconds since 1970, UTC.
fn timestamp(name: &str, repetition: Repetition) -> Result<TypePtr, ParquetError> {
    let logical = LogicalType::timestamp(true, TimeUnit::MILLIS);
    field(name, repetition, (Physical::INT64, Some(logical)))
}

fn field(
    name: &str,
    repetition: Repetition,
    (physical, logical): (Physical, Option<LogicalType>),
) -> Result<TypePtr, ParquetError> {
    let field = Type::primitive_type_builder(name, physical)
        .with_repetition(repetition)
        .with_logical_type(logical);
    field.build().map(Arc::new)
}

/// A row group that takes its columns in the order of the schema.
struct Group<'f>(SerializedRowGroupWriter<'f, Vec<u8>>);

impl Group<'_> {
    fn write(&mut self, page: &Table) -> Result<(), ParquetError> {
        self.texts(&page.run_id)?;
        self.texts(&page.experiment_id)?;
        self.texts(&page.name)?;
        self.texts(&page.status)?;
        self.texts(&page.user)?;
        self.column::<Int64Type>(&page.start_time, None)?;
        self.optional::<Int64Type, _>(&page.end_time, |time| *time)?;
        self.optional::<ByteArrayType, _>(&page.parent_run_id, |id| bytes(id))?;
        for column in &page.columns {
            match column {
                Column::Metric(cells) => {
                    self.optional::<DoubleType, _>(&cells.values, |value: &Num| value.0)?;
                }
                Column::Param(cells) | Column::Tag(cells) => {
                    self.optional::<ByteArrayType, _>(&cells.values, |text| bytes(text))?;
                }
            }
        }
        Ok(())
    }

    fn texts(&mut self, texts: &[impl AsRef<str>]) -> Result<(), ParquetError> {
        let texts: Vec<ByteArray> = texts.iter().map(|text| bytes(text.as_ref())).collect();
        self.column::<ByteArrayType>(&texts, None)
    }

    /// Writes a column in which some cells are empty.
    fn optional<D: DataType, V>(
        &mut self,
        cells: &[Option<V>],
        value: impl Fn(&V) -> D::T,
    ) -> Result<(), ParquetError> {
        let present: Vec<i16> = cells.iter().map(|cell| cell.is_some().into()).collect();
        let values: Vec<D::T> = cells.iter().flatten().map(value).collect();
        self.column::<D>(&values, Some(&present))
    }

    fn column<D: DataType>(
        &mut self,
        values: &[D::T],
        present: Option<&[i16]>,
    ) -> Result<(), ParquetError> {
        let Some(mut column) = self.0.next_column()? else {
            return Err(ParquetError::General(
                "a page has more columns than the file".to_owned(),
            ));
        };
        column.typed::<D>().write_batch(values, present, None)?;
        column.close()
    }
}

fn bytes(text: &str) -> ByteArray {
    ByteArray::from(text.as_bytes().to_vec())
}
