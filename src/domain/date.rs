//! Dates as Intel's edge model registry writes them: `YYYY-MM-DD HH:MM:SS.ffffff UTC`.

use time::format_description::StaticFormatDescription;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::Millis;

const WRITTEN: StaticFormatDescription =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:6] UTC");

/// The time as text; nothing for one beyond the year 9999.
pub fn write(at: Millis) -> String {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at) * 1_000_000);
    at.ok().and_then(|at| at.format(WRITTEN).ok()).unwrap_or_default()
}

/// The time that the text says, to the millisecond.
pub fn read(text: &str) -> Option<Millis> {
    let at = PrimitiveDateTime::parse(text, WRITTEN).ok()?.assume_utc();
    i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000_000)).ok()
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
            assert_eq!((write(at).as_str(), read(shown)), (shown, Some(at)));
        }
        assert_eq!(read("2023-11-14 22:13:20.123999 UTC"), Some(1_700_000_000_123));
        for odd in ["", "2023-11-14", "2023-02-30 22:13:20.123999 UTC", "2023-11-14T22:13:20.123999 UTC"] {
            assert_eq!(read(odd), None, "{odd}");
        }
        assert_eq!(write(i64::MAX), "");
    }
}
