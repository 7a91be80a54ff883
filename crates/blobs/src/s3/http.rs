//! The HTTP client below the SDK: as the SDK's own, but with a buffer of a fixed size for what it reads. Knows nothing of S3.

use std::error::Error as StdError;
use std::time::Duration;

use aws_sdk_s3::config::SharedHttpClient;
use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector as TcpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::aws_lc_rs;

use modelport_domain::{Error, Result};

/// How much is read from a connection at once. A download whose client takes nothing holds two to three buffers of this size;
/// hyper's own choice grows to 400 KiB.
const READ_BUFFER: usize = 256 << 10;

/// A client whose connections are kept for the next request, and are made within `connect_timeout`. It trusts the certificates
/// that the machine trusts.
pub(super) fn client(connect_timeout: Duration) -> Result<SharedHttpClient> {
    let mut tcp = TcpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(connect_timeout));
    let tls = HttpsConnectorBuilder::new()
        .with_provider_and_native_roots(aws_lc_rs::default_provider())
        .map_err(|error| Error::internal("the machine's certificates cannot be read").caused_by(error))?;
    let connector = tls.https_or_http().enable_http1().wrap_connector(tcp);
    let mut builder = Client::builder(TokioExecutor::new());
    builder.http1_read_buf_exact_size(READ_BUFFER).pool_timer(TokioTimer::new());
    let connector = SharedHttpConnector::new(Connector(builder.build(connector)));
    Ok(http_client_fn(move |_, _| connector.clone()))
}

#[derive(Debug)]
struct Connector(Client<HttpsConnector<TcpConnector>, SdkBody>);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            let response = client.request(request).await.map_err(classified)?;
            HttpResponse::try_from(response.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// What the SDK is to think of an error: all of them are worth another attempt, but for those of the request itself.
fn classified(error: hyper_util::client::legacy::Error) -> ConnectorError {
    let is_users =
        error.source().and_then(|source| source.downcast_ref::<hyper::Error>()).is_some_and(hyper::Error::is_user);
    if is_users { ConnectorError::user(error.into()) } else { ConnectorError::io(error.into()) }
}
