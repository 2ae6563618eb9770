//! Decoders: any bytes, the fuzz corpora, and damaged copies of them.

use proptest::prelude::*;

#[path = "../../fuzz/messages.rs"]
mod laws;
#[path = "../../fuzz/papers.rs"]
mod papers;
#[path = "../../fuzz/records.rs"]
pub(crate) mod records;

const CORPORA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus");

fn corpus() -> Vec<(String, Vec<u8>)> {
    of("round_messages")
}

fn of(target: &str) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(std::path::Path::new(CORPORA).join(target))
        .unwrap()
        .map(|f| f.unwrap().path())
        .map(|p| (p.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&p).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn every_message_of_the_corpus_is_read_by_its_decoder_alone() {
    let files = corpus();
    assert_eq!(files.len(), 11, "one of each message");
    for (name, bytes) in files {
        assert_eq!(laws::check_all(&bytes), 1, "{name}");
    }
}

#[test]
fn cut_or_extended_messages_are_refused() {
    for (name, bytes) in corpus() {
        for len in 0..bytes.len() {
            assert_eq!(laws::check_all(&bytes[..len]), 0, "{name} cut to {len}");
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert_eq!(laws::check_all(&longer), 0, "{name} with a byte too many");
    }
}

#[test]
fn the_records_of_the_corpus_stand_and_the_damaged_ones_do_not() {
    let roll = records::roll();
    let mut stood = Vec::new();
    for (name, bytes) in of("round_records") {
        let came = records::check(&bytes, &roll);
        assert_eq!(came.is_some(), !name.starts_with("bad-"), "{name}");
        stood.extend(came);
    }
    stood.sort_unstable();
    assert_eq!(stood, [false, true], "one record with a sum that follows, one of an exact round");
}

#[test]
fn the_papers_of_the_corpus_are_each_read_by_one_reader() {
    let files = of("papers");
    for (name, bytes) in &files {
        assert_eq!(papers::check(bytes), usize::from(!name.starts_with("bad-")), "{name}");
    }
    assert!(files.len() >= 5, "question, query, registry, floor, recovery");
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        laws::check_all(&bytes);
        papers::check(&bytes);
    }

    #[test]
    fn arbitrary_bytes_after_a_true_header_never_panic(kind in 0u8..13, rest in prop::collection::vec(any::<u8>(), 0..600)) {
        let mut bytes = vec![b'F', b'M', kind, folkmoot_proto::round::VERSION];
        bytes.extend(rest);
        laws::check_all(&bytes);
    }

    #[test]
    fn damaged_messages_never_panic(which in 0usize..11, place in any::<prop::sample::Index>(), with in any::<[u8; 4]>()) {
        let (_, mut bytes) = corpus().swap_remove(which);
        let at = place.index(bytes.len());
        for (byte, new) in bytes[at..].iter_mut().zip(with) {
            *byte = new;
        }
        laws::check_all(&bytes);
    }

    #[test]
    fn damaged_papers_never_panic(which in any::<prop::sample::Index>(), place in any::<prop::sample::Index>(), with in any::<[u8; 2]>()) {
        let mut files = of("papers");
        let (_, mut bytes) = files.swap_remove(which.index(files.len()));
        let at = place.index(bytes.len());
        for (byte, new) in bytes[at..].iter_mut().zip(with) {
            *byte = new;
        }
        papers::check(&bytes);
    }
}
