//! The language of templates: minijinja, cut down to what always ends and never grows beyond its limits.
//!
//! Whoever may write templates is not whoever runs the server, so a template must cost little whatever it says.
//! Fuel bounds its steps and a bounded writer what comes out, but neither bounds a text that is built inside, as
//! by `{% set a = a ~ a %}`. So what builds texts is left out: a template takes `{{ .. }}`, `if` and `for`, a few
//! filters that do not make anything longer and take texts alone where they give one, and no `~`, `+` or `*`; nor
//! lists, whose text doubles with each that holds another twice. What it reads by calling itself is bounded too:
//! tags are short, and `elif` is rare.

use std::io;

use minijinja::{AutoEscape, Environment, ErrorKind as JinjaKind, UndefinedBehavior, Value as JinjaValue};
use serde::Serialize;
use serde_json::{Map, Value};

use super::template::{LONGEST_SUBJECT, TemplateContent};
use crate::error::{Error, Result};

/// Most steps of one part of a template.
const FUEL: u64 = 5_000;
/// Most bytes inside a tag: the library reads and writes what is in there by calling itself.
const LONGEST_TAG: usize = 300;
/// Most `elif` of one part, each of which the library takes for an `if` in the one before.
const MOST_ELIFS: usize = 50;
/// Most bytes of a rendered part.
const MOST_BYTES: usize = 100_000;
/// The statements of the language.
const STATEMENTS: [&str; 6] = ["if", "elif", "else", "endif", "for", "endfor"];

/// A mail's content, rendered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Rendered {
    /// The subject.
    pub subject: String,
    /// The mail as plain text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The mail as HTML.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
}

/// The language of templates.
#[derive(Clone, Copy, Debug)]
pub struct Language;

impl Language {
    /// Refuses what is no template.
    ///
    /// # Errors
    /// `Invalid` at `subject`, `text` or `html`.
    pub fn check(content: &TemplateContent) -> Result<()> {
        for (field, source) in parts(content) {
            confined(source).map_err(|reason| Error::invalid(field, "template", reason))?;
            environment().template_from_named_str(field, source).map_err(|error| unfit(field, &error))?;
        }
        Ok(())
    }

    /// Renders a content with variables. What they hold is escaped in HTML; in a link it is the template's matter
    /// that it is no `javascript:` address.
    ///
    /// # Errors
    /// `Invalid` at the part that is no template, names a variable that is not there, takes too many steps or
    /// becomes too long; at `subject` where that would have line breaks.
    pub fn render(content: &TemplateContent, variables: &Map<String, Value>) -> Result<Rendered> {
        Self::check(content)?;
        let variables = JinjaValue::from_serialize(variables);
        let mut rendered = Rendered { subject: String::new(), text: None, html: None };
        for (field, source) in parts(content) {
            let part = part(field, source, &variables)?;
            match field {
                "text" => rendered.text = Some(part),
                "html" => rendered.html = Some(part),
                _ => rendered.subject = crate::text::clean_line(field, &part, LONGEST_SUBJECT)?,
            }
        }
        Ok(rendered)
    }
}

/// The parts that are there, by field.
fn parts(content: &TemplateContent) -> impl Iterator<Item = (&'static str, &str)> {
    let subject = Some(("subject", content.subject.as_str()));
    let text = content.text.as_deref().map(|text| ("text", text));
    let html = content.html.as_deref().map(|html| ("html", html));
    [subject, text, html].into_iter().flatten()
}

/// An environment that holds nothing but filters.
fn environment<'source>() -> Environment<'source> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|name| match name {
        "html" => AutoEscape::Html,
        _ => AutoEscape::None,
    });
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(50);
    environment.add_filter("default", minijinja::filters::default);
    environment.add_filter("upper", upper);
    environment.add_filter("lower", lower);
    environment.add_filter("title", title);
    environment.add_filter("capitalize", capitalize);
    environment.add_filter("trim", trim);
    environment.add_filter("length", minijinja::filters::length);
    environment.add_filter("first", minijinja::filters::first);
    environment.add_filter("last", minijinja::filters::last);
    environment.add_filter("round", minijinja::filters::round);
    environment.add_test("defined", minijinja::tests::is_defined);
    environment.add_test("none", minijinja::tests::is_none);
    environment
}

// The library's own take every value for its text, which may be far longer than what it was made of.

fn upper(text: &str) -> String {
    text.to_uppercase()
}

fn lower(text: &str) -> String {
    text.to_lowercase()
}

fn title(text: &str) -> String {
    minijinja::filters::title(text.into())
}

fn capitalize(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    first + &letters.as_str().to_lowercase()
}

fn trim(text: &str) -> String {
    text.trim().to_owned()
}

fn part(field: &'static str, source: &str, variables: &JinjaValue) -> Result<String> {
    let environment = environment();
    let template = environment.template_from_named_str(field, source).map_err(|error| unfit(field, &error))?;
    let mut out = Bounded(Vec::new());
    template.render_captured_to(variables, &mut out).map_err(|error| unfit(field, &error))?;
    String::from_utf8(out.0).map_err(Error::internal)
}

