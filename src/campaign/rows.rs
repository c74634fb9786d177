//! Reads all rows of one schema, by ranges of its key.
//!
//! The client never pages by offset: pages by `startLine` may repeat a row at their boundary, and may miss a row if
//! rows are added or deleted meanwhile.

use std::borrow::Cow;

use super::client::Campaign;
use super::error::CampaignError;
use super::soap_call::{SoapCall, condition, node, query_element};
use super::xml_reader::{Tag, XmlError, XmlReader};
use super::xml_writer::Element;

/// Maximum number of rows of one read. An instance has at most some 100,000 operators with a few groups each; a longer
/// list comes from a server that never ends it.
const MOST_ROWS: usize = 5_000_000;

/// A page with fewer rows than this ends a read for a question. A query says how many rows it requests, and the
/// smallest known limit of a server is 200 rows.
const FEW_ROWS: usize = 100;

/// Maximum number of bytes of text that one read keeps: some millions of operators.
const MOST_TEXT_BYTES: usize = 512 * 1024 * 1024;

/// A row of a schema that the client reads.
pub(super) trait Row: Sized {
    /// The unique key, by which rows are ordered. The default is the key of the empty row that every table with an
    /// automatic key has (Campaign documentation, "Database mapping").
    type Key: Copy + Ord + Default;

    /// The schema, such as `xtk:operator`.
    const SCHEMA: &'static str;
    /// The element of a row: the schema without its namespace.
    const ELEMENT: &'static str;
    /// The selected expressions.
    const COLUMNS: &'static [&'static str];
    /// The expressions of the key, in the order of [`Self::Key`].
    const KEY_COLUMNS: &'static [&'static str];

    /// The condition for the rows after the one with this key.
    fn after(key: Self::Key) -> String;

    /// Reads the row with this element: its key, and everything else. An error in a single value of the rest concerns this
    /// row alone; without its key no row can be read.
    fn read(reader: &mut XmlReader<'_>, tag: &Tag<'_>) -> Result<(Self::Key, Result<Self, XmlError>), XmlError>;

    /// Number of bytes of text that the row keeps.
    fn text_bytes(&self) -> usize {
        0
    }
}

/// The rows of a read, or of one page of it.
pub(super) struct Rows<R: Row> {
    pub(super) usable: Vec<R>,
    pub(super) unusable: Vec<UnusableRow<R::Key>>,
    /// The key of the last row, usable or not.
    last: Option<R::Key>,
    text_bytes: usize,
}

/// A row that has a key but cannot be used.
#[derive(Clone, Debug)]
pub(super) struct UnusableRow<K> {
    pub(super) key: K,
    /// Its `@name`, if it can be read.
    pub(super) name: Option<String>,
    /// What is wrong with the row.
    pub(super) what: String,
}

impl<R: Row> Rows<R> {
    fn after(last: Option<R::Key>) -> Self {
        Self { usable: Vec::new(), unusable: Vec::new(), last, text_bytes: 0 }
    }

    fn len(&self) -> usize {
        self.usable.len() + self.unusable.len()
    }

    fn extend(&mut self, page: Self) {
        self.usable.extend(page.usable);
        self.unusable.extend(page.unusable);
    }

