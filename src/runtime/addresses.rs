//! Where listeners are, and where clients reach them.

use std::net::{SocketAddr, TcpListener};

use crate::config::{Listen, PublicUrl, Settings};
use crate::domain::{Error, Result};

/// A socket at that address, where there is to be one.
pub(super) fn bind(listen: Listen) -> Result<Option<TcpListener>> {
    let Listen::At(address) = listen else { return Ok(None) };
    let listener = TcpListener::bind(address)
        .map_err(|error| Error::unavailable(format!("cannot listen on `{address}`")).caused_by(error))?;
    Ok(Some(listener))
}

/// The public URL, or that of an HTTP listener at that address where none is set.
pub(super) fn derived_url(settings: &Settings, bound: Option<SocketAddr>) -> PublicUrl {
    match bound.filter(|_| settings.server.public_url.is_empty()) {
        Some(bound) => PublicUrl::of_address(bound, &machine(), is_tls(settings)),
        None => settings.server.public_url.clone(),
    }
}

/// Whether the HTTP listener speaks TLS.
pub(super) fn is_tls(settings: &Settings) -> bool {
    let [http, ..] = settings.tls_files();
    http.is_on()
}

/// The machine's host name, for requests without a Host header.
fn machine() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
    if is_name { name.to_owned() } else { "localhost".to_owned() }
}
