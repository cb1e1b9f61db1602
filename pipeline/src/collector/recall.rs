//! What an earlier process left in the lake, taken up at the start.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use hotspots_data::table::{Row as _, SystemInformation};
use hotspots_data::{LakeError, Recorded};
use tracing::warn;

use super::{Collector, DISCOVERY};
use crate::gbfs::{parse_discovery, vehicle_types_of_data};
use crate::store::{LastVersion, last_other_feeds, last_version};

/// When to ask the lake what it has.
#[derive(Debug, Default)]
pub(super) struct Recall {
    done: bool,
    next: Option<DateTime<Utc>>,
}

/// How long a start may wait for the lake to say what it has.
const RECALL: Duration = Duration::from_secs(10);
/// A lake that did not say is asked again after this time.
const RECALL_PAUSE: TimeDelta = TimeDelta::minutes(5);

impl Collector {
    /// Takes up where an earlier process left off; a lake that does not answer delays no poll.
    pub(super) async fn recall(&mut self) {
        let now = self.tools.clock.now();
        if self.recall.done || self.recall.next.is_some_and(|next| now < next) {
            return;
        }
        self.recall.next = Some(now + RECALL_PAUSE);
        let system = self.target.system.clone();
        match tokio::time::timeout(RECALL, self.try_recall()).await {
            Ok(Ok(())) => self.recall.done = true,
            Ok(Err(error)) => warn!(%system, "{system}: {error}"),
            Err(_) => {
                warn!(%system, "{system}: the lake does not say what it has; polling goes on");
            }
        }
    }

    async fn try_recall(&mut self) -> Result<(), LakeError> {
        let lake = self.tools.intake.lake().clone();
        let system = self.target.system.clone();
        if let Some((version, _)) =
            last_version(&lake, Recorded::StationInformation, &system).await?
        {
            self.recall_version("station_information", version);
        }
        if let Some((version, key)) =
            last_version(&lake, Recorded::SystemInformation, &system).await?
        {
            let bytes = lake.get(&key).await?.bytes;
            let row = SystemInformation::decode(bytes).ok().and_then(|(mut rows, _)| rows.pop());
            self.time_zone = row.as_ref().and_then(|row| row.timezone.as_deref()?.parse().ok());
            self.language = row.and_then(|row| row.language);
            self.recall_version("system_information", version);
        }
        for (row, version) in last_other_feeds(&lake, &system).await? {
            match row.feed.as_str() {
                DISCOVERY => {
                    self.discovery.last_version = Some(version);
                    // Discovery may be down while the feeds are not.
                    let body = format!("{{\"data\":{}}}", row.data);
                    let (url, base) = (&self.target.discovery[0], self.target.feed_base.as_ref());
                    if let Ok(found) = parse_discovery(body.as_bytes(), url, base) {
                        self.listing.recall(found.feeds);
                    }
                }
                feed => {
                    if feed == "vehicle_types"
                        && self.vehicle_types.is_empty()
                        && let Ok(types) = vehicle_types_of_data(&row.data)
                    {
                        self.vehicle_types = types;
                    }
                    self.recall_version(feed, version);
                }
            }
        }
        Ok(())
    }

    fn recall_version(&mut self, feed: &str, version: LastVersion) {
        let state = self.feed(feed);
        state.last_version = state.last_version.or(Some(version));
    }
}
