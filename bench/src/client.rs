//! A connection of one client: requests are bytes prepared ahead, and answers are read whole.
//!
//! It blocks and copies nothing twice, because the generator shares its cores with the server that
//! it measures. It knows HTTP/1.1 with keep-alive, lengths and chunks, and nothing of MLflow.

use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(120);

/// An answer of the server.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// A client with a connection that it keeps.
pub(crate) struct Client {
    address: SocketAddr,
    connection: Option<BufReader<TcpStream>>,
}

impl Client {
    pub(crate) fn new(port: u16) -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            connection: None,
        }
    }

    /// Sends a whole request and reads the whole answer.
    ///
    /// A kept connection that the server closed meanwhile is opened once more.
    pub(crate) fn send(&mut self, request: &[u8]) -> Result<Answer> {
        self.exchange(|stream| stream.write_all(request), request)
    }

    /// Sends the head of a request and its body in pieces of one content, `count` times.
    pub(crate) fn stream(&mut self, head: &[u8], piece: &[u8], count: usize) -> Result<Answer> {
        let write = |stream: &mut TcpStream| {
            stream.write_all(head)?;
            (0..count).try_for_each(|_| stream.write_all(piece))
        };
        self.exchange(write, head)
    }

    /// Sends a request and hands its body to `on_piece` as it comes, which keeps memory small.
    pub(crate) fn receive(
        &mut self,
        request: &[u8],
        mut on_piece: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<u16> {
        let connection = self.connection()?;
        connection.get_mut().write_all(request)?;
        let head = read_head(connection)?;
        // The body of a refusal is not the file.
        let outcome = head.each_piece(connection, |piece| match head.status {
            200 => on_piece(piece),
            _ => Ok(()),
        });
        if head.closes || outcome.is_err() {
            self.connection = None;
        }
        outcome.map(|()| head.status)
    }

    fn exchange(
        &mut self,
        write: impl Fn(&mut TcpStream) -> std::io::Result<()>,
        request: &[u8],
    ) -> Result<Answer> {
        let fresh = self.connection.is_none();
        match self.try_exchange(&write) {
            Err(_) if !fresh => {
                self.connection = None;
                self.try_exchange(&write)
            }
            outcome => outcome,
        }
        .inspect_err(|_| self.connection = None)
        .with_context(|| format!("no answer to {}", first_line(request)))
    }

    fn try_exchange(
        &mut self,
        write: impl Fn(&mut TcpStream) -> std::io::Result<()>,
    ) -> Result<Answer> {
        let connection = self.connection()?;
        write(connection.get_mut())?;
        let head = read_head(connection)?;
        let mut body = Vec::with_capacity(head.length.unwrap_or(0));
        head.each_piece(connection, |piece| {
            body.extend_from_slice(piece);
            Ok(())
        })?;
        if head.closes {
            self.connection = None;
        }
        let status = head.status;
        Ok(Answer { status, body })
    }

    fn connection(&mut self) -> Result<&mut BufReader<TcpStream>> {
        if self.connection.is_none() {
            let stream = TcpStream::connect(self.address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            self.connection = Some(BufReader::with_capacity(256 * 1024, stream));
        }
        self.connection.as_mut().context("there is no connection")
    }
}

/// Writes a request with a JSON body.
pub(crate) fn post(path: &str, body: &str) -> Vec<u8> {
    with_body("POST", path, body)
}

/// Writes a request with a JSON body and a method of its own.
pub(crate) fn with_body(method: &str, path: &str, body: &str) -> Vec<u8> {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Writes a request without a body.
pub(crate) fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").into_bytes()
}

/// Writes the head of an upload.
pub(crate) fn put_head(path: &str, length: usize) -> Vec<u8> {
    format!(
        "PUT {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/octet-stream\r\n\
         Content-Length: {length}\r\n\r\n"
    )
    .into_bytes()
}

fn first_line(request: &[u8]) -> String {
    let end = request.iter().position(|byte| *byte == b'\r');
    let line = request.get(..end.unwrap_or(request.len())).unwrap_or(&[]);
    String::from_utf8_lossy(line).into_owned()
}

struct Head {
    status: u16,
    length: Option<usize>,
    chunked: bool,
    closes: bool,
}

fn read_head(connection: &mut BufReader<TcpStream>) -> Result<Head> {
    let mut line = String::new();
    connection.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|word| word.parse().ok());
    let mut head = Head {
        status: status.context("the server closed the connection")?,
        length: None,
        chunked: false,
        closes: false,
    };
    loop {
        line.clear();
        if connection.read_line(&mut line)? == 0 {
            bail!("the server closed the connection inside the head of an answer");
        }
        let Some((name, value)) = line.trim_end().split_once(':') else {
            return Ok(head);
        };
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            head.length = value.parse().ok();
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            head.chunked = value.eq_ignore_ascii_case("chunked");
        } else if name.eq_ignore_ascii_case("connection") {
            head.closes = value.eq_ignore_ascii_case("close");
        }
    }
}

impl Head {
    fn each_piece(
        &self,
        connection: &mut BufReader<TcpStream>,
        mut on_piece: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        if !self.chunked {
            let length = self
                .length
                .unwrap_or(if self.closes { usize::MAX } else { 0 });
            return each_part(connection, length, self.length.is_none(), &mut on_piece);
        }
        let mut line = String::new();
        loop {
            line.clear();
            connection.read_line(&mut line)?;
            let size = line.trim_end().split(';').next().unwrap_or("");
            let size = usize::from_str_radix(size, 16).context("a chunk has no size")?;
            each_part(connection, size, false, &mut on_piece)?;
            connection.read_exact(&mut [0; 2])?;
            if size == 0 {
                return Ok(());
            }
        }
    }
}

fn each_part(
    connection: &mut BufReader<TcpStream>,
    mut left: usize,
    until_closed: bool,
    on_piece: &mut impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    while left > 0 {
        let available = connection.fill_buf()?;
        if available.is_empty() {
            match until_closed {
                true => return Ok(()),
                false => bail!("the server closed the connection inside an answer"),
            }
        }
        let count = available.len().min(left);
        on_piece(available.get(..count).unwrap_or(available))?;
        connection.consume(count);
        left -= count;
    }
    Ok(())
}
