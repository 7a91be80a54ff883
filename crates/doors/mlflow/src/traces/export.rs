//! OpenTelemetry's protocol over HTTP (OTLP/HTTP 1.x): spans as protocol buffers or as JSON, and packed as clients do.

use std::io::Read;

use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use prost::Message as _;

use super::otlp::ExportTraceServiceRequest;
use super::{otlp_json, received};
use crate::domain::{Error, Result};
use crate::error::Answer;
use crate::http::caller::Caller;
use crate::http::media_type::essence;
use crate::input::missing;
use crate::wire::experiment_ref;

/// The media type of protocol buffers.
const PROTOBUF: &str = "application/x-protobuf";

/// The media type of JSON.
const JSON: &str = "application/json";

/// The longest body that a packed one may become, in bytes.
const MAX_UNPACKED: usize = 16 << 20;

/// How many spans one request may have.
const MAX_SPANS: usize = 10_000;

/// Takes spans.
pub async fn export(caller: Caller, request: HttpRequest, body: Bytes) -> Answer {
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let media_type = text("content-type").map(essence).unwrap_or_default();
    let answered = [PROTOBUF, JSON].into_iter().find(|known| *known == media_type);
    let answered = answered
        .ok_or_else(|| Error::invalid("Content-Type", format!("spans are taken as `{PROTOBUF}` or `{JSON}`")))?;
    let experiment = text("x-mlflow-experiment-id").filter(|id| !id.is_empty());
    let experiment = experiment_ref(experiment.ok_or_else(|| missing("x-mlflow-experiment-id"))?)?;
    let run = text("x-mlflow-run-id").filter(|id| !id.is_empty()).map(str::parse).transpose()?;
    let body = unpacked(body, text("content-encoding").unwrap_or_default())?;
    let message = match answered {
        JSON => otlp_json::read(&body)?,
        _ => ExportTraceServiceRequest::decode(body).map_err(|error| {
            Error::invalid_body(format!("the body has no spans in OpenTelemetry's protocol: {error}"))
        })?,
    };
    let scopes = message.resource_spans.iter().flat_map(|of_resource| &of_resource.scope_spans);
    let count: usize = scopes.map(|scope| scope.spans.len()).sum();
    if count > MAX_SPANS {
        return Err(Error::too_large(format!("the request has {count} spans, more than {MAX_SPANS}")).into());
    }
    let received = received::read(&message, run.as_ref())?;
    if !received.spans.is_empty() {
        caller.registry.tracking.put_spans(&caller.context, experiment, received.traces, received.spans).await?;
    }
    // An answer without fields has no bytes as protocol buffers.
    let mut answer = HttpResponse::Ok();
    answer.content_type(answered);
    Ok(if answered == JSON { answer.body("{}") } else { answer.finish() })
}

/// The body as it was before its client packed it.
fn unpacked(body: Bytes, encoding: &str) -> Result<Bytes> {
    let mut unpacked = Vec::new();
    let limit = MAX_UNPACKED as u64 + 1;
    let read = match encoding.to_ascii_lowercase().as_str() {
        "" | "identity" => return Ok(body),
        "gzip" => MultiGzDecoder::new(body.as_ref()).take(limit).read_to_end(&mut unpacked),
        "deflate" => ZlibDecoder::new(body.as_ref()).take(limit).read_to_end(&mut unpacked),
        _ => {
            let message = "spans are taken as they are, or packed with `gzip` or `deflate`";
            return Err(Error::invalid("Content-Encoding", message));
        }
    };
    read.map_err(|error| Error::invalid_body(format!("the body is not packed with `{encoding}`: {error}")))?;
    if unpacked.len() > MAX_UNPACKED {
        return Err(Error::too_large(format!("the body is longer than {MAX_UNPACKED} bytes once it is unpacked")));
    }
    Ok(unpacked.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};

    use super::*;
    use crate::domain::ErrorKind;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn bodies_are_unpacked_within_a_limit() {
        assert_eq!(unpacked(Bytes::from_static(b"x"), "").unwrap(), "x");
        assert_eq!(unpacked([gzip(b"one"), gzip(b"two")].concat().into(), "GZIP").unwrap(), "onetwo");
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(b"three").unwrap();
        assert_eq!(unpacked(encoder.finish().unwrap().into(), "deflate").unwrap(), "three");
        let zeros = |size: usize| unpacked(gzip(&vec![0; size]).into(), "gzip");
        assert_eq!(zeros(MAX_UNPACKED).unwrap().len(), MAX_UNPACKED);
        assert_eq!(zeros(MAX_UNPACKED + 1).unwrap_err().kind(), ErrorKind::TooLarge);
        assert_eq!(unpacked(Bytes::from_static(b"x"), "gzip").unwrap_err().kind(), ErrorKind::InvalidBody);
        assert_eq!(unpacked(Bytes::from_static(b"x"), "br").unwrap_err().field(), Some("Content-Encoding"));
    }
}
