//! The `experience_cloud` room.
