//! Stations of a day, each where it stood: the sums of its polls joined to its information.

use std::collections::HashMap;

use hotspots_data::Resolution;
use hotspots_data::table::StationInformation;
use polars::prelude::*;

use crate::frame::{text, whole};

/// One station in one place (or in none) for some time of the day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stay {
    pub(crate) station_id: String,
    /// Whether any information about the station is known.
    pub(crate) is_known: bool,
    /// The cell it stood in.
    pub(crate) hex_id: Option<String>,
    /// Its docks; `None` when not published or 0.
    pub(crate) capacity: Option<i64>,
    pub(crate) hold_ms: i64,
    pub(crate) bike_ms: i64,
    pub(crate) ebike_hold_ms: i64,
    pub(crate) ebike_ms: i64,
    pub(crate) mechanical_hold_ms: i64,
    pub(crate) mechanical_ms: i64,
    pub(crate) dock_hold_ms: i64,
    pub(crate) dock_ms: i64,
    /// Polls that saw it standing in the street.
    pub(crate) installed: i64,
}

/// Joins sums per station and information version to those versions; in order of station and version.
pub(crate) fn stays(
    sums: &DataFrame,
    versions: &HashMap<usize, Vec<StationInformation>>,
    resolution: Resolution,
) -> PolarsResult<Vec<Stay>> {
    let joined = sums
        .left_join(
            &information(versions, resolution)?,
            ["station_id", "version"],
            ["station_id", "version"],
        )?
        .sort(["station_id", "version"], SortMultipleOptions::default())?;
    let ids = text(&joined, "station_id")?;
    let hexes = text(&joined, "hex_id")?;
    let known = whole(&joined, "known")?;
    let capacity = whole(&joined, "capacity")?;
    let [hold, bike, ebike_hold, ebike, mechanical_hold, mechanical, dock_hold, dock, installed] =
        crate::observations::SUMS.map(|name| whole(&joined, name));
    let (hold, bike, ebike_hold, ebike) = (hold?, bike?, ebike_hold?, ebike?);
    let (mechanical_hold, mechanical) = (mechanical_hold?, mechanical?);
    let (dock_hold, dock, installed) = (dock_hold?, dock?, installed?);
    let stay = |row: usize| Stay {
        station_id: ids[row].unwrap_or_default().to_owned(),
        is_known: known[row] > 0,
        hex_id: hexes[row].map(str::to_owned),
        capacity: Some(capacity[row]).filter(|&docks| docks > 0),
        hold_ms: hold[row],
        bike_ms: bike[row],
        ebike_hold_ms: ebike_hold[row],
        ebike_ms: ebike[row],
        mechanical_hold_ms: mechanical_hold[row],
        mechanical_ms: mechanical[row],
        dock_hold_ms: dock_hold[row],
        dock_ms: dock[row],
        installed: installed[row],
    };
    Ok((0..joined.height()).map(stay).collect())
}

fn information(
    versions: &HashMap<usize, Vec<StationInformation>>,
    resolution: Resolution,
) -> PolarsResult<DataFrame> {
    let rows =
        || versions.iter().flat_map(|(&version, rows)| rows.iter().map(move |row| (version, row)));
    let hex = |(_, row): (usize, &StationInformation)| cell(row, resolution);
    let columns = vec![
        Column::new(
            "station_id".into(),
            rows().map(|(_, row)| row.station_id.as_str()).collect::<Vec<_>>(),
        ),
        Column::new(
            "version".into(),
            rows().map(|(version, _)| version as u32).collect::<Vec<_>>(),
        ),
        Column::new("hex_id".into(), rows().map(hex).collect::<Vec<_>>()),
        Column::new(
            "capacity".into(),
            rows().map(|(_, row)| row.capacity.map(i64::from)).collect::<Vec<_>>(),
        ),
        Column::new("known".into(), rows().map(|_| 1_i64).collect::<Vec<_>>()),
    ];
    DataFrame::new_infer_height(columns)
}

/// The station's cell: as stored where the table carries the resolution, else from its position.
fn cell(row: &StationInformation, resolution: Resolution) -> Option<String> {
    if resolution == Resolution::HOTSPOTS {
        return row.hex_id_10.clone();
    }
    let cell = hotspots_data::Cell::at(row.lat?, row.lon?, resolution).ok()?;
    Some(cell.to_string())
}
