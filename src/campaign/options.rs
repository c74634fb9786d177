//! The address of the instance, the credentials, and the limits of requests.

use crate::transport::{self, BaseUrl, RetryPolicy, SecretString};

/// Rows requested by one query.
///
/// Adobe's v8 documentation recommends a workflow instead of a query for more than about 1,000 rows. The columns are
/// narrow: a page has some 100 KB, and 100,000 operators are read in 101 calls.
pub const DEFAULT_PAGE_ROWS: usize = 1000;

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
}
