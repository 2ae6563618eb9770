//! The bytes of a file: looked at once to tell length, digest and encoding, then read as UTF-8 text.

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use encoding_rs::{Decoder, WINDOWS_1252};
use sha2::{Digest, Sha256};

/// Where a file's bytes are.
#[derive(Clone)]
pub enum Source {
    /// A file on disk.
    Path(PathBuf),
    /// Bytes in memory, with the name that the submission carries.
    Bytes(String, Arc<[u8]>),
}

impl Source {
    /// Bytes in memory.
    pub fn bytes(name: &str, bytes: impl Into<Arc<[u8]>>) -> Self {
        Self::Bytes(name.to_owned(), bytes.into())
    }

    /// The file's name, without its folder.
    pub fn name(&self) -> String {
        match self {
            Self::Path(path) => path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
            Self::Bytes(name, _) => name.clone(),
        }
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Self::Path(path) => Box::new(std::fs::File::open(path)?),
            Self::Bytes(_, bytes) => Box::new(io::Cursor::new(bytes.clone())),
        })
    }
}

/// How a file's text is encoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// Windows-1252: what spreadsheets write when nobody asks for UTF-8.
    Windows1252,
}

impl Encoding {
    /// Its usual name.
    pub fn label(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Windows1252 => "Windows-1252",
        }
    }
}

/// What people hand over in place of a text, told by its first bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Foreign {
    /// Text in UTF-16, by its byte order mark.
    Utf16,
    /// A workbook of a spreadsheet program, by the mark of a zip archive or of its older form.
    Workbook,
}

impl Foreign {
    fn told_by(first: &[u8]) -> Option<Self> {
        let begins = |marks: &[&[u8]]| marks.iter().any(|mark| first.starts_with(mark));
        if begins(&[b"\xff\xfe", b"\xfe\xff"]) {
            Some(Self::Utf16)
        } else if begins(&[b"PK\x03\x04", b"\xd0\xcf\x11\xe0"]) {
            Some(Self::Workbook)
        } else {
            None
        }
    }
}

impl std::fmt::Display for Foreign {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Utf16 => "saved as UTF-16 (\"Unicode text\"); save it as \"CSV UTF-8\"",
            Self::Workbook => "a workbook, not a CSV file; open it and save the sheet as \"CSV UTF-8\"",
        })
    }
}

/// What one look at all bytes tells.
pub(super) struct Scan {
    pub(super) sha256: [u8; 32],
    pub(super) bytes: u64,
    pub(super) encoding: Encoding,
    /// Set when the bytes are no text that can be read, whatever `encoding` says.
    pub(super) foreign: Option<Foreign>,
}

const CHUNK: usize = 1 << 18;
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads everything once, a piece at a time.
pub(super) fn scan(source: &Source) -> io::Result<Scan> {
    let mut reader = source.open()?;
    let (mut hash, mut bytes, mut valid) = (Sha256::new(), 0, true);
    let mut buffer = vec![0; CHUNK];
    // Bytes of a character that was cut by the end of a piece.
    let mut kept = 0;
    let mut foreign = None;
    loop {
        let read = match reader.read(&mut buffer[kept..]) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hash.update(&buffer[kept..kept + read]);
        let filled = kept + read;
        if bytes == 0 {
            foreign = Foreign::told_by(&buffer[..filled]);
        }
        bytes += read as u64;
        kept = 0;
        if valid && let Err(error) = std::str::from_utf8(&buffer[..filled]) {
            valid = error.error_len().is_none();
            let from = error.valid_up_to();
            if valid {
                buffer.copy_within(from..filled, 0);
                kept = filled - from;
            }
        }
    }
    let encoding = if valid && kept == 0 { Encoding::Utf8 } else { Encoding::Windows1252 };
    Ok(Scan { sha256: hash.finalize().into(), bytes, encoding, foreign })
}

/// A record may be this long at most. Beyond, a quote was opened and never closed, and the rest of the file would
/// become one cell.
pub(super) const LONGEST_RECORD: u64 = 4 << 20;

/// The file as UTF-8 text, without its byte order mark.
pub(super) struct Text {
    inner: Box<dyn Read + Send>,
    decoder: Option<Decoder>,
    /// Decoded text that was not handed over yet.
    decoded: Vec<u8>,
    decoded_from: usize,
    raw: Vec<u8>,
    raw_from: usize,
    raw_to: usize,
    begun: bool,
    ended: bool,
    meter: Meter,
}

/// What has been read, shared with whoever takes the records.
#[derive(Clone, Default)]
pub(super) struct Meter {
    /// Bytes of the file read so far.
    read: Arc<AtomicU64>,
    /// Bytes handed over since the last record ended.
    since: Arc<AtomicU64>,
}

