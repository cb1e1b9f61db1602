//! Who runs a system, who must be credited for its data, and under which licence it is.

use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};

use chrono::{DateTime, Utc};
use hotspots_data::table::{Row as _, SystemInformation};
use hotspots_data::{Lake, Recorded, SystemId};

use crate::fresh::Failure;

/// Who runs a system, and what may be done with its data, in the words of GBFS `system_information`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Serialize)]
pub struct Attribution {
    /// The system's name.
    pub name: Option<String>,
    /// Who runs it.
    pub operator: Option<String>,
    /// Its web page.
    pub url: Option<String>,
    /// SPDX id of the data's licence.
    pub license_id: Option<String>,
    /// The licence's text.
    pub license_url: Option<String>,
    /// Who must be named when the data is used.
    pub attribution_organization_name: Option<String>,
}

/// The attribution of a system as it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Credit {
    pub(crate) attribution: Attribution,
    /// When the lake's object that says so was written.
    pub(crate) modified: Option<DateTime<Utc>>,
}

impl Credit {
    /// What the system says last, and in what it leaves out what `known` says.
    ///
    /// # Errors
    /// When the lake fails or the object is damaged.
    pub(crate) async fn read(
        lake: &Lake,
        system: &SystemId,
        known: &Attribution,
    ) -> Result<Self, Failure> {
        let table = Recorded::SystemInformation;
        let unsaid = || Self { attribution: known.clone(), modified: None };
        let Some(date) = lake.dates(table, system).await?.pop() else { return Ok(unsaid()) };
        let Some(last) = lake.list_day(table, system, date).await?.pop() else {
            return Ok(unsaid());
        };
        let object = lake.get(&last).await?;
        let (bytes, modified) = (object.bytes, Some(object.modified));
        let damaged = |reason: String| Failure::Damaged { key: last.to_string(), reason };
        let (rows, _) =
            SystemInformation::decode(bytes).map_err(|error| damaged(error.to_string()))?;
        let said =
            rows.into_iter().next_back().map_or_else(Attribution::default, |row| Attribution {
                name: row.name,
                operator: row.operator,
                url: row.url,
                license_id: row.license_id,
                license_url: row.license_url,
                attribution_organization_name: row.attribution_organization_name,
            });
        Ok(Self { attribution: said.or(known), modified })
    }

    /// Another number for another content, for the names of answers.
    pub(crate) fn number(&self) -> u64 {
        BuildHasherDefault::<DefaultHasher>::default().hash_one(&self.attribution)
    }
}

impl Attribution {
    /// This, and what it leaves out as `other` has it. A licence is taken as a whole.
    fn or(self, other: &Self) -> Self {
        let has_licence = self.license_id.is_some() || self.license_url.is_some();
        let licence = if has_licence { &self } else { other };
        Self {
            license_id: licence.license_id.clone(),
            license_url: licence.license_url.clone(),
            name: self.name.or_else(|| other.name.clone()),
            operator: self.operator.or_else(|| other.operator.clone()),
            url: self.url.or_else(|| other.url.clone()),
            attribution_organization_name: self
                .attribution_organization_name
                .or_else(|| other.attribution_organization_name.clone()),
        }
    }
}
