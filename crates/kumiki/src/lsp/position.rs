//! Places as the protocol has them: lines and columns in the client's units, and URIs.

use line_index::{LineIndex, TextSize, WideEncoding, WideLineCol};
use lsp_types::{Position, PositionEncodingKind, Range, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// What a column counts.
///
/// <https://microsoft.github.io/language-server-protocol/specifications/lsp/3.17/specification/#positionEncodingKind>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Bytes of UTF-8.
    Utf8,
    /// Code units of UTF-16: what a client counts that says nothing.
    Utf16,
}

impl Encoding {
    /// Bytes if the client can count them, which saves both sides the conversion.
    pub(super) fn negotiated(offered: Option<&[PositionEncodingKind]>) -> Self {
        match offered {
            Some(it) if it.contains(&PositionEncodingKind::UTF8) => Self::Utf8,
            _ => Self::Utf16,
        }
    }

    /// The protocol's name.
    pub(super) fn kind(self) -> PositionEncodingKind {
        match self {
            Self::Utf8 => PositionEncodingKind::UTF8,
            Self::Utf16 => PositionEncodingKind::UTF16,
        }
    }

    /// The position of a byte.
    pub(super) fn position(self, lines: &LineIndex, offset: u32) -> Position {
        let offset = TextSize::from(offset).min(lines.len());
        let Some(at) = lines.try_line_col(offset) else { return Position::default() };
        let column = match self {
            Self::Utf8 => at.col,
            Self::Utf16 => lines.to_wide(WideEncoding::Utf16, at).map_or(at.col, |it| it.col),
        };
        Position::new(at.line, column)
    }

    /// The range of some bytes.
    pub(super) fn range(self, lines: &LineIndex, start: u32, end: u32) -> Range {
        Range::new(self.position(lines, start), self.position(lines, end))
    }

    /// The byte at a position. A column past the end of its line is the end, and one inside a
    /// character is where that begins.
    pub(super) fn offset(self, lines: &LineIndex, text: &str, position: Position) -> u32 {
        let Some(line) = lines.line(position.line) else { return u32::from(lines.len()) };
        let (start, end) = (usize::from(line.start()), usize::from(line.end()));
        let content = text[start..end].trim_end_matches(['\r', '\n']);
        let column = match self {
            Self::Utf8 => position.character as usize,
            Self::Utf16 => {
                let wide = WideLineCol { line: position.line, col: position.character };
                let at = lines.to_utf8(WideEncoding::Utf16, wide);
                at.map_or(content.len(), |it| it.col as usize)
            }
        };
        let mut column = column.min(content.len());
        while !content.is_char_boundary(column) {
            column -= 1;
        }
        (start + column) as u32
    }
}

/// Bytes that a URI's path may hold as they are: RFC 3986's unreserved ones, and the slash.
const KEPT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// The file that a URI names; nothing for what is no file, such as an unsaved text without a name.
pub(super) fn path_of(uri: &Uri) -> Option<PathBuf> {
    if !uri.scheme()?.as_str().eq_ignore_ascii_case("file") {
        return None;
    }
    let path = percent_decode_str(uri.path().as_str()).decode_utf8().ok()?;
    // `/c:/folder` of Windows.
    let path = if cfg!(windows) { path.trim_start_matches('/') } else { &*path };
    Some(PathBuf::from(path))
}

/// The URI of a file.
pub(super) fn uri_of(path: &Path) -> Option<Uri> {
    let text = path.to_str()?.replace('\\', if cfg!(windows) { "/" } else { "\\" });
    let slash = if text.starts_with('/') { "" } else { "/" };
    Uri::from_str(&format!("file://{slash}{}", percent_encode(text.as_bytes(), KEPT))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn columns_are_in_the_units_of_the_client() {
        let text = "a: 日本\r\nb: 👨‍👩‍👧c\n";
        let lines = LineIndex::new(text);
        // The needle, then line and column in each unit.
        let cases = [("日", 0, 3, 3), ("本", 0, 6, 4), ("👨", 1, 3, 3), ("c", 1, 21, 11)];
        for (needle, line, utf8, utf16) in cases {
            let at = text.find(needle).unwrap() as u32;
            let expected = [(Encoding::Utf8, utf8), (Encoding::Utf16, utf16)];
            for (encoding, column) in expected {
                let position = Position::new(line, column);
                assert_eq!(encoding.position(&lines, at), position, "{needle} {encoding:?}");
                assert_eq!(encoding.offset(&lines, text, position), at, "{needle} {encoding:?}");
            }
        }
    }

    #[test]
    fn what_lies_outside_is_moved_to_the_nearest_place_before() {
        let text = "ab\r\n👍\n";
        let lines = LineIndex::new(text);
        let cases = [
            (Position::new(0, 99), 2),
            (Position::new(1, 1), 4),
            (Position::new(1, 99), 8),
            (Position::new(2, 0), 9),
            (Position::new(99, 99), 9),
            (Position::new(u32::MAX, u32::MAX), 9),
            (Position::new(1, u32::MAX), 8),
        ];
        for (position, offset) in cases {
            let at = Encoding::Utf16.offset(&lines, text, position);
            assert_eq!(at, offset, "{position:?}");
        }
    }

    proptest! {
        #[test]
        fn every_character_keeps_its_place(text in "([a-z:é日本👍🏽\u{200d}\u{feff}]|\r\n|\n){0,40}") {
            let lines = LineIndex::new(&text);
            for encoding in [Encoding::Utf8, Encoding::Utf16] {
                for (at, it) in text.char_indices().filter(|(_, it)| *it != '\n') {
                    let position = encoding.position(&lines, at as u32);
                    prop_assert_eq!(encoding.offset(&lines, &text, position), at as u32, "{}", it);
                }
            }
        }

        #[test]
        fn any_position_is_a_place(text in "([a-z日👍\r]|\n){0,20}", line: u32, column: u32) {
            let lines = LineIndex::new(&text);
            for encoding in [Encoding::Utf8, Encoding::Utf16] {
                for position in [Position::new(line % 9, column % 9), Position::new(line, column)] {
                    let at = encoding.offset(&lines, &text, position) as usize;
                    prop_assert!(text.is_char_boundary(at));
                }
            }
        }

        #[test]
        fn a_path_survives_its_uri(path in "(/[a-zA-Z 日本%#?+:&é.]{1,8}){1,4}") {
            let path = PathBuf::from(path);
            prop_assert_eq!(path_of(&uri_of(&path).unwrap()), Some(path));
        }
    }
}
