//! When to try again, as clients of gRPC read it: `google.rpc.RetryInfo` among the details of a status, which travel as a
//! `google.rpc.Status` in `grpc-status-details-bin` (googleapis, google/rpc/status.proto and error_details.proto).

use std::time::Duration;

use prost::Message;
use prost_types::Any;
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

use crate::http::limits::whole_seconds;

/// What the type of [`RetryInfo`] is called in an `Any`.
const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";

/// `google.rpc.RetryInfo`
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<prost_types::Duration>,
}

/// `google.rpc.Status`
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

/// A status that says when to try again: in its details, and in `retry-after` in seconds.
pub(super) fn status(code: Code, message: String, wait: Duration) -> Status {
    let seconds = whole_seconds(wait);
    let delay = prost_types::Duration { seconds: i64::try_from(seconds).unwrap_or(i64::MAX), nanos: 0 };
    let info = RetryInfo { retry_delay: Some(delay) }.encode_to_vec();
    let details = vec![Any { type_url: RETRY_INFO.to_owned(), value: info }];
    let whole = RpcStatus { code: code.into(), message: message.clone(), details }.encode_to_vec();
    let mut metadata = MetadataMap::new();
    metadata.insert("retry-after", seconds.into());
    Status::with_details_and_metadata(code, message, whole.into(), metadata)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_details_say_when_to_try_again() {
        let status = status(Code::ResourceExhausted, "too many".to_owned(), Duration::from_millis(1500));
        assert_eq!(status.metadata().get("retry-after").unwrap(), "2");
        let whole = RpcStatus::decode(status.details()).unwrap();
        assert_eq!((whole.code, whole.message.as_str()), (8, "too many"));
        assert_eq!(whole.details[0].type_url, RETRY_INFO);
        let info = RetryInfo::decode(whole.details[0].value.as_slice()).unwrap();
        assert_eq!(info.retry_delay.unwrap().seconds, 2);
    }
}
