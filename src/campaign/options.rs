//! Where the instance is, and how the program proves who it is.

use crate::transport::{self, BaseUrl, RetryPolicy, SecretString};

/// Rows asked for in one query.
///
/// Adobe's v8 documentation wants a workflow instead of a query beyond about 1,000 rows, so this is the largest query it
/// still calls one. The columns are narrow: a page is some 100 KB, and 100,000 operators are read in 101 calls.
pub const DEFAULT_PAGE_ROWS: usize = 1000;

/// How the program proves who it is.
#[derive(Clone, Debug)]
pub enum CampaignAuthentication {
    /// `xtk:session#Logon` with the login and password of an operator.
    Native {
        /// The operator's login.
        login: String,
        /// Its password.
        password: SecretString,
    },
    /// A technical account of Adobe's identity service: its token goes with every call.
    Ims {
        /// Client id of the account's credential.
        client_id: String,
        /// Its secret.
        client_secret: SecretString,
        /// The identity service.
        ims_url: BaseUrl,
        /// What the token may be used for, separated by commas.
        scopes: String,
    },
}

/// Everything the client needs.
#[derive(Clone, Debug)]
pub struct CampaignOptions {
    /// The instance, without `/nl/jsp/soaprouter.jsp`.
    pub url: BaseUrl,
    /// How the program proves who it is.
    pub authentication: CampaignAuthentication,
    /// How often and how patiently one call is repeated.
    pub retry: RetryPolicy,
    /// Time and size limits of one request.
    pub http: transport::HttpOptions,
    /// Rows asked for in one query, [`DEFAULT_PAGE_ROWS`] unless a test wants small pages; 0 counts as 1.
    pub page_rows: usize,
}
