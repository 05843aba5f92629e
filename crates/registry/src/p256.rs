//! Public keys of P-256 as `did:key` has them: compressed, while whoever verifies wants the point.
//!
//! Only public data is computed with, so nothing here needs to take the same time.

use std::cmp::Ordering;

/// A number below 2^256, least significant limb first.
type Number = [u64; 4];

/// The field's prime.
const P: Number = [0xffff_ffff_ffff_ffff, 0x0000_0000_ffff_ffff, 0, 0xffff_ffff_0000_0001];
/// The curve's constant: y² = x³ − 3x + b.
const B: Number =
    [0x3bce_3c3e_27d2_604b, 0x651d_06b0_cc53_b0f6, 0xb3eb_bd55_7698_86bc, 0x5ac6_35d8_aa3a_93e7];
/// (p + 1) / 4: raised to this, a square becomes its root.
const ROOT: Number =
    [0x0000_0000_0000_0000, 0x0000_0000_4000_0000, 0x4000_0000_0000_0000, 0x3fff_ffff_c000_0000];

fn compare(a: &Number, b: &Number) -> Ordering {
    a.iter().rev().cmp(b.iter().rev())
}

/// The sum without its carry, and the carry.
fn add_wide(a: &Number, b: &Number) -> (Number, bool) {
    let (mut sum, mut carry) = ([0; 4], false);
    for ((out, x), y) in sum.iter_mut().zip(a).zip(b) {
        let (part, first) = x.overflowing_add(*y);
        let (part, second) = part.overflowing_add(u64::from(carry));
        (*out, carry) = (part, first || second);
    }
    (sum, carry)
}

fn subtract_wide(a: &Number, b: &Number) -> Number {
    let (mut rest, mut borrow) = ([0; 4], false);
    for ((out, x), y) in rest.iter_mut().zip(a).zip(b) {
        let (part, first) = x.overflowing_sub(*y);
        let (part, second) = part.overflowing_sub(u64::from(borrow));
        (*out, borrow) = (part, first || second);
    }
    rest
}

fn add(a: &Number, b: &Number) -> Number {
    let (sum, carry) = add_wide(a, b);
    if carry || compare(&sum, &P) != Ordering::Less { subtract_wide(&sum, &P) } else { sum }
}

fn subtract(a: &Number, b: &Number) -> Number {
    if compare(a, b) == Ordering::Less {
        subtract_wide(&add_wide(a, &P).0, b)
    } else {
        subtract_wide(a, b)
    }
}

/// Whether a bit is set, counted from the most significant.
fn bit(number: &Number, at: usize) -> bool {
    number[3 - at / 64] >> (63 - at % 64) & 1 == 1
}

fn multiply(a: &Number, b: &Number) -> Number {
    (0..256).fold([0; 4], |sum, at| {
        let doubled = add(&sum, &sum);
        if bit(b, at) { add(&doubled, a) } else { doubled }
    })
}

fn power(base: &Number, exponent: &Number) -> Number {
    (0..256).fold([1, 0, 0, 0], |product, at| {
        let squared = multiply(&product, &product);
        if bit(exponent, at) { multiply(&squared, base) } else { squared }
    })
}

fn read(bytes: &[u8; 32]) -> Number {
    let mut number = [0; 4];
    for (limb, chunk) in number.iter_mut().rev().zip(bytes.chunks_exact(8)) {
        *limb = chunk.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    }
    number
}

fn written(number: &Number) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (chunk, limb) in bytes.chunks_exact_mut(8).zip(number.iter().rev()) {
        chunk.copy_from_slice(&limb.to_be_bytes());
    }
    bytes
}

/// y² at x.
fn square_at(x: &Number) -> Number {
    let cube = multiply(&multiply(x, x), x);
    let thrice = add(&add(x, x), x);
    add(&subtract(&cube, &thrice), &B)
}

/// The uncompressed point (65 bytes) of a compressed one (33 bytes), if it is on the curve.
pub(crate) fn decompress(compressed: &[u8]) -> Option<[u8; 65]> {
    let (sign, x) = compressed.split_first()?;
    if !matches!(*sign, 2 | 3) {
        return None;
    }
    let x: &[u8; 32] = x.try_into().ok()?;
    let number = read(x);
    if compare(&number, &P) != Ordering::Less {
        return None;
    }
    let square = square_at(&number);
    let root = power(&square, &ROOT);
    if multiply(&root, &root) != square {
        return None;
    }
    let is_odd = root[0] & 1 == 1;
    let y = if is_odd == (*sign == 3) { root } else { subtract(&[0; 4], &root) };
    let mut point = [4; 65];
    point[1..33].copy_from_slice(x);
    point[33..].copy_from_slice(&written(&y));
    Some(point)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The curve's base point, from FIPS 186-4.
    const X: [u8; 32] = [
        0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40,
        0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98,
        0xc2, 0x96,
    ];
    const Y: [u8; 32] = [
        0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e,
        0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf,
        0x51, 0xf5,
    ];

    #[test]
    fn the_base_point() {
        let compressed = |sign: u8| [&[sign][..], &X].concat();
        let point = decompress(&compressed(3)).unwrap();
        assert_eq!((&point[1..33], &point[33..]), (&X[..], &Y[..]));
        let other = decompress(&compressed(2)).unwrap();
        assert_eq!(read(other[33..].try_into().unwrap()), subtract(&[0; 4], &read(&Y)));
    }

    #[test]
    fn what_is_no_point() {
        // Half of all x are on no point; one of these is such an x.
        let found = (0..32u8).filter(|last| {
            let mut bytes = [0; 33];
            (bytes[0], bytes[32]) = (2, *last);
            decompress(&bytes).is_some()
        });
        let found = found.count();
        assert!((1..32).contains(&found), "{found}");
        for wrong in [&[2; 32][..], &[5; 33], &[0xff; 33], &[]] {
            assert_eq!(decompress(wrong), None);
        }
        let mut prime = [2; 33];
        prime[1..].copy_from_slice(&written(&P));
        assert_eq!(decompress(&prime), None);
    }
}
