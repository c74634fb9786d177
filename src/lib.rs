//! Keeps the operator groups of Adobe Campaign Classic in line with the product profiles of Adobe's Admin Console.
//!
//! The modules. A module imports only modules that stand earlier in this list, as `tests/house/main.rs` checks:
//!
//! | module | what it contains |
//! |---|---|
//! | [`domain`] | the vocabulary and every decision; pure |
//! | [`transport`] | HTTP and TLS for both clients, and the tokens of Adobe's identity service (IMS) |
//! | [`transcript`] | transcripts of calls with pseudonyms, for a replay in the sandbox |
//! | [`experience_cloud`] | the user management API (UMAPI) |
//! | [`campaign`] | Campaign's SOAP API |
//! | [`journal`] | the state between runs, the lock that prevents simultaneous runs, and the leader election of several nodes |
//! | [`observability`] | logging, and how errors are shown with their causes |
//! | [`notify`] | delivers notifications: by command, webhook and mail |
//! | [`sync`] | the one place where the path of a run is spelled out |
//! | [`probe`] | settles with scratch records which forms of a write an instance accepts |
//! | [`scheduler`] | cron expressions, time zones, ticks and signals |
//! | [`settings`] | the layers of the configuration, as typed options |
//! | [`daemon`] | runs on the schedule; systemd, control socket, health, metrics, status page |
//! | [`check`] | every prerequisite with evidence and remedy; what an association mask matches |
//! | [`sandbox`] | simulated Adobe and Campaign over real HTTP; imports no other module |
//! | [`cli`] | arguments, output, exit statuses |

pub mod campaign;
#[cfg(not(fuzzing))] // no fuzz target needs it, and the instrumented build must be cheap
pub mod check;
#[cfg(not(fuzzing))] // no fuzz target needs it, and the instrumented build must be cheap
pub mod cli;
pub mod daemon;
pub mod domain;
pub mod experience_cloud;
pub mod journal;
pub mod notify;
pub mod observability;
#[cfg(not(fuzzing))] // no fuzz target needs it, and the instrumented build must be cheap
pub mod probe;
pub mod sandbox;
pub mod scheduler;
pub mod settings;
pub mod sync;
pub mod transcript;
pub mod transport;
