//! The walk over the rows of one schema, by ranges of its key.
//!
//! Never by offset: pages by `startLine` may repeat a row at their boundary, and skip one when rows come and go.

use std::borrow::Cow;

use super::client::Campaign;
use super::error::CampaignError;
use super::soap_call::SoapCall;
use super::xml_reader::{Tag, XmlError, XmlReader};
use super::xml_writer::Element;

/// Most rows of one walk. An instance has some 100,000 operators at most and a few groups for each; what goes on beyond
/// this is a server that never ends its list.
const MOST_ROWS: usize = 5_000_000;

/// A page with fewer rows than this ends the list of a question. A query names the number of rows that it wants, and the
/// smallest limit of a server that is known is 200 rows.
const FEW_ROWS: usize = 100;

/// Most bytes of text that one walk keeps: two million operators with long labels.
const MOST_TEXT_BYTES: usize = 512 * 1024 * 1024;

/// A row of a schema that can be walked.
pub(super) trait Row: Sized {
    /// What rows are ordered by, and no two rows share. The default is that of the row without meaning which every table
    /// with an automatic key has (Campaign documentation, "Database mapping").
    type Key: Copy + Ord + Default;

    /// The schema, as `xtk:operator`.
    const SCHEMA: &'static str;
    /// The element of a row: the name part of the schema.
    const ELEMENT: &'static str;
    /// The expressions that are selected.
    const COLUMNS: &'static [&'static str];
    /// The expressions of the key, in the order of [`Self::Key`].
    const KEY_COLUMNS: &'static [&'static str];

    /// The key of the row whose element was just opened.
    fn key(tag: &Tag<'_>) -> Result<Self::Key, XmlError>;

    /// The condition that holds for the rows after the one with this key.
    fn after(key: Self::Key) -> String;

    /// Reads the row whose element was just opened. What is wrong with a single value concerns this row alone.
    fn read(reader: &mut XmlReader<'_>, tag: &Tag<'_>) -> Result<Self, XmlError>;

    /// Bytes of text that the row keeps.
    fn text_bytes(&self) -> usize {
        0
    }
}

/// The rows of a walk or of one page of it.
pub(super) struct Rows<R: Row> {
    pub(super) usable: Vec<R>,
    pub(super) unusable: Vec<UnusableRow<R::Key>>,
    /// The key of the last row, whether usable or not.
    last: Option<R::Key>,
    text_bytes: usize,
}

/// A row that has a key and cannot be used.
#[derive(Clone, Debug)]
pub(super) struct UnusableRow<K> {
    pub(super) key: K,
    /// Its `@name`, where that can be read.
    pub(super) name: Option<String>,
    /// What is wrong with it.
    pub(super) what: String,
}

impl<R: Row> Rows<R> {
    fn after(last: Option<R::Key>) -> Self {
        Self { usable: Vec::new(), unusable: Vec::new(), last, text_bytes: 0 }
    }

    fn len(&self) -> usize {
        self.usable.len() + self.unusable.len()
    }

    /// Takes over a page, within the bounds of a walk.
    fn extend(&mut self, page: Self) -> Result<(), XmlError> {
        self.text_bytes += page.text_bytes;
        self.last = page.last;
        self.usable.extend(page.usable);
        self.unusable.extend(page.unusable);
        if self.len() > MOST_ROWS || self.text_bytes > MOST_TEXT_BYTES {
            return Err(XmlError::new(format!(
                "the list has no end: more than {MOST_ROWS} rows or {MOST_TEXT_BYTES} bytes of text came"
            )));
        }
        Ok(())
    }

    fn take(&mut self, reader: &mut XmlReader<'_>, tag: &Tag<'_>) -> Result<(), XmlError> {
        if !tag.is(R::ELEMENT) {
            return Err(XmlError::new(format!("<{:.40}> among the rows of {}", tag.name(), R::SCHEMA)));
        }
        let key = R::key(tag)?;
        if self.last.is_some_and(|last| key <= last) {
            // Either the order or the condition was not kept: what else was left out cannot be known.
            return Err(XmlError::new(format!("a row of {} that does not come after the one before", R::SCHEMA)));
        }
        self.last = Some(key);
        match R::read(reader, tag) {
            Ok(row) => {
                self.text_bytes += row.text_bytes();
                self.usable.push(row);
            }
            Err(xml_error) if !xml_error.is_of_a_value() => return Err(xml_error),
            // The row with key 0 stands for "none".
            Err(_) if key == R::Key::default() => {}
            Err(xml_error) => {
                let name = tag.required("name").ok().map(Cow::into_owned);
                self.unusable.push(UnusableRow { key, name, what: xml_error.to_string() });
            }
        }
        Ok(())
    }
}

impl Campaign {
    /// All usable rows for which every condition holds, by key. `progress` is told how many there are after each page.
    ///
    /// The walk ends at an empty page and nowhere else. A page with fewer rows than asked for proves nothing: servers
    /// have limits of their own (200 rows where nothing is said, 10,000 elsewhere), and one that caps what was asked
    /// for would end the list early. The last query costs a call a walk, and is what makes the list complete.
    pub(super) async fn walk<R: Row>(
        &self,
        conditions: &[String],
        progress: impl Fn(usize),
    ) -> Result<Vec<R>, CampaignError> {
        let rows: Rows<R> = self.walk_with(conditions, &[], progress).await?;
        for row in &rows.unusable {
            tracing::debug!(
                campaign.schema = R::SCHEMA,
                campaign.row = row.name,
                what = row.what,
                "a row was passed over"
            );
        }
        Ok(rows.usable)
    }

