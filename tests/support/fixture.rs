//! Days of computed tables with plausible contents, written straight into a lake: for tests of what
//! is served, and for benchmarks of many days. Values follow from the numbers given; nothing is random.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use hotspots_data::codec::Metadata;
use hotspots_data::summary::{DaySummary, Timestamp};
use hotspots_data::table::{
    Hotspot, HotspotHour, QualityCheck, Row, StationDay, SystemInformation,
};
use hotspots_data::{Cell, Day, Derived, Lake, LakeError, Recorded, Resolution, SystemId};

/// The days to write.
#[derive(Clone, Debug)]
pub struct Fixture {
    pub system: SystemId,
    /// Cells a day; one station each.
    pub cells: usize,
    /// Whether the day is not over.
    pub provisional: bool,
    /// Another number, other bikes.
    pub salt: u64,
    /// The hour of which there is nothing.
    pub unseen_hour: Option<u32>,
}

/// The one by which days are known comes last.
const RESOLUTIONS: [Resolution; 2] = [Resolution::COARSER[0], Resolution::HOTSPOTS];
const TIME_ZONE: chrono_tz::Tz = chrono_tz::Tz::Europe__Paris;

impl Fixture {
    pub fn of(system: &str, cells: usize) -> Self {
        let system = system.parse().expect("a system");
        Self { system, cells, provisional: false, salt: 0, unseen_hour: None }
    }

    /// Writes every computed table of a day at resolutions 10 and 9, in the program's order.
    pub async fn write(&self, lake: &Lake, date: NaiveDate) -> Result<(), LakeError> {
        let metadata = self.summary(date, Resolution::HOTSPOTS).to_metadata();
        for resolution in RESOLUTIONS {
            let (table, rows) = (Derived::HotspotsHourly(resolution), self.hours(date, resolution));
            put(lake, table, &self.system, date, &rows, &metadata).await?;
        }
        // Stations and checks are of no resolution.
        let of_none = DaySummary {
            resolution: None,
            gi_rings: None,
            gi_radius_m: None,
            baseline_days: None,
            ..self.summary(date, Resolution::HOTSPOTS)
        };
        let metadata = of_none.to_metadata();
        let stations = self.stations(date);
        put(lake, Derived::StationDays, &self.system, date, &stations, &metadata).await?;
        put(lake, Derived::Quality, &self.system, date, &self.checks(), &metadata).await?;
        self.write_hotspots(lake, date).await
    }

    /// Writes the hotspots of a day alone.
    pub async fn write_hotspots(&self, lake: &Lake, date: NaiveDate) -> Result<(), LakeError> {
        for resolution in RESOLUTIONS {
            let metadata = self.summary(date, resolution).to_metadata();
            let rows = self.hotspots(date, resolution);
            put(lake, Derived::Hotspots(resolution), &self.system, date, &rows, &metadata).await?;
        }
        Ok(())
    }

    /// Writes who runs the system.
    pub async fn write_system(&self, lake: &Lake, date: NaiveDate) -> Result<(), LakeError> {
        let observed_at = Day::new(date, TIME_ZONE).start();
        let text = |text: &str| Some(text.to_owned());
        let rows = [SystemInformation {
            observed_at,
            fetched_at: observed_at,
            last_updated: None,
            system_id: text("Fixture"),
            name: text("Fixture Bikes"),
            operator: text("Nobody"),
            timezone: text(TIME_ZONE.name()),
            language: text("en"),
            url: text("https://bikes.example"),
            license_id: text("etalab-2.0"),
            license_url: text("https://licence.example/terms"),
            attribution_organization_name: text("Fixture Bikes, open data"),
            extra: None,
        }];
        let hash = SystemInformation::content_hash(&rows);
        let key = Recorded::SystemInformation.key(&self.system, date, observed_at, hash);
        let bytes = SystemInformation::encode(&rows, &Metadata::new()).expect("rows encode");
        lake.put_new(&key, bytes).await.map(|_| ())
    }

