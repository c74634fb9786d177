//! From words to a condition: OR binds loosest, then AND, then NOT.

use super::lexer::{Token, tokens};
use super::{Aggregate, Comparison, Expression, Operand, PatternElement};

/// Deepest nesting of brackets and NOT: both the parser and the evaluation recurse.
const MAX_DEPTH: usize = 64;

/// Parses a condition; the error says what is wrong with it.
pub(in super::super) fn parse(text: &str) -> Result<Expression<String>, String> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
    let expression = parser.any()?;
    parser.end()?;
    Ok(expression)
}

/// Parses an expression that is one path, as of a column to select.
pub(in super::super) fn parse_path(text: &str) -> Result<String, String> {
    match tokens(text)?.as_slice() {
        [Token::Path(path)] => Ok(path.clone()),
        _ => Err("Only single paths are simulated here".to_owned()),
    }
}

/// Parses an expression that is a function of one path, as `Count(@id)`.
pub(in super::super) fn parse_aggregate(text: &str) -> Option<(Aggregate, String)> {
    let tokens = tokens(text).ok()?;
    let [Token::Word(name), Token::Symbol("("), Token::Path(path), Token::Symbol(")")] = tokens.as_slice() else {
        return None;
    };
    let known = [("Count", Aggregate::Count), ("Min", Aggregate::Min), ("Max", Aggregate::Max)];
    let (_, aggregate) = known.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    Some((aggregate, path.clone()))
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn any(&mut self) -> Result<Expression<String>, String> {
        self.chain("OR", Self::all, Expression::Or)
    }

    fn all(&mut self) -> Result<Expression<String>, String> {
        self.chain("AND", Self::negation, Expression::And)
    }

    fn chain(
        &mut self,
        keyword: &str,
        part: fn(&mut Self) -> Result<Expression<String>, String>,
        join: fn(Vec<Expression<String>>) -> Expression<String>,
    ) -> Result<Expression<String>, String> {
        let first = part(self)?;
        let mut more = Vec::new();
        while self.take_word(keyword) {
            more.push(part(self)?);
        }
        if more.is_empty() {
            return Ok(first);
        }
        more.insert(0, first);
        Ok(join(more))
    }

    fn negation(&mut self) -> Result<Expression<String>, String> {
        if self.take_word("NOT") {
            return self.deeper(|parser| Ok(Expression::Not(Box::new(parser.negation()?))));
        }
        if self.take_symbol("(") {
            return self.deeper(|parser| {
                let inner = parser.any()?;
                parser.expect(")")?;
                Ok(inner)
            });
        }
        self.condition()
    }

    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("The expression is nested deeper than {MAX_DEPTH} levels"));
        }
        let parsed = parse(self)?;
        self.depth -= 1;
        Ok(parsed)
    }

    fn condition(&mut self) -> Result<Expression<String>, String> {
        let left = self.operand()?;
        let negated = self.take_word("NOT");
        let condition = if self.take_word("IN") {
            Expression::In(left, self.list()?)
        } else if self.take_word("LIKE") {
            Expression::Like(left, self.pattern()?)
        } else if negated {
            return Err("NOT is followed by neither IN nor LIKE".to_owned());
        } else {
            let comparison = self.comparison()?;
            Expression::Compare(left, comparison, self.operand()?)
        };
        Ok(if negated { Expression::Not(Box::new(condition)) } else { condition })
    }

    fn comparison(&mut self) -> Result<Comparison, String> {
        let comparison = match self.next() {
            Some(Token::Symbol("=")) => Comparison::Equal,
            Some(Token::Symbol("<>")) => Comparison::NotEqual,
            Some(Token::Symbol("<")) => Comparison::Less,
            Some(Token::Symbol("<=")) => Comparison::LessOrEqual,
            Some(Token::Symbol(">")) => Comparison::Greater,
            Some(Token::Symbol(">=")) => Comparison::GreaterOrEqual,
            other => return Err(unexpected("a comparison", other.as_ref())),
        };
        Ok(comparison)
    }

    fn operand(&mut self) -> Result<Operand<String>, String> {
        match self.next() {
            Some(Token::Path(path)) => Ok(Operand::Path(path)),
            Some(Token::Text(text)) => Ok(Operand::Text(unescaped(&text))),
            Some(Token::Number(number)) => Ok(Operand::Number(number)),
            Some(Token::Symbol("-")) => match self.next() {
                Some(Token::Number(number)) => Ok(Operand::Number(-number)),
                other => Err(unexpected("a number", other.as_ref())),
            },
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("true") => Ok(Operand::Number(1)),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("false") => Ok(Operand::Number(0)),
            other => Err(unexpected("a path or a value", other.as_ref())),
        }
    }

    fn list(&mut self) -> Result<Vec<Operand<String>>, String> {
        self.expect("(")?;
        let mut list = vec![self.operand()?];
        while self.take_symbol(",") {
            list.push(self.operand()?);
        }
        self.expect(")")?;
        Ok(list)
    }

    fn pattern(&mut self) -> Result<Vec<PatternElement>, String> {
        match self.next() {
            Some(Token::Text(text)) => Ok(pattern(&text)),
            other => Err(unexpected("a pattern", other.as_ref())),
        }
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn take_word(&mut self, keyword: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some(Token::Word(word)) if word.eq_ignore_ascii_case(keyword));
        self.at += usize::from(found);
        found
    }

    fn take_symbol(&mut self, symbol: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some(Token::Symbol(found)) if *found == symbol);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, symbol: &str) -> Result<(), String> {
        if self.take_symbol(symbol) { Ok(()) } else { Err(unexpected(symbol, self.tokens.get(self.at))) }
    }

    fn end(&self) -> Result<(), String> {
        self.tokens.get(self.at).map_or(Ok(()), |token| Err(unexpected("the end", Some(token))))
    }
}

