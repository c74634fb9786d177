//! Parses the values of arguments.

use chrono::{DateTime, Local, Utc};
use serde::de::{DeserializeOwned, IntoDeserializer as _};

use crate::{
    domain::{AccessReview, AssociationMask, Digest},
    observability::Chain,
};

use super::time_argument::parse_past_time;

/// Parses a value by its name in reports.
pub(super) fn parse_report_name<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    T::deserialize(text.into_deserializer()).map_err(|error: serde::de::value::Error| error.to_string())
}

/// Parses the digest of a held plan.
pub(super) fn digest(text: &str) -> Result<Digest, String> {
    Digest::parse(text).ok_or_else(|| "a digest has 16 hexadecimal digits".to_owned())
}

/// Parses an association mask.
pub(super) fn mask(text: &str) -> Result<AssociationMask, String> {
    // The configuration removes surrounding spaces, too.
    AssociationMask::parse(text.trim()).map_err(|error| Chain(&error).to_string())
}

/// Parses a past time in the time zone of this host.
pub(super) fn past_time(text: &str) -> Result<DateTime<Utc>, String> {
    parse_past_time(text, &Local, Utc::now())
}

/// Parses the first digits of the digest of a review, or all 64.
pub(super) fn review_digest(text: &str) -> Result<String, String> {
    let text = text.trim();
    let is_digest = (AccessReview::SHORT_DIGEST..=64).contains(&text.len());
    if is_digest && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("the digest of a review has 64 hexadecimal digits; the first 16 are enough".to_owned())
    }
}