impl Meter {
    pub(super) fn record_ended(&self) {
        self.since.store(0, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }
}

/// The error that ends reading when a record grows without end.
#[derive(Debug, thiserror::Error)]
#[error("a record does not end")]
pub(super) struct Endless;

impl Text {
    pub(super) fn open(source: &Source, encoding: Encoding) -> io::Result<(Self, Meter)> {
        let meter = Meter::default();
        let decoder = (encoding == Encoding::Windows1252).then(|| WINDOWS_1252.new_decoder_without_bom_handling());
        let text = Self {
            inner: source.open()?,
            decoder,
            decoded: Vec::new(),
            decoded_from: 0,
            raw: vec![0; CHUNK],
            raw_from: 0,
            raw_to: 0,
            begun: false,
            ended: false,
            meter: meter.clone(),
        };
        Ok((text, meter))
    }

    fn fill(&mut self) -> io::Result<()> {
        self.raw.copy_within(self.raw_from..self.raw_to, 0);
        (self.raw_to, self.raw_from) = (self.raw_to - self.raw_from, 0);
        loop {
            let read = match self.inner.read(&mut self.raw[self.raw_to..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            self.raw_to += read;
            self.meter.read.fetch_add(read as u64, Ordering::Relaxed);
            self.ended = read == 0;
            // The mark is three bytes: see them all, or the end, before judging.
            if self.begun || self.ended || self.raw_to >= MARK.len() {
                break;
            }
        }
        if !self.begun {
            self.begun = true;
            if self.raw[..self.raw_to].starts_with(MARK) {
                self.raw_from = MARK.len();
            }
        }
        Ok(())
    }
}

impl Text {
    /// Makes sure that there is text to hand over, unless the file has ended.
    fn prepare(&mut self) -> io::Result<()> {
        // Not once: a first piece may hold nothing but the mark, and an empty answer would mean the end.
        while self.raw_from == self.raw_to && !self.ended {
            self.fill()?;
        }
        let Some(decoder) = &mut self.decoder else { return Ok(()) };
        if self.decoded_from < self.decoded.len() {
            return Ok(());
        }
        // One byte becomes three at most, and the encoding has no state between bytes.
        let raw = &self.raw[self.raw_from..self.raw_to];
        self.decoded.resize(raw.len() * 3 + 16, 0);
        let (_, taken, written, _) = decoder.decode_to_utf8(raw, &mut self.decoded, false);
        self.decoded.truncate(written);
        self.decoded_from = 0;
        self.raw_from += taken;
        Ok(())
    }
}

impl Read for Text {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.prepare()?;
        let (from, ready) = match self.decoder {
            None => (&mut self.raw_from, &self.raw[..self.raw_to]),
            Some(_) => (&mut self.decoded_from, &self.decoded[..]),
        };
        let size = out.len().min(ready.len() - *from);
        out[..size].copy_from_slice(&ready[*from..*from + size]);
        *from += size;
        if self.meter.since.fetch_add(size as u64, Ordering::Relaxed) > LONGEST_RECORD {
            return Err(io::Error::other(Endless));
        }
        Ok(size)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> (Encoding, String) {
        let source = Source::bytes("x.csv", bytes);
        let scan = scan(&source).unwrap();
        assert_eq!(scan.bytes, bytes.len() as u64);
        let mut out = String::new();
        Text::open(&source, scan.encoding).unwrap().0.read_to_string(&mut out).unwrap();
        (scan.encoding, out)
    }

    #[test]
    fn utf_8_is_told_from_windows_1252_by_its_bytes() {
        assert_eq!(text("Zo\u{eb}".as_bytes()), (Encoding::Utf8, "Zo\u{eb}".into()));
        assert_eq!(text(b"\xef\xbb\xbfa,b"), (Encoding::Utf8, "a,b".into()));
        assert_eq!(text(b"NFA \x96 \xa312"), (Encoding::Windows1252, "NFA \u{2013} \u{a3}12".into()));
        assert_eq!(text(b"\xef\xbb\xbfa\x96"), (Encoding::Windows1252, "a\u{2013}".into()));
        assert_eq!(text(b""), (Encoding::Utf8, String::new()));
        let foreign = |bytes: &'static [u8]| scan(&Source::bytes("x", bytes)).unwrap().foreign;
        assert_eq!(foreign(b"\xff\xfea\0"), Some(Foreign::Utf16));
        assert_eq!(foreign(b"PK\x03\x04\x14\0"), Some(Foreign::Workbook));
        assert_eq!(foreign(b"\xd0\xcf\x11\xe0\xa1\xb1"), Some(Foreign::Workbook));
        assert_eq!(foreign(b"PK,NHS Number"), None);
    }

    #[test]
    fn a_character_cut_by_a_piece_is_whole_again() {
        let mut bytes = vec![b'a'; CHUNK - 1];
        bytes.extend_from_slice("\u{20ac}b".as_bytes());
        assert_eq!(text(&bytes).0, Encoding::Utf8);
        bytes.pop();
        bytes.pop();
        assert_eq!(text(&bytes).0, Encoding::Windows1252, "cut at the end of the file");
    }
}