    /// The rows of a day in order of rank.
    pub fn hotspots(&self, date: NaiveDate, resolution: Resolution) -> Vec<Hotspot> {
        let mut rows: Vec<Hotspot> = self
            .places(resolution)
            .into_iter()
            .enumerate()
            .map(|(index, cell)| {
                let (lat, lng) = cell.centre();
                let bikes = self.bikes(date, index);
                let ebikes = (bikes * 0.4 * 1000.0).round() / 1000.0;
                Hotspot {
                    rank: 0,
                    hex_id: cell.to_string(),
                    lat,
                    lng,
                    weight: 0.0,
                    share: 0.0,
                    bikes,
                    // Every seventh cell does not tell.
                    ebikes: (index % 7 != 6).then_some(ebikes),
                    mechanical: (index % 7 != 6).then_some(bikes - ebikes),
                    docks: Some(40.0 - bikes),
                    capacity: Some(40.0),
                    occupancy: Some(bikes / 40.0),
                    empty_share: 1.0 / (1.0 + bikes),
                    full_share: Some(bikes / 80.0),
                    stations: 1,
                    coverage: 0.987_654_321,
                    smoothed_bikes: bikes / 7.0 + (index % 13) as f64,
                    smoothed_weight: 0.0,
                    gi_z: Some((bikes - 20.0) / 8.0),
                    gi_p: Some(0.123_456_789),
                    gi_p_adjusted: Some(0.234_567_891),
                    gi_class: if bikes > 38.0 { "hot" } else { "neither" }.to_owned(),
                    baseline_bikes: (index % 5 != 4).then_some(20.0),
                    baseline_days: if index % 5 == 4 { 0 } else { 4 },
                    baseline_difference: (index % 5 != 4).then_some(bikes - 20.0),
                }
            })
            .collect();
        rows.sort_by(|a, b| b.bikes.total_cmp(&a.bikes).then_with(|| a.hex_id.cmp(&b.hex_id)));
        let most = rows.first().map_or(1.0, |row| row.bikes);
        let all: f64 = rows.iter().map(|row| row.bikes).sum();
        let smoothest = rows.iter().map(|row| row.smoothed_bikes).fold(0.0, f64::max);
        for index in 0..rows.len() {
            let ties = index > 0 && rows[index].bikes.to_bits() == rows[index - 1].bikes.to_bits();
            rows[index].rank = if ties { rows[index - 1].rank } else { index as u32 + 1 };
            rows[index].weight = rows[index].bikes / most;
            rows[index].share = rows[index].bikes / all;
            rows[index].smoothed_weight = rows[index].smoothed_bikes / smoothest;
        }
        rows
    }

    /// What is said of a day.
    pub fn summary(&self, date: NaiveDate, resolution: Resolution) -> DaySummary {
        let rows = self.hotspots(date, resolution);
        let day = Day::new(date, TIME_ZONE);
        DaySummary {
            system: self.system.clone(),
            date,
            time_zone: TIME_ZONE,
            resolution: Some(resolution.into()),
            provisional: self.provisional,
            coverage: 0.9875,
            polls: 1422,
            polls_expected: 1440,
            cadence_s: Some(60.0),
            vehicle_polls: 0,
            polls_outside_day: 0,
            first_poll: Some(Timestamp(day.start() + TimeDelta::seconds(12))),
            last_poll: Some(Timestamp(day.end() - TimeDelta::seconds(48))),
            longest_unobserved_s: 1080.0,
            max_gap_s: 900.0,
            stations: rows.len() as u32,
            stations_without_information: 1,
            stations_without_status: 2,
            stations_without_position: 0,
            stations_not_installed: 3,
            stations_without_counts: 0,
            bikes: rows.iter().map(|row| row.bikes).sum(),
            vehicles: 0.0,
            gi_rings: Some(2),
            gi_radius_m: Some(263.0),
            baseline_days: Some(0),
            method: 1,
            observations: format!("{:064x}", self.salt),
            inputs: format!("{:064x}", self.salt),
        }
    }

