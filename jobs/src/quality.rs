//! What is odd in a day's data, told and never repaired.
//!
//! After the taxonomy A1–A7 of faults of the inventory, and D1–D3 of the counts (R. Fossé, G. Pallares;
//! published with gbfs-toolkit 2.0), where docs/design.md says which check is which; but station by
//! station, where the taxonomy mostly judges a system as a whole.

use hotspots_data::table::{QualityCheck, StationInformation};

use crate::baseline::median;
use crate::places::{Place, Places};
use crate::station_day::StationSums;

/// Checks a day's stations; `day_ms` is the length of the day.
pub(crate) fn checks(stations: &[StationSums], places: &Places, day_ms: i64) -> Vec<QualityCheck> {
    let mut checks = of_information(&places.last(), places);
    checks.extend(of_status(stations, places, day_ms));
    checks
}

/// Distance from the system's middle beyond which a position is taken for an error.
const FAR_OFF_M: f64 = 100_000.0;
/// Below so many stations nothing is concluded from all of their capacities together (A2, A3).
const FEWEST_STATIONS: usize = 20;
/// How many times the mean capacity over all stations the mean over those that have one may be (A3).
const MOST_OVER_CAPACITY: usize = 5;
/// Capacities from here on stand for "without limit".
const SENTINEL_DOCKS: i32 = 500;

fn of_information(places: &[&Place], versions: &Places) -> Vec<QualityCheck> {
    let rows: Vec<&StationInformation> = places.iter().map(|place| &place.row).collect();
    let middle = middle(&rows);
    let is_virtual = |row: &StationInformation| row.is_virtual_station == Some(true);
    let docked = rows.iter().filter(|row| !is_virtual(row));
    let capacities: Vec<i32> = docked.filter_map(|row| row.capacity).collect();
    let is_uniform =
        capacities.len() >= FEWEST_STATIONS && capacities.windows(2).all(|pair| pair[0] == pair[1]);
    // The one mean is the sum over those with a capacity, the other the same sum over all.
    let with_docks = places.iter().filter(|place| place.capacity.is_some()).count();
    let is_conditional =
        rows.len() >= FEWEST_STATIONS && rows.len() > MOST_OVER_CAPACITY * with_docks;
    let ask = |name, meaning, is_odd: &dyn Fn(&StationInformation) -> bool| {
        let odd = rows.iter().filter(|row| is_odd(row)).map(|row| row.station_id.as_str());
        check(name, meaning, rows.len(), odd)
    };
    let far = |lat: f64, lon: f64| {
        middle.is_none_or(|(mid_lat, mid_lon)| distance_m(lat, lon, mid_lat, mid_lon) > FAR_OFF_M)
    };
    let position = |row: &StationInformation| row.lat.zip(row.lon).filter(|&p| is_possible(p));
    let is_transposed = |row: &StationInformation| {
        let swapped = |(lat, lon): (f64, f64)| is_possible((lon, lat)) && !far(lon, lat);
        row.lat.zip(row.lon).is_some_and(|p| (!is_possible(p) || far(p.0, p.1)) && swapped(p))
    };
    vec![
        ask(
            "capacity_zero",
            "The published capacity is 0, at a station that is not virtual (A6).",
            &|row| row.capacity == Some(0) && !is_virtual(row),
        ),
        ask(
            "capacity_missing",
            "No capacity is published, at a station that is not virtual (A7).",
            &|row| row.capacity.is_none() && !is_virtual(row),
        ),
        ask(
            "capacity_placeholder",
            "The capacity stands for something else: the same at all of 20 or more stations (A2), 500 or more, or below 0.",
            &|row| {
                row.capacity.is_some_and(|docks| {
                    let is_alike = is_uniform && docks > 0 && !is_virtual(row);
                    !(0..SENTINEL_DOCKS).contains(&docks) || is_alike
                })
            },
        ),
        ask(
            "capacity_conditional",
            "It has a capacity, and fewer than a fifth of 20 or more stations have: the number is of vehicles that stand there rather than of docks (A3).",
            &|row| is_conditional && row.capacity.is_some_and(|docks| docks > 0),
        ),
        ask("position_missing", "The position is missing, (0, 0) or not on the globe.", &|row| {
            position(row).is_none() && !is_transposed(row)
        }),
        ask(
            "position_transposed",
            "Latitude and longitude are exchanged: the other way round the station is in the system's area (A4).",
            &is_transposed,
        ),
        ask(
            "position_far_off",
            "The position is more than 100 km from the middle of the system's stations (A5).",
            &|row| position(row).is_some_and(|(lat, lon)| far(lat, lon)) && !is_transposed(row),
        ),
        check(
            "information_duplicate",
            "station_information has more than one row; the first was used.",
            rows.len(),
            duplicated(versions),
        ),
    ]
}

