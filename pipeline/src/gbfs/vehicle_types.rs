use std::collections::HashMap;

use super::envelope::{Document, Envelope, FeedError};
use super::fields::Fields;
use super::problems::Problems;

const FEED: &str = "vehicle_types";

/// What a system's kinds of vehicle are, by `vehicle_type_id`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VehicleTypes(HashMap<String, VehicleType>);

/// One kind of vehicle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VehicleType {
    /// GBFS `form_factor`, such as `bicycle`.
    pub form_factor: Option<String>,
    /// Whether its `propulsion_type` has an electric motor.
    pub is_electric: Option<bool>,
}

impl VehicleTypes {
    /// The kind with this id.
    #[must_use]
    pub fn get(&self, vehicle_type_id: &str) -> Option<&VehicleType> {
        self.0.get(vehicle_type_id)
    }

    /// Whether no kind is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl VehicleType {
    /// Whether it is a bicycle, with or without a motor or a box.
    #[must_use]
    pub fn is_bicycle(&self) -> bool {
        matches!(self.form_factor.as_deref(), Some("bicycle" | "cargo_bicycle"))
    }
}

/// Reads a `vehicle_types` feed of any version (2.1 and later have it).
///
/// # Errors
/// [`FeedError`] when the body is not this feed.
pub fn parse_vehicle_types(body: &[u8]) -> Result<(Envelope, VehicleTypes), FeedError> {
    let (envelope, mut data) = Document::read(body)?.fields(FEED)?;
    Ok((envelope, read_list(data.raw("vehicle_types"))?))
}

/// Reads the `data` of a `vehicle_types` feed, as the `other_feeds` table keeps it.
///
/// # Errors
/// [`FeedError`] when the text is not this feed's data.
pub fn vehicle_types_of_data(data: &str) -> Result<VehicleTypes, FeedError> {
    let mut data: Fields<'_> = serde_json::from_str(data)
        .map_err(|error| FeedError::NotGbfs { reason: error.to_string() })?;
    read_list(data.raw("vehicle_types"))
}

fn read_list(raw: Option<&str>) -> Result<VehicleTypes, FeedError> {
    let wrong = |reason: String| FeedError::WrongFeed { feed: FEED, reason };
    let raw = raw.ok_or_else(|| wrong("`data` has no `vehicle_types`".to_owned()))?;
    let list: Vec<Fields<'_>> =
        serde_json::from_str(raw).map_err(|error| wrong(error.to_string()))?;
    let mut ignored = Problems::default();
    let mut types = HashMap::with_capacity(list.len());
    for mut one in list {
        let Some(id) = one.id(&["vehicle_type_id"], &mut ignored) else { continue };
        let form_factor = one.text("form_factor", None, &mut ignored);
        let propulsion = one.text("propulsion_type", None, &mut ignored);
        let is_electric =
            propulsion.map(|name| matches!(name.as_str(), "electric" | "electric_assist"));
        types.insert(id, VehicleType { form_factor, is_electric });
    }
    Ok(VehicleTypes(types))
}
