//! Which addresses a stranger's URL may lead to: only those that the whole internet can reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Special-purpose IPv4 (IANA registry): a first address and how many bits of it count.
const SPECIAL_V4: [(Ipv4Addr, u32); 15] = [
    // This network; connecting to it reaches the machine itself.
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    // Private.
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    // Behind the provider's address translation.
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    // Loopback.
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // Link-local: clouds answer here with secrets.
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    // Protocol assignments.
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    // Documentation.
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    // Relays into IPv6, given up.
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    // Benchmarks.
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    // Multicast.
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    // Reserved, with the broadcast address.
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// What the internet routes; loopback, link-local, unique local, multicast, site-local and the
/// unspecified address are outside.
const GLOBAL_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Special purposes inside of it.
const SPECIAL_V6: [(Ipv6Addr, u32); 4] = [
    // Protocol assignments: Teredo carries an IPv4 address that nobody checks, ORCHID none at all.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    // Documentation.
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
    // 6to4 carries an IPv4 address; given up.
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
];

/// IPv6 addresses whose last 32 bits are an IPv4 address that the connection ends at.
const EMBEDDED_V4: [(Ipv6Addr, u32); 2] = [
    // IPv4-mapped.
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96),
    // NAT64: how hosts without IPv4 reach the rest of the internet.
    (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96),
];

/// Whether the whole internet can reach this address.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !SPECIAL_V4.iter().any(|block| inside_v4(v4, *block)),
        IpAddr::V6(v6) if EMBEDDED_V4.iter().any(|block| inside_v6(v6, *block)) => {
            let [.., a, b, c, d] = v6.octets();
            is_public(IpAddr::V4(Ipv4Addr::new(a, b, c, d)))
        }
        IpAddr::V6(v6) => {
            inside_v6(v6, GLOBAL_V6) && !SPECIAL_V6.iter().any(|block| inside_v6(v6, *block))
        }
    }
}

fn inside_v4(address: Ipv4Addr, (first, bits): (Ipv4Addr, u32)) -> bool {
    (address.to_bits() ^ first.to_bits()).leading_zeros() >= bits
}

fn inside_v6(address: Ipv6Addr, (first, bits): (Ipv6Addr, u32)) -> bool {
    (address.to_bits() ^ first.to_bits()).leading_zeros() >= bits
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(addresses: &str, expect: bool) {
        for text in addresses.split_whitespace() {
            assert_eq!(is_public(text.parse().unwrap()), expect, "{text}");
        }
    }

    #[test]
    fn what_the_internet_reaches() {
        check("1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 93.184.216.34 223.255.255.255", true);
        check("100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255", true);
        check("172.15.255.255 172.32.0.0 192.0.1.0 192.0.3.0 192.167.255.255 192.169.0.0", true);
        check("198.17.255.255 198.20.0.0 198.51.99.255 203.0.112.255 203.0.114.0", true);
        check("2606:4700:4700::1111 2001:200:: 2400:: 2003::1 3ffe:: 2a00:1450::1", true);
        check("::ffff:1.1.1.1 64:ff9b::8.8.8.8", true);
    }

    #[test]
    fn what_it_does_not() {
        check("0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 127.0.0.1 127.1.2.3 127.255.255.255", false);
        check("100.64.0.0 100.127.255.255 169.254.0.0 169.254.169.254 169.254.255.255", false);
        check("172.16.0.0 172.31.255.255 192.168.0.0 192.168.255.255 192.0.0.0 192.0.0.255", false);
        check("192.0.2.1 198.51.100.1 203.0.113.255 192.88.99.1 198.18.0.0 198.19.255.255", false);
        check("224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.254 255.255.255.255", false);
        check(":: ::1 ::127.0.0.1 ::8.8.8.8 100::1 fe80::1 febf::1 fec0::1 ff02::1 ff0e::1", false);
        check("fc00::1 fd12:3456::1 fdff:ffff::1 2001:: 2001:0:1:2::3 2001:2::1 2001:20::1", false);
        check("2001:1ff:ffff::1 2001:db8::1 2001:db8:ffff::1 3fff::1 3fff:fff::1 5f00::1", false);
        check("2002:7f00:1::1 2002:808:808::1 64:ff9b:1::8.8.8.8 64:ff9a::1", false);
    }

    #[test]
    fn an_ipv4_address_in_other_clothes() {
        check("::ffff:127.0.0.1 ::ffff:10.1.2.3 ::ffff:169.254.169.254 ::ffff:0.0.0.0", false);
        check("64:ff9b::127.0.0.1 64:ff9b::192.168.1.1 64:ff9b::a9fe:a9fe", false);
        check("::ffff:0:127.0.0.1 ::ffff:0:8.8.8.8", false);
    }

    proptest! {
        /// The standard library's own classes, as far as they are stable, are a subset.
        #[test]
        fn no_class_of_the_standard_library_is_public(bits in any::<u32>()) {
            let v4 = Ipv4Addr::from_bits(bits);
            let special = v4.is_private() || v4.is_loopback() || v4.is_link_local()
                || v4.is_multicast() || v4.is_broadcast() || v4.is_documentation()
                || v4.is_unspecified();
            prop_assert!(!special || !is_public(v4.into()));
            prop_assert_eq!(is_public(v4.into()), is_public(v4.to_ipv6_mapped().into()));
        }

        #[test]
        fn nor_of_ipv6(bits in any::<u128>(), head in 0..=0xffff_u128) {
            let v6 = Ipv6Addr::from_bits((bits >> 16) | (head << 112));
            let special = v6.is_loopback() || v6.is_multicast() || v6.is_unspecified()
                || v6.is_unique_local() || v6.is_unicast_link_local();
            prop_assert!(!special || !is_public(v6.into()));
        }
    }
}
