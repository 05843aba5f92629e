//! Our key inside a memo: the TEG's history shows memos but no idempotency keys, so a transfer is
//! found again by the key that its memo ends with.

use uuid::Uuid;

/// Longest message of the published API, in characters.
const LONGEST: usize = 256;
const MARK: &str = " #";

/// The message to send; nothing when memo and key do not fit together. A memo that ends with the
/// key as it is, such as `withdrawal:<key>`, stays as it is.
pub(crate) fn message(memo: &str, key: Uuid) -> Option<String> {
    let message = if memo.ends_with(&key.hyphenated().to_string()) {
        memo.to_owned()
    } else {
        format!("{memo}{MARK}{}", key.simple())
    };
    (message.chars().count() <= LONGEST).then_some(message)
}

/// The memo and the key of a message of ours. Never ask it about a stranger's message: anybody
/// can write our keys.
pub(crate) fn parts(message: &str) -> (&str, Option<Uuid>) {
    if let Some((memo, key)) = message.rsplit_once(MARK)
        && key.len() == 32
        && let Ok(key) = Uuid::try_parse(key)
    {
        return (memo, Some(key));
    }
    let tail = message.len().checked_sub(36).and_then(|at| message.get(at..));
    (message, tail.and_then(|tail| Uuid::try_parse(tail).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_gives_back_its_memo_and_key() {
        let key = Uuid::from_u128(0x0197_f3a2_7c1e_7aaa_8b1b_0242_ac12_0002);
        let other = Uuid::from_u128(7);
        let check = |memo: &str, expect: &str| {
            let sent = message(memo, key).unwrap();
            assert_eq!(sent, expect);
            assert_eq!(parts(&sent), (memo, Some(key)), "{memo}");
        };
        check("", " #0197f3a27c1e7aaa8b1b0242ac120002");
        check("hello é", "hello é #0197f3a27c1e7aaa8b1b0242ac120002");
        check(&format!("withdrawal:{key}"), "withdrawal:0197f3a2-7c1e-7aaa-8b1b-0242ac120002");
        let foreign = format!("withdrawal:{other}");
        check(&foreign, &format!("{foreign} #{}", key.simple()));
        let twice = format!("x #{}", other.simple());
        check(&twice, &format!("{twice} #{}", key.simple()));
        assert!(message(&"é".repeat(222), key).is_some());
        assert_eq!(message(&"é".repeat(223), key), None);
        for strange in [
            "",
            "thanks",
            "#",
            " #",
            " #12",
            &"é".repeat(40),
            "x #nohexnohexnohexnohexnohexnohex12",
        ] {
            assert_eq!(parts(strange), (strange, None), "{strange}");
        }
    }
}
