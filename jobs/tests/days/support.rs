//! A lake in memory that tests fill poll by poll.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use hotspots_data::codec::{Metadata, TIME_ZONE};
use hotspots_data::table::{
    Hotspot, HotspotHour, QualityCheck, Row, StationDay, StationInformation, StationStatus,
    VehicleStatus,
};
use hotspots_data::{
    Cell, Day, DaySummary, Derived, Key, Lake, Recorded, Resolution, SystemId, parse_date,
};
use hotspots_jobs::{DayReport, Options, Selection, aggregate};

/// A lake of one system.
pub(crate) struct City {
    pub(crate) lake: Lake,
    pub(crate) time_zone: Tz,
}

/// What a poll says of a station: its id, bikes and free docks.
pub(crate) type Seen<'s> = (&'s str, i32, i32);

/// Three hexagons of Paris, some way apart, by a point in each.
pub(crate) const OPERA: (f64, f64) = (48.8719, 2.3316);
pub(crate) const BASTILLE: (f64, f64) = (48.8532, 2.3691);
pub(crate) const NATION: (f64, f64) = (48.8484, 2.3959);

impl City {
    pub(crate) fn new(time_zone: Tz) -> Self {
        Self { lake: Lake::open("memory:///").unwrap(), time_zone }
    }

    pub(crate) fn system() -> SystemId {
        "city".parse().unwrap()
    }

    pub(crate) fn day(&self, date: &str) -> Day {
        Day::new(parse_date(date).unwrap(), self.time_zone)
    }

    async fn put<R: Row>(&self, table: Recorded, at: DateTime<Utc>, rows: &[R]) -> Key {
        let date = Day::of(at, self.time_zone).date();
        let key = table.key(&Self::system(), date, at, R::content_hash(rows));
        let metadata = Metadata::from([(TIME_ZONE.to_owned(), self.time_zone.to_string())]);
        self.lake.put_new(&key, R::encode(rows, &metadata).unwrap()).await.unwrap();
        key
    }

