//! `modelport healthcheck`: one readiness request to the configured listener, for containers without curl.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use super::Outcome;
use crate::api::http::tls;
use crate::config::{Listen, SettingsArgs};

const TIMEOUT: Duration = Duration::from_secs(3);
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

pub(super) fn run(args: &SettingsArgs) -> Outcome {
    let settings = super::load(args)?;
    let [http, ..] = settings.tls_files();
    match settings.server.listen {
        Listen::Off => Err("the listener is switched off: `server.listen` is `none`".into()),
        Listen::At(address) if address.port() == 0 => Err("`server.listen` has no fixed port to ask".into()),
        Listen::At(address) => ask(reachable(address), http.is_on()),
    }
}

/// Where a listener can be reached from the same machine.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, address.port())
}

fn ask(address: SocketAddr, is_tls: bool) -> Outcome {
    let answer = request(address, is_tls).map_err(|error| format!("`{address}` does not answer: {error}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    match head.split_ascii_whitespace().nth(1) {
        Some("200") => Ok(()),
        Some(status) => Err(format!("`{address}` is not ready, status `{status}`: {}", body.trim()).into()),
        None => Err(format!("`{address}` does not speak HTTP").into()),
    }
}

/// HTTP/1.0, so that the answer is neither chunked nor kept open.
fn request(address: SocketAddr, is_tls: bool) -> std::io::Result<String> {
    let stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    if is_tls { exchange(address, tls::unchecked(stream)?) } else { exchange(address, stream) }
}

fn exchange(address: SocketAddr, mut stream: impl Read + Write) -> std::io::Result<String> {
    // In one piece: a server may answer, and hang up, as soon as it has read the first.
    stream.write_all(format!("GET /health/ready HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER_BYTES).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn answering(answer: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 256];
            let read = stream.read(&mut request).unwrap();
            assert!(request[..read].starts_with(b"GET /health/ready HTTP/1.0\r\n"));
            stream.write_all(answer.as_bytes()).unwrap();
        });
        address
    }

    #[test]
    fn only_200_is_ready() {
        ask(answering("HTTP/1.0 200 OK\r\n\r\n{}"), false).unwrap();
        let error =
            ask(answering("HTTP/1.0 503 Service Unavailable\r\n\r\n{\"database\":\"down\"}"), false).unwrap_err();
        assert!(error.to_string().ends_with("status `503`: {\"database\":\"down\"}"), "{error}");
        assert!(ask(answering(""), false).is_err());
    }

    #[test]
    fn a_wildcard_is_reached_by_loopback() {
        assert_eq!(reachable("0.0.0.0:80".parse().unwrap()), "127.0.0.1:80".parse().unwrap());
        assert_eq!(reachable("[::]:80".parse().unwrap()), "[::1]:80".parse().unwrap());
        assert_eq!(reachable("10.0.0.7:80".parse().unwrap()), "10.0.0.7:80".parse().unwrap());
    }
}
