//! Configurations: the values of the layers, the problems and the warnings.

mod database_protection;
mod effective_values;
mod irregular_files;
mod layering;
mod notify;
mod refusals;
mod same_address;
mod secret_sources;
mod world;
