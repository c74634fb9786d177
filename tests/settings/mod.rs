//! Configurations, good and bad: what comes out of the layers, and what people are told.

mod database_protection;
mod effective_values;
mod irregular_files;
mod layering;
mod notify;
mod refusals;
mod same_address;
mod secret_sources;
mod world;
