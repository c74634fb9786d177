//! A JSON object, and nothing else.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};

/// A value that is read from a JSON object alone. What serde derives for a structure also takes a list, as its fields in
/// their order: a response of another form would be read as if it were the expected one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonObject<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for JsonObject<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = JsonObject<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Self::Value, M::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(JsonObject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Point {
        x: u8,
        y: Option<u8>,
    }

    #[test]
    fn a_list_is_no_object_at_any_depth() {
        let point = |x, y| JsonObject(Point { x, y });
        assert_eq!(serde_json::from_str::<JsonObject<Point>>(r#"{"x": 1, "z": []}"#).ok(), Some(point(1, None)));
        assert_eq!(
            serde_json::from_str::<Vec<JsonObject<Point>>>(r#"[{"x": 1, "y": 2}]"#).ok(),
            Some(vec![point(1, Some(2))])
        );
        for text in ["[1, 2]", "[]", " [1, null]", "1", "null", r#""x""#] {
            let error = serde_json::from_str::<JsonObject<Point>>(text).expect_err(text).to_string();
            assert!(error.contains("expected an object"), "{error}");
        }
        assert!(serde_json::from_str::<Vec<JsonObject<Point>>>("[[1, 2]]").is_err());
    }
}
