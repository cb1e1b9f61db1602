//! From stations to cells: the numbers that people decide on. Definitions: docs/design.md.

use std::collections::BTreeMap;

use hotspots_data::Cell;
use hotspots_data::table::Hotspot;

use crate::station_day::Stay;

/// The cells of a day, and the stations that are in none.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Cells {
    /// In order of rank, then of cell.
    pub(crate) rows: Vec<Hotspot>,
    pub(crate) stations: u32,
    pub(crate) without_information: u32,
    pub(crate) without_position: u32,
    pub(crate) not_installed: u32,
    pub(crate) without_counts: u32,
}

/// What a station adds to a cell, or what a cell has of all its stations.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    bikes: f64,
    ebikes: Option<f64>,
    mechanical: Option<f64>,
    docks: Option<f64>,
    capacity: Option<f64>,
    has_unknown_capacity: bool,
    coverage: f64,
    stations: u32,
}

/// Adds up the stations of each cell; `day_ms` is the length of the day.
///
/// A station's mean is over all its observed time. One that moved during the day gives each cell its
/// bikes of the time it stood there, so that no bike is counted twice.
pub(crate) fn cells(stays: &[Stay], day_ms: i64) -> Cells {
    let mut cells = Cells::default();
    let mut shares: BTreeMap<(&str, &str), Share> = BTreeMap::new();
    for stays in stays.chunk_by(|a, b| a.station_id == b.station_id) {
        let hold_ms: i64 = stays.iter().map(|stay| stay.hold_ms).sum();
        if stays.iter().all(|stay| !stay.is_known) {
            cells.without_information += 1;
        } else if stays.iter().all(|stay| stay.installed == 0) {
            cells.not_installed += 1;
        } else if hold_ms == 0 {
            cells.without_counts += 1;
        } else if stays.iter().all(|stay| stay.hex_id.is_none()) {
            cells.without_position += 1;
        } else {
            cells.stations += 1;
            add_station(&mut shares, stays, hold_ms, day_ms);
        }
    }
    cells.rows = ranked(sum_by_cell(&shares));
    cells
}

fn add_station<'s>(
    shares: &mut BTreeMap<(&'s str, &'s str), Share>,
    stays: &'s [Stay],
    hold_ms: i64,
    day_ms: i64,
) {
    let total = |of: fn(&Stay) -> i64| stays.iter().map(of).sum::<i64>();
    let ebike_hold_ms = total(|stay| stay.ebike_hold_ms);
    let mechanical_hold_ms = total(|stay| stay.mechanical_hold_ms);
    let dock_hold_ms = total(|stay| stay.dock_hold_ms);
    for stay in stays.iter().filter(|stay| stay.hold_ms > 0) {
        let Some(hex_id) = stay.hex_id.as_deref() else { continue };
        let share = shares.entry((hex_id, &stay.station_id)).or_default();
        let capacity = stay.capacity.and_then(|docks| mean(docks * stay.hold_ms, hold_ms));
        share.bikes += mean(stay.bike_ms, hold_ms).unwrap_or_default();
        share.ebikes = sum(share.ebikes, mean(stay.ebike_ms, ebike_hold_ms));
        share.mechanical = sum(share.mechanical, mean(stay.mechanical_ms, mechanical_hold_ms));
        share.docks = sum(share.docks, mean(stay.dock_ms, dock_hold_ms));
        share.capacity = sum(share.capacity, capacity);
        share.has_unknown_capacity |= capacity.is_none();
        share.coverage = hold_ms as f64 / day_ms as f64;
        share.stations = 1;
    }
}

/// Adds up the stations of each cell, in order of station: the same sums on any machine.
fn sum_by_cell(shares: &BTreeMap<(&str, &str), Share>) -> BTreeMap<String, Share> {
    let mut cells: BTreeMap<String, Share> = BTreeMap::new();
    for ((hex_id, _), share) in shares {
        let cell = cells.entry((*hex_id).to_owned()).or_default();
        cell.bikes += share.bikes;
        cell.ebikes = sum(cell.ebikes, share.ebikes);
        cell.mechanical = sum(cell.mechanical, share.mechanical);
        cell.docks = sum(cell.docks, share.docks);
        cell.capacity = sum(cell.capacity, share.capacity);
        cell.has_unknown_capacity |= share.has_unknown_capacity;
        cell.coverage += share.coverage;
        cell.stations += share.stations;
    }
    cells
}