    fn take(&mut self, reader: &mut XmlReader<'_>, tag: &Tag<'_>) -> Result<(), XmlError> {
        if !tag.is(R::ELEMENT) {
            return Err(XmlError::new(format!("<{}> among the rows of {}", tag.name(), R::SCHEMA)));
        }
        let (key, row) = R::read(reader, tag)?;
        if self.last.is_some_and(|last| key <= last) {
            // The server ignored the order or the condition, so rows may be missing.
            return Err(XmlError::new(format!("a row of {} does not come after the previous one", R::SCHEMA)));
        }
        self.last = Some(key);
        match row {
            Ok(row) => {
                self.text_bytes += row.text_bytes();
                self.usable.push(row);
            }
            Err(xml_error) if !xml_error.is_of_a_value() => return Err(xml_error),
            // The row with key 0 means "none".
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
    /// Reads all usable rows that meet every condition, in the order of their keys. `progress` receives the number of
    /// rows after each page.
    ///
    /// The read ends only at an empty page. A page with fewer rows than requested does not prove the end, because
    /// servers have limits of their own (200 rows by default, 10,000 elsewhere). The last query costs one more call,
    /// and proves that the list is complete.
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
                "a row that cannot be used is skipped"
            );
        }
        Ok(rows.usable)
    }

    /// As [`Self::walk`], with additional columns that not every instance has, and with the rows that cannot be used.
    pub(super) async fn walk_with<R: Row>(
        &self,
        conditions: &[String],
        more_columns: &[&'static str],
        progress: impl Fn(usize),
    ) -> Result<Rows<R>, CampaignError> {
        self.walk_until(conditions, more_columns, progress, |_, _| false).await
    }

    /// Reads the rows that have one of `keys` keys, which the conditions list. The read ends as soon as it has a row for
    /// each key, because the key is unique; otherwise at an empty page, which proves that the other rows do not exist.
    pub(super) async fn walk_listed<R: Row>(
        &self,
        conditions: &[String],
        more_columns: &[&'static str],
        keys: usize,
    ) -> Result<Rows<R>, CampaignError> {
        self.walk_until(conditions, more_columns, |_| {}, |_, rows| rows == keys).await
    }

    /// Reads the few rows that a question needs: a page with few rows ends the read, which saves the last query.
    pub(super) async fn walk_few<R: Row>(
        &self,
        conditions: &[String],
        more_columns: &[&'static str],
    ) -> Result<Rows<R>, CampaignError> {
        let is_last = |of_page, _| of_page < FEW_ROWS.min(self.page_rows);
        self.walk_until(conditions, more_columns, |_| {}, is_last).await
    }

    /// Reads until a page is empty, or until `is_last` returns `true` for the numbers of rows of a page and of the read.
    async fn walk_until<R: Row>(
        &self,
        conditions: &[String],
        more_columns: &[&'static str],
        progress: impl Fn(usize),
        is_last: impl Fn(usize, usize) -> bool,
    ) -> Result<Rows<R>, CampaignError> {
        let mut rows = Rows::after(None);
        let keep = |page| {
            rows.extend(page);
            progress(rows.len());
        };
        Box::pin(self.walk_pages(conditions, more_columns, keep, is_last)).await?;
        Ok(rows)
    }

    /// As [`Self::walk_until`], and hands each page to `keep`.
    pub(super) async fn walk_pages<R: Row>(
        &self,
        conditions: &[String],
        more_columns: &[&'static str],
        mut keep: impl FnMut(Rows<R>),
        is_last: impl Fn(usize, usize) -> bool,
    ) -> Result<(), CampaignError> {
        let mut read = ReadSize::default();
        let mut last = None;
        loop {
            let call = SoapCall::query(R::SCHEMA, &page_query::<R>(conditions, more_columns, last, self.page_rows));
            let page = Box::pin(self.call(&call, |reader| read_page::<R>(reader, last))).await;
            let page = page.map_err(|error| if last.is_some() { error.of_rows() } else { error })?;
            if last.is_none() {
                self.shape.prove(R::SCHEMA, R::COLUMNS.iter().chain(more_columns).copied());
            }
            if page.last == last {
                return Ok(());
            }
            last = page.last;
            let of_page = page.len();
            read.add(of_page, page.text_bytes).map_err(|xml_error| CampaignError::InvalidResponse {
                call: call.name(),
                what: xml_error.to_string(),
                excerpt: "(many pages)".to_owned(),
            })?;
            keep(page);
            if is_last(of_page, read.rows) {
                return Ok(());
            }
        }
    }
}

/// How much a read has received.
#[derive(Default)]
struct ReadSize {
    rows: usize,
    text_bytes: usize,
}

impl ReadSize {
    /// Adds a page, within the limits of a read.
    fn add(&mut self, rows: usize, text_bytes: usize) -> Result<(), XmlError> {
        self.rows += rows;
        self.text_bytes += text_bytes;
        if self.rows > MOST_ROWS || self.text_bytes > MOST_TEXT_BYTES {
            return Err(XmlError::new(format!(
                "the list does not end: it has more than {MOST_ROWS} rows or {MOST_TEXT_BYTES} bytes of text"
            )));
        }
        Ok(())
    }
}

/// The query for the rows after `last`. The first page has no lower bound, because ids may be negative.
fn page_query<R: Row>(
    conditions: &[String],
    more_columns: &[&'static str],
    last: Option<R::Key>,
    lines: usize,
) -> Element {
    let conditions = conditions.iter().cloned().chain(last.map(R::after));
    let columns = R::COLUMNS.iter().chain(more_columns).map(|column| node(column));
    let mut query = query_element(R::SCHEMA, "select")
        .attribute("lineCount", &lines.to_string())
        .child(&Element::new("select").children(columns));
    let mut conditions = conditions.peekable();
    if conditions.peek().is_some() {
        query = query.child(&Element::new("where").children(conditions.map(|expression| condition(&expression))));
    }
    query.child(&Element::new("orderBy").children(R::KEY_COLUMNS.iter().map(|column| node(column))))
}

/// Reads the response to a query: one collection of rows in ascending order, all after `last`.
pub(super) fn read_page<R: Row>(reader: &mut XmlReader<'_>, last: Option<R::Key>) -> Result<Rows<R>, XmlError> {
    let mut page: Option<Rows<R>> = None;
    let collection = format!("{}-collection", R::ELEMENT);
    reader.children(|reader, output| {
        if !output.is("pdomOutput") {
            return Ok(());
        }
        reader.children(|reader, tag| {
            if !tag.is(&collection) || page.is_some() {
                return Err(XmlError::new(format!("<{}> instead of one <{collection}>", tag.name())));
            }
            let mut rows = Rows::after(last);
            reader.children(|reader, tag| rows.take(reader, tag))?;
            page = Some(rows);
            Ok(())
        })
    })?;
    page.ok_or_else(|| XmlError::new(format!("it contains no <{collection}>")))
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
    fn a_query_has_an_order_and_a_number_of_lines() {
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
    fn rows_must_come_in_ascending_order() {
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
    fn a_row_without_its_key_makes_the_page_invalid() {
        for (rows, part) in [
            ("<group name='a'/>", "<group> has no id"),
            ("<group id='' name='a'/>", "<group> has no id"),
            ("<group id='x' name='a'/>", "not a whole number"),
            ("<operator id='1' name='a'/>", "<operator> among the rows of xtk:group"),
        ] {
            assert!(groups(rows, None).expect_err(rows).contains(part), "{rows}");
        }
    }

    #[test]
    fn incident_45_an_unusable_row_is_kept_apart_and_the_read_continues_after_it() {
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
    fn incident_50_the_row_with_key_0_is_skipped_unless_it_has_a_name() {
        assert_eq!(groups("<group id='-3' name='a'/><group id='0'/><group id='5' name='b'/>", None), Ok(2));
        assert_eq!(groups("<group id='-3' name='a'/><group id='0' name='n'/>", None), Ok(2));
        let text = "<Response><pdomOutput><group-collection><group id='0' name=''/></group-collection></pdomOutput>\
                    </Response>";
        let rows = XmlReader::document(text, |reader, _| read_page::<OperatorGroup>(reader, None)).expect("a page");
        assert_eq!((rows.len(), rows.last), (0, Some(0)), "the read continues after it");
    }

    #[test]
    fn incident_44_a_list_without_end_is_an_error() {
        let mut size = ReadSize { rows: 1, text_bytes: MOST_TEXT_BYTES };
        assert!(size.add(1, 0).is_ok());
        assert!(size.add(1, 1).is_err());
        assert!(ReadSize { rows: MOST_ROWS, text_bytes: 0 }.add(1, 0).is_err());
    }

    #[test]
    fn an_empty_collection_is_valid_and_a_missing_one_is_not() {
        let output = |inside: &str| read::<OperatorGroup>(&format!("<pdomOutput>{inside}</pdomOutput>"), None);
        assert_eq!(output("<group-collection/>"), Ok(0));
        assert_eq!(output("<group-collection></group-collection>"), Ok(0));
        for (inside, part) in [
            ("", "no <group-collection>"),
            ("<operator-collection/>", "instead of one <group-collection>"),
            ("<group-collection/><group-collection/>", "instead of one <group-collection>"),
        ] {
            assert!(output(inside).expect_err(inside).contains(part), "{inside}");
        }
        assert!(read::<OperatorGroup>("", None).is_err());
    }
}
