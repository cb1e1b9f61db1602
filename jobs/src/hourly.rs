//! The table of cells and hours, kept as columns: of all tables it has the most rows.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Float64Builder, RecordBatch, StringArray, TimestampMillisecondArray,
    UInt32Array,
};
use arrow::compute::take;
use arrow::error::ArrowError;
use bytes::Bytes;
use hotspots_data::codec::{CodecError, Metadata};
use hotspots_data::table::{HotspotHour, Row as _};
use hotspots_data::{Cell, Hour};

use crate::cells::Figures;
use crate::hotspots::{largest, part};

/// The cells of an hour, in order.
#[derive(Debug)]
pub(crate) struct HourColumns {
    /// Indices of the cells among those of the day.
    cells: Vec<u32>,
    bikes: Vec<f64>,
    ebikes: Float64Builder,
    mechanical: Float64Builder,
    docks: Float64Builder,
    capacity: Float64Builder,
    occupancy: Float64Builder,
    empty_share: Vec<f64>,
    full_share: Float64Builder,
    stations: Vec<u32>,
    coverage: Vec<f64>,
}

/// The table as Parquet bytes, hour by hour, each in order of cell; `cells` are those of the day.
pub(crate) fn encode(
    hours: &[Hour],
    columns: Vec<HourColumns>,
    cells: impl Iterator<Item = Cell>,
    metadata: &Metadata,
) -> Result<Bytes, CodecError> {
    let most = largest(columns.iter().flat_map(|hour| &hour.bikes).copied());
    let ids: ArrayRef = Arc::new(StringArray::from_iter_values(cells.map(|cell| cell.to_string())));
    let batch = |(hour, columns): (&Hour, HourColumns)| Ok(columns.batch(hour, &ids, most)?);
    HotspotHour::encode_batches(hours.iter().zip(columns).map(batch), metadata)
}

impl HourColumns {
    /// For as many cells.
    pub(crate) fn with_capacity(cells: usize) -> Self {
        let builder = || Float64Builder::with_capacity(cells);
        Self {
            cells: Vec::with_capacity(cells),
            bikes: Vec::with_capacity(cells),
            ebikes: builder(),
            mechanical: builder(),
            docks: builder(),
            capacity: builder(),
            occupancy: builder(),
            empty_share: Vec::with_capacity(cells),
            full_share: builder(),
            stations: Vec::with_capacity(cells),
            coverage: Vec::with_capacity(cells),
        }
    }

    /// Adds a cell; `index` is its own among the cells of the day.
    pub(crate) fn push(&mut self, index: usize, figures: &Figures) {
        self.cells.push(index as u32);
        self.bikes.push(figures.bikes);
        self.ebikes.append_option(figures.ebikes);
        self.mechanical.append_option(figures.mechanical);
        self.docks.append_option(figures.docks);
        self.capacity.append_option(figures.capacity);
        self.occupancy.append_option(figures.occupancy);
        self.empty_share.push(figures.empty_share);
        self.full_share.append_option(figures.full_share);
        self.stations.push(figures.stations);
        self.coverage.push(figures.coverage);
    }

    /// As rows of the table; `ids` has the cells of the day, `most` the largest number of bikes that
    /// any cell has in any hour.
    fn batch(mut self, hour: &Hour, ids: &ArrayRef, most: f64) -> Result<RecordBatch, ArrowError> {
        let rows = self.cells.len();
        let hex_id = if rows == ids.len() {
            Arc::clone(ids)
        } else {
            take(ids, &UInt32Array::from(self.cells), None)?
        };
        let weight: Vec<f64> = self.bikes.iter().map(|&bikes| part(bikes, most)).collect();
        let start = TimestampMillisecondArray::from_value(hour.start.timestamp_millis(), rows);
        let floats = |values: Vec<f64>| -> ArrayRef { Arc::new(Float64Array::from(values)) };
        // In the order of the table.
        let columns: Vec<ArrayRef> = vec![
            hex_id,
            Arc::new(UInt32Array::from_value(hour.hour, rows)),
            Arc::new(start.with_timezone("UTC")),
            floats(weight),
            floats(self.bikes),
            Arc::new(self.ebikes.finish()),
            Arc::new(self.mechanical.finish()),
            Arc::new(self.docks.finish()),
            Arc::new(self.capacity.finish()),
            Arc::new(self.occupancy.finish()),
            floats(self.empty_share),
            Arc::new(self.full_share.finish()),
            Arc::new(UInt32Array::from(self.stations)),
            floats(self.coverage),
        ];
        RecordBatch::try_new(HotspotHour::schema(), columns)
    }
}
