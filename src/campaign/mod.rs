//! Campaign's SOAP API: sessions, reads by key range, the check of the schemas, writes by one writer.
//!
//! | file | what lives there |
//! |---|---|
//! | `options` | where the instance is and how the program proves who it is |
//! | `client` | the client; one call with its retries and one renewal of the session |
//! | `session`, `ims_token` | how a session begins and ends |
//! | `soap_call`, `xml_writer`, `xtk` | requests: the envelope, XML escaping, XTK escaping |
//! | `soap_response`, `charset`, `xml_reader`, `fault` | answers: what they mean, how they are read, how Campaign says no |
//! | `snapshot`, `rows` | reading, and the walk over one schema by its keys |
//! | `operator_lookup` | reading one person for a question, with few calls |
//! | `operators`, `operator_groups`, `memberships` | the rows of the three schemas |
//! | `schemas` | what the compiled schemas must have before anything is written |
//! | `external_account` | what Campaign itself was told of the Experience Cloud |
//! | `server_info` | what an instance says of itself to anybody |
//! | `writer` | writes: small collections, and one by one where a collection fails |
//! | `error` | what can go wrong |

mod charset;
mod client;
mod error;
mod external_account;
mod fault;
mod ims_token;
mod memberships;
mod operator_groups;
mod operator_lookup;
mod operators;
mod options;
mod rows;
mod schemas;
mod server_info;
mod session;
mod snapshot;
mod soap_call;
mod soap_response;
mod writer;
mod xml_reader;
mod xml_writer;
mod xtk;

pub use client::Campaign;
pub use error::CampaignError;
pub use external_account::{EXTERNAL_ACCOUNT_NAME, ExternalAccount};
pub use fault::SoapFault;
pub use operator_lookup::FoundOperators;
pub use options::{CampaignAuthentication, CampaignOptions, DEFAULT_PAGE_ROWS};
pub use server_info::{ServerInfo, ServerInfoResponse};
pub use session::OwnOperator;
pub use writer::{COLLECTION_ROWS, CampaignWrite, CampaignWriter};
