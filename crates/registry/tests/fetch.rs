//! The fetcher against small servers on this machine that behave, misbehave and lie.

#![expect(clippy::unwrap_used, reason = "the servers of these tests may panic like the tests")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use marketplace_ports::{FetchError, Fetcher};
use marketplace_registry::{FetchSettings, HttpFetcher};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const LIMIT: u64 = 1_000;

/// A server that answers each path with fixed bytes and remembers what it was asked.
struct Server {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(answer: fn(&str, u16) -> Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, port, answer, log.clone()));
            }
        });
        Self { port, asked }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// What is written, and whether the connection then stays open without a word.
struct Answer {
    bytes: Vec<u8>,
    hang: bool,
}

async fn serve(
    mut stream: TcpStream,
    port: u16,
    answer: fn(&str, u16) -> Answer,
    log: Arc<Mutex<Vec<String>>>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1).unwrap().to_owned();
    log.lock().unwrap().push(head);
    let answer = answer(&path, port);
    let _ = stream.write_all(&answer.bytes).await;
    if answer.hang {
        // Until the client goes.
        let _ = stream.read_u8().await;
    }
}

fn plain(status: &str, headers: &str, body: &[u8]) -> Answer {
    let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n{headers}\r\n");
    Answer { bytes: [head.as_bytes(), body].concat(), hang: false }
}

fn sized(length: usize) -> Answer {
    plain("200 OK", &format!("Content-Length: {length}\r\n"), &vec![b'x'; length])
}

fn chunked(length: usize) -> Answer {
    let mut body = Vec::new();
    for piece in vec![b'x'; length].chunks(100) {
        body.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        body.extend_from_slice(piece);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"0\r\n\r\n");
    plain("200 OK", "Transfer-Encoding: chunked\r\n", &body)
}

fn redirect(to: &str) -> Answer {
    plain("302 Found", &format!("Location: {to}\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n"), b"")
}

/// Paths are `/kind/argument`.
fn answer(path: &str, port: u16) -> Answer {
    let (kind, argument) = path[1..].split_once('/').unwrap_or((&path[1..], ""));
    let number = || argument.parse::<usize>().unwrap();
    match kind {
        "sized" => sized(number()),
        "chunked" => chunked(number()),
        "until-close" => plain("200 OK", "", &vec![b'x'; number()]),
        "status" => plain(&format!("{argument} Such"), "Content-Length: 1\r\n", b"x"),
        "no-content" => plain("204 No Content", "", b""),
        // Says how much will come, and never sends it.
        "promise" => Answer {
            hang: true,
            ..plain("200 OK", &format!("Content-Length: {argument}\r\n"), b"x")
        },
        // Sends without end; each piece is within the limit.
        "flood" => Answer { hang: true, ..chunked(1_100) },
        "silence" => Answer { bytes: Vec::new(), hang: true },
        "short" => plain("200 OK", "Content-Length: 500\r\n", b"x"),
        "garbage" => Answer { bytes: b"SSH-2.0-OpenSSH\r\n\r\n".to_vec(), hang: false },
        "hops" if number() == 0 => sized(7),
        "hops" => redirect(&format!("/hops/{}", number() - 1)),
        "away" => redirect(&format!("http://{argument}")),
        "upgrade" => redirect(&format!("https://127.0.0.1:{port}/sized/7")),
        "named" => redirect(&format!("http://me:secret@127.0.0.1:{port}/sized/7")),
        "local-file" => redirect("file:///etc/passwd"),
        kind => panic!("no {kind}"),
    }
}

fn fetcher(allow_private: bool) -> HttpFetcher {
    HttpFetcher::new(FetchSettings { allow_private, ..FetchSettings::default() }).unwrap()
}

/// For servers that hang: what is quick elsewhere must not wait for the time-out here.
fn impatient() -> HttpFetcher {
    let total_timeout = Duration::from_millis(200);
    HttpFetcher::new(FetchSettings {
        allow_private: true,
        total_timeout,
        ..FetchSettings::default()
    })
    .unwrap()
}

/// `ok LENGTH`, or `refused` or `unavailable` with the reason.
async fn outcome(fetcher: &HttpFetcher, url: &str) -> String {
    match fetcher.fetch(url, LIMIT).await {
        Ok(bytes) => {
            assert!(bytes.iter().all(|byte| *byte == b'x'));
            format!("ok {}", bytes.len())
        }
        Err(FetchError::Refused(reason)) => format!("refused: {reason}"),
        Err(FetchError::Unavailable(reason)) => format!("unavailable: {reason}"),
    }
}

async fn check(path: &str, expect: &str) {
    let server = Server::start(answer).await;
    let got = outcome(&fetcher(true), &server.url(path)).await;
    assert!(got.starts_with(expect), "{path}: {got}");
}

const TOO_LARGE: &str = "refused: the content is larger than 1000 bytes";

#[tokio::test]
async fn sizes() {
    for kind in ["sized", "chunked", "until-close"] {
        check(&format!("/{kind}/0"), "ok 0").await;
        check(&format!("/{kind}/7"), "ok 7").await;
        check(&format!("/{kind}/1000"), "ok 1000").await;
        check(&format!("/{kind}/1001"), TOO_LARGE).await;
        check(&format!("/{kind}/100000"), TOO_LARGE).await;
    }
    // Refused by the announcement, before any byte of it.
    check("/promise/1001", TOO_LARGE).await;
    check("/promise/9223372036854775807", TOO_LARGE).await;
    // Refused as soon as it is too much, although more is to come.
    check("/flood", TOO_LARGE).await;
}

