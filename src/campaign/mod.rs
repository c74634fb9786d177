//! Campaign's SOAP API: sessions, reads by key range, the check of the schemas, writes by one writer.
//!
//! | file | what lives there |
//! |---|---|
//! | `options` | where the instance is and how the program proves who it is |
//! | `client` | the client; one call with its retries and one renewal of the session |
//! | `session`, `ims_token` | how a session begins and ends |
//! | `soap_call`, `markup`, `xtk` | requests: the envelope, XML escaping, XTK escaping |
//! | `answer`, `charset`, `xml_reader`, `fault` | answers: what they mean, how they are read, how Campaign says no |
//! | `snapshot`, `rows` | reading, and the walk over one schema by its keys |
//! | `person` | reading one person for a question, with few calls |
//! | `operators`, `operator_groups`, `memberships` | the rows of the three schemas |
//! | `schemas` | what the compiled schemas must have before anything is written |
//! | `external_account` | what Campaign itself was told of the Experience Cloud |
//! | `server_test` | what an instance says of itself to anybody |
//! | `writer` | writes: small collections, and one by one where a collection fails |
//! | `error` | what can go wrong |

mod answer;
mod charset;
mod client;
mod error;
mod external_account;
mod fault;
mod ims_token;
mod markup;
mod memberships;
mod operator_groups;
mod operators;
mod options;
mod person;
mod rows;
mod schemas;
mod server_test;
mod session;
mod snapshot;
mod soap_call;
mod writer;
mod xml_reader;
mod xtk;

pub use client::Campaign;
pub use error::CampaignError;
pub use external_account::{EXTERNAL_ACCOUNT_NAME, ExternalAccount};
pub use fault::SoapFault;
pub use options::{Authentication, DEFAULT_PAGE_ROWS, Options};
pub use person::PersonRead;
pub use server_test::{ServerReply, ServerTest};
pub use session::OwnOperator;
pub use writer::{COLLECTION_ROWS, Write, Writer};
