//! Read calls that tell the maintainers what an instance is like, for a transcript. The client uses none of the
//! responses, and no call writes or reads a secret.
//!
//! The calls, and what each settles: the operator of the session and its packages; the compiled schemas; which columns
//! `xtk:operator` has; the types of operators and how they sign in; where groups and memberships are stored; the fields
//! of the external account, each by itself; whether a synchronization with LDAP competes; and whether pages by key are
//! stable.

use super::client::Campaign;
use super::error::CampaignError;
use super::external_account::EXTERNAL_ACCOUNT_NAME;
use super::soap_call::{SoapCall, condition, node, query_element};
use super::xml_writer::Element;
use super::xtk;

/// The schemas whose outline is read.
const SCHEMAS: [&str; 5] = ["xtk:operator", "xtk:group", "xtk:operatorGroup", "xtk:opsecurity", "nms:extAccount"];

/// Columns of `xtk:operator` that not every instance has, each for a query of one row.
const OPERATOR_COLUMNS: [&str; 6] =
    ["[access/@authenticationType]", "[access/@disabled]", "@disabled", "@email", "@lastModified", "@created"];

/// Columns of the external account, each for a query of one row. Its secret, client id and account are never read.
const ACCOUNT_COLUMNS: [&str; 9] = [
    "@type",
    "@active",
    "@provider",
    "@imsServer",
    "@imsOrgId",
    "@imsRightsMask",
    "@callbackServer",
    "@tenant",
    "@productContext",
];

/// Options that say whether rights come from a directory as well.
const OPTIONS: [&str; 2] = ["XtkLdap_Active", "XtkLdap_Rights"];

/// Rows of one page, the pages, and how often they are read.
const PAGE_ROWS: usize = 5;
const PAGES: usize = 2;
const PAGE_READS: usize = 2;

impl Campaign {
    /// Makes the calls of the survey, one after the other. What fails is as informative as what does not: errors are
    /// ignored. Ends where Campaign refuses the credentials, because repeated sign-ins can lock an operator.
    pub async fn survey(&self) {
        for call in calls() {
            match self.call(&call, |_| Ok(())).await {
                Err(CampaignError::Refused { .. }) => return,
                Err(error) => {
                    tracing::debug!(error = %error, "a call of the survey failed, which the transcript shows");
                }
                Ok(()) => {}
            }
        }
        for _ in 0..PAGE_READS {
            let mut last = None;
            for _ in 0..PAGES {
                let page = Survey::of("xtk:operator").column("@id").rows(PAGE_ROWS).in_order_of("@id");
                let page = last.map_or(page.clone(), |last| page.holds(xtk::is_after("@id", last)));
                last = self.last_id(&page.call()).await;
            }
        }
    }

    /// The id of the last row of a page, if there is one.
    async fn last_id(&self, call: &SoapCall) -> Option<i64> {
        let read = self.call(call, |reader| {
            let mut last = None;
            reader.children(|reader, output| {
                if !output.is("pdomOutput") {
                    return Ok(());
                }
                reader.children(|reader, _| {
                    reader.children(|_, row| {
                        last = Some(row.number("id")?);
                        Ok(())
                    })
                })
            })?;
            Ok(last)
        });
        read.await.ok().flatten()
    }
}

/// The calls whose responses no other call needs.
fn calls() -> Vec<SoapCall> {
    let mut calls = vec![SoapCall::user_info()];
    calls.extend(SCHEMAS.into_iter().map(SoapCall::schema));
    calls.extend(OPERATOR_COLUMNS.into_iter().map(|column| Survey::of("xtk:operator").column(column).rows(1).call()));
    let counted =
        |schema, counted, column| Survey::of(schema).column(column).named(counted, "@count").grouped_by(column).call();
    let operators = ["@type", "[access/@authenticationType]"];
    calls.extend(operators.map(|column| counted("xtk:operator", "Count(@id)", column)));
    let range = Survey::of("xtk:operator").named("Min(@id)", "@least").named("Max(@id)", "@greatest");
    calls.push(range.rows(1).call());
    calls.push(Survey::of("xtk:group").counting().call());
    calls.push(Survey::of("xtk:operator").holds(xtk::equals("@type", 1)).counting().call());
    // The relation may have no id of its own.
    let relations = ["[group/@type]", "[operator/@type]"];
    calls.extend(relations.map(|column| counted("xtk:operatorGroup", "Count([@operator-id])", column)));
    calls.extend(ACCOUNT_COLUMNS.into_iter().map(|column| {
        let account = Survey::of("nms:extAccount").column(column).rows(1);
        account.holds(format!("@name = '{EXTERNAL_ACCOUNT_NAME}'")).call()
    }));
    calls.extend(OPTIONS.into_iter().map(SoapCall::option));
    calls
}

