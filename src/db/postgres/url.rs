//! The URL of a PostgreSQL database, as MLflow and psycopg spell it.
//!
//! It never shows a password: not in an error, and not when it is printed.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

/// How a database is reached.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    pub url: PostgresUrl,
    /// Connections at the same time; at least 1.
    pub connections: usize,
    /// How long a request waits for one of them.
    pub wait: Duration,
    /// How long a starting server waits for the database.
    pub start_wait: Duration,
}

/// A checked URL. It is printed without user, password and options.
#[derive(Clone)]
pub struct PostgresUrl {
    config: Box<Config>,
    trust: Trust,
}

/// What is asked of the server's certificate, from libpq's `sslmode` and `sslrootcert`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trust {
    /// Nothing: TLS only keeps those out who just listen.
    Anything,
    /// It comes from a trusted authority, whatever its name is.
    Authority(Roots),
    /// It also names the host.
    Host(Roots),
}

/// The authorities that are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Roots {
    OfSystem,
    InFile(PathBuf),
}

/// Drivers of SQLAlchemy that a URL may name; they all mean the same here.
const DRIVERS: [&str; 5] = ["psycopg2", "psycopg", "psycopg2cffi", "asyncpg", "pg8000"];
/// Options that are handed on as they are.
const OPTIONS: [&str; 15] = [
    "application_name",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "load_balance_hosts",
    "options",
    "port",
    "target_session_attrs",
    "tcp_user_timeout",
];
/// How long the network may leave data unanswered before a connection counts as lost.
const USER_TIMEOUT: Duration = Duration::from_secs(20);

impl PostgresUrl {
    /// Says whether the text is meant as a URL of PostgreSQL.
    pub fn is_meant(text: &str) -> bool {
        let scheme = text.split_once("://").map(|(scheme, _)| scheme);
        let name = scheme.map(|scheme| scheme.split('+').next().unwrap_or_default());
        matches!(name, Some("postgresql" | "postgres"))
    }

    /// Reads a URL; a relative path of `sslrootcert` is resolved against `base`.
    ///
    /// # Errors
    /// A text that says what is allowed, and that repeats nothing of user and password.
    pub fn parse(text: &str, base: &Path) -> Result<Self, String> {
        let forms = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE is needed";
        let (scheme, rest) = text.split_once("://").ok_or(forms)?;
        if let Some((_, driver)) = scheme.split_once('+')
            && !DRIVERS.contains(&driver)
        {
            return Err(format!(
                "there is no driver {driver}; leave it out: postgresql://"
            ));
        }
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut wanted = Tls::default();
        let mut kept = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "sslmode" => wanted.mode = Some(decoded(value)?),
                "sslrootcert" => wanted.root = Some(decoded(value)?),
                "user" | "password" => kept.push(pair),
                name if OPTIONS.contains(&name) => kept.push(pair),
                name => {
                    return Err(format!(
                        "the option {name} is not supported; sslmode, sslrootcert and {} are",
                        OPTIONS.join(", ")
                    ));
                }
            }
        }
        let query = match kept.is_empty() {
            true => String::new(),
            false => format!("?{}", kept.join("&")),
        };
        // The parser's own words could repeat a part of the password.
        let mut config: Config = format!("postgresql://{place}{query}")
            .parse()
            .map_err(|_| {
                format!(
                    "{forms}, with ':', '/', '@' and '%' of user and password written as %3A, %2F, \
                     %40 and %25, and options as libpq knows them"
                )
            })?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(format!("it names no host: {forms}"));
        }
        if config.get_dbname().is_none() {
            return Err(format!("it names no database: {forms}"));
        }
        if config.get_application_name().is_none() {
            config.application_name("trackway");
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(USER_TIMEOUT);
        }
        let (mode, trust) = wanted.meaning(base)?;
        config.ssl_mode(mode);
        Ok(Self {
            config: Box::new(config),
            trust,
        })
    }

    /// Gives how to connect; `timeout` holds where the URL says nothing else.
    pub(super) fn config(&self, timeout: Duration) -> Config {
        let mut config = Config::clone(&self.config);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(timeout);
        }
        config
    }

    /// Gives what is asked of the server's certificate.
    pub(super) fn trust(&self) -> &Trust {
        &self.trust
    }
}

/// The options about TLS.
#[derive(Default)]
struct Tls {
    mode: Option<String>,
    root: Option<String>,
}

