//! One value, read as the type of its key.

use confique::Layer;
use toml::{Table, Value};

use super::keys::Key;

/// A value of a file, or a default.
pub(super) fn value<L: Layer>(key: &Key, value: &Value) -> Result<L, String> {
    let mut nested = value.clone();
    for name in key.path.rsplit('.') {
        nested = Value::Table(Table::from_iter([(name.to_owned(), nested)]));
    }
    L::deserialize(nested).map_err(|error| plain(error.message()))
}

/// What a flag or a variable says: text, or a number or truth value where the key is one.
pub(super) fn text<L: Layer>(key: &Key, text: &str) -> (Value, Result<L, String>) {
    let as_text = Value::String(text.to_owned());
    let first = value::<L>(key, &as_text);
    match scalar(text.trim()) {
        Some(scalar) if first.is_err() => {
            let second = value::<L>(key, &scalar);
            (scalar, second)
        }
        _ => (as_text, first),
    }
}

fn scalar(text: &str) -> Option<Value> {
    let integer = text.parse().ok().map(Value::Integer);
    let float = || text.parse().ok().map(Value::Float);
    let boolean = || text.parse().ok().map(Value::Boolean);
    integer.or_else(float).or_else(boolean)
}

/// Only what is expected: the value itself is in the report already.
fn plain(message: &str) -> String {
    let message = message.trim();
    let is_of_serde =
        message.starts_with("invalid type: ") || message.starts_with("invalid value: ");
    match message.rsplit_once(", expected ") {
        Some((_, expected)) if is_of_serde => format!("expected {}", words(expected)),
        _ => message.replace('\n', " "),
    }
}

/// Types in the words of somebody who does not write Rust.
fn words(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number that is not negative",
        expected if expected.starts_with("a nonzero u") => "a whole number greater than zero",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "path string" => "a path",
        other => other,
    }
}
