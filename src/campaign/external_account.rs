//! The rows of `nms:extAccount` that connect an instance to the Experience Cloud. The client never reads their secrets.

use super::client::Campaign;
use super::error::CampaignError;
use super::operators::is_true;
use super::rows::Row;
use super::schemas::read_schema;
use super::soap_call::SoapCall;
use super::xml_reader::{Tag, XmlError, XmlReader};

/// The internal name that the account must have according to Adobe's documentation.
pub const EXTERNAL_ACCOUNT_NAME: &str = "Adobe_Marketing_Cloud";

/// The attributes that only the package "Integration with the Adobe Experience Cloud" adds to the schema.
const OF_THE_PACKAGE: [&str; 3] = ["@imsServer", "@imsOrgId", "@imsRightsMask"];

/// An external account of the type Adobe Experience Cloud, with its values in Campaign.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExternalAccount {
    /// Primary key.
    pub id: i64,
    /// Internal name.
    pub name: String,
    /// Whether it is enabled.
    pub enabled: bool,
    /// IMS server.
    pub ims_server: String,
    /// IMS organization id.
    pub organization_id: String,
    /// Association mask.
    pub mask: String,
    /// Callback server.
    pub callback_server: String,
    /// Tenant.
    pub tenant: String,
    /// Product context.
    pub product_context: String,
}

impl Row for ExternalAccount {
    type Key = i64;

    const SCHEMA: &'static str = "nms:extAccount";
    const ELEMENT: &'static str = "extAccount";
    const COLUMNS: &'static [&'static str] = &[
        "@id",
        "@name",
        "@active",
        "@imsServer",
        "@imsOrgId",
        "@imsRightsMask",
        "@callbackServer",
        "@tenant",
        "@productContext",
    ];
    const KEY_COLUMNS: &'static [&'static str] = &["@id"];

    fn key(tag: &Tag<'_>) -> Result<i64, XmlError> {
        tag.number("id")
    }

    fn after(key: i64) -> String {
        super::xtk::is_after("@id", key)
    }

    fn read(_: &mut XmlReader<'_>, tag: &Tag<'_>) -> Result<Self, XmlError> {
        let text = |name| tag.attribute(name).map(|value| value.unwrap_or_default().into_owned());
        Ok(Self {
            id: tag.number("id")?,
            name: text("name")?,
            enabled: is_true(&text("active")?)?,
            ims_server: text("imsServer")?,
            organization_id: text("imsOrgId")?,
            mask: text("imsRightsMask")?,
            callback_server: text("callbackServer")?,
            tenant: text("tenant")?,
            product_context: text("productContext")?,
        })
    }
}

impl ExternalAccount {
    /// Whether the account connects to the Experience Cloud. Adobe does not document the number of this type; no
    /// account of another type has an organization, a mask or this name.
    fn is_of_experience_cloud(&self) -> bool {
        !self.organization_id.is_empty() || !self.mask.is_empty() || self.name == EXTERNAL_ACCOUNT_NAME
    }
}

impl Campaign {
    /// All external accounts of the Experience Cloud, by id; `None` if their package is not installed.
    pub async fn fetch_external_accounts(&self) -> Result<Option<Vec<ExternalAccount>>, CampaignError> {
        let schema = self.call(&SoapCall::schema(ExternalAccount::SCHEMA), read_schema).await?;
        let has_package =
            schema.is_some_and(|schema| OF_THE_PACKAGE.iter().all(|path| schema.attributes.contains(*path)));
        if !has_package {
            return Ok(None);
        }
        let rows = self.walk(&[], |_| {}).await?;
        Ok(Some(rows.into_iter().filter(ExternalAccount::is_of_experience_cloud).collect()))
    }
}
