//! The city itself: where its stations are and how its bikes come and go.

use chrono::{DateTime, Datelike as _, TimeDelta, Timelike as _, Utc, Weekday};
use chrono_tz::Tz;

/// A city of bike-share stations.
#[derive(Clone, Debug)]
pub struct City {
    seed: u64,
    stations: Vec<Station>,
}

/// A station that stays where it is.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a quirk of its own, switched on for some"
)]
pub struct Station {
    /// GBFS `station_id`; beyond 2³² for some, as in Paris.
    pub id: u64,
    /// Vélib's `stationCode`; not numeric for some.
    pub code: String,
    /// Name; with stray spaces for some.
    pub name: String,
    /// Degrees.
    pub lat: f64,
    /// Degrees.
    pub lon: f64,
    /// Docks; 0 for some.
    pub capacity: u32,
    /// Docks that are really there.
    docks: u32,
    /// How much the place is one of work, 0 to 1; the rest is homes.
    work: f64,
    /// How much people go there in the evening, 0 to 1.
    leisure: f64,
    /// How much higher than the river it lies, 0 to 1: bikes leave and do not come back by themselves.
    hill: f64,
    /// Share of bikes with a motor.
    electric: f64,
    /// In the status feed.
    pub in_status: bool,
    /// In the information feed.
    pub in_information: bool,
    /// Standing in the street.
    pub installed: bool,
    /// Reports a time of years ago.
    pub reports_old_time: bool,
}

/// What a station has at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Bikes without a motor.
    pub mechanical: u32,
    /// Bikes with one.
    pub ebike: u32,
    /// Free docks.
    pub docks: u32,
}

/// A vehicle that stands in the street, or at a station.
#[derive(Clone, Debug, PartialEq)]
pub struct Vehicle {
    /// Its id, which changes each hour as the standard asks for after each trip.
    pub id: String,
    /// Degrees.
    pub lat: f64,
    /// Degrees.
    pub lon: f64,
    /// Has a motor.
    pub electric: bool,
    /// Reserved for somebody.
    pub reserved: bool,
    /// The station it stands at, which counts it too; one in eight does.
    pub station: Option<u64>,
}

/// Places of work, of evenings, and hills: latitude, longitude, reach in metres.
const WORK: [(f64, f64, f64); 5] = [
    (48.8920, 2.2390, 1_300.0),
    (48.8730, 2.3280, 1_500.0),
    (48.8440, 2.3730, 1_100.0),
    (48.8300, 2.3770, 900.0),
    (48.8420, 2.3210, 800.0),
];
const LEISURE: [(f64, f64, f64); 4] = [
    (48.8710, 2.3660, 900.0),
    (48.8530, 2.3460, 900.0),
    (48.8620, 2.2880, 700.0),
    (48.8940, 2.3900, 800.0),
];
const HILLS: [(f64, f64, f64); 3] =
    [(48.8867, 2.3431, 700.0), (48.8750, 2.3900, 1_100.0), (48.8460, 2.3440, 600.0)];
const CENTRE: (f64, f64) = (48.8590, 2.3430);
const METRES_PER_DEGREE: f64 = 111_195.0;
/// How often the counts' noise takes a new direction.
const NOISE_STEP_S: i64 = 12 * 60;

impl City {
    /// The city of `seed` with so many stations.
    #[must_use]
    pub fn new(seed: u64, stations: usize) -> Self {
        let stations = (0..stations as u64).map(|index| station(seed, index)).collect();
        Self { seed, stations }
    }

    /// The stations.
    #[must_use]
    pub fn stations(&self) -> &[Station] {
        &self.stations
    }

    /// What the station at `index` has at `instant`.
    #[must_use]
    pub fn counts(&self, index: usize, instant: DateTime<Utc>) -> Counts {
        let station = &self.stations[index];
        if !station.installed {
            return Counts { mechanical: 0, ebike: 0, docks: 0 };
        }
        let fill = station.fill(instant) + self.noise(index as u64, instant);
        // A few per cent more bikes than docks: people lean them against the full station.
        let bikes = (fill.clamp(0.0, 1.04) * f64::from(station.docks)).round() as u32;
        let ebike = (f64::from(bikes) * station.electric).round() as u32;
        // Every second station has docks out of order, which no count shows.
        let broken = if self.unit(index as u64, 90) < 0.5 { 0 } else { 1 + bikes % 2 };
        let docks = station.docks.saturating_sub(bikes).saturating_sub(broken);
        Counts { mechanical: bikes - ebike, ebike, docks }
    }

