//! `nms:extAccount`: the external accounts of an instance in a scenario, and as rows of queries.

use serde::{Deserialize, Serialize};

use super::schema::Value;

/// Internal name of the account that the package for the Experience Cloud creates.
const NAME: &str = "Adobe_Marketing_Cloud";

/// The product context that Campaign sends to IMS by default.
const PRODUCT_CONTEXT: &str = "dma_campaign_classic";

/// One external account of the Experience Cloud. Every field has the value by default that is correct in this sandbox.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct ExternalAccount {
    /// `@name`, the internal name.
    pub name: String,
    /// `@active`.
    pub active: bool,
    /// `@imsServer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ims_server: Option<String>,
    /// `@imsOrgId`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ims_org_id: Option<String>,
    /// `@imsRightsMask`, the association mask.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ims_rights_mask: Option<String>,
    /// `@callbackServer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_server: Option<String>,
    /// `@tenant`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// `@productContext`.
    pub product_context: String,
}

impl Default for ExternalAccount {
    fn default() -> Self {
        Self {
            name: NAME.to_owned(),
            active: true,
            ims_server: None,
            ims_org_id: None,
            ims_rights_mask: None,
            callback_server: None,
            tenant: None,
            product_context: PRODUCT_CONTEXT.to_owned(),
        }
    }
}

/// Values of a correct account that the instance itself does not know.
#[derive(Clone, Debug, Default)]
pub(in crate::sandbox) struct AccountDefaults {
    /// The address of the instance for its operators.
    pub(in crate::sandbox) access_url: String,
    /// The identity service.
    pub(in crate::sandbox) ims_url: String,
    /// Id of the organization.
    pub(in crate::sandbox) organization_id: String,
}

/// A row of `nms:extAccount`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AccountRow {
    pub(super) id: i64,
    account: ExternalAccount,
}

impl AccountRow {
    /// The rows of all accounts; `tenant` and `mask` are those of the instance.
    pub(super) fn all(accounts: &[ExternalAccount], defaults: &AccountDefaults, tenant: &str, mask: &str) -> Vec<Self> {
        let row = |(account, id): (&ExternalAccount, i64)| {
            let mut account = account.clone();
            let fields = [
                (&mut account.ims_server, defaults.ims_url.as_str()),
                (&mut account.ims_org_id, &defaults.organization_id),
                (&mut account.ims_rights_mask, mask),
                (&mut account.callback_server, &defaults.access_url),
                (&mut account.tenant, tenant),
            ];
            for (field, default) in fields {
                field.get_or_insert_with(|| default.to_owned());
            }
            Self { id, account }
        };
        accounts.iter().zip(2001..).map(row).collect()
    }
}

/// A column of `nms:extAccount`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AccountField {
    Id,
    Name,
    Label,
    Active,
    ImsServer,
    ImsOrgId,
    ImsRightsMask,
    CallbackServer,
    ClientId,
    ClientSecret,
    Tenant,
    ProductContext,
}

impl AccountField {
    /// Those of every instance first, then those that the package for the Experience Cloud brings.
    pub(super) const ALL: [Self; 12] = [
        Self::Id,
        Self::Name,
        Self::Label,
        Self::Active,
        Self::ImsServer,
        Self::ImsOrgId,
        Self::ImsRightsMask,
        Self::CallbackServer,
        Self::ClientId,
        Self::ClientSecret,
        Self::Tenant,
        Self::ProductContext,
    ];

    /// Whether the column is there without the package.
    pub(super) fn is_everywhere(self) -> bool {
        matches!(self, Self::Id | Self::Name | Self::Label | Self::Active)
    }

    /// The path from the account's element.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Id => "@id",
            Self::Name => "@name",
            Self::Label => "@label",
            Self::Active => "@active",
            Self::ImsServer => "@imsServer",
            Self::ImsOrgId => "@imsOrgId",
            Self::ImsRightsMask => "@imsRightsMask",
            Self::CallbackServer => "@callbackServer",
            Self::ClientId => "@clientId",
            Self::ClientSecret => "@clientSecret",
            Self::Tenant => "@tenant",
            Self::ProductContext => "@productContext",
        }
    }

    pub(super) fn data_type(self) -> &'static str {
        match self {
            Self::Id => "long",
            Self::Active => "boolean",
            _ => "string",
        }
    }

    pub(super) fn value(self, row: &AccountRow) -> Value<'_> {
        let account = &row.account;
        match self {
            Self::Id => Value::Number(row.id),
            Self::Name => Value::Text(&account.name),
            Self::Label => Value::Text("Adobe Experience Cloud"),
            Self::Active => Value::Number(i64::from(account.active)),
            Self::ImsServer => text_of(account.ims_server.as_deref()),
            Self::ImsOrgId => text_of(account.ims_org_id.as_deref()),
            Self::ImsRightsMask => text_of(account.ims_rights_mask.as_deref()),
            Self::CallbackServer => text_of(account.callback_server.as_deref()),
            Self::ClientId => Value::Text("sandbox-logon"),
            // Encrypted in a real instance; the log of requests shows a client that reads it.
            Self::ClientSecret => Value::Text("@sandbox-encrypted=="),
            Self::Tenant => text_of(account.tenant.as_deref()),
            Self::ProductContext => Value::Text(&account.product_context),
        }
    }
}

fn text_of(text: Option<&str>) -> Value<'_> {
    Value::Text(text.unwrap_or_default())
}
