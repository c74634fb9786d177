//! The client of Campaign's SOAP API: sessions, reads by key range, the check of the schemas, and writes by one writer.
//!
//! | file | contents |
//! |---|---|
//! | `options` | the address of the instance, and the credentials |
//! | `client` | one call with its retries and one renewal of the session |
//! | `session` | the beginning and the end of a session |
//! | `soap_call`, `xml_writer`, `xtk` | requests: the envelope, XML escaping, XTK escaping |
//! | `soap_response`, `charset`, `xml_reader`, `fault` | responses: their meaning, encoding and XML, and SOAP faults |
//! | `snapshot`, `rows` | reads a whole instance, and all rows of one schema in the order of their keys |
//! | `snapshot_age` | whether a snapshot is so new that nothing has to be looked at again before a write |
//! | `operator_lookup` | reads the operators of one user for a question, with few calls |
//! | `operators`, `memberships` | the rows of the three schemas |
//! | `columns` | which columns and schemas the instance has, as its answers to queries show |
//! | `external_account` | the connection to the Experience Cloud that is configured in Campaign |
//! | `server_info` | the version, build and clock of an instance, without a session |
//! | `survey` | read calls for a transcript, which say what an instance is like |
//! | `writer` | writes in small collections, and row by row if a collection fails |
//! | `membership_forms` | the forms in which a membership is written |
//! | `scratch` | the writes of `probe`, which can name only the scratch records |
//! | `error` | the errors of the client |
//! | `xtk_reader` | reads XTK literals back, for tests and fuzz targets |
//! | `fuzzing` | entrances for the fuzz targets |

mod charset;
mod client;
mod columns;
mod error;
mod external_account;
mod fault;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod membership_forms;
mod memberships;
mod operator_lookup;
mod operators;
mod options;
mod rows;
mod scratch;
mod server_info;
mod session;
mod snapshot;
mod snapshot_age;
mod soap_call;
mod soap_response;
mod survey;
mod writer;
mod xml_reader;
mod xml_writer;
mod xtk;
#[cfg(any(test, fuzzing))]
mod xtk_reader;

pub use client::Campaign;
pub use columns::ColumnReport;
pub use error::CampaignError;
pub use external_account::{EXTERNAL_ACCOUNT_NAME, ExternalAccount};
pub use fault::SoapFault;
pub use operator_lookup::FoundOperators;
pub use options::{CampaignAuthentication, CampaignOptions, DEFAULT_FRESH_FOR, DEFAULT_PAGE_ROWS};
pub use scratch::{ABSENT_GROUP, BadRow, ScratchGroup, ScratchLookup, ScratchOperator, ScratchRemoval, ScratchWriter};
pub use server_info::{ServerInfo, ServerInfoResponse};
pub use session::OwnOperator;
pub use writer::{COLLECTION_ROWS, CampaignWrite, CampaignWriter};
