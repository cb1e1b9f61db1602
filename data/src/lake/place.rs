//! What a location names: a folder, or a bucket with the credentials of its environment.

use std::path::PathBuf;
use std::sync::{Arc, Once};

use object_store::ObjectStore;
use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use url::Url;

use super::LakeError;

/// What a location names.
pub(super) enum Place {
    Folder(PathBuf),
    Store(Arc<dyn ObjectStore>),
}

impl Place {
    /// The place of a location as people write it.
    ///
    /// # Errors
    /// [`LakeError::Location`].
    pub(super) fn of(location: &str) -> Result<Self, LakeError> {
        use_ring_for_tls();
        let wrong = |reason: String| LakeError::Location { location: location.to_owned(), reason };
        match Url::parse(location) {
            Ok(url) if url.scheme() == "file" => {
                url.to_file_path().map(Self::Folder).map_err(|()| wrong("no local path".into()))
            }
            Ok(url) => from_url(&url).map(Self::Store).map_err(|error| wrong(error.to_string())),
            Err(_) => Ok(Self::Folder(PathBuf::from(location))),
        }
    }
}

/// Makes `ring` the process's TLS provider: the HTTP client and the stores share it, and the
/// compile of a second cryptography library is spared. Idempotent; [`Lake::open`] calls it.
pub fn use_ring_for_tls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error means that the embedding program chose a provider before: that one serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

fn from_url(url: &Url) -> Result<Arc<dyn ObjectStore>, object_store::Error> {
    let environment = || {
        std::env::vars().map(|(name, value)| (name.to_ascii_lowercase(), value)).filter(
            |(name, _)| ["aws_", "google_", "azure_"].iter().any(|prefix| name.starts_with(prefix)),
        )
    };
    if url.scheme() == "s3" || url.scheme() == "s3a" {
        // The builder's own reading of the environment also covers web identity and containers.
        let mut builder = AmazonS3Builder::from_env().with_url(url.as_str());
        if std::env::var_os("AWS_ALLOW_HTTP").is_some() {
            builder = builder.with_allow_http(true);
        }
        let (_, path) =
            object_store::ObjectStoreScheme::parse(url).map_err(object_store::Error::from)?;
        return Ok(below(builder.build()?, path));
    }
    let (store, path) = object_store::parse_url_opts(url, environment())?;
    Ok(below(store, path))
}

fn below(store: impl ObjectStore, path: Path) -> Arc<dyn ObjectStore> {
    if path.is_root() { Arc::new(store) } else { Arc::new(PrefixStore::new(store, path)) }
}