/// A query of the survey.
#[derive(Clone)]
struct Survey {
    schema: &'static str,
    operation: &'static str,
    rows: usize,
    /// Expressions, each with an alias where it needs one.
    columns: Vec<(&'static str, Option<&'static str>)>,
    conditions: Vec<String>,
    group: Option<&'static str>,
    order: Option<&'static str>,
}

impl Survey {
    fn of(schema: &'static str) -> Self {
        let (columns, conditions) = (Vec::new(), Vec::new());
        Self { schema, operation: "select", rows: 100, columns, conditions, group: None, order: None }
    }

    fn column(mut self, expression: &'static str) -> Self {
        self.columns.push((expression, None));
        self
    }

    fn named(mut self, expression: &'static str, alias: &'static str) -> Self {
        self.columns.push((expression, Some(alias)));
        self
    }

    fn counting(self) -> Self {
        Self { operation: "count", ..self }
    }

    fn rows(self, rows: usize) -> Self {
        Self { rows, ..self }
    }

    fn holds(mut self, condition: String) -> Self {
        self.conditions.push(condition);
        self
    }

    fn grouped_by(self, expression: &'static str) -> Self {
        Self { group: Some(expression), ..self }
    }

    fn in_order_of(self, expression: &'static str) -> Self {
        Self { order: Some(expression), ..self }
    }

    fn call(&self) -> SoapCall {
        let mut query = query_element(self.schema, self.operation);
        if self.operation == "select" {
            query = query.attribute("lineCount", &self.rows.to_string());
            let columns = self.columns.iter().map(|(expression, alias)| match alias {
                Some(alias) => node(expression).attribute("alias", alias),
                None => node(expression),
            });
            query = query.child(&Element::new("select").children(columns));
        }
        if !self.conditions.is_empty() {
            let conditions = self.conditions.iter().map(|expression| condition(expression));
            query = query.child(&Element::new("where").children(conditions));
        }
        if let Some(group) = self.group {
            query = query.child(&Element::new("groupBy").child(&node(group)));
        }
        if let Some(order) = self.order {
            query = query.child(&Element::new("orderBy").child(&node(order)));
        }
        SoapCall::query(self.schema, &query)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::SecretString;

    #[test]
    fn no_column_of_the_survey_holds_a_secret() {
        for column in ACCOUNT_COLUMNS.into_iter().chain(OPERATOR_COLUMNS) {
            let lower = column.to_lowercase();
            for word in ["secret", "password", "token", "clientid", "@account"] {
                assert!(!lower.contains(word), "{column}");
            }
        }
    }

    #[test]
    fn a_query_names_its_columns_conditions_and_groups() {
        let counted = Survey::of("xtk:operator").column("@type").named("Count(@id)", "@count");
        let call = counted.grouped_by("@type").call();
        let envelope = call.envelope(&SecretString::from(""));
        assert!(
            envelope.contains(
                "<queryDef xtkschema=\"xtk:queryDef\" schema=\"xtk:operator\" operation=\"select\" lineCount=\"100\"><select>\
                 <node expr=\"@type\"/><node expr=\"Count(@id)\" alias=\"@count\"/></select><groupBy><node expr=\"@type\"/>\
                 </groupBy></queryDef>"
            ),
            "{envelope}"
        );
    }
}