    /// As [`Self::walk`], with columns that not every instance has, and with the rows that cannot be used.
    pub(super) async fn walk_with<R: Row>(
        &self,
        conditions: &[String],
        more_columns: &[&str],
        progress: impl Fn(usize),
    ) -> Result<Rows<R>, CampaignError> {
        self.walk_until(conditions, more_columns, progress, |_| false).await
    }

    /// The rows of a question that a handful of rows answer: a page with few rows ends the list, which saves the last query.
    pub(super) async fn walk_few<R: Row>(
        &self,
        conditions: &[String],
        more_columns: &[&str],
    ) -> Result<Rows<R>, CampaignError> {
        let is_last = |rows| rows < FEW_ROWS.min(self.page_rows);
        self.walk_until(conditions, more_columns, |_| {}, is_last).await
    }

    /// Walks until a page is empty, or until `is_last` says so of the number of its rows.
    async fn walk_until<R: Row>(
        &self,
        conditions: &[String],
        more_columns: &[&str],
        progress: impl Fn(usize),
        is_last: impl Fn(usize) -> bool,
    ) -> Result<Rows<R>, CampaignError> {
        let mut rows = Rows::after(None);
        loop {
            let last = rows.last;
            let call = SoapCall::query(R::SCHEMA, &page_query::<R>(conditions, more_columns, last, self.page_rows));
            let page = Box::pin(self.call(&call, |reader| read_page::<R>(reader, last))).await?;
            if page.last == last {
                return Ok(rows);
            }
            let is_last_page = is_last(page.len());
            rows.extend(page).map_err(|xml_error| CampaignError::WrongAnswer {
                call: call.name(),
                what: xml_error.to_string(),
                excerpt: "(many pages)".to_owned(),
            })?;
            progress(rows.len());
            if is_last_page {
                return Ok(rows);
            }
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
fn read_page<R: Row>(reader: &mut XmlReader<'_>, last: Option<R::Key>) -> Result<Rows<R>, XmlError> {
    let mut page: Option<Rows<R>> = None;
    let collection = format!("{}-collection", R::ELEMENT);
    reader.children(|reader, output| {
        if !output.is("pdomOutput") {
            return Ok(());
        }
        reader.children(|reader, tag| {
            if !tag.is(&collection) || page.is_some() {
                return Err(XmlError::new(format!("<{:.40}> where one <{collection}> was expected", tag.name())));
            }
            let mut rows = Rows::after(last);
            reader.children(|reader, tag| rows.take(reader, tag))?;
            page = Some(rows);
            Ok(())
        })
    })?;
    page.ok_or_else(|| XmlError::new(format!("it holds no <{collection}>")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Operator, OperatorGroup};

    fn read<R: Row>(output: &str, last: Option<R::Key>) -> Result<usize, String> {
        let text = format!("<ExecuteQueryResponse xmlns='urn:xtk:queryDef'>{output}</ExecuteQueryResponse>");
        let rows = XmlReader::document(&text, |reader, _| read_page::<R>(reader, last));
        rows.map(|rows| rows.usable.len()).map_err(|xml_error| xml_error.to_string())
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
    fn a_row_without_its_key_spoils_the_page() {
        for (rows, part) in [
            ("<group name='a'/>", "<group> without id"),
            ("<group id='' name='a'/>", "<group> without id"),
            ("<group id='x' name='a'/>", "no whole number"),
            ("<operator id='1' name='a'/>", "<operator> among the rows of xtk:group"),
        ] {
            assert!(groups(rows, None).expect_err(rows).contains(part), "{rows}");
        }
    }

    #[test]
    fn incident_45_a_row_that_cannot_be_used_is_set_aside_and_the_walk_goes_on_behind_it() {
        for row in ["<operator id='5'/>", "<operator id='5' name=''/>", "<operator id='5' name='&nope;'/>"] {
            let text = format!(
                "<Response><pdomOutput><operator-collection><operator id='4' name='a'/>{row}\
                 <operator id='6' name='b'><access disabled='maybe'/></operator><operator id='7' name='c'/>\
                 </operator-collection></pdomOutput></Response>"
            );
            let rows = XmlReader::document(&text, |reader, _| read_page::<Operator>(reader, None)).expect("a page");
            assert_eq!(rows.usable.iter().map(|operator| operator.id.0).collect::<Vec<_>>(), [4, 7], "{row}");
            let unusable: Vec<_> = rows.unusable.iter().map(|row| (row.key, row.name.as_deref())).collect();
            assert_eq!(unusable, [(5, None), (6, Some("b"))], "{row}");
            assert_eq!(rows.last, Some(7));
        }
    }

    #[test]
    fn incident_50_the_row_with_key_0_is_passed_over_unless_it_has_a_name() {
        assert_eq!(groups("<group id='-3' name='a'/><group id='0'/><group id='5' name='b'/>", None), Ok(2));
        assert_eq!(groups("<group id='-3' name='a'/><group id='0' name='n'/>", None), Ok(2));
        let text = "<Response><pdomOutput><group-collection><group id='0' name=''/></group-collection></pdomOutput></Response>";
        let rows = XmlReader::document(text, |reader, _| read_page::<OperatorGroup>(reader, None)).expect("a page");
        assert_eq!((rows.len(), rows.last), (0, Some(0)), "the walk goes on behind it");
    }

    #[test]
    fn incident_44_a_list_without_end_is_given_up() {
        let mut rows = Rows::<OperatorGroup> { text_bytes: MOST_TEXT_BYTES, ..Rows::after(None) };
        assert!(rows.extend(Rows::after(Some(1))).is_ok());
        assert!(rows.extend(Rows { text_bytes: 1, ..Rows::after(Some(2)) }).is_err());
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
