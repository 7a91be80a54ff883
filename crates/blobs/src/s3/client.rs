//! The client: whose credentials, which server, and how long it may take.

use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    Builder, Credentials, ProvideCredentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    StalledStreamProtectionConfig,
};

use super::http;
use crate::{AccessKeys, S3Location};
use modelport_domain::{Error, Result};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// For one attempt at a request that carries no bytes, and for the head of one that answers with bytes.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);
/// How long the bytes of a request or an answer may stand still.
const STALL_TIMEOUT: Duration = Duration::from_secs(20);
/// The slowest link, in bytes per second, over which a part still arrives.
const SLOWEST: u64 = 64 << 10;
const ATTEMPTS: u32 = 3;
/// What the further attempts may add: enough where the first one failed soon, little where it got no answer.
const RETRY_TIMEOUT: Duration = Duration::from_secs(15);

/// A client for the server of `location`, with these credentials, or else those of the usual AWS chain.
pub(super) async fn connect(location: &S3Location, keys: Option<&AccessKeys>) -> Result<Client> {
    let region = RegionProviderChain::first_try(location.region.clone().map(Region::new))
        .or_else(EnvironmentVariableRegionProvider::new())
        .or_else("us-east-1");
    let stalls = StalledStreamProtectionConfig::enabled().grace_period(STALL_TIMEOUT).build();
    let defaults = aws_config::defaults(BehaviorVersion::latest()).http_client(http::client(CONNECT_TIMEOUT)?);
    let defaults = match keys {
        Some(keys) => defaults.credentials_provider(Credentials::new(&keys.id, &keys.secret, None, None, "settings")),
        None => defaults,
    };
    let shared = defaults
        .region(region)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(timeouts(ATTEMPT_TIMEOUT))
        .stalled_stream_protection(stalls)
        .load()
        .await;
    let missing = || Error::unavailable(format!("no AWS credentials were found for bucket `{}`", location.bucket));
    let credentials = shared.credentials_provider().ok_or_else(missing)?;
    credentials.provide_credentials().await.map_err(|error| missing().caused_by(error))?;

    // A part carries the checksum that was computed while it arrived; the digest says whether a download is whole.
    let config = Builder::from(&shared)
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .force_path_style(location.path_style.unwrap_or(location.endpoint.is_some()));
    let config = match &location.endpoint {
        Some(endpoint) => config.endpoint_url(endpoint),
        None => config,
    };
    Ok(Client::from_conf(config.build()))
}

/// The settings for a request that may take `attempt` at each of its attempts.
pub(super) fn patient(attempt: Duration) -> Builder {
    Builder::new().timeout_config(timeouts(attempt))
}

/// The settings for a request that carries `bytes`: a slow link is waited for, one that stands still is not.
pub(super) fn carrying(bytes: u64) -> Builder {
    patient(STALL_TIMEOUT + Duration::from_secs(bytes / SLOWEST))
}

/// The settings for a request that has one attempt, of `attempt`.
pub(super) fn once(attempt: Duration) -> Builder {
    patient(attempt).retry_config(RetryConfig::disabled())
}

fn timeouts(attempt: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(attempt)
        .operation_timeout(attempt + RETRY_TIMEOUT)
        .build()
}
