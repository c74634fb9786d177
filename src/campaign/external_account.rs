//! The rows of `nms:extAccount` that connect an instance to the Experience Cloud. The client never reads their secrets.

use super::client::Campaign;
use super::error::CampaignError;
use super::operators::is_true;
use super::rows::Row;
use super::xml_reader::{Tag, XmlError, XmlReader};

/// The internal name that the account must have according to Adobe's documentation.
pub const EXTERNAL_ACCOUNT_NAME: &str = "Adobe_Marketing_Cloud";

/// The columns without which an instance has no connection to the Experience Cloud. The package "Integration with the
/// Adobe Experience Cloud" adds them.
const OF_THE_PACKAGE: [&str; 3] = ["@imsServer", "@imsOrgId", "@imsRightsMask"];

/// The columns that not every version of the package has.
const OPTIONAL: [&str; 3] = ["@callbackServer", "@tenant", "@productContext"];

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
    /// Callback server; `None` if the instance has no such column.
    pub callback_server: Option<String>,
    /// Tenant; `None` if the instance has no such column.
    pub tenant: Option<String>,
    /// Product context; `None` if the instance has no such column.
    pub product_context: Option<String>,
}

impl Row for ExternalAccount {
    type Key = i64;

    const SCHEMA: &'static str = "nms:extAccount";
    const ELEMENT: &'static str = "extAccount";
    const COLUMNS: &'static [&'static str] =
        &["@id", "@name", "@active", OF_THE_PACKAGE[0], OF_THE_PACKAGE[1], OF_THE_PACKAGE[2]];
    const KEY_COLUMNS: &'static [&'static str] = &["@id"];

    fn after(key: i64) -> String {
        super::xtk::is_after("@id", key)
    }

    fn read(_: &mut XmlReader<'_>, tag: &Tag<'_>) -> Result<(i64, Result<Self, XmlError>), XmlError> {
        let id = tag.number("id")?;
        Ok((id, Self::of(id, tag)))
    }
}

impl ExternalAccount {
    fn of(id: i64, tag: &Tag<'_>) -> Result<Self, XmlError> {
        let text = |name| tag.attribute(name).map(|value| value.unwrap_or_default().into_owned());
        Ok(Self {
            id,
            name: text("name")?,
            enabled: is_true(&text("active")?)?,
            ims_server: text("imsServer")?,
            organization_id: text("imsOrgId")?,
            mask: text("imsRightsMask")?,
            callback_server: Some(text("callbackServer")?),
            tenant: Some(text("tenant")?),
            product_context: Some(text("productContext")?),
        })
    }

    /// Whether the account connects to the Experience Cloud. Adobe does not document the number of this type; no
    /// account of another type has an organization, a mask or this name.
    fn is_of_experience_cloud(&self) -> bool {
        !self.organization_id.is_empty() || !self.mask.is_empty() || self.name == EXTERNAL_ACCOUNT_NAME
    }
}

impl Campaign {
    /// All external accounts of the Experience Cloud, by id; `None` if their package is not installed.
    pub async fn fetch_external_accounts(&self) -> Result<Option<Vec<ExternalAccount>>, CampaignError> {
        match self.walk_with::<ExternalAccount>(&[], &OPTIONAL, |_| {}).await {
            Ok(rows) => return Ok(Some(of_experience_cloud(rows.usable))),
            // A column is absent; the queries below find out which one.
            Err(error) if error.may_be_about_a_path() => {}
            Err(error) => return Err(error),
        }
        if !self.absent_columns(ExternalAccount::SCHEMA, &OF_THE_PACKAGE).await?.is_empty() {
            return Ok(None);
        }
        let absent = self.absent_columns(ExternalAccount::SCHEMA, &OPTIONAL).await?;
        let is_present = |column: &str| absent.iter().all(|(absent, _)| *absent != column);
        let columns: Vec<&'static str> = OPTIONAL.into_iter().filter(|column| is_present(column)).collect();
        let mut accounts = of_experience_cloud(self.walk_with::<ExternalAccount>(&[], &columns, |_| {}).await?.usable);
        for account in &mut accounts {
            let [callback, tenant, context] = OPTIONAL.map(is_present);
            account.callback_server.take_if(|_| !callback);
            account.tenant.take_if(|_| !tenant);
            account.product_context.take_if(|_| !context);
        }
        Ok(Some(accounts))
    }
}

fn of_experience_cloud(mut accounts: Vec<ExternalAccount>) -> Vec<ExternalAccount> {
    accounts.retain(ExternalAccount::is_of_experience_cloud);
    accounts
}
