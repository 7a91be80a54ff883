//! How many requests a principal and an address may send to this process, through all doors together.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use super::token_buckets::{Buckets, Rate};
use crate::domain::access::PrincipalId;
use crate::domain::{Error, Result};

/// How many; where nothing is said, any number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestRates {
    /// Of a principal in a second, on average.
    pub of_principal: Option<NonZeroU32>,
    /// From an address in a second, on average.
    pub of_peer: Option<NonZeroU32>,
    /// For how many seconds they may come at once, after as long a pause.
    pub burst_seconds: NonZeroU32,
    /// With credentials that do not count, from an address in a minute.
    pub failed_logins: Option<NonZeroU32>,
}

/// Limits how many requests are answered.
pub struct RequestLimits {
    principals: Option<Buckets<PrincipalId>>,
    peers: Option<Buckets<IpAddr>>,
    failed_logins: Option<Buckets<IpAddr>>,
    since: Instant,
}

impl RequestLimits {
    /// These limits; `None` where there are none.
    pub fn new(rates: RequestRates) -> Option<Self> {
        let RequestRates { of_principal, of_peer, burst_seconds, failed_logins } = rates;
        if (of_principal, of_peer, failed_logins) == (None, None, None) {
            return None;
        }
        let rate = |per_second: NonZeroU32| Rate {
            every: Duration::from_secs(1) / per_second.get(),
            size: per_second.get().saturating_mul(burst_seconds.get()),
        };
        let logins =
            |per_minute: NonZeroU32| Rate { every: Duration::from_secs(60) / per_minute.get(), size: per_minute.get() };
        Some(Self {
            principals: of_principal.map(rate).map(Buckets::new),
            peers: of_peer.map(rate).map(Buckets::new),
            failed_logins: failed_logins.map(logins).map(Buckets::new),
            since: Instant::now(),
        })
    }

    /// Counts a request from an address. One from nowhere that is known has no limit.
    ///
    /// Errors: TooManyRequests.
    pub(super) fn admit_from(&self, peer: Option<IpAddr>) -> Result<()> {
        self.take(self.peers.as_ref(), peer.map(network), "this address sends more requests than it may")
    }

    /// Counts a request of a principal.
    ///
    /// Errors: TooManyRequests.
    pub(super) fn admit_of(&self, principal: PrincipalId) -> Result<()> {
        self.take(self.principals.as_ref(), Some(principal), "you send more requests than you may")
    }

    /// Counts credentials from an address that do not count. What counts is never refused for those.
    ///
    /// Errors: TooManyRequests.
    pub(super) fn admit_failed_login(&self, peer: Option<IpAddr>) -> Result<()> {
        self.take(
            self.failed_logins.as_ref(),
            peer.map(network),
            "this address sends too many credentials that do not count",
        )
    }

    fn take<K: Eq + std::hash::Hash>(&self, buckets: Option<&Buckets<K>>, key: Option<K>, what: &str) -> Result<()> {
        let (Some(buckets), Some(key)) = (buckets, key) else { return Ok(()) };
        buckets.take(key, self.since.elapsed()).map_err(|wait| {
            let seconds = whole_seconds(wait);
            Error::too_many_requests(format!("{what}: try again in {seconds} s"), wait)
        })
    }
}

/// So many seconds, rounded up, as `Retry-After` has them (RFC 9110 §10.2.3).
pub fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// What counts as one address: with IPv6, all that one customer has at least (RFC 6177).
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(whole) => IpAddr::V6(Ipv6Addr::from_bits(whole.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ErrorKind;

    fn limits(rates: RequestRates) -> RequestLimits {
        RequestLimits::new(rates).unwrap()
    }

    fn rates() -> RequestRates {
        RequestRates { burst_seconds: NonZeroU32::MIN, of_principal: None, of_peer: None, failed_logins: None }
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn without_limits_there_is_nothing_to_ask() {
        assert!(RequestLimits::new(rates()).is_none());
    }

    #[test]
    fn each_limit_is_one_of_its_own() {
        let limits =
            limits(RequestRates { of_principal: NonZeroU32::new(2), failed_logins: NonZeroU32::new(1), ..rates() });
        let peer = Some(ip("192.0.2.1"));
        for _ in 0..50 {
            limits.admit_from(peer).unwrap();
        }
        limits.admit_failed_login(peer).unwrap();
        let refused = limits.admit_failed_login(peer).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::TooManyRequests);
        assert!((55..=60).contains(&refused.retry_after().unwrap().as_secs()), "{refused:?}");
        limits.admit_failed_login(Some(ip("192.0.2.2"))).unwrap();
        limits.admit_failed_login(None).unwrap();
        let taken = (0..9).filter(|_| limits.admit_of(PrincipalId(7)).is_ok()).count();
        assert!((2..9).contains(&taken), "{taken}");
        limits.admit_of(PrincipalId(8)).unwrap();
    }

    #[test]
    fn what_a_customer_has_of_ipv6_is_one_address() {
        let limits = limits(RequestRates { failed_logins: NonZeroU32::new(1), ..rates() });
        limits.admit_failed_login(Some(ip("2001:db8::1"))).unwrap();
        limits.admit_failed_login(Some(ip("2001:db8::5:6:7:8"))).unwrap_err();
        limits.admit_failed_login(Some(ip("2001:db8:0:1::1"))).unwrap();
    }

    #[test]
    fn seconds_are_rounded_up() {
        for (wait, seconds) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (59_999, 60)] {
            assert_eq!(whole_seconds(Duration::from_millis(wait)), seconds);
        }
    }
}
