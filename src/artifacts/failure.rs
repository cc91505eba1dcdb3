//! What went wrong with a file, told so that the client knows what it can do about it.

use super::path::ArtifactPath;
use crate::error::{Code, Error};
use std::io;

#[track_caller]
pub(super) fn no_such_artifact(path: &ArtifactPath) -> Error {
    Error::not_found(format!("No such artifact: '{path}'"))
}

/// Reports a body that ended in an error, as the error it carries where it carries one of ours.
#[track_caller]
pub(super) fn broken_body(error: io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(own) => own,
        Err(error) => {
            Error::invalid("The upload broke off before its body was complete").with_cause(error)
        }
    }
}

/// Sorts a failed write or read into what the client can do about it.
///
/// `doing` completes the sentence "The server failed to ..".
#[track_caller]
pub(super) fn failed(doing: &str, error: io::Error) -> Error {
    use io::ErrorKind as Kind;
    let error = match error.kind() {
        Kind::StorageFull | Kind::QuotaExceeded => {
            return Error::unavailable(format!(
                "The server failed to {doing}: no disk space is left for artifacts"
            ))
            .with_cause(error);
        }
        Kind::FileTooLarge => {
            return Error::new(
                Code::TooLarge,
                "The artifact is larger than the disk can hold",
            )
            .with_cause(error);
        }
        Kind::InvalidFilename => {
            return Error::invalid("Invalid path: it is too long for the artifact store")
                .with_cause(error);
        }
        Kind::PermissionDenied | Kind::ReadOnlyFilesystem => {
            return Error::internal(format!(
                "The server failed to {doing}: it lacks the permission in its artifact folder"
            ))
            .with_cause(error);
        }
        _ => error,
    };
    Error::internal(format!("The server failed to {doing}")).with_cause(error)
}
