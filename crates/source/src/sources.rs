//! The texts that diagnostics point into.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Identifies one text of a [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileId(u32);

impl FileId {
    /// The position of the text in its [`Sources`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A half-open range of bytes in one text. Both ends lie on character boundaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// The text that the range lies in.
    pub file: FileId,
    /// First byte of the range.
    pub start: u32,
    /// First byte after the range.
    pub end: u32,
}

impl Span {
    /// The range `start..end` of `file`.
    pub fn new(file: FileId, start: usize, end: usize) -> Self {
        // Texts above 4 GiB never get here: the loader refuses files far smaller than that.
        Self { file, start: start as u32, end: end.max(start) as u32 }
    }

    /// The empty range at the beginning of `file`, for findings about a file as a whole.
    pub fn file_start(file: FileId) -> Self {
        Self::new(file, 0, 0)
    }

    /// The smallest range that covers both, or `self` when they lie in different texts.
    pub fn to(self, other: Span) -> Span {
        if self.file != other.file {
            return self;
        }
        Span { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// The range as `usize`, for slicing.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A position for people: both numbers start at 1, and columns count characters, not bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineColumn {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// One text and the name that people know it by.
#[derive(Debug)]
pub struct Source {
    path: Arc<str>,
    text: Arc<str>,
    line_starts: Vec<u32>,
}

impl Source {
    /// A text by itself.
    pub fn new(path: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        let text = text.into();
        let line_starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at as u32 + 1))
            .collect();
        Self { path: path.into(), text, line_starts }
    }

    /// The path as shown to people: relative to the project, with `/` between its parts.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The path, without a copy.
    pub fn shared_path(&self) -> Arc<str> {
        self.path.clone()
    }

    /// The whole text, without a copy.
    pub fn shared_text(&self) -> Arc<str> {
        self.text.clone()
    }

    /// The line and column of a byte offset; an offset past the end is the end.
    pub fn line_column(&self, offset: u32) -> LineColumn {
        let mut offset = (offset as usize).min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.line_starts.partition_point(|start| *start as usize <= offset);
        let start = self.line_starts[line - 1] as usize;
        LineColumn { line, column: self.text[start..offset].chars().count() + 1 }
    }

    /// The byte at a line and column, both from 1, columns in characters: the end of the line where
    /// it has fewer.
    pub fn offset(&self, line: usize, column: usize) -> usize {
        let Some(start) = self.line_starts.get(line.max(1) - 1) else { return self.text.len() };
        let start = *start as usize;
        let rest = self.text[start..].lines().next().unwrap_or_default();
        start + rest.char_indices().nth(column.max(1) - 1).map_or(rest.len(), |(at, _)| at)
    }
}

/// All texts of one run, in the order in which they were read.
#[derive(Debug, Default)]
pub struct Sources {
    files: Vec<Source>,
}

impl Sources {
    /// Keeps a text and returns its identity.
    pub fn add(&mut self, path: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> FileId {
        self.files.push(Source::new(path, text));
        FileId(self.files.len() as u32 - 1)
    }

    /// The text with this identity.
    pub fn get(&self, file: FileId) -> &Source {
        &self.files[file.index()]
    }

    /// The slice of text that a span covers, or nothing when the span does not fit the text.
    pub fn slice(&self, span: Span) -> Option<&str> {
        self.get(span.file).text.get(span.range())
    }

    /// `path:line:column` of the start of a span.
    pub fn locate(&self, span: Span) -> String {
        let source = self.get(span.file);
        let at = source.line_column(span.start);
        format!("{}:{}:{}", source.path, at.line, at.column)
    }

    /// Every text with its identity.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &Source)> {
        self.files.iter().enumerate().map(|(index, source)| (FileId(index as u32), source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let mut sources = Sources::default();
        let file = sources.add("a.yaml", "名前: あ\nb: いc\n");
        let text = sources.get(file).text();
        let cases = [("あ", (1, 5)), ("b", (2, 1)), ("い", (2, 4)), ("c", (2, 5))];
        for (needle, (line, column)) in cases {
            let at = text.find(needle).unwrap() as u32;
            assert_eq!(sources.get(file).line_column(at), LineColumn { line, column }, "{needle}");
        }
        assert_eq!(sources.get(file).line_column(9999), LineColumn { line: 3, column: 1 });
        assert_eq!(sources.locate(Span::new(file, 8, 11)), "a.yaml:1:5");
    }
}
