//! The record of a round: it stands as written, and no changed byte goes unseen.

use std::io::Cursor;

use ed25519_dalek::Signer as _;
use folkmoot_proto::round::audit::{Finding, Transcript};
use folkmoot_proto::round::record::{Error, Head, Record, RecordWriter};
use folkmoot_proto::round::{Mechanism, Step};
use proptest::prelude::*;

use crate::sim::{self, Federation, Run};

/// A round of five councils, of whom one drops out after dealing shares.
fn round(mechanism: Mechanism) -> (Federation, Run) {
    round_of(Federation::new(5, 31), mechanism)
}

pub(crate) fn round_of(fed: Federation, mechanism: Mechanism) -> (Federation, Run) {
    let mut envelope = fed.draft(3, 1, 4);
    if mechanism == Mechanism::Exact {
        envelope.plan.mechanism = mechanism;
        (envelope.plan.grid, envelope.plan.rho_nano, envelope.plan.sigma_nano) = (1, 0, 0);
    }
    let mut drops = vec![None; 5];
    drops[3] = Some(Step::Mask);
    let run = sim::run(&fed, envelope.sign(&fed.coordinator), &drops, 3).unwrap();
    (fed, run)
}

fn head(transcript: &Transcript) -> Head {
    Head {
        registry: b"{\"the registry\": \"as it was published\"}".to_vec(),
        coordinator: vec![vec![1; 40], vec![2; 30]],
        analyst: vec![vec![3; 20]],
        transcript: transcript.encode(),
    }
}

pub(crate) fn written(fed: &Federation, run: &Run) -> Vec<u8> {
    let noisy = !run.outcome.transcript.self_seeds.is_empty();
    let sum = noisy.then_some(run.outcome.sum.cells.as_slice());
    let mut writer = RecordWriter::begin(Vec::new(), &head(&run.outcome.transcript), sum).unwrap();
    for vector in run.vectors.iter().flatten().filter(|_| noisy) {
        for chunk in vector.chunks() {
            writer.vector(&chunk.bytes).unwrap();
        }
    }
    writer.finish(&fed.coordinator).unwrap()
}

#[test]
fn a_record_with_noise_stands_and_its_sum_follows() {
    let (fed, run) = round(Mechanism::DiscreteGaussian);
    let bytes = written(&fed, &run);
    let record = Record::open(Cursor::new(&bytes)).unwrap();
    assert_eq!(*record.head(), head(&run.outcome.transcript));
    let mut told = Vec::new();
    let report = record.check(&fed.roll, |done, all| told.push((done, all))).unwrap();
    assert!(report.followed);
    assert_eq!((report.councils.len(), report.dropped.as_slice()), (4, &["103".to_owned()][..]));
    assert_eq!(told, [(1, 4), (2, 4), (3, 4), (4, 4)]);
}

#[test]
fn a_record_of_an_exact_round_holds_nothing_that_leads_to_the_sum() {
    let (fed, run) = round(Mechanism::Exact);
    let transcript = &run.outcome.transcript;
    assert!(transcript.self_seeds.is_empty() && transcript.mask_keys.is_empty());
    assert_eq!(transcript.sum, [0; 32]);
    let bytes = written(&fed, &run);
    let report = Record::open(Cursor::new(&bytes)).unwrap().check(&fed.roll, |_, _| {}).unwrap();
    assert!(!report.followed);
    assert_eq!(report.councils.len(), 4);
    // Neither the sum nor a masked vector is in it.
    let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    assert!(run.outcome.sum.cells.iter().all(|cell| !holds(&cell.to_le_bytes())));
    let vectors: Vec<Vec<u8>> = run.vectors.iter().flatten().flat_map(|v| v.chunks().map(|c| c.bytes)).collect();
    assert!(vectors.iter().all(|vector| !holds(&vector[..8])));
}

#[test]
fn an_exact_round_that_opens_its_secrets_is_found() {
    let (fed, run) = round(Mechanism::Exact);
    // A coordinator that publishes what would give the sum away can sign it; the check says what it did.
    for meddle in [
        (|t: &mut Transcript| t.sum = [7; 32]) as fn(&mut Transcript),
        |t| t.self_seeds = vec![[7; 32]; 4],
        |t| t.mask_keys = vec![[7; 32]],
    ] {
        let mut transcript = run.outcome.transcript.clone();
        meddle(&mut transcript);
        let body = transcript.encode();
        transcript.signature = fed.coordinator.sign(&framed(&body[..body.len() - 64])).to_bytes();
        let bytes =
            RecordWriter::begin(Vec::new(), &head(&transcript), None).unwrap().finish(&fed.coordinator).unwrap();
        let error = unseen(&fed, &bytes).unwrap_err();
        assert!(matches!(error, Error::Finding(Finding::ExactOpened)), "{error:?}");
    }
}

/// What a coordinator signs of a transcript.
fn framed(body: &[u8]) -> Vec<u8> {
    let domain = b"folkmoot/round/2/transcript";
    let length = |bytes: &[u8]| (bytes.len() as u64).to_le_bytes();
    [&length(domain)[..], domain, &length(body), body].concat()
}

/// What a reader makes of bytes.
fn unseen(fed: &Federation, bytes: &[u8]) -> Result<(), Error> {
    Record::open(Cursor::new(bytes))?.check(&fed.roll, |_, _| {}).map(drop)
}

#[test]
fn every_changed_byte_of_every_kind_of_record_is_found() {
    for mechanism in [Mechanism::DiscreteGaussian, Mechanism::Exact] {
        let (fed, run) = round(mechanism);
        let mut bytes = written(&fed, &run);
        unseen(&fed, &bytes).unwrap();
        for place in 0..bytes.len() {
            let by = 1 << (place % 8);
            bytes[place] ^= by;
            assert!(unseen(&fed, &bytes).is_err(), "{mechanism:?}: byte {place}");
            bytes[place] ^= by;
        }
        for length in (0..bytes.len()).step_by(29).chain([bytes.len() - 1]) {
            assert!(unseen(&fed, &bytes[..length]).is_err(), "{mechanism:?}: cut to {length}");
        }
        bytes.push(0);
        assert!(unseen(&fed, &bytes).is_err(), "a byte too many");
    }
}

#[test]
fn another_coordinators_signature_on_the_file_is_found() {
    let (fed, run) = round(Mechanism::DiscreteGaussian);
    let mut bytes = written(&fed, &run);
    let stranger = Federation::new(5, 99);
    let other = written(&stranger, &run);
    let end = bytes.len() - 64;
    bytes[end..].copy_from_slice(&other[end..]);
    assert!(matches!(unseen(&fed, &bytes), Err(Error::Signature)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn damaged_records_never_panic_and_never_pass(
        exact in any::<bool>(),
        place in any::<prop::sample::Index>(),
        with in any::<[u8; 4]>(),
    ) {
        let (fed, run) = round(if exact { Mechanism::Exact } else { Mechanism::DiscreteGaussian });
        let whole = written(&fed, &run);
        let mut bytes = whole.clone();
        let at = place.index(bytes.len());
        for (byte, new) in bytes[at..].iter_mut().zip(with) {
            *byte = new;
        }
        prop_assert_eq!(unseen(&fed, &bytes).is_ok(), bytes == whole);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn arbitrary_bytes_are_no_record(kind in 10u8..14, rest in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut bytes = vec![b'F', b'M', kind, folkmoot_proto::round::VERSION];
        bytes.extend(rest);
        prop_assert!(unseen(&Federation::new(3, 1), &bytes).is_err());
    }
}
