//! Free-standing vehicles: those at no station join the bikes of their cell.

use std::collections::BTreeMap;

use bytes::Bytes;
use hotspots_data::codec::{self, CodecError};
use hotspots_data::table::{Row as _, VehicleStatus};
use hotspots_data::{Cell, Resolution};

/// Free-standing bikes at an instant, or their sum over time in bike-milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FreeBikes {
    pub(crate) bikes: i64,
    pub(crate) ebikes: i64,
    pub(crate) mechanical: i64,
    /// Whether of any bike it is known whether it is electric.
    pub(crate) is_kind_known: bool,
}

/// The free-standing bikes of a poll by cell, for each resolution.
pub(crate) type FreePoll = Vec<BTreeMap<Cell, FreeBikes>>;

/// The free-standing bikes of a day in one resolution: by cell, the polls that saw some.
pub(crate) type FreeDay = BTreeMap<Cell, Vec<(usize, FreeBikes)>>;

impl FreeBikes {
    /// Adds `other`, `times` over.
    pub(crate) fn add(&mut self, other: Self, times: i64) {
        self.bikes += other.bikes * times;
        self.ebikes += other.ebikes * times;
        self.mechanical += other.mechanical * times;
        self.is_kind_known |= other.is_kind_known;
    }
}

/// Decodes one poll's object.
pub(crate) fn decode(bytes: Bytes, resolutions: &[Resolution]) -> Result<FreePoll, CodecError> {
    let (batch, _) = codec::decode(&VehicleStatus::schema(), bytes)?;
    let mut poll = vec![BTreeMap::<Cell, FreeBikes>::new(); resolutions.len()];
    for vehicle in VehicleStatus::from_batch(&batch)?.iter().filter(|vehicle| is_free_bike(vehicle))
    {
        let one = FreeBikes {
            bikes: 1,
            ebikes: i64::from(vehicle.is_electric == Some(true)),
            mechanical: i64::from(vehicle.is_electric == Some(false)),
            is_kind_known: vehicle.is_electric.is_some(),
        };
        for (cells, &resolution) in poll.iter_mut().zip(resolutions) {
            if let Some(cell) = cell(vehicle, resolution) {
                cells.entry(cell).or_default().add(one, 1);
            }
        }
    }
    Ok(poll)
}

/// The polls of a day, in order, as the day of each resolution.
pub(crate) fn days(polls: &[FreePoll], resolutions: usize) -> Vec<FreeDay> {
    let mut days = vec![FreeDay::new(); resolutions];
    for (index, poll) in polls.iter().enumerate() {
        for (day, cells) in days.iter_mut().zip(poll) {
            for (&cell, &bikes) in cells {
                day.entry(cell).or_default().push((index, bikes));
            }
        }
    }
    days
}

/// Whether somebody could rent it where it stands, and no station counts it. What is known to be no
/// bicycle is none; where the feed does not tell, it is taken for one.
fn is_free_bike(vehicle: &VehicleStatus) -> bool {
    let is_bike = vehicle.form_factor.as_deref().is_none_or(|form| form.contains("bicycle"));
    is_bike
        && vehicle.station_id.is_none()
        && vehicle.is_disabled != Some(true)
        && vehicle.is_reserved != Some(true)
}

fn cell(vehicle: &VehicleStatus, resolution: Resolution) -> Option<Cell> {
    let stored = match u8::from(resolution) {
        8 => &vehicle.hex_id_8,
        9 => &vehicle.hex_id_9,
        10 => &vehicle.hex_id_10,
        _ => return Cell::at(vehicle.lat?, vehicle.lon?, resolution).ok(),
    };
    stored.as_ref()?.parse().ok()
}
