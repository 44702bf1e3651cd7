//! Addresses in lines and labels: one address, a prefix, or a range.

use std::net::IpAddr;

/// What an address has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum IpTest {
    Address(IpAddr),
    Prefix(IpAddr, u32),
    Range(IpAddr, IpAddr),
}

impl IpTest {
    /// Reads `10.0.0.1`, `10.0.0.0/8` or `10.0.0.1-10.0.0.9`.
    pub(crate) fn parse(pattern: &str) -> Result<Self, String> {
        if let Ok(address) = pattern.parse() {
            return Ok(IpTest::Address(address));
        }
        if let Some((address, bits)) = pattern.rsplit_once('/') {
            let plain = bits.bytes().all(|b| b.is_ascii_digit()) && (bits == "0" || !bits.starts_with('0'));
            if let (Ok(address), Ok(bits), true) = (address.parse::<IpAddr>(), bits.parse::<u32>(), plain)
                && bits <= if address.is_ipv4() { 32 } else { 128 }
            {
                return Ok(IpTest::Prefix(address, bits));
            }
        }
        if let Some((from, to)) = pattern.split_once('-')
            && let (Ok(from), Ok(to)) = (from.parse::<IpAddr>(), to.parse::<IpAddr>())
            && from.is_ipv4() == to.is_ipv4()
            && from <= to
        {
            return Ok(IpTest::Range(from, to));
        }
        Err(format!("{pattern:?} is no address, no prefix and no range of addresses"))
    }

    fn accepts(&self, address: IpAddr) -> bool {
        match self {
            IpTest::Address(wanted) => *wanted == address,
            IpTest::Range(from, to) => {
                from.is_ipv4() == address.is_ipv4() && *from <= address && address <= *to
            }
            IpTest::Prefix(prefix, bits) => match (prefix, address) {
                (IpAddr::V4(prefix), IpAddr::V4(address)) => {
                    let differing = prefix.to_bits() ^ address.to_bits();
                    *bits == 0 || differing >> (32 - bits) == 0
                }
                (IpAddr::V6(prefix), IpAddr::V6(address)) => {
                    let differing = prefix.to_bits() ^ address.to_bits();
                    *bits == 0 || differing >> (128 - bits) == 0
                }
                _ => false,
            },
        }
    }

    /// Whether an address that is accepted stands somewhere in the text.
    pub(crate) fn found_in(&self, text: &[u8]) -> bool {
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            let is_part: fn(u8) -> bool = if starts_v4(rest) {
                |b| b.is_ascii_digit() || b == b'.'
            } else if starts_v6(rest) {
                |b| b.is_ascii_hexdigit() || b == b':' || b == b'.'
            } else {
                at += 1;
                continue;
            };
            let len = rest.iter().position(|&b| !is_part(b)).unwrap_or(rest.len());
            let address = std::str::from_utf8(&rest[..len]).ok().and_then(|text| text.parse().ok());
            if address.is_some_and(|address| self.accepts(address)) {
                return true;
            }
            at += len + 1;
        }
        false
    }
}

/// A digit with a dot soon behind it, and at least four bytes.
fn starts_v4(text: &[u8]) -> bool {
    match text {
        [first, a, b, c, ..] => first.is_ascii_digit() && [a, b, c].contains(&&b'.'),
        _ => false,
    }
}

/// `::` and a digit, or up to four digits and a colon.
fn starts_v6(text: &[u8]) -> bool {
    if let [b':', b':', third, ..] = text {
        return third.is_ascii_hexdigit();
    }
    let digits = text.iter().take(4).take_while(|b| b.is_ascii_hexdigit()).count();
    digits > 0 && text.get(digits) == Some(&b':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_in_text() {
        let found = |pattern: &str, text: &str| IpTest::parse(pattern).unwrap().found_in(text.as_bytes());
        assert!(found("192.168.0.1", "vpn 192.168.0.1 connected"));
        assert!(found("192.168.4.5/16", "from 192.168.200.1,"));
        assert!(found("10.0.0.1-10.0.0.9", "10.0.0.5") && !found("10.0.0.1-10.0.0.9", "10.0.0.10"));
        assert!(found("2001:db8::/32", "addr=2001:db8::1 ok") && !found("2001:db8::/32", "2001:db9::1"));
        assert!(!found("0.0.0.0/0", "1.2.3 and 300.1.1.1"));
    }

    #[test]
    fn broken_patterns_are_refused() {
        for pattern in ["", "1.2.3", "1.2.3.4/33", "1.2.3.4/08", "1.2.3.9-1.2.3.4", "1.2.3.4-::1", "x"] {
            assert!(IpTest::parse(pattern).is_err(), "{pattern}");
        }
    }
}
