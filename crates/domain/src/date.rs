//! Dates as Intel's edge model registry writes them, `YYYY-MM-DD HH:MM:SS.ffffff UTC`, and as commands do, which is RFC 3339.

use time::format_description::StaticFormatDescription;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

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

/// The time as RFC 3339 has it, to the second; nothing for one beyond the year 9999.
pub fn to_rfc3339(at: Millis) -> String {
    let at = OffsetDateTime::from_unix_timestamp(at.div_euclid(1000));
    at.ok().and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default()
}

/// The time as RFC 3339 has it, to the millisecond; nothing for one beyond the year 9999.
pub fn to_rfc3339_millis(at: Millis) -> String {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at) * 1_000_000);
    at.ok().and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default()
}

/// The time that a text says as RFC 3339 has it, or the beginning of the day, in UTC, of one that says only that.
pub fn from_rfc3339(text: &str) -> Option<Millis> {
    let whole = if text.len() == "YYYY-MM-DD".len() { format!("{text}T00:00:00Z") } else { text.to_owned() };
    let at = OffsetDateTime::parse(&whole, &Rfc3339).ok()?;
    i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000_000)).ok()
}

/// Whether a text that has the form of a date, `YYYY-MM-DD`, or of one with a time after it, `HH:MM` or `HH:MM:SS`, is one
/// that no calendar or clock has. Any other text may stand for a date.
pub fn is_impossible(text: &str) -> bool {
    let Some(([year, month, day], rest)) = numbers(text, '-', [4, 2, 2]) else { return false };
    let month = u8::try_from(month).ok().and_then(|month| Month::try_from(month).ok());
    let day = u8::try_from(day).unwrap_or_default();
    if !rest.is_empty() && !rest.starts_with([' ', 'T', 't', 'Z', 'z']) {
        return false;
    }
    if month.is_none_or(|month| Date::from_calendar_date(i32::from(year), month, day).is_err()) {
        return true;
    }
    let clock = rest.get(1..).unwrap_or_default();
    let time = numbers(clock, ':', [2, 2, 2]).or_else(|| {
        let ([hour, minute], rest) = numbers(clock, ':', [2, 2])?;
        Some(([hour, minute, 0], rest))
    });
    time.is_some_and(|(parts, _)| {
        let [hour, minute, second] = parts.map(|part| u8::try_from(part).unwrap_or(u8::MAX));
        // A leap second is a second of its minute.
        Time::from_hms(hour, minute, second.min(59)).is_err() || second > 60
    })
}

/// The numbers that the text begins with, which have as many digits as `digits` says and a separator between them, and what is
/// after them.
fn numbers<const N: usize>(text: &str, separator: char, digits: [usize; N]) -> Option<([u16; N], &str)> {
    let mut found = [0; N];
    let mut rest = text;
    for (at, (number, digits)) in found.iter_mut().zip(digits).enumerate() {
        rest = if at == 0 { rest } else { rest.strip_prefix(separator)? };
        let (head, tail) = rest.split_at_checked(digits)?;
        *number = head.bytes().all(|byte| byte.is_ascii_digit()).then(|| head.parse().ok())??;
        rest = tail;
    }
    (!rest.starts_with(|next: char| next.is_ascii_digit())).then_some((found, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_3339_is_read_back() {
        assert_eq!(to_rfc3339(1_700_000_000_999), "2023-11-14T22:13:20Z");
        assert_eq!(from_rfc3339("2023-11-14T22:13:20Z"), Some(1_700_000_000_000));
        assert_eq!(from_rfc3339("2023-11-14T23:13:20.5+01:00"), Some(1_700_000_000_500));
        assert_eq!(from_rfc3339("2023-11-14"), Some(1_699_920_000_000));
        for bad in ["", "2023-11-31", "yesterday", "2023-11-14 22:13"] {
            assert_eq!(from_rfc3339(bad), None, "{bad}");
        }
        assert_eq!(to_rfc3339(i64::MAX), "");
    }

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

    #[test]
    fn what_has_the_form_of_a_date_is_one() {
        for day in ["2024-02-30", "2023-02-29", "2024-13-01", "2024-00-10", "2024-04-31", "2024-01-00", "1900-02-29"] {
            for rest in ["", " 10:00:00", "T10:00:00Z", " somewhere"] {
                assert!(is_impossible(&format!("{day}{rest}")), "{day}{rest}");
            }
        }
        for time in ["24:00", "10:60", "10:00:61", "99:99:99.000000 UTC"] {
            assert!(
                is_impossible(&format!("2024-02-29 {time}")) && is_impossible(&format!("2024-02-29T{time}")),
                "{time}"
            );
        }
        for fine in [
            "",
            "2024-02-29",
            "2000-02-29 23:59:59.999999 UTC",
            "2024-02-29T23:59:60Z",
            "2024-01-01 somewhere",
            "2024-01-01 9:30",
            "yesterday, about noon",
            "30.02.2024",
            "2024-02-300",
            "2024-02-30x",
            "02/30/2024",
            "12024-02-30",
            "ü024-02-30",
            "2024-0",
        ] {
            assert!(!is_impossible(fine), "{fine}");
        }
    }
}
