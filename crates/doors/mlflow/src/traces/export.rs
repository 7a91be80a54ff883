//! OpenTelemetry's protocol over HTTP (OTLP/HTTP 1.x): spans as protocol buffers or as JSON, compressed or as they are.

use std::io::Read;

use actix_web::web::{self, Bytes};
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

/// How long an encoded body may be once it is decoded, in bytes.
const MAX_DECODED: usize = 16 << 20;

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
    let body = match text("content-encoding").map(str::to_owned) {
        // Others of this thread do not wait for it.
        Some(encoding) => web::block(move || decoded(body, &encoding))
            .await
            .map_err(|error| Error::unavailable("the body cannot be decoded now").caused_by(error))??,
        None => body,
    };
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

/// The body as it was before its client encoded it.
fn decoded(body: Bytes, encoding: &str) -> Result<Bytes> {
    let mut decoded = Vec::new();
    let limit = MAX_DECODED as u64 + 1;
    let read = match encoding.to_ascii_lowercase().as_str() {
        "" | "identity" => return Ok(body),
        "gzip" => MultiGzDecoder::new(body.as_ref()).take(limit).read_to_end(&mut decoded),
        "deflate" => ZlibDecoder::new(body.as_ref()).take(limit).read_to_end(&mut decoded),
        _ => {
            let message = "spans are taken as they are, or packed with `gzip` or `deflate`";
            return Err(Error::invalid("Content-Encoding", message));
        }
    };
    read.map_err(|error| Error::invalid_body(format!("the body is not packed with `{encoding}`: {error}")))?;
    if decoded.len() > MAX_DECODED {
        return Err(Error::too_large(format!("the body is longer than {MAX_DECODED} bytes once it is unpacked")));
    }
    Ok(decoded.into())
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
    fn bodies_are_decoded_within_a_limit() {
        assert_eq!(decoded(Bytes::from_static(b"x"), "").unwrap(), "x");
        assert_eq!(decoded([gzip(b"one"), gzip(b"two")].concat().into(), "GZIP").unwrap(), "onetwo");
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(b"three").unwrap();
        assert_eq!(decoded(encoder.finish().unwrap().into(), "deflate").unwrap(), "three");
        let zeros = |size: usize| decoded(gzip(&vec![0; size]).into(), "gzip");
        assert_eq!(zeros(MAX_DECODED).unwrap().len(), MAX_DECODED);
        assert_eq!(zeros(MAX_DECODED + 1).unwrap_err().kind(), ErrorKind::TooLarge);
        assert_eq!(decoded(Bytes::from_static(b"x"), "gzip").unwrap_err().kind(), ErrorKind::InvalidBody);
        assert_eq!(decoded(Bytes::from_static(b"x"), "br").unwrap_err().field(), Some("Content-Encoding"));
    }
}
