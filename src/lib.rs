//! Keeps the operator groups of Adobe Campaign Classic in line with the product profiles of Adobe's Admin Console.
//!
//! The rooms, bottom to top. A room imports only rooms above it in this list, as `tests/house/main.rs` checks:
//!
//! | room | what lives there |
//! |---|---|
//! | [`domain`] | the vocabulary and every decision; pure |
//! | [`transport`] | what both clients need of HTTP, the tokens of Adobe's identity service (IMS) among it |
//! | [`experience_cloud`] | the user management API (UMAPI) |
//! | [`campaign`] | Campaign's SOAP API |
//! | [`journal`] | what is remembered between runs, the lock that keeps runs apart, and which of several nodes leads |
//! | [`observability`] | logging, and how errors are shown with their causes |
//! | [`notify`] | delivers notifications: by command, webhook and mail |
//! | [`sync`] | the one place where the path of a run is spelled out |
//! | [`scheduler`] | cron expressions, time zones, ticks and signals |
//! | [`settings`] | layers of configuration to typed options |
//! | [`daemon`] | runs on the schedule; systemd, control socket, health, metrics, a page to look at |
//! | [`check`] | every prerequisite with evidence and remedy; what a mask matches |
//! | [`sandbox`] | simulated vendors over real HTTP; imports nothing of ours |
//! | [`cli`] | arguments, output, exit codes |

pub mod campaign;
pub mod check;
pub mod cli;
pub mod daemon;
pub mod domain;
pub mod experience_cloud;
pub mod journal;
pub mod notify;
pub mod observability;
pub mod sandbox;
pub mod scheduler;
pub mod settings;
pub mod sync;
pub mod transport;
