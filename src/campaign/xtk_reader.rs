//! Reads XTK literals as Campaign does: for tests and fuzz targets, which compare what is read with what was written.

/// The values of a list of literals; `None` if the text is anything else.
pub(super) fn literals(mut text: &str) -> Option<Vec<String>> {
    let mut values = Vec::new();
    loop {
        let mut value = String::new();
        let mut characters = text.strip_prefix('\'')?.chars();
        loop {
            match characters.next()? {
                '\\' => value.push(characters.next()?),
                '\'' => break,
                other => value.push(other),
            }
        }
        values.push(value);
        match characters.as_str().strip_prefix(", ") {
            Some(rest) => text = rest,
            None => return characters.as_str().is_empty().then_some(values),
        }
    }
}