fn unexpected(wanted: &str, found: Option<&Token>) -> String {
    let found = match found {
        None => "the end".to_owned(),
        Some(Token::Path(text) | Token::Word(text) | Token::Text(text)) => format!("'{text}'"),
        Some(Token::Number(number)) => number.to_string(),
        Some(Token::Symbol(symbol)) => format!("'{symbol}'"),
    };
    format!("Found {found} where {wanted} was expected")
}

fn unescaped(literal: &str) -> String {
    let mut characters = literal.chars();
    let mut text = String::new();
    while let Some(character) = characters.next() {
        text.push(if character == '\\' { characters.next().unwrap_or('\\') } else { character });
    }
    text
}

fn pattern(literal: &str) -> Vec<PatternElement> {
    let mut characters = literal.chars();
    let mut pattern = Vec::new();
    while let Some(character) = characters.next() {
        pattern.push(match character {
            '%' => PatternElement::AnyRun,
            '_' => PatternElement::AnyOne,
            '\\' => PatternElement::Exactly(characters.next().unwrap_or('\\')),
            other => PatternElement::Exactly(other),
        });
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(path: &str) -> Operand<String> {
        Operand::Path(path.to_owned())
    }

    fn equal(name: &str, number: i64) -> Expression<String> {
        Expression::Compare(path(name), Comparison::Equal, Operand::Number(number))
    }

    #[test]
    fn expressions_parse_as_sql_would_bind_them() {
        let (a, b, c) = (equal("@a", 1), equal("@b", 2), equal("@c", 3));
        let not = |inner: &Expression<String>| Expression::Not(Box::new(inner.clone()));
        for (text, expected) in [
            ("@a=1", a.clone()),
            (" ( ( @a = 1 ) ) ", a.clone()),
            ("[@a]=1 and @b=2", Expression::And(vec![a.clone(), b.clone()])),
            ("@a=1 or @b=2 AND @c=3", Expression::Or(vec![a.clone(), Expression::And(vec![b.clone(), c.clone()])])),
            ("(@a=1 or @b=2) AND @c=3", Expression::And(vec![Expression::Or(vec![a.clone(), b.clone()]), c.clone()])),
            ("not @a=1 and @b=2", Expression::And(vec![not(&a), b.clone()])),
            ("NOT (@a=1 and @b=2)", not(&Expression::And(vec![a.clone(), b.clone()]))),
            ("[@operator-id] = -5", equal("@operator-id", -5)),
            ("operator/access/@disabled = true", equal("operator/access/@disabled", 1)),
            (
                "[operator/@name] NOT IN ('a', 'it\\'s', '\\\\')",
                Expression::Not(Box::new(Expression::In(
                    path("operator/@name"),
                    ["a", "it's", "\\"].map(|text| Operand::Text(text.to_owned())).to_vec(),
                ))),
            ),
            ("@n like 'a%\\%_'", Expression::Like(path("@n"), pattern("a%\\%_"))),
        ] {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_an_expression_is_refused() {
        let deep = format!("{}@a=1{}", "(".repeat(100), ")".repeat(100));
        let negated = format!("{}@a=1", "not ".repeat(100_000));
        for text in [
            "",
            "@a",
            "@a=",
            "=1",
            "@a=1 and",
            "@a==1",
            "@a=1)",
            "(@a=1",
            "@a='x",
            "[@a",
            "[]=1",
            "@a IN ()",
            "@a IN (1",
            "@a IN 1",
            "@a NOT 1",
            "@a LIKE 1",
            "@a=1 @b=2",
            "Lower(@a)='x'",
            "@a ! 1",
            "@a=99999999999999999999",
            "@operator-id=1",
            "- = 1",
            "'",
            "\\",
            &deep,
            &negated,
        ] {
            assert!(parse(text).is_err(), "{text:.60}");
        }
    }

    #[test]
    fn a_column_is_one_path() {
        assert_eq!(parse_path("[group/@name]"), Ok("group/@name".to_owned()));
        assert_eq!(parse_path("access/@authenticationType"), Ok("access/@authenticationType".to_owned()));
        assert!(parse_path("@operator-id").is_err());
        assert!(parse_path("Count(@id)").is_err());
    }
}
