//! From the encoding of a file to UTF-8.

use encoding_rs::{Decoder, DecoderResult, Encoding as Charset};

use super::{
    lines::Framing,
    settings::{Encoding, SettingsError},
};

/// How the bytes of lines become UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decoding {
    /// They are.
    Utf8,
    Charset(&'static Charset),
}

impl Decoding {
    pub(super) fn new(encoding: &Encoding) -> Result<Self, SettingsError> {
        let charset = match encoding {
            Encoding::Utf8 => return Ok(Self::Utf8),
            Encoding::Utf16Le => encoding_rs::UTF_16LE,
            Encoding::Utf16Be => encoding_rs::UTF_16BE,
            Encoding::Gbk => encoding_rs::GBK,
            Encoding::Latin1 => encoding_rs::WINDOWS_1252,
            Encoding::Named(label) => {
                let charset = Charset::for_label(label.as_bytes());
                let charset = charset.ok_or_else(|| SettingsError::Encoding(label.clone()))?;
                // ISO-2022-JP has states, in which a byte of a line end is part of a character; "replacement" is no encoding.
                if charset == encoding_rs::ISO_2022_JP || charset == encoding_rs::REPLACEMENT {
                    return Err(SettingsError::Encoding(label.clone()));
                }
                charset
            }
        };
        Ok(if charset == encoding_rs::UTF_8 { Self::Utf8 } else { Self::Charset(charset) })
    }

    /// What the mark at the beginning of a file says, and how many bytes it takes.
    pub(super) fn from_mark(head: &[u8]) -> Option<(Self, usize)> {
        match head {
            [0xef, 0xbb, 0xbf, ..] => Some((Self::Utf8, 3)),
            [0xff, 0xfe, ..] => Some((Self::Charset(encoding_rs::UTF_16LE), 2)),
            [0xfe, 0xff, ..] => Some((Self::Charset(encoding_rs::UTF_16BE), 2)),
            _ => None,
        }
    }

    /// Whether more bytes of the file's beginning are needed to know.
    pub(super) const fn is_mark_begun(head: &[u8]) -> bool {
        matches!(head, [] | [0xef | 0xff | 0xfe] | [0xef, 0xbb])
    }

    pub(super) fn framing(self) -> Framing {
        match self {
            Self::Charset(charset) if charset == encoding_rs::UTF_16LE => Framing::Utf16Le,
            Self::Charset(charset) if charset == encoding_rs::UTF_16BE => Framing::Utf16Be,
            Self::Utf8 | Self::Charset(_) => Framing::Bytes,
        }
    }

    /// The line as UTF-8: itself, or in `buffer`; and whether something in it was no character, which U+FFFD stands for then.
    /// What is left of a character at the end of a line that `is_cut` is left out.
    pub(super) fn decode<'a>(
        self,
        line: &'a [u8],
        is_cut: bool,
        buffer: &'a mut Vec<u8>,
    ) -> (&'a [u8], bool) {
        let Self::Charset(charset) = self else { return (line, false) };
        buffer.clear();
        let mut decoder = charset.new_decoder_without_bom_handling();
        let is_repaired = run(&mut decoder, line, is_cut, buffer);
        (buffer, is_repaired)
    }
}

fn run(decoder: &mut Decoder, mut rest: &[u8], is_cut: bool, buffer: &mut Vec<u8>) -> bool {
    let mut is_repaired = false;
    loop {
        let needed = decoder.max_utf8_buffer_length_without_replacement(rest.len()).unwrap_or(rest.len() * 3);
        let start = buffer.len();
        buffer.resize(start + needed + 4, 0);
        let (result, read, written) =
            decoder.decode_to_utf8_without_replacement(rest, &mut buffer[start..], !is_cut);
        buffer.truncate(start + written);
        rest = &rest[read..];
        match result {
            DecoderResult::InputEmpty => return is_repaired,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(..) => {
                is_repaired = true;
                buffer.extend_from_slice("\u{fffd}".as_bytes());
            }
        }
    }
}