    fn hours(&self, date: NaiveDate, resolution: Resolution) -> Vec<HotspotHour> {
        let mut starts: Vec<(u32, DateTime<Utc>)> = hours_of(date);
        starts.retain(|(hour, _)| Some(*hour) != self.unseen_hour);
        let bikes_in = |hour: u32, index: usize| {
            // Bikes are in the middle of town by day: a wave over the hours.
            let wave = 1.0 + 0.5 * f64::from((hour as i32 - 14).abs()) / 14.0;
            (self.bikes(date, index) / wave * 1000.0).round() / 1000.0
        };
        let places = self.places(resolution);
        let most = (0..places.len())
            .flat_map(|index| (0..24).map(move |hour| (hour, index)))
            .map(|(hour, index)| bikes_in(hour, index))
            .fold(0.0, f64::max);
        let row = |(index, cell): (usize, &Cell), (hour, hour_start): (u32, DateTime<Utc>)| {
            let bikes = bikes_in(hour, index);
            HotspotHour {
                hex_id: cell.to_string(),
                hour,
                hour_start,
                weight: bikes / most,
                bikes,
                ebikes: None,
                mechanical: None,
                docks: Some(40.0 - bikes),
                capacity: Some(40.0),
                occupancy: Some(bikes / 40.0),
                empty_share: 1.0 / (1.0 + bikes),
                full_share: Some(bikes / 80.0),
                stations: 1,
                coverage: 1.0,
            }
        };
        let cells = places.iter().enumerate();
        cells.flat_map(|cell| starts.iter().map(move |start| row(cell, *start))).collect()
    }

    fn stations(&self, date: NaiveDate) -> Vec<StationDay> {
        let places = self.places(Resolution::HOTSPOTS);
        let row = |(index, cell): (usize, Cell)| {
            let (lat, lng) = cell.centre();
            let bikes = self.bikes(date, index);
            StationDay {
                station_id: format!("{}", 10_000 + index),
                station_code: Some(format!("{index:05}")),
                name: Some(format!("Rue \"{index}\", côté nord")),
                lat: Some(lat),
                lon: Some(lng),
                hex_id_8: None,
                hex_id_9: None,
                hex_id_10: Some(cell.to_string()),
                capacity: Some(40),
                bikes: Some(bikes),
                ebikes: None,
                mechanical: None,
                docks: Some(40.0 - bikes),
                occupancy: Some(bikes / 40.0),
                empty_share: Some(0.0),
                full_share: Some(0.25),
                empty_episodes: 0,
                empty_minutes: 0.0,
                longest_empty_minutes: 0.0,
                full_episodes: 3,
                full_minutes: 360.0,
                longest_full_minutes: 200.5,
                peak_hour: Some(14),
                bikes_0800: Some(bikes as i32),
                bikes_1800: None,
                coverage: 0.99,
            }
        };
        places.into_iter().enumerate().map(row).collect()
    }

    fn checks(&self) -> Vec<QualityCheck> {
        vec![QualityCheck {
            check: "capacity_zero".to_owned(),
            meaning: "The published capacity is 0.".to_owned(),
            checked: self.cells as u32,
            found: 2,
            examples: Some("10001,10002".to_owned()),
        }]
    }

    /// From 0.5 to 40.5 bikes, by steps of 0.001.
    fn bikes(&self, date: NaiveDate, index: usize) -> f64 {
        let day = date.to_epoch_days() as u64;
        let mixed = (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (day + self.salt);
        let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        0.5 + ((mixed >> 32) % 40_000) as f64 / 1000.0
    }

    /// Cells on a square grid about the middle of Paris.
    fn places(&self, resolution: Resolution) -> Vec<Cell> {
        let side = (self.cells as f64).sqrt().ceil() as usize;
        let step = if resolution == Resolution::HOTSPOTS { 0.002 } else { 0.006 };
        let at = |index: usize| {
            let (north, east) = ((index / side) as f64, (index % side) as f64);
            Cell::at(48.82 + north * step, 2.28 + east * step * 1.5, resolution)
        };
        (0..self.cells).map(|index| at(index).expect("a place")).collect()
    }
}

/// The hours of the day on the local clock; one occurs twice where clocks are set back.
fn hours_of(date: NaiveDate) -> Vec<(u32, DateTime<Utc>)> {
    use chrono::Timelike as _;
    let day = Day::new(date, TIME_ZONE);
    (0..day.length().num_hours())
        .map(|hour| day.start() + TimeDelta::hours(hour))
        .map(|start| (start.with_timezone(&TIME_ZONE).hour(), start))
        .collect()
}

async fn put<R: Row>(
    lake: &Lake,
    table: Derived,
    system: &SystemId,
    date: NaiveDate,
    rows: &[R],
    metadata: &Metadata,
) -> Result<(), LakeError> {
    let bytes = R::encode(rows, metadata).expect("rows encode");
    lake.replace(&table.key(system, date), bytes).await
}