    /// The vehicles that are somewhere at `instant`: one for every five stations.
    #[must_use]
    pub fn vehicles(&self, instant: DateTime<Utc>) -> Vec<Vehicle> {
        let hour = instant.timestamp().div_euclid(3600) as u64;
        let one = |index: u64| {
            let unit = |salt: u64| self.unit(index, hour.wrapping_mul(8).wrapping_add(salt));
            let station = &self.stations[pick(unit(0), self.stations.len())];
            let aside = |salt| (unit(salt) - 0.5) * 0.01;
            Vehicle {
                id: format!("{:016x}", unit(5).to_bits()),
                lat: station.lat + aside(1),
                lon: station.lon + aside(2),
                electric: self.unit(index, 91) < 0.7,
                reserved: unit(3) < 0.05,
                station: (unit(4) < 0.125).then_some(station.id),
            }
        };
        (0..self.stations.len() as u64 / 5).map(one).collect()
    }

    /// Smooth noise of about ±0.12, from random values every [`NOISE_STEP_S`].
    fn noise(&self, index: u64, instant: DateTime<Utc>) -> f64 {
        let seconds = instant.timestamp();
        let step = seconds.div_euclid(NOISE_STEP_S);
        let part = seconds.rem_euclid(NOISE_STEP_S) as f64 / NOISE_STEP_S as f64;
        let at = |step: i64| self.unit(index, step as u64) - 0.5;
        0.24 * (at(step) * (1.0 - part) + at(step + 1) * part)
    }

    fn unit(&self, index: u64, salt: u64) -> f64 {
        unit(self.seed, index, salt)
    }
}

impl Station {
    /// The share of docks taken that the time of day and week would give without chance.
    fn fill(&self, instant: DateTime<Utc>) -> f64 {
        let local = instant.with_timezone(&Tz::Europe__Paris);
        let hour = f64::from(local.num_seconds_from_midnight()) / 3600.0;
        let weekend = matches!(local.weekday(), Weekday::Sat | Weekday::Sun);
        let at_work = rise(hour, 8.6, 0.45) - rise(hour, 18.4, 0.6);
        let out = rise(hour, 19.2, 0.5) - rise(hour, 23.4, 0.5);
        let (working, going_out) = if weekend { (0.25, 1.4) } else { (1.0, 1.0) };
        let home = 1.0 - self.work;
        0.42 + working * at_work * (0.75 * self.work - 0.30 * home)
            + going_out * out * (0.45 * self.leisure - 0.08)
            - 0.16 * self.work * (1.0 - at_work)
            - 0.34 * self.hill * rise(hour, 9.0, 1.5)
    }
}

fn station(seed: u64, index: u64) -> Station {
    let unit = |salt| unit(seed, index, salt);
    // Denser towards the centre: the radius grows as a power of a uniform number.
    let radius_m = 300.0 + 9_000.0 * unit(1).powf(0.62);
    let angle = std::f64::consts::TAU * unit(2);
    let lat = CENTRE.0 + radius_m * 0.78 * angle.sin() / METRES_PER_DEGREE;
    let lon = CENTRE.1 + radius_m * angle.cos() / (METRES_PER_DEGREE * CENTRE.0.to_radians().cos());
    let docks = 14 + (unit(3).powi(2) * 50.0) as u32;
    let quirk = |every: u64, which: u64| index % every == which;
    let number = 1_000 + index;
    let name =
        format!("{} - {}", FIRST[pick(unit(5), FIRST.len())], SECOND[pick(unit(6), SECOND.len())]);
    Station {
        id: if quirk(7, 4) { (1 << 34) + index * 4_099 } else { 30_000 + index * 2_003 },
        code: if quirk(180, 11) { format!("{number}_relais") } else { number.to_string() },
        name: if quirk(50, 1) { format!(" {name} ") } else { name },
        lat,
        lon,
        capacity: if quirk(97, 3) { 0 } else { docks },
        docks,
        work: nearness(lat, lon, &WORK),
        leisure: nearness(lat, lon, &LEISURE),
        hill: nearness(lat, lon, &HILLS),
        electric: 0.25 + 0.3 * unit(4),
        in_status: !quirk(173, 7),
        in_information: !quirk(149, 5),
        installed: !quirk(211, 2),
        reports_old_time: quirk(120, 9),
    }
}

