//! The `observability` room.
