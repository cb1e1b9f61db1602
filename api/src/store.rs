//! The lake, asked on the runtime that started the server: a lake that hangs keeps none of the threads
//! that serve and render.

use chrono::NaiveDate;
use hotspots_data::{Derived, Fetched, Key, Lake, LakeError, Resolution, SystemId, Version};
use tokio::runtime::Handle;

use crate::attribution::{Attribution, Credit};
use crate::fresh::Failure;

/// A lake and where it is asked.
#[derive(Debug)]
pub(crate) struct Store {
    lake: Lake,
    runtime: Handle,
}

impl Store {
    /// The lake, asked on the runtime of the caller.
    pub(crate) fn new(lake: Lake) -> Self {
        Self { lake, runtime: Handle::current() }
    }

    /// Where the lake is, as it was given.
    pub(crate) fn location(&self) -> &str {
        self.lake.location()
    }

    /// The systems that have hotspots, by name.
    pub(crate) async fn systems(&self) -> Result<Vec<SystemId>, Failure> {
        self.ask(|lake| async move { Ok(lake.derived_systems(Derived::DAYS).await?) }).await
    }

    /// The resolutions of which a system has hotspots, coarsest first.
    pub(crate) async fn resolutions(&self, system: &SystemId) -> Result<Vec<Resolution>, Failure> {
        let system = system.clone();
        self.ask(|lake| async move { Ok(lake.resolutions(Derived::Hotspots, &system).await?) })
            .await
    }

    /// The days of a table with the version of each one's object, earliest first.
    pub(crate) async fn days(
        &self,
        table: Derived,
        system: &SystemId,
    ) -> Result<Vec<(NaiveDate, Version)>, Failure> {
        let system = system.clone();
        self.ask(|lake| async move { Ok(lake.derived_days(table, &system).await?) }).await
    }

    /// The version of an object; `None` where there is none.
    pub(crate) async fn version(&self, key: &Key) -> Result<Option<Version>, Failure> {
        let key = key.clone();
        self.ask(|lake| async move { Ok(lake.version(&key).await?) }).await
    }

    /// An object; `None` where there is none.
    pub(crate) async fn get(&self, key: &Key) -> Result<Option<Fetched>, Failure> {
        let key = key.clone();
        let get = |lake: Lake| async move {
            match lake.get(&key).await {
                Ok(object) => Ok(Some(object)),
                Err(LakeError::Missing { .. }) => Ok(None),
                Err(error) => Err(error.into()),
            }
        };
        self.ask(get).await
    }

    /// Whom a system says to credit, and in what it leaves out what `known` says.
    pub(crate) async fn credit(
        &self,
        system: &SystemId,
        known: &Attribution,
    ) -> Result<Credit, Failure> {
        let (system, known) = (system.clone(), known.clone());
        self.ask(|lake| async move { Credit::read(&lake, &system, &known).await }).await
    }

    async fn ask<T, F>(&self, question: impl FnOnce(Lake) -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>> + Send + 'static,
        T: Send + 'static,
    {
        let answer = self.runtime.spawn(question(self.lake.clone())).await;
        answer.unwrap_or_else(|error| {
            let at = "ask the lake".to_owned();
            Err(Failure::Lake { at, text: format!("the lake could not be asked: {error}") })
        })
    }
}
