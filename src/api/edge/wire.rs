//! A record as the edge registry's clients read it.

use serde::Serialize;
use serde_json::{Value as Json, json};
use utoipa::ToSchema;

use crate::domain::Millis;
use crate::domain::record::{DEFAULT_DEVICE, Record};

/// A model. All members are always there.
#[derive(Debug, Serialize, ToSchema)]
pub struct RegisteredModelOut {
    /// 16 or more letters, digits, `_` and `-`.
    pub id: String,
    /// The name.
    pub name: String,
    /// The device that it is meant for.
    pub target_device: String,
    /// As the client said it, or `YYYY-MM-DD HH:MM:SS.ffffff UTC`.
    pub created_date: String,
    /// `YYYY-MM-DD HH:MM:SS.ffffff UTC`.
    pub last_updated_date: String,
    /// `fp32`, `fp16`, `int8` or `int4`.
    #[schema(required)]
    pub precision: Option<Vec<String>>,
    /// How many bytes its archive has.
    #[schema(required)]
    pub size: Option<i64>,
    /// The version.
    pub version: String,
    /// The format of the model.
    #[schema(required)]
    pub format: Option<String>,
    /// Where it comes from.
    #[schema(required)]
    pub origin: Option<String>,
    /// `minio://BUCKET/ID/FILE`.
    pub file_url: String,
    /// The project's id.
    #[schema(required)]
    pub project_id: Option<String>,
    /// The project's name.
    #[schema(required)]
    pub project_name: Option<String>,
    /// The category.
    #[schema(required)]
    pub category: Option<String>,
    /// The kind of the device.
    #[schema(required)]
    pub target_device_type: Option<String>,
    /// How good it is.
    #[schema(required)]
    pub score: Option<f64>,
    /// An object, or text.
    #[schema(required, value_type = Option<Value>)]
    pub overview: Json,
    /// An object, or text.
    #[schema(required, value_type = Option<Value>)]
    pub optimization_capabilities: Json,
    /// Texts, or objects.
    #[schema(required, value_type = Option<Vec<Value>>)]
    pub labels: Json,
    /// The architecture.
    #[schema(required)]
    pub architecture: Option<String>,
}

impl RegisteredModelOut {
    /// The record, as if its archive lay in that bucket.
    pub fn new(record: Record, bucket: &str) -> Self {
        let Record { id, identity, details, created_at, updated_at, file, .. } = record;
        let stored = file.as_ref().and_then(|file| i64::try_from(file.blob.size).ok());
        let path = file.as_ref().map_or("", |file| file.path.as_str());
        Self {
            file_url: format!("minio://{bucket}/{id}/{path}"),
            id: id.to_string(),
            name: identity.name,
            target_device: details.target_device.unwrap_or_else(|| DEFAULT_DEVICE.to_owned()),
            created_date: details.created_date.unwrap_or_else(|| date(created_at)),
            last_updated_date: date(updated_at),
            precision: Some(identity.precision),
            size: details.size.or(stored),
            version: identity.version,
            format: details.format,
            origin: details.origin,
            project_id: identity.project_id,
            project_name: identity.project_name,
            category: details.category,
            target_device_type: details.target_device_type,
            score: Some(details.score.unwrap_or(0.0)),
            overview: details.overview.unwrap_or_else(|| json!({})),
            optimization_capabilities: details.optimization_capabilities.unwrap_or_else(|| json!({})),
            labels: details.labels.unwrap_or_else(|| json!([])),
            architecture: details.architecture,
        }
    }
}

/// A time as the old service wrote it, except that it is UTC as it says.
fn date(at: Millis) -> String {
    let (days, millis) = (at.div_euclid(86_400_000), at.rem_euclid(86_400_000));
    let (year, month, day) = civil(days);
    let [hour, minute, second] =
        [3_600_000, 60_000, 1000].map(|unit| millis / unit % if unit == 3_600_000 { 24 } else { 60 });
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{:06} UTC", millis % 1000 * 1000)
}

/// The date of the day that is so many after 1970-01-01: years of 400 repeat, and begin in March.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (at, shown) in [
            (0, "1970-01-01 00:00:00.000000 UTC"),
            (951_782_399_999, "2000-02-28 23:59:59.999000 UTC"),
            (951_782_400_000, "2000-02-29 00:00:00.000000 UTC"),
            (1_700_000_000_123, "2023-11-14 22:13:20.123000 UTC"),
            (4_107_542_400_000, "2100-03-01 00:00:00.000000 UTC"),
            (-1, "1969-12-31 23:59:59.999000 UTC"),
        ] {
            assert_eq!(date(at), shown);
        }
    }
}
