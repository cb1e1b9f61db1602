//! Who runs a system, and whom to thank for its data.

use hotspots_data::table::{Row as _, SystemInformation};
use hotspots_data::{Lake, Recorded, SystemId};

use crate::fresh::Failure;

/// Who runs a system, and what may be done with its data.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub(crate) struct Attribution {
    pub(crate) name: Option<String>,
    pub(crate) operator: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) license_id: Option<String>,
    pub(crate) license_url: Option<String>,
    #[expect(clippy::struct_field_names, reason = "GBFS calls it so")]
    pub(crate) attribution_organization_name: Option<String>,
}

impl Attribution {
    /// What the system says last; nothing where the lake does not have it.
    ///
    /// # Errors
    /// When the lake fails or the object is damaged.
    pub(crate) async fn read(lake: &Lake, system: &SystemId) -> Result<Self, Failure> {
        let table = Recorded::SystemInformation;
        let Some(date) = lake.dates(table, system).await?.pop() else {
            return Ok(Self::default());
        };
        let Some(last) = lake.list_day(table, system, date).await?.pop() else {
            return Ok(Self::default());
        };
        let bytes = lake.get(&last).await?.bytes;
        let damaged = |reason: String| Failure::Damaged { key: last.to_string(), reason };
        let (rows, _) =
            SystemInformation::decode(bytes).map_err(|error| damaged(error.to_string()))?;
        Ok(rows.into_iter().next_back().map_or_else(Self::default, |row| Self {
            name: row.name,
            operator: row.operator,
            url: row.url,
            license_id: row.license_id,
            license_url: row.license_url,
            attribution_organization_name: row.attribution_organization_name,
        }))
    }
}
