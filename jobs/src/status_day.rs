//! The status polls of a local day, wherever they are kept: each in its own object, or together in the
//! compacted day.

use bytes::Bytes;
use chrono::NaiveDate;
use hotspots_data::codec::{self, Metadata};
use hotspots_data::{Derived, Fetched, Key, Lake, LakeError, Recorded, SystemId, Version};

use crate::day_inputs::{Recording, list};
use crate::error::{JobError, damaged};

/// The polls of one day.
#[derive(Clone, Debug)]
pub(crate) struct StatusDay {
    /// In order of time.
    pub(crate) polls: Vec<StatusPoll>,
    /// The compacted day, if there is one.
    pub(crate) compacted: Option<Compacted>,
}

/// One poll.
#[derive(Clone, Debug)]
pub(crate) struct StatusPoll {
    /// Its own object's key, whether or not that object is still there.
    pub(crate) recording: Recording,
    /// Its number in the compacted day; `None` where it is in its own object only.
    pub(crate) number: Option<usize>,
    /// Whether its own object was listed.
    pub(crate) is_raw: bool,
}

/// A compacted day.
#[derive(Clone, Debug)]
pub(crate) struct Compacted {
    pub(crate) key: Key,
    pub(crate) bytes: Bytes,
    pub(crate) metadata: Metadata,
    /// The state in which it was read.
    pub(crate) version: Version,
}

impl StatusDay {
    /// Finds every poll once.
    ///
    /// The polls' own objects are listed first and the compacted day is read after that: compaction
    /// writes the day before it deletes any of them, so a poll gone from the listing is in the day.
    pub(crate) async fn find(
        lake: &Lake,
        system: &SystemId,
        date: NaiveDate,
    ) -> Result<Self, JobError> {
        let raw = list(lake, Recorded::StationStatus, system, date).await?;
        let key = Derived::StationStatusDaily.key(system, date);
        let compacted = match lake.get(&key).await {
            Ok(fetched) => Some(Compacted::open(key, fetched)?),
            Err(LakeError::Missing { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let mut polls: Vec<StatusPoll> = raw
            .into_iter()
            .map(|recording| StatusPoll { recording, number: None, is_raw: true })
            .collect();
        if let Some(compacted) = &compacted {
            let keys = crate::compacted::polls(&compacted.metadata, system, date);
            let keys = keys.map_err(damaged(&compacted.key))?;
            let listed = polls.len();
            for (number, recording) in keys.into_iter().enumerate() {
                // A listing is in order of keys, and so in order of time.
                let found =
                    polls[..listed].binary_search_by(|p| p.recording.key.cmp(&recording.key));
                match found {
                    Ok(at) => polls[at].number = Some(number),
                    Err(_) => {
                        polls.push(StatusPoll { recording, number: Some(number), is_raw: false });
                    }
                }
            }
            polls.sort_by(|a, b| a.recording.key.cmp(&b.recording.key));
        }
        Ok(Self { polls, compacted })
    }

    /// What some object of the day says of itself, and its key; `None` where there is none.
    pub(crate) async fn any_metadata(
        &self,
        lake: &Lake,
    ) -> Result<Option<(Key, Metadata)>, JobError> {
        if let Some(Compacted { key, metadata, .. }) = &self.compacted {
            return Ok(Some((key.clone(), metadata.clone())));
        }
        let Some(first) = self.polls.first() else { return Ok(None) };
        metadata(lake, &first.recording.key).await.map(Some)
    }
}

/// What an object says of itself, and its key.
pub(crate) async fn metadata(lake: &Lake, key: &Key) -> Result<(Key, Metadata), JobError> {
    let bytes = lake.get(key).await?.bytes;
    Ok((key.clone(), codec::read_metadata(bytes).map_err(damaged(key))?))
}

impl Compacted {
    /// Of an object as it was read.
    pub(crate) fn open(key: Key, read: Fetched) -> Result<Self, JobError> {
        let Fetched { bytes, version, .. } = read;
        let metadata = codec::read_metadata(bytes.clone()).map_err(damaged(&key))?;
        Ok(Self { key, bytes, metadata, version })
    }
}
