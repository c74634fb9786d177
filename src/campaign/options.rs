//! The address of the instance, the credentials, and the limits of requests.

use std::time::Duration;

use crate::transport::{self, BaseUrl, RetryPolicy, SecretString};

/// Rows requested by one query.
///
/// Measured with 100,000 operators, as many memberships and 20 ms a call: pages of 1,000 rows take 208 calls and 4.0 s, of
/// 2,000 rows 108 calls and 2.6 s, of 5,000 rows 48 calls and 1.7 s, with the same CPU time and within 2 MiB the same
/// memory. A page has 0.9 MB. Servers end a page at 10,000 rows at the latest (Adobe's v8 documentation); whatever their
/// limit is, a read goes on until a page is empty.
pub const DEFAULT_PAGE_ROWS: usize = 5000;

/// Longest age of a snapshot for which nothing is looked at again before a write.
///
/// Within this time an administrator may make the same change by hand. The report then says that the run made it. No
/// operator gains or loses a membership by that: a write names the membership by its keys, and what Campaign shows
/// afterwards decides. A run that waits for the Admin Console before it writes looks again.
pub const DEFAULT_FRESH_FOR: Duration = Duration::from_secs(30);

/// The credentials of the program.
#[derive(Clone, Debug)]
pub enum CampaignAuthentication {
    /// The login and password of an operator, for `xtk:session#Logon`.
    Native {
        /// The operator's login.
        login: String,
        /// Its password.
        password: SecretString,
    },
    /// A technical account of Adobe IMS, whose token is sent with every call.
    Ims {
        /// Client id of the account's credential.
        client_id: String,
        /// Its secret.
        client_secret: SecretString,
        /// Base address of IMS.
        ims_url: BaseUrl,
        /// The scopes of the token, separated by commas.
        scopes: String,
    },
}

/// The options of the Campaign client.
#[derive(Clone, Debug)]
pub struct CampaignOptions {
    /// The address of the instance, without `/nl/jsp/soaprouter.jsp`.
    pub url: BaseUrl,
    /// The credentials of the program.
    pub authentication: CampaignAuthentication,
    /// How often one call is retried, and after which pauses.
    pub retry: RetryPolicy,
    /// Time and size limits of one request.
    pub http: transport::HttpOptions,
    /// Rows requested by one query; [`DEFAULT_PAGE_ROWS`] except in tests with small pages. 0 means 1.
    pub page_rows: usize,
    /// Longest age of a snapshot for which nothing is looked at again before a write; [`DEFAULT_FRESH_FOR`] except in
    /// tests. With 0 there is always another look.
    pub fresh_for: Duration,
}
