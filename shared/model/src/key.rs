//! Record keys and their order.
//!
//! A record's key is unique within its resource. A record that belongs to a parent has the parent's key, a slash, and its
//! own: `812/17`. Within such keys a slash or tilde of a part is written `~1` or `~0`, as in a JSON pointer.
//!
//! Keys are ordered part by part, numbers by value: vendors number their records and list them in that order, so
//! records that arrive in the vendor's order are already sorted, and need not be staged.

use std::{borrow::Cow, cmp::Ordering};

/// Compares two keys: part by part, where parts are separated by slashes. The empty part comes first, then whole
/// numbers by value, then everything else by its bytes.
#[must_use]
pub fn compare(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.split('/'), b.split('/'));
    loop {
        match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(a), Some(b)) => match compare_part(a, b) {
                Ordering::Equal => {}
                unequal => return unequal,
            },
        }
    }
}

fn compare_part(a: &str, b: &str) -> Ordering {
    let rank = |part: &str| match part {
        "" => 0,
        part if is_whole_number(part) => 1,
        _ => 2,
    };
    let (left, right) = (rank(a), rank(b));
    left.cmp(&right)
        .then_with(|| {
            if left == 1 {
                a.len().cmp(&b.len())
            } else {
                Ordering::Equal
            }
        })
        .then_with(|| a.cmp(b))
}

/// Digits only and no leading zero, so that equal values are equal texts.
fn is_whole_number(part: &str) -> bool {
    let bytes = part.as_bytes();
    bytes.iter().all(u8::is_ascii_digit) && (bytes.len() == 1 || bytes[0] != b'0')
}

/// The key of a record that belongs to `parent`: `parent` must already be written as a part of a key.
#[must_use]
pub fn child(parent: &str, own: &str) -> String {
    format!("{parent}/{}", part(own))
}

/// A value as one part of a longer key.
#[must_use]
pub fn part(value: &str) -> Cow<'_, str> {
    if value.contains(['~', '/']) {
        Cow::Owned(value.replace('~', "~0").replace('/', "~1"))
    } else {
        Cow::Borrowed(value)
    }
}

/// The value that [`part`] wrote.
#[must_use]
pub fn unpart(part: &str) -> Cow<'_, str> {
    if part.contains('~') {
        Cow::Owned(part.replace("~1", "/").replace("~0", "~"))
    } else {
        Cow::Borrowed(part)
    }
}

/// The prefix that exactly the keys of `parent`'s children start with; it sorts before all of them.
#[must_use]
pub fn children_of(parent: &str) -> String {
    format!("{parent}/")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_ordered_by_value_and_children_follow_their_prefix() {
        let sorted = [
            "", "0", "9", "10", "10/", "10/9", "10/10", "10/a", "11", "007", "9a", "a", "a/", "a/1", "b",
        ];
        for pair in sorted.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
    }

    proptest! {
        #[test]
        fn the_order_is_total(a in "[0-9a/~]{0,6}", b in "[0-9a/~]{0,6}", c in "[0-9a/~]{0,6}") {
            prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
            prop_assert_eq!(compare(&a, &b) == Ordering::Equal, a == b);
            if compare(&a, &b).is_le() && compare(&b, &c).is_le() {
                prop_assert!(compare(&a, &c).is_le());
            }
        }

        #[test]
        fn the_children_of_a_parent_are_one_range(parent in "[0-9a-b]{1,3}", own in "[0-9a/~]{0,4}", other in "[0-9a/]{0,6}") {
            let (first, child) = (children_of(&parent), child(&parent, &own));
            prop_assert!(compare(&first, &child).is_le());
            prop_assert!(child.starts_with(&first));
            if compare(&first, &other).is_le() && compare(&other, &child).is_le() {
                prop_assert!(other.starts_with(&first), "{} lies between", other);
            }
        }
    }
}
