//! What the fuzz corpora are made of: valid files of each kind, and damaged ones. `FOLKMOOT_WRITE_CORPUS=1` writes them.

use ed25519_dalek::SigningKey;
use folkmoot_proto::floor::SignedFloor;
use folkmoot_proto::identity::Federation as Name;
use folkmoot_proto::ids::{BoardCode, QueryId};
use folkmoot_proto::period::ReferencePeriod;
use folkmoot_proto::privacy::Rho;
use folkmoot_proto::query::{DataRule, Query, Release};
use folkmoot_proto::question::{Question, Signed, SignedQuestion};
use folkmoot_proto::recovery::{SignedRecovery, Statement};
use folkmoot_proto::registry::{Member, Registry, SignedRegistry};
use folkmoot_proto::round::Mechanism;
use folkmoot_proto::wire::v1 as wire;
use prost::Message as _;

use crate::decoders::records::{ANALYST, COORDINATOR, COUNCILS, key, roll};
use crate::record::{round_of, written};
use crate::sim::Federation;

type Files = Vec<(&'static str, Vec<u8>)>;

fn records() -> Files {
    let federation = || Federation {
        codes: (0..COUNCILS).map(|council| (100 + council).to_string()).collect(),
        keys: (0..COUNCILS).map(|council| key(council as u8 + 1)).collect(),
        coordinator: key(COORDINATOR),
        analyst: key(ANALYST),
        roll: roll(),
    };
    let record = |mechanism| {
        let (fed, run) = round_of(federation(), mechanism);
        written(&fed, &run)
    };
    let (noisy, exact) = (record(Mechanism::DiscreteGaussian), record(Mechanism::Exact));
    let changed = |bytes: &[u8], at: usize| {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 1;
        bytes
    };
    vec![
        ("bad-cut-in-the-head", noisy[..40].to_vec()),
        ("bad-cut-in-the-sum", noisy[..noisy.len() - 64 - 4 * 8 * 3 - 5].to_vec()),
        ("bad-longer", [noisy.clone(), vec![0]].concat()),
        ("bad-signature", changed(&noisy, noisy.len() - 1)),
        ("bad-transcript", changed(&noisy, noisy.len() / 2)),
        ("bad-vector", changed(&noisy, noisy.len() - 65)),
        // The length of the registry, out of bounds.
        ("bad-length", [&noisy[..4], &[0xff; 4], &noisy[8..]].concat()),
        ("exact", exact),
        ("noisy", noisy),
    ]
}

fn papers() -> Files {
    let (england, authority) = (Name::parse("england").unwrap(), SigningKey::from_bytes(&[7; 32]));
    let moment = "2026-06-01T00:00:00Z".parse().unwrap();
    let period = ReferencePeriod::inclusive("2025-04-01".parse().unwrap(), "2026-03-31".parse().unwrap()).unwrap();
    let release = Release::JointPrivate(Rho::parse("0.005").unwrap());
    let by = ["age_band".to_owned()];
    let query = Query::new("PEOPLE", period, Some(&by), &[], &[], DataRule::default(), release).unwrap();
    let analyst = "folkmoot://england/analyst/national/ada".parse().unwrap();
    let id = QueryId::from_bytes([3; 16]);
    let question = Question::new(query.clone(), id, analyst, "Statistics", "6(1)(e)", 1_900_000_000).unwrap();
    let signature = question.sign(&key(ANALYST));
    let countersigned = question.countersign(&signature, &key(COORDINATOR));
    let signed = SignedQuestion {
        question,
        analyst: Signed { signature, chain: vec![vec![1; 40]] },
        coordinator: Signed { signature: countersigned, chain: vec![vec![2; 40], vec![3; 30]] },
    };
    let member = Member {
        council: "503".parse().unwrap(),
        name: "A council".into(),
        signing_key: key(1).verifying_key().to_bytes(),
        certificate: [9; 32],
        valid_from: moment,
        valid_until: "2027-06-01T00:00:00Z".parse().unwrap(),
        region: "E12000007".into(),
        board: BoardCode::parse("QMJ").unwrap(),
    };
    let registry = SignedRegistry::sign(&Registry::new(england.clone(), 1, moment, vec![member]).unwrap(), &authority);
    let floor =
        SignedFloor::sign(england.clone(), 1, moment, "[cohort]\nmin_cohort = 30\n".into(), &authority).unwrap();
    let statement = Statement {
        council: "503".parse().unwrap(),
        held_entries: 5,
        held_digest: [4; 32],
        witnessed_entries: 9,
        assume_spent_nano: 1_000,
        reason: "restored from a backup".into(),
        resets_clock: false,
        issued_at: moment,
    };
    let recovery = SignedRecovery::sign(england, statement, &authority).unwrap();
    let registry = serde_json::to_vec(&registry).unwrap();
    let another = String::from_utf8(registry.clone()).unwrap().replacen("A council", "No council", 1).into_bytes();
    vec![
        ("bad-registry", another),
        ("floor", serde_json::to_vec(&floor).unwrap()),
        ("query", wire::Query::from(&query).encode_to_vec()),
        ("question", wire::SignedQuery::from(&signed).encode_to_vec()),
        ("recovery", serde_json::to_vec(&recovery).unwrap()),
        ("registry", registry),
    ]
}

#[test]
fn the_corpora_of_records_and_papers_are_up_to_date() {
    let write = std::env::var_os("FOLKMOOT_WRITE_CORPUS").is_some();
    for (target, files) in [("round_records", records()), ("papers", papers())] {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
        if write {
            std::fs::create_dir_all(&folder).unwrap();
        }
        for (name, bytes) in files {
            let place = folder.join(name);
            if write {
                std::fs::write(&place, &bytes).unwrap();
            }
            assert!(
                std::fs::read(&place).is_ok_and(|there| there == bytes),
                "{target}/{name}: FOLKMOOT_WRITE_CORPUS=1"
            );
        }
    }
}
