//! The host that a call was addressed to, for the URLs in its response.

use tonic::codegen::http::Request;
use tonic::codegen::http::uri::Authority;

tokio::task_local! {
    static HOST: Option<String>;
}

/// The host of the call whose answer is being made, without a port.
pub(super) fn host() -> Option<String> {
    HOST.try_with(Clone::clone).ok().flatten()
}

/// The future, in which this is [`host`].
pub(super) fn scope<F: Future>(host: Option<String>, inner: F) -> impl Future<Output = F::Output> {
    HOST.scope(host, inner)
}

/// The host that a call is addressed to.
pub(super) fn of<B>(request: &Request<B>) -> Option<String> {
    let sent = request.headers().get("host").and_then(|host| host.to_str().ok());
    let authority = sent.and_then(|host| host.parse::<Authority>().ok());
    let authority = request.uri().authority().cloned().or(authority)?;
    let is_plain = !authority.as_str().contains('@') && !authority.host().is_empty();
    is_plain.then(|| authority.host().to_owned())
}
