//! Escaping in XTK and in XML: texts, separated by bytes 0xFF, are read back as the same values, and end no literal.

use campaign_group_sync::campaign::fuzzing::{condition_xml, is_one_of, is_text, literals, text_xml};
use roxmltree::Document;

pub(crate) fn check(data: &[u8]) {
    let texts: Vec<String> =
        data.split(|byte| *byte == 0xFF).map(|text| String::from_utf8_lossy(text).into_owned()).collect();
    let expression = is_one_of("@name", &texts);
    let list = expression.strip_prefix("@name IN (").and_then(|rest| rest.strip_suffix(')')).expect("a list");
    assert_eq!(literals(list).as_ref(), Some(&texts), "{expression}");
    for text in &texts {
        let literal = is_text("@name", text);
        let value = literal.strip_prefix("@name = ").expect("a condition");
        assert_eq!(literals(value), Some(vec![text.clone()]), "{literal}");
        if let Some(xml) = text_xml(text) {
            let document = Document::parse(&xml).expect("well-formed XML");
            let read: String = document.root_element().children().filter_map(|child| child.text()).collect();
            assert_eq!(read, *text, "{xml}");
            assert_eq!(document.root_element().children().filter(roxmltree::Node::is_element).count(), 0, "{xml}");
        }
    }
    if let Some(xml) = condition_xml(&expression) {
        let document = Document::parse(&xml).expect("well-formed XML");
        let root = document.root_element();
        assert_eq!(root.attribute("expr"), Some(expression.as_str()), "{xml}");
        assert_eq!((root.attributes().count(), root.has_children()), (1, false), "{xml}");
    }
}
