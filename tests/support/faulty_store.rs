//! A store in memory that fails as told.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
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
}

impl FaultyStore {
    pub fn set_fault(&self, fault: Option<StoreFault>) {
        *self.fault.lock().expect("no panic") = fault;
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
        let fault = self.before(true).await?;
        if options.mode == PutMode::Create {
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
