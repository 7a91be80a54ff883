//! The deadline of a call (`grpc-timeout`), answered with DEADLINE_EXCEEDED; tonic alone would answer CANCELLED.

use std::time::Duration;

use tonic::codegen::http::HeaderMap;

const HEADER: &str = "grpc-timeout";

/// How much before tonic's own timeout a call ends.
const EARLIER: Duration = Duration::from_millis(5);

/// How long the client waits; `None` for ever.
pub(super) fn of(headers: &HeaderMap) -> Option<Duration> {
    parse(headers.get(HEADER)?.to_str().ok()?)
}

/// At most eight digits and a unit, as gRPC's specification has it.
fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(amount * 3600),
        "M" => Duration::from_secs(amount * 60),
        "S" => Duration::from_secs(amount),
        "m" => Duration::from_millis(amount),
        "u" => Duration::from_micros(amount),
        "n" => Duration::from_nanos(amount),
        _ => return None,
    })
}

/// The result of the work, or DEADLINE_EXCEEDED once the client's deadline passed.
pub(super) async fn within<T>(patience: Option<Duration>, work: impl Future<Output = T>) -> Option<T> {
    match patience {
        Some(patience) => tokio::time::timeout(patience.saturating_sub(EARLIER), work).await.ok(),
        None => Some(work.await),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_has_a_unit() {
        assert_eq!(parse("1S"), Some(Duration::from_secs(1)));
        assert_eq!(parse("99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
        assert_eq!(parse("250m"), Some(Duration::from_millis(250)));
        for bad in ["", "S", "1", "1x", "123456789S", "-1S", "1 S", "ü"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
