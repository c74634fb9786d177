//! The text of statements, which has numbered placeholders, and their values.

use sqlx::{Encode, SqlSafeStr, Type, query::Query};

use super::values::Value;

/// The statement with `?` in place of numbered placeholders, and the values in the order of their use: `SQLite` looks a
/// numbered placeholder up by its name, among all of the statement.
pub(super) fn anonymous(sql: &str, values: Vec<Value>) -> (String, Vec<Value>) {
    let mut pieces = sql.split('$');
    let mut text = String::with_capacity(sql.len());
    text.push_str(pieces.next().unwrap_or_default());
    let mut used = Vec::with_capacity(values.len());
    for piece in pieces {
        let digits = piece.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = piece.split_at_checked(digits).unwrap_or(("", piece));
        text.push('?');
        text.push_str(rest);
        used.push(number.parse::<usize>().unwrap_or_default().wrapping_sub(1));
    }
    if used.iter().copied().eq(0..values.len()) {
        return (text, values);
    }
    let value = |at: usize| values.get(at).cloned().unwrap_or(Value::Text(None));
    (text, used.into_iter().map(value).collect())
}

/// Binds the values to a statement.
pub(super) fn bound<D: sqlx::Database>(
    sql: impl SqlSafeStr,
    values: impl IntoIterator<Item = Value>,
) -> Query<'static, D, D::Arguments>
where
    for<'v> Option<String>: Encode<'v, D> + Type<D>,
    for<'v> Option<i64>: Encode<'v, D> + Type<D>,
{
    values.into_iter().fold(sqlx::query(sql), |query, value| match value {
        Value::Text(text) => query.bind(text),
        Value::Number(number) => query.bind(number),
    })
}

/// `($1, $2), ($3, $4)` for two rows of two columns, after `before` other placeholders.
pub(super) fn placeholders(before: usize, rows: usize, columns: usize) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(rows * columns * 6);
    for row in 0..rows {
        for column in 1..=columns {
            let separator = match (row, column) {
                (0, 1) => "(",
                (_, 1) => "), (",
                _ => ", ",
            };
            let _ = write!(text, "{separator}${}", before + row * columns + column);
        }
    }
    text + ")"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_numbered_through_all_rows() {
        assert_eq!(placeholders(0, 2, 3), "($1, $2, $3), ($4, $5, $6)");
        assert_eq!(placeholders(2, 1, 2), "($3, $4)");
    }

    #[test]
    fn a_value_that_a_statement_names_twice_is_bound_twice() {
        let values = vec![Value::from("a"), Value::from(7)];
        let (sql, values) = anonymous("select $2, $1 from t where b = $2", values);
        assert_eq!(sql, "select ?, ? from t where b = ?");
        assert_eq!(format!("{values:?}"), r#"[Number(Some(7)), Text(Some("a")), Number(Some(7))]"#);
    }
}
