//! Asks a server over HTTP. Every failure names the server and says what to do.

use crate::error::{Error, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value as Json;
use std::io::Read;
use std::time::Duration;
use ureq::http::request::Builder;
use ureq::http::{Request, Response};
use ureq::{Agent, Body};

/// Where a server listens when nobody says otherwise.
const DEFAULT_URL: &str = "http://127.0.0.1:5000";
/// How long an answer may take to begin: a verification reads whole models.
const TIMEOUT: Duration = Duration::from_secs(3600);
/// How long a server may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections that are kept for the next request; a command may ask from several threads.
const MAX_IDLE: usize = 8;
/// The longest answer that is read, in bytes.
const MAX_ANSWER: u64 = 1024 * 1024 * 1024;
/// What a path segment or a value may hold as it is.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// A server to ask.
pub(crate) struct Client {
    agent: Agent,
    base: String,
    authorization: Option<String>,
}

/// A query or path value, percent-encoded.
pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

/// Writes the parts of a query that have a value, with the question mark.
pub(crate) fn query(parts: &[(&str, Option<String>)]) -> String {
    let given = parts.iter().filter_map(|(name, value)| {
        let value = value.as_deref()?;
        Some(format!("{name}={}", encode(value)))
    });
    match given.collect::<Vec<_>>().join("&") {
        empty if empty.is_empty() => empty,
        query => format!("?{query}"),
    }
}

impl Client {
    /// Takes the address of the flag, of `TRACKWAY_URL`, of `MLFLOW_TRACKING_URI` or the default,
    /// and who asks from MLflow's variables for clients.
    ///
    /// # Errors
    /// 400 for an address that is no http or https URL.
    pub(crate) fn new(url: Option<&str>, environment: &[(String, String)]) -> Result<Self> {
        let variable = |name: &str| {
            let found = environment.iter().find(|(other, _)| other == name);
            found
                .map(|(_, value)| value.as_str())
                .filter(|value| !value.is_empty())
        };
        let base = url
            .or_else(|| variable("TRACKWAY_URL"))
            .or_else(|| variable("MLFLOW_TRACKING_URI"))
            .unwrap_or(DEFAULT_URL);
        if !base.starts_with("http://") && !base.starts_with("https://") {
            return Err(Error::invalid(format!(
                "'{base}' is no address of a server. Give one as http://HOST:PORT with --url or in \
                 TRACKWAY_URL."
            )));
        }
        let user = variable("MLFLOW_TRACKING_USERNAME");
        let password = variable("MLFLOW_TRACKING_PASSWORD");
        let authorization = match (variable("MLFLOW_TRACKING_TOKEN"), user.zip(password)) {
            (_, Some((user, password))) => Some(format!(
                "Basic {}",
                STANDARD.encode(format!("{user}:{password}"))
            )),
            (Some(token), None) => Some(format!("Bearer {token}")),
            (None, None) => None,
        };
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_idle_connections_per_host(MAX_IDLE)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_recv_response(Some(TIMEOUT))
            .user_agent(concat!("trackway/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self {
            agent: config.new_agent(),
            base: base.trim_end_matches('/').to_owned(),
            authorization,
        })
    }

    /// Asks with GET.
    pub(crate) fn get(&self, path: &str) -> Result<Json> {
        self.json("GET", path, None, "")
    }

    /// Asks for a change: the method, a JSON body, and why it is made.
    pub(crate) fn change(
        &self,
        method: &str,
        path: &str,
        (body, reason): (&Json, &str),
    ) -> Result<Json> {
        self.json(method, path, Some(body), reason)
    }

    /// Asks for a change of a stage or an alias with POST; gives the answer and which versions the
    /// server did not archive along, as it tells them.
    pub(crate) fn change_stage(
        &self,
        path: &str,
        (body, reason): (&Json, &str),
    ) -> Result<(Json, Option<String>)> {
        let response = self.send("POST", path, Some(body), reason)?;
        let kept = response.headers().get("x-trackway-not-archived");
        let kept = kept
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        Ok((self.read(path, response)?, kept))
    }

    /// Asks with GET for something that is read as it comes.
    pub(crate) fn stream(&self, path: &str) -> Result<impl Read + use<>> {
        Ok(self.send("GET", path, None, "")?.into_body().into_reader())
    }

    /// Sends a file with POST.
    pub(crate) fn upload(&self, path: &str, bytes: &[u8]) -> Result<()> {
        let request = self.request("POST", path, "");
        let request = request.header("content-type", "application/octet-stream");
        let outcome = request.body(bytes).map(|request| self.agent.run(request));
        self.judge(path, outcome).map(drop)
    }

    fn json(&self, method: &str, path: &str, body: Option<&Json>, reason: &str) -> Result<Json> {
        let response = self.send(method, path, body, reason)?;
        self.read(path, response)
    }

    fn read(&self, path: &str, mut response: Response<Body>) -> Result<Json> {
        let limited = response.body_mut().with_config().limit(MAX_ANSWER);
        let text = limited.read_to_string().map_err(|error| {
            Error::unavailable(format!("The answer of {} broke off.", self.base)).with_cause(error)
        })?;
        serde_json::from_str(&text).map_err(|error| self.stranger(path).with_cause(error))
    }

    fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<&Json>,
        reason: &str,
    ) -> Result<Response<Body>> {
        let request = self.request(method, path, reason);
        let outcome = match body {
            None => request.body(()).map(|request| self.agent.run(request)),
            Some(body) => request
                .header("content-type", "application/json")
                .body(body.to_string())
                .map(|request| {
                    let config = self.agent.configure_request(request);
                    self.agent
                        .run(config.allow_non_standard_methods(true).build())
                }),
        };
        self.judge(path, outcome)
    }

    /// Begins a request: who asks, and why.
    fn request(&self, method: &str, path: &str, reason: &str) -> Builder {
        let url = format!("{}{path}", self.base);
        let mut request = Request::builder().method(method).uri(&url);
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        if !reason.is_empty() {
            request = request.header("x-trackway-reason", encode(reason));
        }
        request
    }

    /// Tells an answer from a refusal and from no answer at all.
    fn judge(
        &self,
        path: &str,
        outcome: std::result::Result<
            std::result::Result<Response<Body>, ureq::Error>,
            ureq::http::Error,
        >,
    ) -> Result<Response<Body>> {
        let response = outcome
            .map_err(|error| {
                Error::invalid(format!("{}{path} cannot be asked.", self.base)).with_cause(error)
            })?
            .map_err(|error| {
                Error::unavailable(format!(
                    "The server {} cannot be reached. Start it with `trackway server`, or name \
                     another one with --url.",
                    self.base
                ))
                .with_cause(error)
            })?;
        match response.status().as_u16() {
            200..=299 => Ok(response),
            _ => Err(self.refusal(path, response)),
        }
    }

    /// Makes an error of an answer that is one.
    fn refusal(&self, path: &str, mut response: Response<Body>) -> Error {
        let status = response.status().as_u16();
        let text = response.body_mut().read_to_string().unwrap_or_default();
        let said = serde_json::from_str::<Json>(&text)
            .ok()
            .and_then(|json| Some(json.get("message")?.as_str()?.to_owned()));
        match said {
            Some(message) => Error::invalid(message),
            None if status == 404 => self.stranger(path),
            None => Error::unavailable(format!("{} answered with {status}.", self.base)),
        }
    }

    fn stranger(&self, path: &str) -> Error {
        Error::unavailable(format!(
            "{} does not answer {path} as a Trackway server does. Check the address.",
            self.base
        ))
    }
}
