//! The response to a SOAP call: the first byte chooses status and content type. A cut response is never accepted, rows are
//! those that a second XML parser finds, and no error shows a secret.

use campaign_group_sync::campaign::fuzzing::{operators, sign_in};
use roxmltree::{Document, Node};

use crate::{MARK, assert_unmarked, cuts, divided, marked};

const STATUSES: [u16; 8] = [200, 200, 200, 200, 500, 403, 401, 404];
const TYPES: [&str; 4] = ["text/xml; charset=utf-8", "text/xml", "text/xml; charset=iso-8859-1", "text/html"];

pub(crate) fn check(data: &[u8]) {
    let (choice, body) = divided(data);
    let (status, kind) = (STATUSES[choice % STATUSES.len()], TYPES[choice / STATUSES.len() % TYPES.len()].as_bytes());
    let body = marked(body);
    assert_unmarked(&sign_in(status, kind, &body), "the response to a sign-in");
    match operators(status, kind, &body, MARK) {
        Ok(Some((usable, unusable))) => {
            assert!((200..300).contains(&status), "rows with status {status}");
            let logins = usable.iter().map(|operator| (operator.id.0, operator.login.as_str().to_owned())).collect();
            compare(&body, logins, unusable);
            let whole = body.trim_ascii_end();
            for end in cuts(whole.len()) {
                let outcome = operators(status, kind, &whole[..end], MARK);
                assert!(!matches!(outcome, Ok(Some(_))), "a response that is cut after {end} bytes is accepted");
            }
        }
        Ok(None) => {}
        Err(error) => assert_unmarked(&format!("{error}"), "an error of Campaign"),
    }
}

/// The rows are those that another parser finds, where it accepts the document.
fn compare(body: &[u8], usable: Vec<(i64, String)>, unusable: usize) {
    let Ok(text) = std::str::from_utf8(body) else { return };
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    if text.contains("encoding") {
        return;
    }
    let Ok(document) = Document::parse(text) else { return };
    let rows: Vec<Node<'_, '_>> =
        document.descendants().filter(|node| node.tag_name().name() == "operator" && depth(node) == 6).collect();
    let found: Vec<(i64, String)> = rows.iter().filter_map(row).collect();
    for (id, login) in &usable {
        assert!(found.contains(&(*id, login.clone())), "{id} {login:?} is not in {found:?}");
    }
    // The row with key 0 means "none", and is left out where it has no name.
    assert!(rows.len() - usable.len() - unusable <= 1, "{} rows, {} usable, {unusable} not", rows.len(), usable.len());
}

fn depth(node: &Node<'_, '_>) -> usize {
    node.ancestors().filter(Node::is_element).count()
}

/// The id and the name of a row.
fn row(node: &Node<'_, '_>) -> Option<(i64, String)> {
    let attribute =
        |name: &str| node.attributes().find(|attribute| attribute.name() == name).map(|found| found.value());
    Some((attribute("id")?.parse().ok()?, attribute("name")?.to_owned()))
}
