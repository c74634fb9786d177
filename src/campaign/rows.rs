//! The walk over the rows of one schema, by ranges of its key.
//!
//! Never by offset: pages by `startLine` may repeat a row at their boundary, and skip one when rows come and go.

use super::client::Campaign;
use super::error::CampaignError;
use super::markup::Element;
use super::soap_call::SoapCall;
use super::xml_reader::{Misread, Tag, XmlReader};

/// A row of a schema that can be walked.
pub(super) trait Row: Sized {
    /// What rows are ordered by, and no two rows share.
    type Key: Copy + Ord;

    /// The schema, as `xtk:operator`.
    const SCHEMA: &'static str;
    /// The element of a row: the name part of the schema.
    const ELEMENT: &'static str;
    /// The expressions that are selected.
    const COLUMNS: &'static [&'static str];
    /// The expressions of the key, in the order of [`Self::Key`].
    const KEY_COLUMNS: &'static [&'static str];

    /// The key of the row.
    fn key(&self) -> Self::Key;

    /// The condition that holds for the rows after the one with this key.
    fn after(key: Self::Key) -> String;

    /// Reads the row whose element was just opened.
    fn read(reader: &mut XmlReader<'_>, tag: &Tag<'_>) -> Result<Self, Misread>;
}

impl Campaign {
    /// All rows for which every condition holds, by key. `progress` is told how many there are after each page.
    ///
    /// The walk ends at an empty page and nowhere else. A page with fewer rows than asked for proves nothing: servers
    /// have limits of their own (200 rows where nothing is said, 10,000 elsewhere), and one that caps what was asked
    /// for would end the list early. The last query costs a call a walk, and is what makes the list complete.
    pub(super) async fn walk<R: Row>(
        &self,
        conditions: &[String],
        progress: impl Fn(usize),
    ) -> Result<Vec<R>, CampaignError> {
        self.walk_with(conditions, &[], progress).await
    }

    /// As [`Self::walk`], with columns that not every instance has.
    pub(super) async fn walk_with<R: Row>(
        &self,
        conditions: &[String],
        more_columns: &[&str],
        progress: impl Fn(usize),
    ) -> Result<Vec<R>, CampaignError> {
        let mut rows: Vec<R> = Vec::new();
        loop {
            let last = rows.last().map(R::key);
            let call = SoapCall::query(R::SCHEMA, &page_query::<R>(conditions, more_columns, last, self.page_rows));
            let page = self.call(&call, |reader| read_page::<R>(reader, last)).await?;
            if page.is_empty() {
                return Ok(rows);
            }
            rows.extend(page);
            progress(rows.len());
        }
    }
}

/// The query for the rows after `last`. The first page has no lower bound: ids may be negative.
fn page_query<R: Row>(conditions: &[String], more_columns: &[&str], last: Option<R::Key>, lines: usize) -> Element {
    let node = |expression: &&str| Element::new("node").attribute("expr", expression);
    let condition = |expression: String| Element::new("condition").attribute("expr", &expression);
    let conditions = conditions.iter().cloned().chain(last.map(R::after));
    let mut query = Element::new("queryDef")
        .attribute("xtkschema", "xtk:queryDef")
        .attribute("schema", R::SCHEMA)
        .attribute("operation", "select")
        .attribute("lineCount", &lines.to_string())
        .child(&Element::new("select").children(R::COLUMNS.iter().chain(more_columns).map(node)));
    let mut conditions = conditions.peekable();
    if conditions.peek().is_some() {
        query = query.child(&Element::new("where").children(conditions.map(condition)));
    }
    query.child(&Element::new("orderBy").children(R::KEY_COLUMNS.iter().map(node)))
}

/// Reads the answer to a query: one collection, whose rows come after `last` and after each other.
fn read_page<R: Row>(reader: &mut XmlReader<'_>, mut last: Option<R::Key>) -> Result<Vec<R>, Misread> {
    let mut page: Option<Vec<R>> = None;
    let collection = format!("{}-collection", R::ELEMENT);
    reader.children(|reader, output| {
        if !output.is("pdomOutput") {
            return Ok(());
        }
        reader.children(|reader, tag| {
            if !tag.is(&collection) || page.is_some() {
                return Err(Misread::new(format!("<{:.40}> where one <{collection}> was expected", tag.name())));
            }
            let mut rows = Vec::new();
            reader.children(|reader, tag| {
                let row = read_row::<R>(reader, tag, last)?;
                last = Some(row.key());
                rows.push(row);
                Ok(())
            })?;
            page = Some(rows);
            Ok(())
        })
    })?;
    page.ok_or_else(|| Misread::new(format!("it holds no <{collection}>")))
}