/// Takes so many bytes and no more.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MOST_BYTES {
            return Err(io::Error::other("too long"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is wrong with a template, in words that tell nothing of its variables' values.
fn unfit(field: &str, error: &minijinja::Error) -> Error {
    let line = error.line().unwrap_or(1);
    let reason = match error.kind() {
        JinjaKind::OutOfFuel => format!("takes more than {FUEL} steps"),
        JinjaKind::WriteFailure => format!("becomes longer than {MOST_BYTES} bytes"),
        JinjaKind::UndefinedError => format!("names a variable in line {line} that is not there"),
        kind => {
            let detail: String = error.detail().unwrap_or_default().chars().take(200).collect();
            format!("is no template in line {line}: {kind}: {detail}")
        }
    };
    Error::invalid(field, "template", reason)
}

/// Refuses what the language leaves out. It looks at signs alone and takes every `{{` and `{%` for a beginning,
/// also where the parser would not, so it never overlooks what the parser reads.
fn confined(source: &str) -> Result<(), String> {
    if source.contains("{#") {
        return Err("holds a comment, which templates of mails do not have".to_owned());
    }
    let (mut rest, mut elifs) = (source, 0);
    while let Some(at) = rest.find('{') {
        let (_, tag) = rest.split_at(at);
        rest = match (tag.strip_prefix("{{"), tag.strip_prefix("{%")) {
            (Some(inside), _) => confined_tag(inside, "}}")?.1,
            (_, Some(inside)) => {
                let (inside, rest) = confined_tag(inside, "%}")?;
                if confined_statement(inside)? == "elif" {
                    elifs += 1;
                }
                if elifs > MOST_ELIFS {
                    return Err(format!("has more than {MOST_ELIFS} elif"));
                }
                rest
            }
            (None, None) => tag.strip_prefix('{').unwrap_or_default(),
        };
    }
    Ok(())
}

/// What a tag holds, and what comes after it.
fn confined_tag<'a>(inside: &'a str, end: &str) -> Result<(&'a str, &'a str), String> {
    let (mut quote, mut is_escaped) = (None, false);
    for (at, sign) in inside.char_indices() {
        match quote {
            _ if at > LONGEST_TAG => return Err(format!("has a tag of more than {LONGEST_TAG} bytes")),
            Some(_) if is_escaped => is_escaped = false,
            Some(_) if sign == '\\' => is_escaped = true,
            Some(open) if open == sign => quote = None,
            Some(_) => {}
            None if inside.get(at..).is_some_and(|rest| rest.starts_with(end)) => {
                return Ok((inside.get(..at).unwrap_or_default(), inside.get(at + end.len()..).unwrap_or_default()));
            }
            None if sign == '"' || sign == '\'' => quote = Some(sign),
            None if "~+*{}[],".contains(sign) => {
                return Err(format!("uses {sign}, which templates of mails do not have"));
            }
            None => {}
        }
    }
    Err("has a tag that does not end".to_owned())
}

/// The statement of a tag; those beside the ones that choose and repeat are refused.
fn confined_statement(inside: &str) -> Result<&str, String> {
    let inside = inside.trim_start_matches(['-', '+']).trim_start();
    let word = inside.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').next().unwrap_or_default();
    // A loop that calls itself gives what it wrote as a text, which can be written twice.
    if !STATEMENTS.contains(&word) || inside.contains("recursive") {
        return Err(format!("uses the statement {word:?}; there are {}", STATEMENTS.join(", ")));
    }
    Ok(word)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn content(text: &str) -> TemplateContent {
        TemplateContent { subject: "S".to_owned(), text: Some(text.to_owned()), html: Some(text.to_owned()) }
    }

    fn render(text: &str, variables: Value) -> Result<Rendered> {
        let Value::Object(variables) = variables else { unreachable!("an object") };
        Language::render(&content(text), &variables)
    }

    #[test]
    fn html_is_escaped_and_text_is_not() {
        let rendered = render("Hi {{ name }}", json!({"name": "<b onload='x'>&\""})).unwrap();
        assert_eq!(rendered.text.as_deref(), Some("Hi <b onload='x'>&\""));
        let html = rendered.html.unwrap();
        assert!(!html.contains('<') && !html.contains('\'') && !html.contains('"'), "{html}");
    }

    #[test]
    fn variables_are_text_and_never_template() {
        let rendered = render("{{ name }}", json!({"name": "{{ 7 }}{% for x in y %}"})).unwrap();
        assert_eq!(rendered.text.as_deref(), Some("{{ 7 }}{% for x in y %}"));
    }

    #[test]
    fn what_is_there_is_chosen_and_repeated() {
        let text = "{% if tasks %}{% for task in tasks %}{{ loop.index }}. {{ task.title|upper }}\n{% endfor %}{% else %}none{% endif %}";
        let rendered = render(text, json!({"tasks": [{"title": "call"}, {"title": "write"}]})).unwrap();
        assert_eq!(rendered.text.as_deref(), Some("1. CALL\n2. WRITE\n"));
        assert_eq!(render(text, json!({"tasks": []})).unwrap().text.as_deref(), Some("none"));
        assert_eq!(render("{{ x|default('-') }}", json!({})).unwrap().text.as_deref(), Some("-"));
    }

    #[test]
    fn what_is_no_template_is_refused_at_its_field() {
        for bad in [
            "{{ name",
            "{{ }}",
            "{% if x %}",
            "{{ x|nothing }}",
            "{{ missing }}",
            "{{ missing.field }}",
            "{% include 'passwd' %}",
            "{% import 'x' as y %}",
            "{% extends 'x' %}",
            "{% from 'x' import y %}",
            "{% set a = 'x' %}",
            "{% set a %}x{% endset %}",
            "{% with a = 1 %}{% endwith %}",
            "{% macro m() %}{% endmacro %}",
            "{% filter upper %}x{% endfilter %}",
            "{% call m() %}{% endcall %}",
            "{% autoescape false %}{{ name }}{% endautoescape %}",
            "{% raw %}{{ x }}{% endraw %}",
            "{# comment #}",
            "{{ name ~ name }}",
            "{{ name * 9 }}",
            "{{ name + name }}",
            "{{ name|safe }}",
            "{{ name|replace('a', 'b') }}",
            "{{ name|join(name) }}",
            "{{ range(9) }}",
            "{{ debug() }}",
            "{% for x in list recursive %}{{ loop(list) }}{% endfor %}",
            "{{ {'a': name} }}",
            "{{ [name] }}",
            "{{ (name, name) }}",
            "{{ name[0] }}",
            "{{ list|upper }}",
            "{{ 'open }}",
        ] {
            let error = render(bad, json!({"name": "aa", "list": [1, 2]})).unwrap_err();
            assert!(["text", "html"].contains(&error.fields()[0].field.as_str()), "{bad}: {error:?}");
        }
    }

    #[test]
    fn a_template_ends_and_stays_short_whatever_it_says() {
        let many: Vec<u32> = (0..1_000).collect();
        let text = "{% for a in many %}{% for b in many %}{{ a }}{% endfor %}{% endfor %}";
        assert_eq!(render(text, json!({"many": many})).unwrap_err().fields()[0].code, "template");
        let long = "x".repeat(60_000);
        assert!(render("{{ long }}{{ long }}", json!({"long": long})).is_err());
        assert!(render("{{ 9999999999 // 0 }}", json!({})).is_err());
        // A text that doubles with each list or filter.
        for (open, close) in [("[", "]"), ("(", ")")] {
            let twice = (0..12).fold("'x'".to_owned(), |twice, _| format!("{open}{twice},{twice}{close}"));
            assert!(render(&format!("{{{{ {twice} }}}}"), json!({})).is_err());
            let loops = format!("{{% for a in {open}x,x{close} %}}").repeat(20) + &"{% endfor %}".repeat(20);
            assert!(render(&loops, json!({"x": "x"})).is_err());
        }
        for filter in ["upper", "lower", "trim", "title", "capitalize"] {
            assert!(render(&format!("{{{{ many|{filter} }}}}"), json!({"many": ["x"]})).is_err(), "{filter}");
            assert!(render(&format!("{{{{ text|{filter} }}}}"), json!({"text": "x"})).is_ok(), "{filter}");
        }
    }

    #[test]
    fn what_the_library_reads_by_calling_itself_is_short() {
        for (first, more, last) in [
            ("", "not ", "a"),
            ("", "- ", "a"),
            ("a", ".a", ""),
            ("a", "|upper", ""),
            ("a", "-a", ""),
            ("a", " and a", ""),
            ("", "(", "a"),
            ("", "a if a else ", "a"),
        ] {
            let long = |times: usize| format!("{first}{}{last}", more.repeat(times));
            for tag in [format!("{{{{ {} }}}}", long(4_000)), format!("{{% if {} %}}{{% endif %}}", long(4_000))] {
                let error = render(&tag, json!({"a": 1})).unwrap_err();
                assert!(error.fields()[0].message.contains("300 bytes"), "{more:?}: {error:?}");
            }
            // As long as it may be, it is read: whatever comes of it.
            let most = long((LONGEST_TAG - 10) / more.len());
            let _ = render(&format!("{{{{ {most} }}}}"), json!({"a": 1}));
        }
        let elifs = format!("{{% if a %}}{}{{% endif %}}", "{% elif a %}".repeat(4_000));
        assert!(render(&elifs, json!({"a": 1})).is_err());
        let ifs = "{% if a %}".repeat(2_000) + &"{% endif %}".repeat(2_000);
        assert!(render(&ifs, json!({"a": 1})).is_err());
    }

    #[test]
    fn a_subject_stays_one_line() {
        let content = TemplateContent { subject: "Hi {{ name }}".to_owned(), ..content("x") };
        let variables = json!({"name": "a\r\nBcc: eve@example.com"});
        let error = Language::render(&content, variables.as_object().unwrap()).unwrap_err();
        assert_eq!(error.fields()[0].field, "subject");
    }
}
