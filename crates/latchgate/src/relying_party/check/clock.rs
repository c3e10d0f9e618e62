//! The provider's clock against ours, by the `Date` of its answer
//! ([RFC 9110 §6.6.1](https://www.rfc-editor.org/rfc/rfc9110#section-6.6.1)).

use http::{HeaderMap, header};

use crate::report::{Finding, FindingCode, counted};

/// The difference that the network and the whole seconds of `Date` may cause, in seconds.
const UNREMARKABLE: u64 = 5;

/// Compares the clocks; `None` if the answer has no date.
pub(super) fn compare(headers: &HeaderMap, now: u64, leeway: u64) -> Option<Finding> {
    let text = |name| headers.get(name)?.to_str().ok();
    let date = seconds(text(header::DATE)?)?;
    // An answer from a cache was dated when it was made (RFC 9111 §5.1).
    let age = text(header::AGE).and_then(|age| age.trim().parse().ok());
    Some(judge(date.saturating_add(age.unwrap_or(0)), now, leeway))
}

fn judge(theirs: u64, ours: u64, leeway: u64) -> Finding {
    let off = ours.abs_diff(theirs);
    let direction = match ours < theirs {
        true => "behind",
        false => "ahead of",
    };
    let code = FindingCode::Clock;
    let cure = "Synchronize this machine's clock with NTP, and the provider's if it is your own";
    let off_by = format!(
        "This machine's clock is {} {direction} the provider's",
        seconds_of(off)
    );
    if off <= UNREMARKABLE {
        let what = format!(
            "This machine's clock agrees with the provider's, to {}",
            seconds_of(off)
        );
        code.ok(what)
    } else if off <= leeway {
        let what = format!("{off_by}; the limit (`leeway`) is {}", seconds_of(leeway));
        code.warning(what, cure)
    } else {
        let what = format!(
            "{off_by}, and the limit (`leeway`) is {}",
            seconds_of(leeway)
        );
        code.mistake(what, cure)
    }
}

fn seconds_of(seconds: u64) -> String {
    counted(usize::try_from(seconds).unwrap_or(usize::MAX), "second")
}

/// Reads `Sun, 06 Nov 1994 08:49:37 GMT`, in seconds since the epoch.
fn seconds(date: &str) -> Option<u64> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (_, date) = date.split_once(", ")?;
    let mut parts = date.split(' ');
    let day: u64 = parts.next()?.parse().ok()?;
    let month = parts.next()?;
    let month = MONTHS.iter().position(|name| *name == month)? as u64;
    let year: u64 = parts.next()?.parse().ok()?;
    let mut time = parts
        .next()?
        .split(':')
        .map(|part| part.parse::<u64>().ok());
    let (hours, minutes, seconds) = (time.next()??, time.next()??, time.next()??);
    if parts.next() != Some("GMT") || !(1970..=9999).contains(&year) || !(1..=31).contains(&day) {
        return None;
    }
    Some(days(year, month, day) * 86_400 + hours * 3_600 + minutes * 60 + seconds)
}

/// The days from 1970-01-01 to this one; months are counted from 0. The year begins in March, so that its last day is the
/// one that is there or not.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = match month {
        0 | 1 => (year - 1, month + 10),
        _ => (year, month - 2),
    };
    let before_the_month = (153 * month + 2) / 5;
    let before_the_year = 365 * year + year / 4 - year / 100 + year / 400;
    before_the_year + before_the_month + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Severity;

    #[test]
    fn dates_are_read() {
        for (date, expected) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Thu, 29 Feb 2024 23:59:59 GMT", Some(1_709_251_199)),
            ("Fri, 01 Mar 2024 00:00:00 GMT", Some(1_709_251_200)),
            ("Tue, 31 Dec 2999 23:59:59 GMT", Some(32_503_679_999)),
            ("Sun, 06 Nov 1994 08:49:37 CET", None),
            ("Sunday, 06-Nov-94 08:49:37 GMT", None),
            ("Sun, 06 Abc 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 08:49", None),
            ("Sun, 06 Nov 0000 08:49:37 GMT", None),
            ("", None),
        ] {
            assert_eq!(seconds(date), expected, "{date}");
        }
    }

    #[test]
    fn a_clock_that_is_off_by_more_than_the_leeway_is_a_mistake() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        let compared = |age: Option<&str>, now| {
            let mut headers = HeaderMap::new();
            headers.insert(header::DATE, date.parse().unwrap());
            if let Some(age) = age {
                headers.insert(header::AGE, age.parse().unwrap());
            }
            compare(&headers, now, 30).unwrap()
        };
        let theirs = 784_111_777;
        for (now, severity, words) in [
            (theirs, Severity::Ok, "agrees"),
            (theirs + 1, Severity::Ok, "to 1 second"),
            (theirs + 5, Severity::Ok, "to 5 seconds"),
            (theirs - 6, Severity::Warning, "6 seconds behind"),
            (theirs + 30, Severity::Warning, "30 seconds ahead of"),
            (theirs + 31, Severity::Mistake, "31 seconds ahead of"),
            (theirs - 3_600, Severity::Mistake, "3600 seconds behind"),
        ] {
            let finding = compared(None, now);
            assert_eq!(finding.severity(), severity, "{finding}");
            assert!(finding.what().contains(words), "{finding}");
            assert!(!finding.what().contains(" 1 seconds"), "{finding}");
        }
        let cached = compared(Some("600"), theirs + 600);
        assert_eq!(cached.severity(), Severity::Ok, "{cached}");
        assert_eq!(compare(&HeaderMap::new(), theirs, 30), None);
    }
}
