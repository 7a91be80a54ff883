//! One line per request, under the target `access`, when its response has ended.

use log::Level;

use super::exchange::Exchange;
use crate::request_id::RequestId;

/// Requests that a machine repeats all day are logged at debug.
fn level(path: &str) -> Level {
    if path == "/metrics" || path.starts_with("/health/") { Level::Debug } else { Level::Info }
}

pub(super) fn write(exchange: &Exchange) {
    let request_id = exchange.request_id.as_ref().map_or("-", RequestId::as_str);
    let client_id = exchange.request_id.as_ref().and_then(RequestId::client).unwrap_or("-");
    let peer = exchange.peer.map_or_else(|| "-".to_owned(), |peer| peer.ip().to_string());
    let ending = match (&exchange.body_error, exchange.complete) {
        (Some(error), _) => format!(" failed: {error}"),
        (None, false) => " aborted".to_owned(),
        (None, true) => String::new(),
    };
    let (method, path, status) = (exchange.method.as_str(), exchange.path.as_str(), exchange.status);
    log::log!(
        target: "access",
        level(path),
        method,
        path,
        route = exchange.route.as_str(),
        status,
        bytes_received = exchange.bytes_received(),
        bytes_sent = exchange.bytes_sent,
        duration_ms = u64::try_from(exchange.duration().as_millis()).unwrap_or(u64::MAX),
        "request.id" = request_id,
        "request.client_id" = client_id,
        peer = peer.as_str(),
        complete = exchange.complete;
        "{method} {path} {status}{ending}"
    );
}
