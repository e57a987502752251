//! Rust source, read just well enough for the rules: no comments, no literals, then words.

/// The source with comments and the content of literals blanked; lines stay where they are.
pub(crate) fn code_only(source: &str) -> String {
    let chars: Vec<char> = source.chars().collect();
    let mut code = String::with_capacity(source.len());
    let mut at = 0;
    while let Some(&char) = chars.get(at) {
        let end = literal_end(&chars, at);
        if end == at {
            code.push(char);
            at += 1;
            continue;
        }
        let skipped = chars.get(at..end).unwrap_or_default();
        code.extend(skipped.iter().map(|char| if *char == '\n' { '\n' } else { ' ' }));
        at = end;
    }
    code
}

/// Where the comment or literal that starts at `at` ends; `at` itself when none starts there.
fn literal_end(chars: &[char], at: usize) -> usize {
    let next = |ahead: usize| chars.get(at + ahead).copied();
    let after_word = at > 0 && chars.get(at - 1).is_some_and(|char| is_word(*char));
    match (next(0), next(1)) {
        (Some('/'), Some('/')) => {
            chars.iter().skip(at).position(|char| *char == '\n').map_or(chars.len(), |len| at + len)
        }
        (Some('/'), Some('*')) => comment_end(chars, at),
        (Some('"'), _) => string_end(chars, at),
        (Some('\''), Some('\\')) => quote_end(chars, at + 3),
        (Some('\''), Some(_)) if next(2) == Some('\'') => at + 3,
        (Some('r'), Some('"' | '#')) if !after_word || matches!(chars.get(at - 1), Some('b' | 'c')) => {
            raw_end(chars, at)
        }
        _ => at,
    }
}

fn comment_end(chars: &[char], start: usize) -> usize {
    let (mut depth, mut at) = (0_usize, start);
    while at < chars.len() {
        match (chars.get(at), chars.get(at + 1)) {
            (Some('/'), Some('*')) => (depth, at) = (depth + 1, at + 2),
            (Some('*'), Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn string_end(chars: &[char], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(char) = chars.get(at) {
        match char {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

fn quote_end(chars: &[char], from: usize) -> usize {
    chars.iter().skip(from).position(|char| *char == '\'').map_or(chars.len(), |len| from + len + 1)
}

/// The end of a raw string; a raw identifier such as `r#type` is none.
fn raw_end(chars: &[char], start: usize) -> usize {
    let hashes = chars.iter().skip(start + 1).take_while(|char| **char == '#').count();
    let quote = start + 1 + hashes;
    if chars.get(quote) != Some(&'"') {
        return start;
    }
    let closes = |at: &usize| {
        let closing = chars.get(at + 1..at + 1 + hashes).unwrap_or_default();
        chars.get(*at) == Some(&'"') && closing.len() == hashes && closing.iter().all(|char| *char == '#')
    };
    (quote + 1..chars.len()).find(closes).map_or(chars.len(), |at| at + 1 + hashes)
}

fn is_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

/// Identifiers, `::` and single signs of a source.
pub(crate) fn words(source: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut in_word = false;
    let code = code_only(source).replace("::", "\u{2237}");
    for char in code.chars() {
        match (is_word(char), words.last_mut().filter(|_| in_word)) {
            (true, Some(word)) => word.push(char),
            (false, _) if char.is_whitespace() => {}
            _ => words.push(if char == '\u{2237}' { "::".to_owned() } else { char.to_string() }),
        }
        in_word = is_word(char);
    }
    words
}

/// Every path of a source, segment by segment: the trees of `use` taken apart, and paths in code.
pub(crate) fn paths(source: &str) -> Vec<Vec<String>> {
    let words = words(source);
    let mut paths = Vec::new();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let follows_path = at > 0 && words.get(at - 1).is_some_and(|word| word == "::");
        if word == "use" {
            at = use_tree(&words, at + 1, &[], &mut paths);
        } else if !follows_path && is_name(word) && words.get(at + 1).is_some_and(|word| word == "::") {
            at = use_tree(&words, at, &[], &mut paths);
        } else {
            at += 1;
        }
    }
    paths
}

fn is_name(word: &str) -> bool {
    word.chars().next().is_some_and(|char| char.is_alphabetic() || char == '_')
}

/// Reads one path or tree; returns where it ends.
fn use_tree(words: &[String], from: usize, prefix: &[String], paths: &mut Vec<Vec<String>>) -> usize {
    let mut path = prefix.to_vec();
    let mut at = from;
    while let Some(word) = words.get(at) {
        match word.as_str() {
            "::" => at += 1,
            "{" if words.get(at.wrapping_sub(1)).is_some_and(|word| word == "::" || word == "use") => {
                at += 1;
                while words.get(at).is_some_and(|word| word != "}") {
                    let end = use_tree(words, at, &path, paths);
                    // A comma, or something that no tree holds.
                    at = if end == at || words.get(end).is_some_and(|word| word == ",") { end + 1 } else { end };
                }
                return at + 1;
            }
            name if is_name(name) && (at == from || words.get(at - 1).is_some_and(|word| word == "::")) => {
                path.push(name.to_owned());
                at += 1;
            }
            _ => break,
        }
    }
    if words.get(at).is_some_and(|word| word == "as") {
        at += 2;
    }
    if path.len() > prefix.len() {
        paths.push(path);
    }
    at.max(from)
}

/// Lines that hold code, up to the test module.
pub(crate) fn code_lines(source: &str) -> usize {
    without_tests(source).lines().count()
}

/// The lines that hold code, up to the test module.
pub(crate) fn without_tests(source: &str) -> String {
    let code = code_only(source);
    let lines: Vec<&str> = code.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let opens_tests = |pair: &&[&str]| {
        pair.first() == Some(&"#[cfg(test)]")
            && pair.get(1).is_some_and(|line| line.contains("mod ") && line.ends_with('{'))
    };
    let end = lines.windows(2).position(|pair| opens_tests(&pair)).unwrap_or(lines.len());
    lines.get(..end).unwrap_or_default().join("\n")
}

mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_no_code() {
        let source = "a(\"x // \\\" y\", 'b', '\\'', r#\"c \" d\"#); // e\n/* f /* g */ h */ i::<'j>()";
        let words = words(source);
        for hidden in ["x", "y", "b", "c", "d", "e", "f", "g", "h"] {
            assert!(!words.iter().any(|word| word == hidden), "{hidden} in {words:?}");
        }
        assert!(words.iter().any(|word| word == "i") && words.iter().any(|word| word == "j"));
        assert_eq!(code_only(source).lines().count(), 2);
    }

    #[test]
    fn raw_identifiers_are_code() {
        assert!(words("r#type.find(\"x\"); after").iter().any(|word| word == "after"));
    }

    #[test]
    fn trees_are_taken_apart() {
        let paths: Vec<String> = paths("use crate::{deal::{model::Deal as D, port::*}, id}; pub use x; fn f(a: super::y::Z<b::C>) { self::m!(v::w) }")
            .iter()
            .map(|path| path.join("::"))
            .collect();
        let expected = [
            "crate::deal::model::Deal",
            "crate::deal::port",
            "crate::id",
            "x",
            "super::y::Z",
            "b::C",
            "self::m",
            "v::w",
        ];
        assert_eq!(paths, expected);
    }

    #[test]
    fn tests_and_comments_are_no_lines_of_code() {
        let source = "//! Story\n\nuse a::b;\n#[cfg(test)]\nuse c::d;\nfn f() {}\n\n#[cfg(test)]\nmod tests {\n    fn g() {}\n}\n";
        assert_eq!(code_lines(source), 4);
    }
}
