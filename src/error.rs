//! The one error type of the server.
//!
//! `message` is what the client reads, `cause` is what the log keeps, `at` is the line that raised
//! it. It never decides how an answer is spelled on the wire: `http::reply` does that.

use std::panic::Location;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure this is; each kind has one MLflow error code and one HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    Invalid,
    BadRequest,
    Exists,
    InvalidState,
    NotFound,
    EndpointNotFound,
    MethodNotAllowed,
    Denied,
    Conflict,
    TooLarge,
    Timeout,
    TooManyRequests,
    NotImplemented,
    Unavailable,
    Internal,
}

impl Code {
    /// Gives the `error_code` of MLflow's error body.
    pub fn name(self) -> &'static str {
        match self {
            Code::Invalid | Code::TooLarge => "INVALID_PARAMETER_VALUE",
            Code::BadRequest | Code::MethodNotAllowed | Code::Timeout => "BAD_REQUEST",
            Code::Exists => "RESOURCE_ALREADY_EXISTS",
            Code::InvalidState => "INVALID_STATE",
            Code::NotFound => "RESOURCE_DOES_NOT_EXIST",
            Code::EndpointNotFound => "ENDPOINT_NOT_FOUND",
            Code::Denied => "PERMISSION_DENIED",
            Code::Conflict => "RESOURCE_CONFLICT",
            Code::TooManyRequests => "REQUEST_LIMIT_EXCEEDED",
            Code::NotImplemented => "NOT_IMPLEMENTED",
            Code::Unavailable => "TEMPORARILY_UNAVAILABLE",
            Code::Internal => "INTERNAL_ERROR",
        }
    }

    /// Gives the HTTP status of an answer with this code.
    pub fn status(self) -> u16 {
        match self {
            Code::Invalid | Code::BadRequest | Code::Exists | Code::InvalidState => 400,
            Code::Denied => 403,
            Code::NotFound | Code::EndpointNotFound => 404,
            Code::MethodNotAllowed => 405,
            Code::Timeout => 408,
            Code::Conflict => 409,
            Code::TooLarge => 413,
            Code::TooManyRequests => 429,
            Code::Internal => 500,
            Code::NotImplemented => 501,
            Code::Unavailable => 503,
        }
    }

    /// Gives the `sqlstate` and `error_class` that MLflow derives from the code, where it has them.
    pub fn classification(self) -> Option<(&'static str, &'static str)> {
        match self {
            Code::Invalid
            | Code::BadRequest
            | Code::TooLarge
            | Code::Timeout
            | Code::MethodNotAllowed => Some(("KAM00", "INVALID_PARAMETER_VALUE")),
            Code::Exists => Some(("KAM00", "RESOURCE_ALREADY_EXISTS")),
            Code::NotFound | Code::EndpointNotFound => Some(("KAM00", "RESOURCE_NOT_FOUND")),
            Code::Denied => Some(("KAM00", "PERMISSION_DENIED")),
            Code::Internal | Code::Unavailable | Code::InvalidState => {
                Some(("XXM00", "CLIENT_INTERNAL_ERROR"))
            }
            Code::Conflict | Code::TooManyRequests | Code::NotImplemented => None,
        }
    }
}

type Cause = Box<dyn std::error::Error + Send + Sync + 'static>;

/// A failed request or job.
#[derive(Debug)]
pub struct Error {
    pub code: Code,
    pub message: String,
    pub cause: Option<Cause>,
    pub at: &'static Location<'static>,
}

impl Error {
    #[track_caller]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            cause: None,
            at: Location::caller(),
        }
    }

    /// A request that breaks a rule of the API.
    #[track_caller]
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::Invalid, message)
    }

    /// A thing named by the request that is not there.
    #[track_caller]
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Code::NotFound, message)
    }

    /// A thing that the request wants to create and that is there already.
    #[track_caller]
    pub fn exists(message: impl Into<String>) -> Self {
        Self::new(Code::Exists, message)
    }

    /// A request that the caller has no right to make.
    #[track_caller]
    pub fn denied(message: impl Into<String>) -> Self {
        Self::new(Code::Denied, message)
    }

    /// A failure that passes: the client may send the same request again.
    #[track_caller]
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Code::Unavailable, message)
    }

    /// A failure of the server itself.
    #[track_caller]
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Code::Internal, message)
    }

    /// Makes an error like this one for a second receiver; the cause stays with the first.
    pub fn duplicate(&self) -> Self {
        Self {
            code: self.code,
            message: self.message.clone(),
            cause: None,
            at: self.at,
        }
    }

    /// Adds what the log should say beside the message.
    pub fn with_cause(mut self, cause: impl Into<Cause>) -> Self {
        self.cause = Some(cause.into());
        self
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause
            .as_ref()
            .map(|cause| &**cause as &(dyn std::error::Error + 'static))
    }
}