    pub(crate) async fn poll(&self, at: DateTime<Utc>, seen: &[Seen<'_>]) -> Key {
        let rows: Vec<StationStatus> =
            seen.iter().map(|&(id, bikes, docks)| status(at, id, bikes, docks)).collect();
        self.put(Recorded::StationStatus, at, &rows).await
    }

    pub(crate) async fn statuses(&self, at: DateTime<Utc>, rows: &[StationStatus]) -> Key {
        self.put(Recorded::StationStatus, at, rows).await
    }

    /// Stations with their place and 20 docks each.
    pub(crate) async fn information(&self, at: DateTime<Utc>, stations: &[(&str, (f64, f64))]) {
        let row = |&(id, (lat, lon)): &(&str, (f64, f64))| information(at, id, lat, lon);
        let rows: Vec<StationInformation> = stations.iter().map(row).collect();
        self.put(Recorded::StationInformation, at, &rows).await;
    }

    pub(crate) async fn informations(&self, at: DateTime<Utc>, rows: &[StationInformation]) {
        self.put(Recorded::StationInformation, at, rows).await;
    }

    pub(crate) async fn vehicles(&self, at: DateTime<Utc>, rows: &[VehicleStatus]) {
        self.put(Recorded::VehicleStatus, at, rows).await;
    }

    /// Aggregates everything long after the last day.
    pub(crate) async fn aggregate(&self) -> Vec<DayReport> {
        self.aggregate_at("2040-01-01T00:00:00Z").await
    }

    pub(crate) async fn aggregate_at(&self, now: &str) -> Vec<DayReport> {
        let (selection, options) = (Selection::default(), Options::default());
        aggregate(&self.lake, &selection, options, now.parse().unwrap(), |_, _| {}).await.unwrap()
    }

    pub(crate) async fn table<R: Row>(&self, table: Derived, date: &str) -> (Vec<R>, DaySummary) {
        let key = table.key(&Self::system(), parse_date(date).unwrap());
        let bytes = self.lake.get(&key).await.unwrap().bytes;
        let (rows, metadata) = R::decode(bytes).unwrap();
        (rows, DaySummary::from_metadata(&metadata).unwrap())
    }

    pub(crate) async fn hotspots(&self, date: &str) -> (Vec<Hotspot>, DaySummary) {
        self.table(Derived::Hotspots(Resolution::HOTSPOTS), date).await
    }

    pub(crate) async fn hours(&self, date: &str) -> Vec<HotspotHour> {
        self.table(Derived::HotspotsHourly(Resolution::HOTSPOTS), date).await.0
    }

    pub(crate) async fn station_days(&self, date: &str) -> Vec<StationDay> {
        self.table(Derived::StationDays, date).await.0
    }

    /// The stations found by a check, and how many there are.
    pub(crate) async fn check(&self, date: &str, name: &str) -> (u32, Option<String>) {
        let (checks, _) = self.table::<QualityCheck>(Derived::Quality, date).await;
        let check = checks.into_iter().find(|check| check.check == name).expect("a check");
        (check.found, check.examples)
    }
}

pub(crate) fn minutes(minutes: i64) -> TimeDelta {
    TimeDelta::minutes(minutes)
}

pub(crate) fn hex((lat, lon): (f64, f64)) -> String {
    Cell::at(lat, lon, Resolution::HOTSPOTS).unwrap().to_string()
}

pub(crate) fn bikes_of(rows: &[Hotspot], place: (f64, f64)) -> f64 {
    let cell = hex(place);
    rows.iter().find(|row| row.hex_id == cell).map_or(f64::NAN, |row| row.bikes)
}

pub(crate) fn status(at: DateTime<Utc>, id: &str, bikes: i32, docks: i32) -> StationStatus {
    StationStatus {
        observed_at: at,
        fetched_at: at,
        last_updated: Some(at),
        station_id: id.to_owned(),
        station_code: None,
        num_bikes_available: Some(bikes),
        num_ebikes_available: None,
        num_mechanical_available: None,
        num_bikes_disabled: None,
        num_docks_available: Some(docks),
        num_docks_disabled: None,
        is_installed: Some(true),
        is_renting: Some(true),
        is_returning: Some(true),
        last_reported: None,
        extra: None,
    }
}

pub(crate) fn information(at: DateTime<Utc>, id: &str, lat: f64, lon: f64) -> StationInformation {
    let cell = |resolution: &str| {
        Cell::at(lat, lon, resolution.parse().unwrap()).ok().map(|cell| cell.to_string())
    };
    StationInformation {
        observed_at: at,
        fetched_at: at,
        last_updated: None,
        station_id: id.to_owned(),
        station_code: None,
        name: None,
        short_name: None,
        lat: Some(lat),
        lon: Some(lon),
        hex_id_8: cell("8"),
        hex_id_9: cell("9"),
        hex_id_10: cell("10"),
        capacity: Some(20),
        region_id: None,
        is_virtual_station: None,
        extra: None,
    }
}

pub(crate) fn vehicle(at: DateTime<Utc>, id: &str, (lat, lon): (f64, f64)) -> VehicleStatus {
    let cell = |resolution: &str| {
        Cell::at(lat, lon, resolution.parse().unwrap()).ok().map(|cell| cell.to_string())
    };
    VehicleStatus {
        observed_at: at,
        fetched_at: at,
        last_updated: None,
        vehicle_id: id.to_owned(),
        lat: Some(lat),
        lon: Some(lon),
        hex_id_8: cell("8"),
        hex_id_9: cell("9"),
        hex_id_10: cell("10"),
        station_id: None,
        vehicle_type_id: None,
        form_factor: Some("bicycle".to_owned()),
        is_electric: Some(true),
        is_reserved: None,
        is_disabled: None,
        last_reported: None,
        extra: None,
    }
}