fn read_row<R: Row>(reader: &mut XmlReader<'_>, tag: &Tag<'_>, last: Option<R::Key>) -> Result<R, Misread> {
    if !tag.is(R::ELEMENT) {
        return Err(Misread::new(format!("<{:.40}> among the rows of {}", tag.name(), R::SCHEMA)));
    }
    let row = R::read(reader, tag)?;
    if last.is_some_and(|last| row.key() <= last) {
        // Either the order or the condition was not kept: what else was left out cannot be known.
        return Err(Misread::new(format!("a row of {} that does not come after the one before", R::SCHEMA)));
    }
    Ok(row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Operator, OperatorGroup};

    fn read<R: Row>(output: &str, last: Option<R::Key>) -> Result<usize, String> {
        let text = format!("<ExecuteQueryResponse xmlns='urn:xtk:queryDef'>{output}</ExecuteQueryResponse>");
        let rows = XmlReader::document(&text, |reader, _| read_page::<R>(reader, last));
        rows.map(|rows| rows.len()).map_err(|misread| misread.to_string())
    }

    fn groups(rows: &str, last: Option<i64>) -> Result<usize, String> {
        read::<OperatorGroup>(&format!("<pdomOutput><group-collection>{rows}</group-collection></pdomOutput>"), last)
    }

    #[test]
    fn a_query_names_its_order_and_its_number_of_lines() {
        let query = page_query::<Operator>(&["@type = 0".to_owned()], &["[access/@disabled]"], Some(-7), 500).to_xml();
        assert_eq!(
            query,
            "<queryDef xtkschema=\"xtk:queryDef\" schema=\"xtk:operator\" operation=\"select\" lineCount=\"500\">\
             <select><node expr=\"@id\"/><node expr=\"@name\"/><node expr=\"@label\"/>\
             <node expr=\"[access/@authenticationType]\"/><node expr=\"[access/@disabled]\"/></select>\
             <where><condition expr=\"@type = 0\"/><condition expr=\"@id &gt; -7\"/></where>\
             <orderBy><node expr=\"@id\"/></orderBy></queryDef>"
        );
        let first = page_query::<OperatorGroup>(&[], &[], None, 1).to_xml();
        assert!(!first.contains("where"), "{first}");
    }

    #[test]
    fn rows_must_come_one_after_the_other() {
        assert_eq!(groups("<group id='-3' name='a'/><group id='5' name='b'/>", None), Ok(2));
        assert_eq!(groups("<group id='6' name='a'/>", Some(5)), Ok(1));
        for (rows, last) in [
            ("<group id='5' name='a'/><group id='5' name='a'/>", None),
            ("<group id='5' name='a'/><group id='4' name='b'/>", None),
            ("<group id='5' name='a'/>", Some(5)),
        ] {
            assert!(groups(rows, last).expect_err(rows).contains("does not come after"), "{rows}");
        }
    }

    #[test]
    fn a_row_without_its_key_or_its_name_spoils_the_page() {
        for (rows, part) in [
            ("<group name='a'/>", "<group> without id"),
            ("<group id='' name='a'/>", "<group> without id"),
            ("<group id='x' name='a'/>", "no whole number"),
            ("<group id='1'/>", "<group> without name"),
            ("<group id='1' name=''/>", "<group> without name"),
            ("<operator id='1' name='a'/>", "<operator> among the rows of xtk:group"),
        ] {
            assert!(groups(rows, None).expect_err(rows).contains(part), "{rows}");
        }
    }

    #[test]
    fn an_empty_collection_is_an_answer_and_a_missing_one_is_not() {
        let output = |inside: &str| read::<OperatorGroup>(&format!("<pdomOutput>{inside}</pdomOutput>"), None);
        assert_eq!(output("<group-collection/>"), Ok(0));
        assert_eq!(output("<group-collection></group-collection>"), Ok(0));
        for (inside, part) in [
            ("", "no <group-collection>"),
            ("<operator-collection/>", "where one <group-collection> was expected"),
            ("<group-collection/><group-collection/>", "where one <group-collection> was expected"),
        ] {
            assert!(output(inside).expect_err(inside).contains(part), "{inside}");
        }
        assert!(read::<OperatorGroup>("", None).is_err());
    }
}