impl Tls {
    /// As libpq: with a file of authorities, `require` means `verify-ca`.
    fn meaning(self, base: &Path) -> Result<(SslMode, Trust), String> {
        let roots = match self.root.as_deref() {
            None | Some("system" | "") => Roots::OfSystem,
            Some(file) => Roots::InFile(base.join(file)),
        };
        let named = matches!(roots, Roots::InFile(_));
        Ok(match self.mode.as_deref().unwrap_or("prefer") {
            "disable" => (SslMode::Disable, Trust::Anything),
            "allow" | "prefer" => (SslMode::Prefer, Trust::Anything),
            "require" if named => (SslMode::Require, Trust::Authority(roots)),
            "require" => (SslMode::Require, Trust::Anything),
            "verify-ca" => (SslMode::Require, Trust::Authority(roots)),
            "verify-full" => (SslMode::Require, Trust::Host(roots)),
            _ => {
                return Err("sslmode is one of disable, prefer, require, verify-ca and \
                            verify-full"
                    .into());
            }
        })
    }
}

fn decoded(value: &str) -> Result<String, String> {
    let decoded = percent_encoding::percent_decode_str(value).decode_utf8();
    let decoded = decoded.map_err(|_| "an option is not percent-encoded UTF-8".to_owned())?;
    Ok(decoded.into_owned())
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ports = self.config.get_ports();
        let hosts: Vec<String> = self
            .config
            .get_hosts()
            .iter()
            .enumerate()
            .map(|(number, host)| {
                let port = ports.get(number).or(ports.first()).unwrap_or(&5432);
                match host {
                    Host::Tcp(host) => format!("{host}:{port}"),
                    #[cfg(unix)]
                    Host::Unix(path) => format!("{}:{port}", path.display()),
                }
            })
            .collect();
        let database = self.config.get_dbname().unwrap_or_default();
        write!(f, "postgresql://{}/{database}", hosts.join(","))
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} ({:?})", self.trust)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<PostgresUrl, String> {
        PostgresUrl::parse(text, Path::new("/etc"))
    }

    #[test]
    fn every_spelling_of_mlflow_is_read() {
        let check = |text: &str, shown: &str| {
            assert_eq!(read(text).unwrap().to_string(), shown, "{text}");
        };
        check("postgresql://u:p@h/d", "postgresql://h:5432/d");
        check("postgres://u@h:6000/d", "postgresql://h:6000/d");
        check("postgresql+psycopg2://u:p@h/d", "postgresql://h:5432/d");
        check("postgresql+psycopg://u:p@h/d", "postgresql://h:5432/d");
        check("postgresql+asyncpg://u:p@h/d", "postgresql://h:5432/d");
        check("postgresql://u@a:1,b:2/d", "postgresql://a:1,b:2/d");
        check("postgresql:///d?host=/run/x", "postgresql:///run/x:5432/d");
        check(
            "postgresql://u:p%40s%2Fs@h/d?application_name=a&connect_timeout=3",
            "postgresql://h:5432/d",
        );
    }

    #[test]
    fn passwords_are_decoded_and_never_shown() {
        let url = read("postgresql://me:s%3Ae%40cr%25t@h/d?sslmode=require").unwrap();
        assert_eq!(
            url.config.get_password(),
            Some("s:e@cr%t".as_bytes()),
            "the password is decoded"
        );
        assert!(!format!("{url} {url:?}").contains("cr"));
        for broken in [
            "postgresql://me:secret@h:port/d",
            "postgresql+odd://me:secret@h/d",
            "postgresql://me:secret@h/d?sslmode=maybe",
            "postgresql://me:secret@h/d?unknown=1",
            "postgresql://me:secret@h",
            "postgresql://me:secret@/d",
            "postgresql://me:se%cret@h/d?connect_timeout=x",
        ] {
            let error = read(broken).unwrap_err();
            assert!(!error.contains("secret"), "{broken}: {error}");
        }
    }

    #[test]
    fn tls_options_mean_what_they_mean_to_libpq() {
        let check = |options: &str, mode: SslMode, trust: Trust| {
            let url = read(&format!("postgresql://h/d?{options}")).unwrap();
            assert_eq!(
                (url.config.get_ssl_mode(), url.trust),
                (mode, trust),
                "{options}"
            );
        };
        let file = || Roots::InFile("/etc/ca.pem".into());
        check("", SslMode::Prefer, Trust::Anything);
        check("sslmode=disable", SslMode::Disable, Trust::Anything);
        check("sslmode=require", SslMode::Require, Trust::Anything);
        check(
            "sslmode=require&sslrootcert=ca.pem",
            SslMode::Require,
            Trust::Authority(file()),
        );
        check(
            "sslmode=verify-ca&sslrootcert=/etc/ca.pem",
            SslMode::Require,
            Trust::Authority(file()),
        );
        check(
            "sslmode=verify-full",
            SslMode::Require,
            Trust::Host(Roots::OfSystem),
        );
    }
}
