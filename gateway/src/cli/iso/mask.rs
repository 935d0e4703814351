//! What is shown of values and of text, and what is not.

use iso8583::{Pan, Secrecy, Value};
use zeroize::Zeroizing;

/// Digits of a card number, at least; fewer are references and amounts.
const CARD_DIGITS_MIN: usize = 13;
/// Digits at the end that are shown.
const TAIL_DIGITS: usize = 4;
/// Characters of the longest field that is one number and not text: a merchant id, an amount.
const NUMBER_LENGTH_MAX: usize = 17;
/// Digits in a row that are not repeated from what a person typed.
const STRAY_DIGITS_MIN: usize = 9;

/// What is shown of a field. `None` says that nothing is: the profile calls it personal or
/// sensitive, or it is no card number where one should be.
pub(super) fn value(value: &Value<'_>) -> Option<String> {
    let text = Zeroizing::new(value.to_text());
    match value.field().secrecy {
        Secrecy::Open if has_text(value) => Some(card_numbers(&text)),
        Secrecy::Open if is_card_number(&text) => Some(card_numbers(&text)),
        Secrecy::Open => Some(text.to_string()),
        Secrecy::Pan => Pan::parse(&text).ok().map(|pan| pan.to_string()),
        Secrecy::Personal | Secrecy::Sensitive => None,
    }
}

/// Whether people write into it what they like.
fn has_text(value: &Value<'_>) -> bool {
    let (_, longest) = value.field().length.bounds();
    value.field().content == iso8583::Content::Text && usize::from(longest) > NUMBER_LENGTH_MAX
}

/// Whether it is one from its first to its last digit. Amounts are filled up with zeros.
pub(super) fn is_card_number(text: &str) -> bool {
    let long = text.len() >= CARD_DIGITS_MIN && !text.starts_with('0');
    long && Pan::parse(text).is_ok_and(|pan| pan.luhn_valid())
}

/// Text whose digits are enough for a card number, with the last of them only. Not only numbers with
/// a right check digit, nor only those in one piece: people write what they like.
pub(super) fn card_numbers(text: &str) -> String {
    let mut left = text.bytes().filter(u8::is_ascii_digit).count();
    if left < CARD_DIGITS_MIN {
        return text.to_owned();
    }
    let mask = |character: char| {
        if !character.is_ascii_digit() {
            return character;
        }
        left -= 1;
        if left >= TAIL_DIGITS { '*' } else { character }
    };
    text.chars().map(mask).collect()
}

/// Text that somebody typed, such as a path that is not there: a message that was pasted in its
/// place is not repeated.
pub(super) fn typed(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut run = String::new();
    let close = |run: &mut String, shown: &mut String| {
        match run.len() {
            0..STRAY_DIGITS_MIN => shown.push_str(run),
            hidden => shown.extend(std::iter::repeat_n('*', hidden)),
        }
        run.clear();
    };
    for character in text.chars() {
        // Hex digits count: digits of EBCDIC written in hex have an F in front of each.
        if character.is_ascii_hexdigit() {
            run.push(character);
        } else {
            close(&mut run, &mut shown);
            shown.push(character);
        }
    }
    close(&mut run, &mut shown);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn card_numbers_in_text_are_masked_and_other_numbers_are_not() {
        for (text, shown) in [
            ("", ""),
            ("ACME 12", "ACME 12"),
            ("no 4111111111111111!", "no ************1111!"),
            ("4111 1111-1111x1111", "**** ****-****x1111"),
            ("123456789012", "123456789012"),
            ("00004111111111111111000", "*******************1000"),
        ] {
            assert_eq!(card_numbers(text), shown);
        }
    }

    #[test]
    fn a_number_is_a_card_number_by_its_check_digit() {
        for (text, is) in [
            ("4111111111111111", true),
            ("4111111111111112", false),
            ("0000000000000000", false),
            ("501800000009", false), // twelve digits
            ("", false),
        ] {
            assert_eq!(is_card_number(text), is, "{text}");
        }
    }

    #[test]
    fn long_digits_that_were_typed_are_not_repeated() {
        for (text, shown) in [
            ("message.bin", "message.bin"),
            ("/tmp/20261122/m", "/tmp/20261122/m"),
            ("4111111111111111", "****************"),
            ("F4F1F1F1F1F1.", "************."),
        ] {
            assert_eq!(typed(text), shown);
        }
    }
}
