//! The sandbox: the simulated Campaign instance by itself, and everything over real HTTP: IMS, UMAPI, Campaign, faults.

mod actions;
mod campaign_calls;
mod control;
mod credentials;
mod documented_keys;
mod faults;
mod harness;
mod instance;
mod limits;
mod listings;
mod soap_faults;
