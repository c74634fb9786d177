//! Each target of notifications against a real receiver that takes, refuses, redirects, is slow, or hangs.

mod command;
mod fixture;
mod mail;
mod webhook;

use crate::support::receivers;