#[tokio::test]
async fn statuses() {
    for status in ["201", "203", "206", "300", "304", "400", "401", "403", "404", "410", "451"] {
        let expect = format!("refused: the server answered {status}");
        check(&format!("/status/{status}"), &expect).await;
    }
    check("/no-content", "refused: the server answered 204").await;
    for status in ["408", "425", "429", "500", "502", "503", "504"] {
        let expect = format!("unavailable: the server answered {status}");
        check(&format!("/status/{status}"), &expect).await;
    }
}

#[tokio::test]
async fn servers_that_break_off() {
    check("/short", "unavailable: ").await;
    check("/garbage", "unavailable: ").await;
    let gone = Server::start(answer).await.url("/sized/7").replace("127.0.0.1", "127.0.0.2");
    assert!(outcome(&fetcher(true), &gone).await.starts_with("unavailable: "));
    // TLS with somebody who does not speak it.
    let server = Server::start(answer).await;
    let url = server.url("/sized/7").replace("http:", "https:");
    assert!(outcome(&impatient(), &url).await.starts_with("unavailable: "));
}

#[tokio::test]
async fn servers_that_stall() {
    let server = Server::start(answer).await;
    for path in ["/silence", "/promise/500"] {
        let limit = Duration::from_secs(10);
        let got = tokio::time::timeout(limit, outcome(&impatient(), &server.url(path))).await;
        assert_eq!(got.unwrap(), "unavailable: the server took too long", "{path}");
    }
}

#[tokio::test]
async fn redirects_on_the_same_server() {
    check("/hops/1", "ok 7").await;
    check("/hops/3", "ok 7").await;
    check("/hops/4", "refused: the server redirects more than 3 times").await;
    check("/hops/99", "refused: the server redirects more than 3 times").await;
}

#[tokio::test]
async fn redirects_to_elsewhere() {
    let away = "refused: the server redirects to another host";
    check("/upgrade", away).await;
    check("/local-file", "refused: the server answered 302").await;
    check("/named", "refused: the server redirects to a URL with credentials in it").await;
    let (server, other) = (Server::start(answer).await, Server::start(answer).await);
    for host in [
        format!("127.0.0.1:{}", other.port),
        format!("localhost:{}", server.port),
        format!("[::1]:{}", server.port),
        format!("127.0.0.2:{}", other.port),
        "169.254.169.254".to_owned(),
        "seller.example".to_owned(),
    ] {
        let url = server.url(&format!("/away/{host}/sized/7"));
        assert_eq!(outcome(&fetcher(true), &url).await, away, "{host}");
    }
    assert_eq!(other.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn nothing_of_ours_is_told() {
    let server = Server::start(answer).await;
    assert_eq!(outcome(&fetcher(true), &server.url("/hops/2")).await, "ok 7");
    let asked = server.asked();
    assert_eq!(asked.len(), 3);
    for head in asked {
        let head = head.to_ascii_lowercase();
        let names: Vec<_> = head.lines().skip(1).filter_map(|line| line.split_once(':')).collect();
        let names: Vec<_> = names.into_iter().map(|(name, _)| name).collect();
        assert_eq!(
            names.iter().filter(|name| !["accept", "user-agent", "host"].contains(name)).count(),
            0,
            "{head}"
        );
    }
}

#[tokio::test]
async fn private_addresses_are_not_even_asked() {
    let server = Server::start(answer).await;
    let url = server.url("/sized/7");
    let refused = "refused: the host has no public address";
    for host in ["127.0.0.1", "localhost", "127.1", "[::ffff:127.0.0.1]", "0x7f000001", "0.0.0.0"] {
        let url = url.replace("127.0.0.1", host);
        assert_eq!(outcome(&fetcher(false), &url).await, refused, "{host}");
    }
    assert_eq!(server.asked(), Vec::<String>::new());
    // The same by name where it is allowed.
    let url = url.replace("127.0.0.1", "localhost");
    assert_eq!(outcome(&fetcher(true), &url).await, "ok 7");
}

/// The environment of a process is fixed when it starts, so this test starts itself again.
#[tokio::test]
async fn no_proxy_of_the_environment_is_used() {
    let server = Server::start(answer).await;
    if std::env::var_os("FETCH_BEHIND_PROXY").is_some() {
        assert_eq!(outcome(&fetcher(true), &server.url("/sized/7")).await, "ok 7");
        return;
    }
    let proxy = server.url("/status/500");
    let mut again = std::process::Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", "no_proxy_of_the_environment_is_used"]).env("FETCH_BEHIND_PROXY", "1");
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"] {
        again.env(name, &proxy);
    }
    for name in ["NO_PROXY", "no_proxy", "REQUEST_METHOD"] {
        again.env_remove(name);
    }
    let done = tokio::task::spawn_blocking(move || again.output()).await.unwrap().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
    assert_eq!(server.asked(), Vec::<String>::new());
}
