//! A slow and simple reading of JSON, to compare with: objects keep repeated keys.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

/// Longest name, address or id that the product accepts, in bytes.
pub(crate) const LONGEST_NAME: usize = 1024;

/// The keys and values of an object, in its order.
pub(crate) struct Pairs(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairsVisitor;
        impl<'de> Visitor<'de> for PairsVisitor {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Pairs, M::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(PairsVisitor)
    }
}

impl Pairs {
    /// The object that the text is; `None` for any other text.
    pub(crate) fn of(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    /// The values of a key.
    pub(crate) fn all<'p>(&'p self, key: &'p str) -> impl Iterator<Item = &'p Value> {
        self.0.iter().filter(move |(name, _)| name == key).map(|(_, value)| value)
    }

    /// The only value of a key; `null` counts as absent. The error says that the key is repeated.
    pub(crate) fn only<'p>(&'p self, key: &'p str) -> Result<Option<&'p Value>, ()> {
        let mut values = self.all(key);
        match (values.next(), values.next()) {
            (value, None) => Ok(value.filter(|value| !value.is_null())),
            (_, Some(_)) => Err(()),
        }
    }
}

/// A text field that is absent (`Ok(None)`) or usable; any other is an error.
pub(crate) fn text<'v>(record: &'v Value, field: &str) -> Result<Option<&'v str>, ()> {
    match record.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.len() <= LONGEST_NAME && !text.contains('\u{FFFD}') => Ok(Some(text)),
        Some(_) => Err(()),
    }
}
