//! The hotspots of a day: its cells in order of rank, beside their neighbours and beside what is usual.

use hotspots_data::table::Hotspot;
use hotspots_data::{Cell, Resolution};

use crate::baseline::Baseline;
use crate::cells::Figures;
use crate::getis_ord::{Gi, getis_ord, neighbours, rings};

/// The cells as rows, in order of rank and, among equals, of cell.
pub(crate) fn hotspots(
    figures: &[Figures],
    resolution: Resolution,
    baseline: &Baseline,
) -> Vec<Hotspot> {
    let bikes: Vec<f64> = figures.iter().map(|cell| cell.bikes).collect();
    let cells: Vec<Cell> = figures.iter().map(|cell| cell.cell).collect();
    let smoothed = smooth(&cells, &bikes);
    let gi = getis_ord(&bikes, &neighbours(&cells, rings(resolution)));
    let most = largest(bikes.iter().copied());
    let all: f64 = bikes.iter().sum();
    let most_smoothed = largest(smoothed.iter().copied());
    let row = |((cell, gi), smoothed): ((&Figures, Option<Gi>), f64)| {
        let hex_id = cell.cell.to_string();
        let (lat, lng) = cell.cell.centre();
        let (baseline_bikes, baseline_days) = baseline.of(&hex_id);
        Hotspot {
            rank: 0,
            hex_id,
            lat,
            lng,
            weight: part(cell.bikes, most),
            share: part(cell.bikes, all),
            bikes: cell.bikes,
            ebikes: cell.ebikes,
            mechanical: cell.mechanical,
            docks: cell.docks,
            capacity: cell.capacity,
            occupancy: cell.occupancy,
            empty_share: cell.empty_share,
            full_share: cell.full_share,
            stations: cell.stations,
            coverage: cell.coverage,
            smoothed_bikes: smoothed,
            smoothed_weight: part(smoothed, most_smoothed),
            gi_z: gi.map(|gi| gi.z),
            gi_p: gi.map(|gi| gi.p),
            gi_p_adjusted: gi.map(|gi| gi.p_adjusted),
            gi_class: Gi::class(gi).to_owned(),
            baseline_bikes,
            baseline_days,
            baseline_difference: baseline_bikes.map(|usual| cell.bikes - usual),
        }
    };
    ranked(figures.iter().zip(gi).zip(smoothed).map(row).collect())
}

/// The mean over each cell and its neighbours; a cell that is not there counts as 0.
fn smooth(cells: &[Cell], bikes: &[f64]) -> Vec<f64> {
    let mean = |(cell, near): (&Cell, &Vec<usize>)| {
        let sum: f64 = near.iter().map(|&near| bikes[near]).sum();
        sum / if cell.is_pentagon() { 6.0 } else { 7.0 }
    };
    cells.iter().zip(&neighbours(cells, 1)).map(mean).collect()
}

fn ranked(mut rows: Vec<Hotspot>) -> Vec<Hotspot> {
    rows.sort_by(|a, b| b.bikes.total_cmp(&a.bikes).then_with(|| a.hex_id.cmp(&b.hex_id)));
    for index in 0..rows.len() {
        #[expect(clippy::float_cmp, reason = "a tie is an equal number")]
        let ties = index > 0 && rows[index].bikes == rows[index - 1].bikes;
        rows[index].rank = if ties { rows[index - 1].rank } else { index as u32 + 1 };
    }
    rows
}

pub(crate) fn largest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, f64::max)
}

/// A part of a whole; 0 of nothing.
pub(crate) fn part(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
