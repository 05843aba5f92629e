//! Just enough HTTP/1.1 for one client on loopback.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What went wrong between client and server.
#[derive(Debug)]
pub enum HttpError {
    /// The connection broke.
    Io(io::Error),
    /// The answer was not HTTP as we know it.
    Malformed,
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Malformed => f.write_str("the answer is not HTTP/1.1 with a length"),
        }
    }
}

impl std::error::Error for HttpError {}

impl From<io::Error> for HttpError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A status and a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// As text.
    pub body: String,
}

impl Reply {
    /// The text of a string member at the top of a JSON body, without parsing all of it.
    #[must_use]
    pub fn text_of(&self, member: &str) -> Option<&str> {
        let marker = format!("\"{member}\":\"");
        let from = self.body.find(&marker)? + marker.len();
        let rest = &self.body[from..];
        rest.find('"').map(|to| &rest[..to])
    }
}

/// A keep-alive connection.
pub struct Connection {
    stream: TcpStream,
    host: SocketAddr,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens.
    pub async fn open(host: SocketAddr) -> Result<Self, HttpError> {
        let stream = TcpStream::connect(host).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, host, request: Vec::with_capacity(1024), answer: Vec::new() })
    }

    /// Whether the other side still listens, as far as can be seen without asking: a server closes
    /// a connection that was idle for long.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let mut nothing = [0];
        let seen = self.stream.try_read(&mut nothing);
        matches!(seen, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Sends a request with a JSON body (or none) and reads the answer.
    ///
    /// # Errors
    /// When the connection breaks: what became of the request is not known then.
    pub async fn send(
        &mut self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: &str,
    ) -> Result<Reply, HttpError> {
        self.send_keyed(method, path, token, None, body).await
    }

    /// As [`Connection::send`], with an idempotency key: the same may be sent again.
    ///
    /// # Errors
    /// As [`Connection::send`].
    pub async fn send_keyed(
        &mut self,
        method: &str,
        path: &str,
        token: Option<&str>,
        key: Option<&str>,
        body: &str,
    ) -> Result<Reply, HttpError> {
        use std::io::Write as _;
        self.request.clear();
        write!(self.request, "{method} {path} HTTP/1.1\r\nhost: {}\r\n", self.host)?;
        if let Some(token) = token {
            write!(self.request, "authorization: Bearer {token}\r\n")?;
        }
        if let Some(key) = key {
            write!(self.request, "idempotency-key: {key}\r\n")?;
        }
        if !body.is_empty() {
            let length = body.len();
            write!(self.request, "content-type: application/json\r\ncontent-length: {length}\r\n")?;
        } else if method != "GET" {
            write!(self.request, "content-length: 0\r\n")?;
        }
        write!(self.request, "\r\n{body}")?;
        self.stream.write_all(&self.request).await?;
        self.read().await
    }

    async fn read(&mut self) -> Result<Reply, HttpError> {
        self.answer.clear();
        let head = loop {
            if let Some(end) = find(&self.answer, b"\r\n\r\n") {
                break end + 4;
            }
            self.fill().await?;
        };
        let (status, length) = parse_head(&self.answer[..head])?;
        while self.answer.len() < head + length {
            self.fill().await?;
        }
        let body = String::from_utf8_lossy(&self.answer[head..head + length]).into_owned();
        Ok(Reply { status, body })
    }

    async fn fill(&mut self) -> Result<(), HttpError> {
        if self.stream.read_buf(&mut self.answer).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        Ok(())
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn parse_head(head: &[u8]) -> Result<(u16, usize), HttpError> {
    let head = std::str::from_utf8(head).map_err(|_| HttpError::Malformed)?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let status = status.and_then(|text| text.parse().ok()).ok_or(HttpError::Malformed)?;
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    length.map(|length| (status, length)).ok_or(HttpError::Malformed)
}
