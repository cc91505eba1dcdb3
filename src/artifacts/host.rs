//! Which hosts an artifact location may name.
//!
//! A server that opened any location a client stored would connect wherever the client says. So a
//! location whose scheme names a host is accepted only for the operator's own storage hosts, or
//! when the operator allows the scheme. It never resolves names or connects.

use super::uri::Uri;
use crate::error::{Error, Result};

/// Schemes that make a server connect to the host in the URI.
const HOST_SCHEMES: &[&str] = &[
    "ftp",
    "sftp",
    "hdfs",
    "viewfs",
    "http",
    "https",
    "mlflow-artifacts",
    "r2",
    "b2",
    "abfss",
];

/// One endpoint that a location may reach; two schemes of one family reach the same service.
#[derive(Debug, PartialEq, Eq)]
struct Target {
    family: &'static str,
    host: String,
    port: Option<u16>,
}

/// Accepts `location` unless it would make the server connect to a host it has no business with.
///
/// `trusted` are the operator's own locations (default artifact root, destination), `allowed` the
/// schemes the operator allows for every host, in any case. The error is MLflow's, 400, and names
/// the field of the request.
pub(super) fn check(
    (field, location): (&str, &str),
    trusted: &[String],
    allowed: &[String],
) -> Result<()> {
    let uri = Uri::split(location);
    if !names_host(&uri)
        || allowed
            .iter()
            .any(|scheme| scheme.eq_ignore_ascii_case(&uri.scheme))
    {
        return Ok(());
    }
    let own: Vec<Target> = trusted
        .iter()
        .flat_map(|own| targets(&Uri::split(own)))
        .collect();
    match targets(&uri).iter().any(|target| own.contains(target)) {
        true => Ok(()),
        false => Err(rejection(field, &uri.scheme)),
    }
}

fn rejection(field: &str, scheme: &str) -> Error {
    Error::invalid(format!(
        "'{field}' cannot use the '{scheme}' scheme: the '{scheme}' scheme addresses a \
         host other than the tracking server's configured artifact storage, so the server would \
         connect to the host named in the URI. Set the \
         MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES environment variable on the server to \
         allow it."
    ))
}

/// `mlflow-artifacts:/path` is this server itself and names nobody else.
fn names_host(uri: &Uri) -> bool {
    HOST_SCHEMES.contains(&&*uri.scheme)
        && !(uri.scheme == "mlflow-artifacts" && uri.authority.is_empty())
}

/// Gives the endpoints of a location: none when its host cannot be told for sure.
///
/// HTTP clients end the host at a backslash where others do not, so such a host is no one's.
fn targets(uri: &Uri) -> Vec<Target> {
    let is_odd = |c: char| c == '\\' || c.is_whitespace();
    let (Ok(port), false) = (uri.port(), uri.authority.contains(is_odd)) else {
        return Vec::new();
    };
    let Some((family, default_ports)) = family(&uri.scheme).filter(|_| names_host(uri)) else {
        return Vec::new();
    };
    let ports = match port {
        Some(port) => vec![Some(port)],
        None => default_ports.to_vec(),
    };
    ports
        .into_iter()
        .map(|port| Target {
            family,
            host: uri.host(),
            port,
        })
        .collect()
}

/// Gives the family of a scheme and the ports it means when none is written; a Hadoop client takes
/// its port from a file of its own, so there "none" equals only "none".
fn family(scheme: &str) -> Option<(&'static str, &'static [Option<u16>])> {
    Some(match scheme {
        "ftp" => ("ftp", &[Some(21)]),
        "sftp" => ("sftp", &[Some(22)]),
        "hdfs" | "viewfs" => ("hdfs", &[None]),
        "http" => ("http", &[Some(80)]),
        "https" => ("http", &[Some(443)]),
        "mlflow-artifacts" => ("http", &[Some(80), Some(443)]),
        "r2" => ("r2", &[Some(443)]),
        "b2" => ("b2", &[Some(443)]),
        "abfss" => ("abfss", &[Some(443)]),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(location: &str, trusted: &str, allowed: &[&str]) -> bool {
        let allowed: Vec<String> = allowed.iter().map(ToString::to_string).collect();
        check(("source", location), &[trusted.to_owned()], &allowed).is_ok()
    }

    #[test]
    fn foreign_hosts_are_refused() {
        for location in [
            "http://169.254.169.254/x",
            "https://h/x",
            "ftp://h/x",
            "ftp:///x",
            "sftp://h/x",
            "hdfs://h/x",
            "viewfs://h/x",
            "r2://b@h/x",
            "b2://b@h/x",
            "abfss://f@a.example/x",
            "mlflow-artifacts://h/x",
            "HTTP://h/x",
            "http:/x",
        ] {
            assert!(!accepts(location, "./data", &[]), "{location}");
        }
    }

    #[test]
    fn locations_without_a_host_are_accepted() {
        for location in [
            "mlflow-artifacts:/x",
            "s3://b/x",
            "gs://b/x",
            "/x",
            "file:///x",
            "dbfs:/x",
            "wasbs://c@a.blob.core.windows.net/x",
        ] {
            assert!(accepts(location, "./data", &[]), "{location}");
        }
    }

    #[test]
    fn the_hosts_of_the_operator_are_accepted() {
        let own = "http://me:5000/api/2.0/mlflow-artifacts/artifacts";
        assert!(accepts("http://ME:5000/other", own, &[]));
        assert!(accepts("mlflow-artifacts://me:5000/x", own, &[]));
        assert!(!accepts("http://me/x", own, &[]));
        assert!(!accepts("http://me:5000\\@evil/x", own, &[]));
        assert!(!accepts("http://me:5000x/x", own, &[]));
        assert!(accepts("http://me:80/x", "http://me/x", &[]));
        assert!(!accepts("https://me/x", "http://me/x", &[]));
        assert!(accepts("https://me/x", "mlflow-artifacts://me/x", &[]));
        assert!(accepts("viewfs://n/x", "hdfs://n/y", &[]));
        assert!(!accepts("hdfs://n:8020/x", "hdfs://n/y", &[]));
    }

    #[test]
    fn a_scheme_can_be_allowed() {
        assert!(accepts("hdfs://h/x", "", &["HDFS", "ftp"]));
        assert!(!accepts("http://h/x", "", &["hdfs"]));
    }
}
