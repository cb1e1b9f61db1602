//! A store in memory that fails as told.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// What is wrong with the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreFault {
    /// Nobody listens.
    Refused,
    /// An answer takes its time.
    Slow,
    /// Every write is HTTP status 500.
    ServerError,
    /// Every write is HTTP status 403.
    Forbidden,
    /// The object is written, but the answer is lost.
    AnswerLost,
    /// No space left on the device.
    FullDisk,
    /// Conditional puts are not known.
    NoConditions,
    /// Conditional puts are taken for plain ones.
    IgnoresConditions,
}

/// A store over memory.
#[derive(Clone, Debug, Default)]
pub struct FaultyStore {
    inner: Arc<InMemory>,
    fault: Arc<Mutex<Option<StoreFault>>>,
    meanwhile: Arc<Mutex<Option<Meanwhile>>>,
}

/// What is asked of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// An object's version.
    LookUp,
    /// To store an object.
    Write,
}

/// What happens before something is asked of a table.
struct Meanwhile {
    asked: (Asked, &'static str),
    happens: BoxFuture<'static, ()>,
}

impl fmt::Debug for Meanwhile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "before {:?}", self.asked)
    }
}

impl FaultyStore {
    pub fn set_fault(&self, fault: Option<StoreFault>) {
        *self.fault.lock().expect("no panic") = fault;
    }

    /// Lets something else happen when this is next asked of a table, before it is done.
    pub fn let_happen_before(
        &self,
        asked: Asked,
        table: &'static str,
        happens: impl Future<Output = ()> + Send + 'static,
    ) {
        let meanwhile = Meanwhile { asked: (asked, table), happens: happens.boxed() };
        *self.meanwhile.lock().expect("no panic") = Some(meanwhile);
    }

    async fn let_happen(&self, asked: Asked, path: &Path) {
        let is_it = |meanwhile: &mut Meanwhile| {
            meanwhile.asked.0 == asked && path.as_ref().starts_with(meanwhile.asked.1)
        };
        let meanwhile = self.meanwhile.lock().expect("no panic").take_if(is_it);
        if let Some(meanwhile) = meanwhile {
            meanwhile.happens.await;
        }
    }

    async fn before(&self, writes: bool) -> Result<Option<StoreFault>> {
        let fault = *self.fault.lock().expect("no panic");
        let failed = |text: &str| Error::Generic { store: "faulty", source: text.into() };
        match fault {
            Some(StoreFault::Refused) => Err(failed("connection refused")),
            Some(StoreFault::ServerError) if writes => Err(failed("status 500")),
            Some(StoreFault::FullDisk) if writes => Err(failed("no space left on device")),
            Some(StoreFault::Forbidden) if writes => Err(Error::PermissionDenied {
                path: "somewhere".to_owned(),
                source: "status 403".into(),
            }),
            Some(StoreFault::Slow) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
                Ok(fault)
            }
            _ => Ok(fault),
        }
    }
}

impl fmt::Display for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultyStore")
    }
}

#[async_trait::async_trait]
impl ObjectStore for FaultyStore {
    async fn put_opts(
        &self,
        path: &Path,
        payload: PutPayload,
        mut options: PutOptions,
    ) -> Result<PutResult> {
        self.let_happen(Asked::Write, path).await;
        let fault = self.before(true).await?;
        if options.mode != PutMode::Overwrite {
            match fault {
                Some(StoreFault::NoConditions) => {
                    let (operation, implementer) = ("put".to_owned(), self.to_string());
                    return Err(Error::NotImplemented { operation, implementer });
                }
                Some(StoreFault::IgnoresConditions) => options.mode = PutMode::Overwrite,
                _ => {}
            }
        }
        let put = self.inner.put_opts(path, payload, options).await?;
        if fault == Some(StoreFault::AnswerLost) {
            return Err(Error::Generic { store: "faulty", source: "connection reset".into() });
        }
        Ok(put)
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.before(true).await?;
        self.inner.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        if options.head {
            self.let_happen(Asked::LookUp, path).await;
        }
        self.before(false).await?;
        self.inner.get_opts(path, options).await
    }

    async fn get_ranges(&self, path: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.before(false).await?;
        self.inner.get_ranges(path, ranges).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.before(false).await?;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.before(true).await?;
        self.inner.copy_opts(from, to, options).await
    }
}
