//! What goes wrong with a lake, in words that say what to do.

/// What went wrong with the lake.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// A location that is neither a folder nor a supported URL.
    #[error(
        "`{location}` is not a lake: give a folder or a file:, s3:, gs:, az: or memory: URL ({reason})"
    )]
    Location {
        /// The location as given.
        location: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no folder of that name.
    #[error("there is no lake at `{location}`")]
    NotThere {
        /// The location as given.
        location: String,
    },
    /// What is there is no folder.
    #[error("`{location}` is a file: a lake is a folder or a bucket")]
    File {
        /// The location as given.
        location: String,
    },
    /// The folder cannot be used.
    #[error("cannot {action} the folder `{location}` ({reason})")]
    Folder {
        /// The location as given.
        location: String,
        /// What was to be done with it.
        action: &'static str,
        /// Why not.
        reason: String,
    },
    /// There is no such object.
    #[error("`{key}` is not in the lake")]
    Missing {
        /// The object's path.
        key: String,
    },
    /// The store failed.
    #[error("the lake at `{location}` could not {action} `{path}`: {reason}")]
    Store {
        /// The lake.
        location: String,
        /// What was asked of it.
        action: &'static str,
        /// The object or folder.
        path: String,
        /// The store's own error with all its causes, each said once.
        reason: String,
    },
}

/// A folder that cannot be used.
pub(super) fn unusable(
    location: &str,
    action: &'static str,
    error: &dyn std::fmt::Display,
) -> LakeError {
    LakeError::Folder { location: location.to_owned(), action, reason: error.to_string() }
}

/// Where a machine in a cloud asks for credentials when it was given none.
const METADATA_SERVICE: &str = "169.254.169.254";

/// Why a store failed: its error with all its causes, each said once.
pub(super) fn reason(location: &str, error: &object_store::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let also = error.to_string();
        if !text.contains(&also) {
            text = format!("{text}: {also}");
        }
        cause = error.source();
    }
    if !text.contains(METADATA_SERVICE) {
        return text;
    }
    let names = match location.split(':').next() {
        Some("gs") => "GOOGLE_APPLICATION_CREDENTIALS",
        Some("s3" | "s3a") => "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        _ => "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
    };
    format!(
        "there are no credentials for it: set {names}, or give this machine a role that has them"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(text: &str) -> object_store::Error {
        let cause = std::io::Error::other("connection refused");
        let source = Box::new(std::io::Error::new(cause.kind(), Outer(text.to_owned(), cause)));
        object_store::Error::Generic { store: "S3", source }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Outer(String, #[source] std::io::Error);

    #[test]
    fn a_store_s_causes_are_all_told_and_each_once() {
        let text = reason("s3://b/x", &failed("no answer"));
        assert_eq!(text, "Generic S3 error: no answer: connection refused");
        assert_eq!(reason("s3://b/x", &failed("connection refused")).matches("refused").count(), 1);
    }

    #[test]
    fn missing_credentials_are_named_once_and_the_metadata_service_not_at_all() {
        let error = failed("PUT http://169.254.169.254/latest/api/token");
        for (location, name) in [
            ("s3://b/x", "AWS_ACCESS_KEY_ID"),
            ("gs://b/x", "GOOGLE_APPLICATION_CREDENTIALS"),
            ("az://b/x", "AZURE_STORAGE_ACCOUNT_KEY"),
        ] {
            let text = reason(location, &error);
            assert_eq!(text.matches(name).count(), 1, "{text}");
            assert!(!text.contains("169.254"), "{text}");
        }
    }
}
