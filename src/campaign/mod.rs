//! The `campaign` room.
