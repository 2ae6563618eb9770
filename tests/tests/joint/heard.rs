//! What the coordinator could know: every byte that it receives over a link, and every file that it keeps, looked through
//! for the figures of each single council in any form in which they could be written.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

use super::*;

pub(crate) type Bytes = Arc<Mutex<Vec<u8>>>;

/// The coordinator's end of a link, with a copy of all that arrives.
pub(crate) struct Recorded {
    stream: DuplexStream,
    bytes: Bytes,
}

impl Recorded {
    pub(crate) fn over(stream: DuplexStream) -> (Self, Bytes) {
        let bytes = Bytes::default();
        (Self { stream, bytes: Arc::clone(&bytes) }, bytes)
    }
}

impl AsyncRead for Recorded {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.bytes.lock().unwrap().extend_from_slice(&buf.filled()[before..]);
        read
    }
}

impl AsyncWrite for Recorded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

/// A way to write numbers one after the other, and its name.
type Form = (&'static str, fn(&[i64]) -> Vec<u8>);

/// Ways to write numbers one after the other.
fn forms() -> Vec<Form> {
    fn text(numbers: &[i64], between: &str) -> Vec<u8> {
        numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(between).into_bytes()
    }
    vec![
        ("64 bits, little endian", |n| n.iter().flat_map(|x| x.to_le_bytes()).collect()),
        ("64 bits, big endian", |n| n.iter().flat_map(|x| x.to_be_bytes()).collect()),
        ("32 bits, little endian", |n| n.iter().flat_map(|x| (*x as u32).to_le_bytes()).collect()),
        ("32 bits, big endian", |n| n.iter().flat_map(|x| (*x as u32).to_be_bytes()).collect()),
        ("16 bits, little endian", |n| n.iter().flat_map(|x| (*x as u16).to_le_bytes()).collect()),
        ("16 bits, big endian", |n| n.iter().flat_map(|x| (*x as u16).to_be_bytes()).collect()),
        ("64-bit floats", |n| n.iter().flat_map(|x| (*x as f64).to_le_bytes()).collect()),
        ("32-bit floats", |n| n.iter().flat_map(|x| (*x as f32).to_le_bytes()).collect()),
        ("varints", |n| n.iter().flat_map(|x| varint(*x as u64)).collect()),
        ("zigzag varints", |n| n.iter().flat_map(|x| varint((*x << 1) as u64)).collect()),
        ("text with commas", |n| text(n, ",")),
        ("text with commas and spaces", |n| text(n, ", ")),
        ("text in lines", |n| text(n, "\n")),
        ("text with spaces", |n| text(n, " ")),
        ("text of floats", |n| text(n, ".0,")),
    ]
}

/// Runs of figures next to each other that cannot be met by chance, as they are and on the round's grid.
fn needles(figures: &[i64], grids: &[i64]) -> Vec<(&'static str, Vec<u8>)> {
    const RUN: usize = 5;
    let telling = |run: &&[i64]| run.iter().filter(|x| **x > 0).collect::<BTreeSet<_>>().len() >= 3;
    let runs: Vec<&[i64]> = figures.windows(RUN).filter(telling).collect();
    let scaled = |run: &[i64], grid: i64| run.iter().map(|x| x * grid).collect::<Vec<_>>();
    let mut out = Vec::new();
    for (name, form) in forms() {
        for grid in grids {
            out.extend(runs.iter().map(|run| (name, form(&scaled(run, *grid)))));
        }
    }
    out
}

fn found(needles: &[(&'static str, Vec<u8>)], hay: &[u8]) -> Vec<&'static str> {
    // By first four bytes, so that each place is looked at once.
    let mut starts: BTreeMap<&[u8], Vec<&(&'static str, Vec<u8>)>> = BTreeMap::new();
    for needle in needles {
        starts.entry(&needle.1[..4]).or_default().push(needle);
    }
    let mut out = Vec::new();
    for at in 0..hay.len().saturating_sub(4) {
        for (name, needle) in starts.get(&hay[at..at + 4]).into_iter().flatten() {
            if hay[at..].starts_with(needle) {
                out.push(*name);
            }
        }
    }
    out
}

/// Everything in the coordinator's folder: its database with its log, and the records of rounds.
fn kept(fed: &Scene) -> Vec<(String, Vec<u8>)> {
    let folder = fed.folder.path();
    [folder.to_owned(), folder.join("rounds")]
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).unwrap().map(Result::unwrap))
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.path()))
        .filter(|(name, _)| name.starts_with("coordinator.db") || name.ends_with(".round"))
        .map(|(name, path)| (name, std::fs::read(path).unwrap()))
        .collect()
}

async fn nothing_of_one_council(query: &Query) {
    let codes = six();
    // Without noise: what a council would show if its mask failed are its figures, to the last digit.
    let fed = Scene::new(&codes, false, &|_| policy("")).await;
    // One falls silent after its shares were relayed, so that secrets of both kinds are opened.
    fed.nodes[&codes[4]].answers.store(2, Ordering::SeqCst);
    let release = fed.released(query, wire::Level::England, "").await;
    let grid = i64::try_from(release.manifest().round.as_ref().unwrap().grid).unwrap();
    let private = query.release().rho().is_some();
    let files = kept(&fed);
    assert!(files.len() >= 2, "database and record");
    for code in &codes {
        let figures = fed.truth(query, &BTreeSet::from([*code]), private);
        let needles = needles(&figures, &BTreeSet::from([1, grid]).into_iter().collect::<Vec<_>>());
        assert!(needles.len() >= forms().len(), "{code}: no figures that tell");
        // The look itself: it finds the figures where they are written.
        for (name, form) in forms() {
            let planted = wire::RoundChunk { payload: form(&figures), ..Default::default() };
            let planted = prost::Message::encode_to_vec(&planted);
            assert!(found(&needles, &planted).contains(&name), "{name}");
        }
        let bytes = fed.hall.heard.lock().unwrap()[code].lock().unwrap().clone();
        if *code != codes[4] {
            assert!(bytes.len() > figures.len() * 8, "the masked vector went over this link");
        }
        let received = found(&needles, &bytes);
        assert!(received.is_empty(), "{code}: over its link: {received:?}");
        for (name, bytes) in &files {
            let stored = found(&needles, bytes);
            assert!(stored.is_empty(), "{code}: in {name}: {stored:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_private_round_no_councils_figures_reach_the_coordinator_in_any_form() {
    nothing_of_one_council(&private()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_suppressed_round_no_councils_figures_reach_the_coordinator_in_any_form() {
    nothing_of_one_council(&query(Release::JointSuppressed(Profile::Hospital))).await;
}