fn of_status(stations: &[StationSums], places: &Places, day_ms: i64) -> Vec<QualityCheck> {
    let ask = |name, meaning, is_odd: &dyn Fn(&StationSums) -> bool| {
        let odd = stations.iter().filter(|station| is_odd(station));
        check(name, meaning, stations.len(), odd.map(|station| station.id.as_str()))
    };
    let in_status = |id: &str| stations.binary_search_by(|s| s.id.as_str().cmp(id)).is_ok();
    let known = places.last();
    let silent =
        known.iter().map(|place| place.row.station_id.as_str()).filter(|id| !in_status(id));
    vec![
        ask("status_duplicate", "A poll has more than one row; the first was used.", &|station| {
            station.is_duplicated
        }),
        ask(
            "count_negative",
            "A number of bikes or docks is below 0; it was not used (D1).",
            &|station| station.has_negative_count,
        ),
        ask("bikes_above_capacity", "More bikes than docks are published.", &|station| {
            station.bikes_above_capacity
        }),
        ask(
            "counts_above_capacity",
            "Bikes and free docks together are more than the docks published (D2).",
            &|station| station.counts_above_capacity,
        ),
        ask(
            "frozen",
            "Bikes and docks are the same at every poll, though seen for half the day or more.",
            &|station| !station.has_changed && 2 * station.total().hold_ms >= day_ms,
        ),
        ask("not_installed", "Not installed at every poll that mentions it.", &|station| {
            station.is_never_installed
        }),
        ask(
            "without_information",
            "In station_status and not in station_information.",
            &|station| places.last_of(&station.id).is_none(),
        ),
        check(
            "without_status",
            "In station_information and not in station_status.",
            known.len(),
            silent,
        ),
    ]
}

fn check<'s>(
    name: &str,
    meaning: &str,
    checked: usize,
    odd: impl Iterator<Item = &'s str>,
) -> QualityCheck {
    const EXAMPLES: usize = 5;
    let odd: Vec<&str> = odd.collect();
    let examples = odd[..odd.len().min(EXAMPLES)].join(",");
    QualityCheck {
        check: name.to_owned(),
        meaning: meaning.to_owned(),
        checked: checked as u32,
        found: odd.len() as u32,
        examples: (!odd.is_empty()).then_some(examples),
    }
}

fn duplicated(places: &Places) -> impl Iterator<Item = &str> {
    let mut ids: Vec<&str> =
        places.versions.iter().flat_map(|v| v.duplicated.iter().map(String::as_str)).collect();
    ids.sort_unstable();
    ids.dedup();
    ids.into_iter()
}

/// The median latitude and longitude, which a few wrong ones do not move.
fn middle(rows: &[&StationInformation]) -> Option<(f64, f64)> {
    let possible =
        || rows.iter().filter_map(|row| row.lat.zip(row.lon)).filter(|&p| is_possible(p));
    median(possible().map(|(lat, _)| lat).collect())
        .zip(median(possible().map(|(_, lon)| lon).collect()))
}

fn is_possible((lat, lon): (f64, f64)) -> bool {
    (-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon) && (lat, lon) != (0.0, 0.0)
}

/// Along the great circle on a sphere of 6,371,009 m (the haversine formula).
fn distance_m(lat_a: f64, lon_a: f64, lat_b: f64, lon_b: f64) -> f64 {
    const EARTH_M: f64 = 6_371_009.0;
    let half_lat = (lat_b - lat_a).to_radians() / 2.0;
    let half_lon = (lon_b - lon_a).to_radians() / 2.0;
    let square = half_lat.sin().powi(2)
        + lat_a.to_radians().cos() * lat_b.to_radians().cos() * half_lon.sin().powi(2);
    2.0 * EARTH_M * square.sqrt().min(1.0).asin()
}
