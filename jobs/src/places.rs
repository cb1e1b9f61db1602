//! Where each station stood, and how many docks it had: the information joined to the status.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

use hotspots_data::table::StationInformation;
use hotspots_data::{Cell, Resolution};

/// A station in one version of the information.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Place {
    /// By resolution; `None` where the position is missing or impossible.
    pub(crate) cells: Vec<Option<Cell>>,
    /// Docks; `None` where not published or 0.
    pub(crate) capacity: Option<i32>,
    /// The row of the information.
    pub(crate) row: StationInformation,
}

/// The versions in force on a day: for each, the polls during which it was, and its stations.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    pub(crate) versions: Vec<Version>,
}

/// One version of the information.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) polls: Range<usize>,
    places: HashMap<String, Place>,
    /// Stations that have more than one row; the first counts.
    pub(crate) duplicated: Vec<String>,
}

impl Places {
    /// The place of a station in a version.
    pub(crate) fn of(&self, version: usize, station_id: &str) -> Option<&Place> {
        self.versions.get(version)?.places.get(station_id)
    }

    /// The last place known of a station.
    pub(crate) fn last_of(&self, station_id: &str) -> Option<&Place> {
        self.versions.iter().rev().find_map(|version| version.places.get(station_id))
    }

    /// Every station's last place, in order of their ids.
    pub(crate) fn last(&self) -> Vec<&Place> {
        let mut places: HashMap<&str, &Place> = HashMap::new();
        for version in &self.versions {
            places.extend(version.places.iter().map(|(id, place)| (id.as_str(), place)));
        }
        let mut places: Vec<&Place> = places.into_values().collect();
        places.sort_by(|a, b| a.row.station_id.cmp(&b.row.station_id));
        places
    }
}

impl Version {
    /// Every station's place, in no order.
    pub(crate) fn places(&self) -> impl Iterator<Item = &Place> {
        self.places.values()
    }

    /// A version in force during `polls`.
    pub(crate) fn new(
        polls: Range<usize>,
        rows: Vec<StationInformation>,
        resolutions: &[Resolution],
    ) -> Self {
        let mut version = Self { polls, places: HashMap::new(), duplicated: Vec::new() };
        for row in rows {
            let place = Place {
                cells: resolutions.iter().map(|&resolution| cell(&row, resolution)).collect(),
                capacity: row.capacity.filter(|&docks| docks > 0),
                row,
            };
            let id = place.row.station_id.clone();
            match version.places.entry(id) {
                Entry::Occupied(first) => version.duplicated.push(first.key().clone()),
                Entry::Vacant(free) => {
                    free.insert(place);
                }
            }
        }
        version
    }
}

/// The station's cell: as stored where the table carries the resolution, else from its position.
fn cell(row: &StationInformation, resolution: Resolution) -> Option<Cell> {
    let stored = match u8::from(resolution) {
        8 => &row.hex_id_8,
        9 => &row.hex_id_9,
        10 => &row.hex_id_10,
        _ => return Cell::at(row.lat?, row.lon?, resolution).ok(),
    };
    stored.as_ref()?.parse().ok()
}
