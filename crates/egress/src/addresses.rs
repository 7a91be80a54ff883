//! Which addresses are public: those that the registries of special-purpose addresses (RFC 6890, IANA) leave to everybody.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(first: u16, second: u16, third: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(first, second, third, 0, 0, 0, 0, 0), length)
}

/// IPv4 that is not public.
const SPECIAL_V4: &[Ipv4Net] = &[
    v4(0, 0, 0, 0, 8),        // this network
    v4(10, 0, 0, 0, 8),       // private
    v4(100, 64, 0, 0, 10),    // shared by carriers
    v4(127, 0, 0, 0, 8),      // loopback
    v4(168, 63, 129, 16, 32), // Azure's host agent, which has a public address
    v4(169, 254, 0, 0, 16),   // link-local, where clouds answer for metadata
    v4(172, 16, 0, 0, 12),    // private
    v4(192, 0, 0, 0, 24),     // protocol assignments
    v4(192, 0, 2, 0, 24),     // documentation
    v4(192, 88, 99, 0, 24),   // relays of 6to4
    v4(192, 168, 0, 0, 16),   // private
    v4(198, 18, 0, 0, 15),    // benchmarks
    v4(198, 51, 100, 0, 24),  // documentation
    v4(203, 0, 113, 0, 24),   // documentation
    v4(224, 0, 0, 0, 4),      // multicast
    v4(240, 0, 0, 0, 4),      // reserved, and broadcast
];

/// All of IPv6 that is given out.
const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 0, 3);

/// What of it is not public.
const SPECIAL_V6: &[Ipv6Net] = &[
    v6(0x2001, 0, 0, 23),     // protocol assignments, Teredo among them
    v6(0x2001, 0xdb8, 0, 32), // documentation
    v6(0x3fff, 0, 0, 20),     // documentation
];

/// Where an IPv4 address is written as the last 32 bits: by RFC 6052's well-known prefix.
const NAT64: Ipv6Net = v6(0x64, 0xff9b, 0, 96);
/// Where it follows the first 16 bits: RFC 3056.
const SIX_TO_FOUR: Ipv6Net = v6(0x2002, 0, 0, 16);

/// What no name leads to, not even an allowed one: link-local addresses, those of groups, and those of nobody.
const NEVER_BY_NAME_V4: &[Ipv4Net] =
    &[v4(0, 0, 0, 0, 8), v4(168, 63, 129, 16, 32), v4(169, 254, 0, 0, 16), v4(224, 0, 0, 0, 4), v4(240, 0, 0, 0, 4)];
const NEVER_BY_NAME_V6: &[Ipv6Net] = &[
    Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 128),
    v6(0xfe80, 0, 0, 10),
    v6(0xff00, 0, 0, 8),
    // Where Amazon's and Google's clouds answer for metadata.
    Ipv6Net::new_assert(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), 128),
    Ipv6Net::new_assert(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254), 128),
];

/// The address that a connection really leads to: the IPv4 address that an IPv6 address of a transition stands for.
pub(crate) fn effective(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let bits = v6.to_bits();
    if let Some(mapped) = v6.to_ipv4_mapped() {
        IpAddr::V4(mapped)
    } else if NAT64.contains(&v6) {
        IpAddr::V4(Ipv4Addr::from_bits(low_32(bits)))
    } else if SIX_TO_FOUR.contains(&v6) {
        IpAddr::V4(Ipv4Addr::from_bits(low_32(bits >> 80)))
    } else {
        address
    }
}

/// The last 32 bits.
fn low_32(bits: u128) -> u32 {
    u32::try_from(bits & u128::from(u32::MAX)).unwrap_or_default()
}

/// Whether everybody's network has it. The address is an effective one.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !SPECIAL_V4.iter().any(|special| special.contains(&address)),
        IpAddr::V6(address) => {
            GLOBAL_V6.contains(&address) && !SPECIAL_V6.iter().any(|special| special.contains(&address))
        }
    }
}

/// Whether a name that is allowed may lead there. The address is an effective one.
pub(crate) fn is_for_names(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !NEVER_BY_NAME_V4.iter().any(|never| never.contains(&address)),
        IpAddr::V6(address) => !NEVER_BY_NAME_V6.iter().any(|never| never.contains(&address)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_open(address: &str) -> bool {
        is_public(effective(address.parse().unwrap()))
    }

    #[test]
    fn special_addresses_are_not_public() {
        for special in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.100.100.200",
            "100.127.255.255",
            "127.0.0.1",
            "127.8.8.8",
            "168.63.129.16",
            "169.254.169.254",
            "169.254.170.2",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:0:10.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::8.8.8.8",
            "100::1",
            "2001::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "2001:10::1",
            "2001:db8::1",
            "2002:a00:1::1",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
            "3fff::1",
            "4000::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_open(special), "{special}");
        }
    }

    #[test]
    fn public_addresses_are_however_they_are_written() {
        for public in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "168.63.129.17",
            "172.15.255.255",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.255.255",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2001:200::1",
            "2002:808:808::1",
            "2606:4700::1111",
            "2a00:1450::1",
        ] {
            assert!(is_open(public), "{public}");
        }
    }

    #[test]
    fn names_lead_nowhere_that_is_link_local_or_nobodys() {
        for (address, is_fine) in [
            ("10.0.0.1", true),
            ("127.0.0.1", true),
            ("::1", true),
            ("fd00::1", true),
            ("8.8.8.8", true),
            ("0.0.0.0", false),
            ("169.254.169.254", false),
            ("168.63.129.16", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("::", false),
            ("::ffff:169.254.169.254", false),
            ("64:ff9b::169.254.169.254", false),
            ("fe80::1", false),
            ("ff02::1", false),
            ("fd00:ec2::254", false),
            ("fd20:ce::254", false),
        ] {
            assert_eq!(is_for_names(effective(address.parse().unwrap())), is_fine, "{address}");
        }
    }

    proptest! {
        /// No way of writing an IPv4 address as an IPv6 one opens it.
        #[test]
        fn a_transition_changes_nothing(bits: u32, rest: u128) {
            let v4 = Ipv4Addr::from_bits(bits);
            let low = u128::from(bits);
            let nat64 = (0x64_ff9b_u128 << 96) | low;
            let six_to_four = (0x2002_u128 << 112) | (low << 80) | (rest & ((1 << 80) - 1));
            for v6 in [v4.to_ipv6_mapped(), Ipv6Addr::from_bits(nat64), Ipv6Addr::from_bits(six_to_four)] {
                prop_assert_eq!(effective(v6.into()), IpAddr::V4(v4));
            }
        }

        /// What the standard library calls private, loopback, link-local, multicast or nobody's is not public.
        #[test]
        fn what_is_known_to_be_special_is_not_public(bits: u32) {
            let v4 = Ipv4Addr::from_bits(bits);
            let is_special = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast()
                || v4.is_broadcast() || v4.is_documentation() || v4.is_unspecified();
            prop_assert!(!(is_special && is_public(v4.into())));
        }

        /// The same of IPv6.
        #[test]
        fn of_ipv6_too(bits: u128) {
            let v6 = Ipv6Addr::from_bits(bits);
            let is_special = v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_multicast() || v6.is_loopback();
            prop_assert!(!(is_special && is_public(effective(v6.into()))));
        }
    }
}
