//! The words of an XTK expression.

/// One word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A path, without its brackets.
    Path(String),
    /// A bare word: a keyword, or the name of a function.
    Word(String),
    /// A literal between apostrophes, its escapes kept for LIKE to read.
    Text(String),
    Number(i64),
    Symbol(&'static str),
}

/// Splits an expression into words; the error names what is wrong.
pub(super) fn tokens(expression: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = expression.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, after) = match first {
            '\'' => quoted(rest)?,
            '[' => bracketed(rest)?,
            '@' | '.' => plain_path(rest),
            '0'..='9' => number(rest)?,
            _ if first.is_alphabetic() || first == '_' => word_or_path(rest),
            _ => symbol(rest).ok_or_else(|| format!("Unexpected character '{first}'"))?,
        };
        tokens.push(token);
        rest = after.trim_start();
    }
    Ok(tokens)
}

fn quoted(text: &str) -> Result<(Token, &str), String> {
    let mut literal = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            '\'' => return Ok((Token::Text(literal), text.get(at + 1..).unwrap_or_default())),
            '\\' => {
                literal.push('\\');
                literal.extend(characters.next().map(|(_, escaped)| escaped));
            }
            other => literal.push(other),
        }
    }
    Err("The string is not closed by an apostrophe".to_owned())
}

fn bracketed(text: &str) -> Result<(Token, &str), String> {
    let inside = text.strip_prefix('[').and_then(|inside| inside.split_once(']'));
    let (path, after) = inside.ok_or("The path is not closed by a bracket")?;
    if path.trim().is_empty() {
        return Err("The path between the brackets is empty".to_owned());
    }
    Ok((Token::Path(path.trim().to_owned()), after))
}

/// Outside of brackets a path ends at the first `-`, which is why `@operator-id` must be bracketed.
fn plain_path(text: &str) -> (Token, &str) {
    let belongs = |character: char| character.is_alphanumeric() || matches!(character, '_' | '@' | '/' | '.' | ':');
    let (path, after) = text.split_at(text.find(|character| !belongs(character)).unwrap_or(text.len()));
    (Token::Path(path.to_owned()), after)
}

fn word_or_path(text: &str) -> (Token, &str) {
    match plain_path(text) {
        (Token::Path(word), after) if !word.contains(['/', '@']) => (Token::Word(word), after),
        path => path,
    }
}

fn number(text: &str) -> Result<(Token, &str), String> {
    let (digits, after) = text.split_at(text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len()));
    let number = digits.parse().map_err(|_| format!("The number {digits} is too large"))?;
    Ok((Token::Number(number), after))
}

fn symbol(text: &str) -> Option<(Token, &str)> {
    // The longer symbols first: `<=` is not `<` and `=`.
    ["<>", "<=", ">=", "=", "<", ">", "(", ")", ",", "-", "+", "*"]
        .into_iter()
        .find_map(|symbol| text.strip_prefix(symbol).map(|after| (Token::Symbol(symbol), after)))
}
