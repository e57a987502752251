//! Takes the text form apart: keywords, symbols, words and quoted texts, one at a time.
//!
//! What may be a word depends on the place (`:` ends a relation's name and belongs to a time), so
//! the parser asks for what it expects and there is no list of tokens between the two.

use std::str::FromStr;

use super::print;
use crate::error::{Error, Result};

/// A text and how much of it is still to be read.
pub(super) struct Scanner<'a> {
    text: &'a str,
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    /// The whole text, unread.
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, rest: text }
    }

    /// Whether nothing but blanks is left.
    pub(super) fn is_at_end(&mut self) -> bool {
        self.blank();
        self.rest.is_empty()
    }

    /// Reads with `read`, or nothing where it gives an error.
    pub(super) fn attempt<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, &'static str>) -> Result<T> {
        self.blank();
        let before = self.rest;
        read(self).map_err(|what| {
            self.rest = before;
            self.expected(what)
        })
    }

    /// A text between quotation marks.
    pub(super) fn quoted(&mut self) -> Result<String> {
        self.close("\"")?;
        let mut text = String::new();
        loop {
            text.push_str(self.take_while(|character| !matches!(character, '"' | '\\')));
            if self.take("\"") {
                return Ok(text);
            }
            if !self.take("\\") {
                return Err(self.expected("the closing quotation mark"));
            }
            text.push(self.escaped()?);
        }
    }

    fn escaped(&mut self) -> Result<char> {
        for (letter, character) in print::ESCAPES {
            if self.take(letter) {
                return Ok(character);
            }
        }
        let before = self.rest;
        let hex = if self.take("u{") { self.take_while(|character| character.is_ascii_hexdigit()) } else { "" };
        match u32::from_str_radix(hex, 16).ok().and_then(char::from_u32) {
            Some(character) if self.take("}") => Ok(character),
            _ => {
                self.rest = before;
                Err(self.expected("an escape, as in \\\" or \\u{1f41f}"))
            }
        }
    }

    /// A word that reads as a `T`.
    pub(super) fn parsed<T: FromStr>(&mut self, what: &'static str) -> Result<T> {
        self.attempt(|scan| scan.word().parse().map_err(|_| what))
    }

    /// The longest word, possibly empty.
    pub(super) fn word(&mut self) -> &'a str {
        self.blank();
        self.take_while(print::is_word_character)
    }

    /// Takes a keyword that no word goes on from.
    pub(super) fn keyword(&mut self, keyword: &str) -> bool {
        self.blank();
        let Some((head, tail)) = self.rest.split_at_checked(keyword.len()) else {
            return false;
        };
        let is_whole = !tail.starts_with(|character| print::is_name_character(character) || character == '.');
        let found = is_whole && head.eq_ignore_ascii_case(keyword);
        if found {
            self.rest = tail;
        }
        found
    }

    /// Takes a keyword and the parenthesis behind it, or neither.
    pub(super) fn call(&mut self, keyword: &str) -> bool {
        let before = self.rest;
        let found = self.keyword(keyword) && self.symbol("(");
        if !found {
            self.rest = before;
        }
        found
    }

    /// Takes a symbol where it stands.
    pub(super) fn symbol(&mut self, symbol: &str) -> bool {
        self.blank();
        self.take(symbol)
    }

    /// Takes a symbol or fails.
    pub(super) fn close(&mut self, symbol: &str) -> Result<()> {
        if self.symbol(symbol) { Ok(()) } else { Err(self.expected(&format!("`{symbol}`"))) }
    }

    /// Whether a symbol comes next.
    pub(super) fn peeks(&mut self, symbol: &str) -> bool {
        self.blank();
        self.rest.starts_with(symbol)
    }

    fn blank(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, start: &str) -> bool {
        let rest = self.rest.strip_prefix(start);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Takes the characters that pass.
    pub(super) fn take_while(&mut self, keep: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|character| !keep(character)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// The error that something else was expected here.
    pub(super) fn expected(&self, what: &str) -> Error {
        let read = self.text.len() - self.rest.len();
        let column = self.text.get(..read).unwrap_or(self.text).chars().count() + 1;
        Error::invalid("filter", "syntax", format!("column {column}: expected {what}"))
    }
}
