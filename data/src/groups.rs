//! Files read by row group, as readers that share the work do.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use zstd::bulk::Decompressor;

use crate::codec::{CodecError, conform, guarded};
use crate::steps::{Room, Steps};

/// Rows of a batch.
const BATCH_ROWS: usize = 8 * 1024;

/// A file opened once.
#[derive(Clone, Debug)]
pub struct Groups {
    bytes: Bytes,
    footer: ArrowReaderMetadata,
    schema: SchemaRef,
}

impl Groups {
    /// Opens a file to read the columns of `schema`; of those named in `dictionaries`, which hold text,
    /// each value is read once and then counted.
    ///
    /// # Errors
    /// [`CodecError`] when the bytes are not Parquet or the columns do not fit.
    pub fn open(
        schema: &SchemaRef,
        dictionaries: &[&str],
        bytes: Bytes,
    ) -> Result<Self, CodecError> {
        let as_read = |field: &Arc<Field>| {
            if dictionaries.contains(&field.name().as_str()) {
                let values = Box::new(field.data_type().clone());
                let dictionary = DataType::Dictionary(Box::new(DataType::Int32), values);
                return Arc::new(field.as_ref().clone().with_data_type(dictionary));
            }
            Arc::clone(field)
        };
        let stored = guarded(|| Ok(ArrowReaderMetadata::load(&bytes, ArrowReaderOptions::new())?))?;
        let stored_fields: Vec<_> = stored.schema().fields().iter().map(as_read).collect();
        let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(stored_fields)));
        let footer = ArrowReaderMetadata::try_new(Arc::clone(stored.metadata()), options)?;
        let wanted: Vec<_> = schema.fields().iter().map(as_read).collect();
        Ok(Self { bytes, footer, schema: Arc::new(Schema::new(wanted)) })
    }

    /// How many row groups there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.footer.metadata().num_row_groups()
    }

    /// Whether there is no row group.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads a row group, some thousand rows at a time: buffers of that size stay in the processor's
    /// cache and are used again.
    ///
    /// # Errors
    /// [`CodecError`] when it is damaged or the columns do not fit; so each batch.
    pub fn read(
        &self,
        group: usize,
    ) -> Result<impl Iterator<Item = Result<RecordBatch, CodecError>> + use<>, CodecError> {
        self.read_fields(group, Arc::clone(&self.schema))
    }

    fn read_fields(
        &self,
        group: usize,
        schema: SchemaRef,
    ) -> Result<impl Iterator<Item = Result<RecordBatch, CodecError>> + use<>, CodecError> {
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(
            self.bytes.clone(),
            self.footer.clone(),
        );
        let wanted = schema.fields().iter().map(|field| field.name().as_str());
        let mask = ProjectionMask::columns(builder.parquet_schema(), wanted);
        let builder = builder.with_projection(mask).with_row_groups(vec![group]);
        let mut reader = guarded(|| Ok(builder.with_batch_size(BATCH_ROWS).build()?))?;
        let mut next = move || guarded(|| Ok(reader.next().transpose()?)).transpose();
        Ok(std::iter::from_fn(move || next().map(|batch| conform(&schema, &batch?))))
    }

    /// Reads columns of a row group as what changes from row to row, with the pages in the room given.
    ///
    /// # Errors
    /// [`CodecError`] when the row group is damaged, or a column is not of the file's table or holds
    /// neither whole numbers nor flags.
    pub fn steps<'r, const N: usize>(
        &self,
        group: usize,
        columns: [&str; N],
        room: &'r mut Room,
    ) -> Result<[Steps<'r>; N], CodecError> {
        let (decompressor, pages) = room.parts(N)?;
        let file = Arc::new(self.bytes.clone());
        let mut steps = columns.map(|_| Steps::none());
        for ((steps, name), page) in steps.iter_mut().zip(columns).zip(pages) {
            let field = self.field(name)?;
            let stored = guarded(|| Ok(self.stored(group, &field, &file, decompressor, page)));
            *steps = match stored.ok().flatten() {
                Some(stored) => stored,
                None => self.decoded(group, &field)?,
            };
        }
        Ok(steps)
    }

    /// However a column lies there, the library reads it, or says what is wrong.
    fn decoded(&self, group: usize, field: &Arc<Field>) -> Result<Steps<'static>, CodecError> {
        let schema = Arc::new(Schema::new(vec![Arc::clone(field)]));
        let column = |batch: Result<RecordBatch, CodecError>| Ok(Arc::clone(batch?.column(0)));
        let parts: Result<Vec<ArrayRef>, CodecError> =
            self.read_fields(group, schema)?.map(column).collect();
        Steps::decoded(&parts?).ok_or_else(|| self.wrong_type(field))
    }

    /// How many rows a row group has.
    #[must_use]
    pub fn rows(&self, group: usize) -> usize {
        let groups = self.footer.metadata().row_groups();
        groups.get(group).map_or(0, |group| usize::try_from(group.num_rows()).unwrap_or(0))
    }

    fn stored<'r>(
        &self,
        group: usize,
        field: &Field,
        file: &Arc<Bytes>,
        decompressor: &mut Decompressor<'_>,
        page: &'r mut Vec<u8>,
    ) -> Option<Steps<'r>> {
        let name = field.name().as_str();
        let (_, stored) = self.footer.schema().column_with_name(name)?;
        if stored.data_type() != field.data_type() {
            return None;
        }
        let rows = self.rows(group);
        let group = self.footer.metadata().row_groups().get(group)?;
        let mut columns = group.columns().iter();
        let column = columns.find(|column| column.column_path().parts() == [name])?;
        Steps::stored(column, field.data_type(), file, rows, decompressor, page)
    }

    /// Reads a column of texts opened as a dictionary: the rows from which on another one is there, and
    /// that.
    ///
    /// # Errors
    /// [`CodecError`] when the row group is damaged, or the column is not there or has no text.
    pub fn texts(&self, group: usize, column: &str) -> Result<Vec<(usize, String)>, CodecError> {
        let field = self.field(column)?;
        let missing = || CodecError::MissingColumn(column.to_owned());
        let mut texts: Vec<(usize, String)> = Vec::new();
        let mut rows = 0;
        for batch in self.read_fields(group, Arc::new(Schema::new(vec![Arc::clone(&field)])))? {
            let batch = batch?;
            let dictionary = batch.column(0).as_dictionary_opt::<Int32Type>();
            let dictionary = dictionary.ok_or_else(|| self.wrong_type(&field))?;
            let values: &StringArray =
                dictionary.values().as_string_opt().ok_or_else(|| self.wrong_type(&field))?;
            for alike in dictionary.keys().values().chunk_by(|a, b| a == b) {
                let key = usize::try_from(alike[0]).ok().filter(|&key| key < values.len());
                let text = values.value(key.ok_or_else(missing)?);
                if texts.last().is_none_or(|(_, last)| last != text) {
                    texts.push((rows, text.to_owned()));
                }
                rows += alike.len();
            }
        }
        if rows != self.rows(group) {
            let told = self.rows(group);
            return Err(ParquetError::General(format!("{rows} rows of {told} in a column")).into());
        }
        Ok(texts)
    }

    fn field(&self, name: &str) -> Result<Arc<Field>, CodecError> {
        let field = self.schema.fields().iter().find(|field| field.name() == name);
        field.cloned().ok_or_else(|| CodecError::MissingColumn(name.to_owned()))
    }

    fn wrong_type(&self, field: &Field) -> CodecError {
        let stored = self.footer.schema().column_with_name(field.name());
        CodecError::WrongType {
            column: field.name().clone(),
            found: stored.map(|(_, stored)| stored.data_type().to_string()).unwrap_or_default(),
            expected: field.data_type().to_string(),
        }
    }
}
