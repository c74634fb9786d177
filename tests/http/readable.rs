//! What a reader sees of a page, as text: one line a block, cells between bars, times and distances as words.

use regex::Regex;

fn replaced(text: &str, pattern: &str, by: &str) -> String {
    Regex::new(pattern).expect("a pattern").replace_all(text, by).into_owned()
}

/// The text of the page, without head and times.
pub(crate) fn readable(html: &str) -> String {
    let body = html.split_once("<body>").map_or(html, |(_, body)| body);
    let text = replaced(body, r"\s+", " ");
    let text = replaced(&text, r"(?s)<svg.*?</svg>", "(chart)");
    let text = replaced(&text, r"</t[dh]> ?(</tr>)?", " | ");
    let text = replaced(&text, r"<input[^>]*>", "[field]");
    let text = replaced(&text, r"</?(bdi|code|time|span|a|td|th)( [^>]*)?>", "");
    let text = replaced(&text, r"<[^>]*>", "\n");
    let text = replaced(&text, r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [A-Z]+", "TIME");
    let text = replaced(&text, r"\((in [^)]*|[^)]* ago|now)\)", "(DISTANCE)");
    let text = replaced(&text, r"\d+:[0-9a-f]{64}", "POSITION:HASH");
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}