const FIRST: [&str; 16] = [
    "Alésia",
    "Bastille",
    "Canal",
    "Dauphine",
    "Écluses",
    "Fontaine",
    "Gare",
    "Halles",
    "Italie",
    "Jourdain",
    "Lilas",
    "Mairie",
    "Nation",
    "Pont",
    "Quai",
    "République",
];
const SECOND: [&str; 14] = [
    "Acacias",
    "Belles Feuilles",
    "Cherche-Midi",
    "Deux Ponts",
    "Entrepôt",
    "Forges",
    "Glacière",
    "Hauteurs",
    "Jardins",
    "Lavandières",
    "Moulins",
    "Observatoire",
    "Petites Écuries",
    "Verger",
];

fn pick(unit: f64, of: usize) -> usize {
    ((unit * of as f64) as usize).min(of - 1)
}

/// 1 at the nearest of the places, falling with distance like a bell curve.
fn nearness(lat: f64, lon: f64, places: &[(f64, f64, f64)]) -> f64 {
    let bell = |&(place_lat, place_lon, reach_m): &(f64, f64, f64)| {
        let north_m = (lat - place_lat) * METRES_PER_DEGREE;
        let east_m = (lon - place_lon) * METRES_PER_DEGREE * place_lat.to_radians().cos();
        (-(north_m.powi(2) + east_m.powi(2)) / (2.0 * reach_m * reach_m)).exp()
    };
    places.iter().map(bell).fold(0.0, f64::max)
}

/// From 0 to 1 around `middle`, the steeper the smaller `width` (the logistic curve).
fn rise(hour: f64, middle: f64, width: f64) -> f64 {
    1.0 / (1.0 + (-(hour - middle) / width).exp())
}

/// A number in 0..1 that depends on all three and looks random (the finaliser of `SplitMix64`,
/// Steele, Lea and Flood 2014); fixed here so that a seed means the same city for ever.
fn unit(seed: u64, index: u64, salt: u64) -> f64 {
    let mut x = seed
        .wrapping_add(index.wrapping_mul(0x9e37_79b9_7f4a_7c15))
        .wrapping_add(salt.wrapping_mul(0xd1b5_4a32_d192_ed03));
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^= x >> 31;
    (x >> 11) as f64 / (1_u64 << 53) as f64
}

/// When a station says it last reported: about hourly for the whole network, as Vélib's do.
pub(super) fn last_reported(station: &Station, index: usize, now: DateTime<Utc>) -> i64 {
    if station.reports_old_time {
        return 1_530_000_000 + index as i64;
    }
    let hour = now - TimeDelta::seconds(now.timestamp().rem_euclid(3600));
    hour.timestamp() - (index as i64 * 37).rem_euclid(900)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_city_for_ever() {
        let city = City::new(7, 400);
        let noon = "2026-09-15T10:00:00Z".parse().unwrap();
        let other = City::new(7, 400);
        assert_eq!(city.stations(), other.stations());
        assert_eq!(city.counts(123, noon), other.counts(123, noon));
        assert_ne!(City::new(8, 400).stations()[0], city.stations()[0]);
    }

    #[test]
    fn bikes_flow_to_work_in_the_morning_and_back_in_the_evening() {
        let city = City::new(7, 1500);
        let total = |instant: &str, wanted: &dyn Fn(&Station) -> bool| -> u32 {
            let instant = instant.parse().unwrap();
            (0..1500)
                .filter(|&i| wanted(&city.stations()[i]))
                .map(|i| city.counts(i, instant))
                .map(|counts| counts.mechanical + counts.ebike)
                .sum()
        };
        let work = |station: &Station| station.work > 0.7;
        let homes = |station: &Station| station.work < 0.1;
        // Six in the morning, noon and ten in the evening of a Tuesday in Paris.
        let [dawn, noon, night] =
            ["2026-09-15T04:00:00Z", "2026-09-15T10:00:00Z", "2026-09-15T20:00:00Z"];
        assert!(total(noon, &work) > 2 * total(dawn, &work));
        assert!(total(noon, &work) > 2 * total(night, &work));
        assert!(total(noon, &homes) < total(dawn, &homes));
    }
}