/// The cells as rows, in order of rank and, among equals, of cell.
fn ranked(cells: BTreeMap<String, Share>) -> Vec<Hotspot> {
    let most = cells.values().map(|cell| cell.bikes).fold(0.0, f64::max);
    let all: f64 = cells.values().map(|cell| cell.bikes).sum();
    let of = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
    let mut rows: Vec<Hotspot> = cells
        .into_iter()
        .map(|(hex_id, cell)| {
            let (lat, lng) = hex_id.parse().map_or((f64::NAN, f64::NAN), Cell::centre);
            let occupancy =
                cell.capacity.filter(|&docks| docks > 0.0 && !cell.has_unknown_capacity);
            Hotspot {
                rank: 0,
                hex_id,
                lat,
                lng,
                weight: of(cell.bikes, most),
                share: of(cell.bikes, all),
                bikes: cell.bikes,
                ebikes: cell.ebikes,
                mechanical: cell.mechanical,
                docks: cell.docks,
                capacity: cell.capacity,
                occupancy: occupancy.map(|docks| cell.bikes / docks),
                empty_share: 0.0,
                full_share: None,
                stations: cell.stations,
                coverage: cell.coverage / f64::from(cell.stations),
                smoothed_bikes: 0.0,
                smoothed_weight: 0.0,
                gi_z: None,
                gi_p: None,
                gi_p_adjusted: None,
                gi_class: "neither".to_owned(),
                baseline_bikes: None,
                baseline_days: 0,
                baseline_difference: None,
            }
        })
        .collect();
    rows.sort_by(|a, b| b.bikes.total_cmp(&a.bikes).then_with(|| a.hex_id.cmp(&b.hex_id)));
    for index in 0..rows.len() {
        #[expect(clippy::float_cmp, reason = "a tie is an equal number")]
        let ties = index > 0 && rows[index].bikes == rows[index - 1].bikes;
        rows[index].rank = if ties { rows[index - 1].rank } else { index as u32 + 1 };
    }
    rows
}

/// A sum of what is known; `None` while nothing is.
fn sum(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a + b),
        (known, None) | (None, known) => known,
    }
}

/// A mean over time, `None` over no time.
fn mean(sum_ms: i64, time_ms: i64) -> Option<f64> {
    (time_ms > 0).then(|| sum_ms as f64 / time_ms as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 86_400_000;
    const HOUR_MS: i64 = 3_600_000;
    const OPERA: &str = "8a1fb46622dffff";
    const BASTILLE: &str = "8a1fb4664927fff";

    /// `hours` in a cell with so many bikes.
    fn stay(station_id: &str, hex_id: &str, hours: i64, bikes: i64) -> Stay {
        let hold_ms = hours * HOUR_MS;
        Stay {
            station_id: station_id.to_owned(),
            is_known: true,
            hex_id: Some(hex_id.to_owned()),
            capacity: Some(20),
            hold_ms,
            bike_ms: bikes * hold_ms,
            installed: 1,
            ..Stay::default()
        }
    }

    fn by_cell(cells: &Cells) -> BTreeMap<&str, &Hotspot> {
        cells.rows.iter().map(|row| (row.hex_id.as_str(), row)).collect()
    }

    #[test]
    fn a_station_that_moves_gives_each_cell_its_part_of_the_day() {
        // By hand: 12 h with 10 bikes at the Opéra, then 6 h with 4 at Bastille: 10 × 12/18, 4 × 6/18.
        let stays = [stay("a", OPERA, 12, 10), stay("a", BASTILLE, 6, 4)];
        let cells = cells(&stays, DAY_MS);
        let rows = by_cell(&cells);
        assert!((rows[OPERA].bikes - 20.0 / 3.0).abs() < 1e-12);
        assert!((rows[BASTILLE].bikes - 4.0 / 3.0).abs() < 1e-12);
        assert!((rows[OPERA].capacity.unwrap() - 40.0 / 3.0).abs() < 1e-12);
        assert!((rows[OPERA].coverage - 0.75).abs() < 1e-12);
        assert_eq!(cells.stations, 1);
    }

    #[test]
    fn weights_are_relative_to_the_fullest_cell_and_equals_share_a_rank() {
        let stays = [
            stay("a", OPERA, 24, 12),
            stay("b", BASTILLE, 24, 5),
            stay("c", BASTILLE, 24, 1),
            stay("d", "8a1fb4664907fff", 24, 6),
        ];
        let cells = cells(&stays, DAY_MS);
        let summary: Vec<_> =
            cells.rows.iter().map(|row| (row.rank, row.weight, row.share)).collect();
        assert_eq!(summary, [(1, 1.0, 0.5), (2, 0.5, 0.25), (2, 0.5, 0.25)]);
        assert_eq!(by_cell(&cells)[BASTILLE].stations, 2);
    }

    #[test]
    fn occupancy_is_unknown_where_a_capacity_is() {
        let mut unknown = stay("b", OPERA, 24, 5);
        unknown.capacity = None;
        let cells = cells(&[stay("a", OPERA, 24, 5), unknown, stay("c", BASTILLE, 24, 5)], DAY_MS);
        let rows = by_cell(&cells);
        assert_eq!((rows[OPERA].capacity, rows[OPERA].occupancy), (Some(20.0), None));
        assert_eq!((rows[BASTILLE].capacity, rows[BASTILLE].occupancy), (Some(20.0), Some(0.25)));
        assert_eq!(rows[OPERA].ebikes, None);
    }

    #[test]
    fn a_station_in_no_cell_is_counted_under_its_reason() {
        let orphan = Stay { is_known: false, hex_id: None, ..stay("a", OPERA, 24, 5) };
        let nowhere = Stay { hex_id: None, ..stay("b", OPERA, 24, 5) };
        let removed = Stay { installed: 0, hold_ms: 0, bike_ms: 0, ..stay("c", OPERA, 24, 0) };
        let silent = Stay { hold_ms: 0, bike_ms: 0, ..stay("d", OPERA, 24, 0) };
        let cells = cells(&[orphan, nowhere, removed, silent], DAY_MS);
        let Cells { without_information, without_position, not_installed, without_counts, .. } =
            cells;
        assert_eq!([without_information, without_position, not_installed, without_counts], [1; 4]);
        assert_eq!((cells.rows.len(), cells.stations), (0, 0));
    }
}
