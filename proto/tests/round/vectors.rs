//! Known answers: `proto/vectors/round/masked_v2.json` against this crate and against the slow second implementation;
//! `masked_v2_bad.json`, whose messages must be refused.
//!
//! The files are written by `cargo test -p folkmoot-proto --test round -- --ignored regenerate`, which is to be run only
//! when the protocol version changes.

use std::convert::Infallible;

use ed25519_dalek::{Signer as _, SigningKey};
use folkmoot_proto::round::audit::Transcript;
use folkmoot_proto::round::coordinator;
use folkmoot_proto::round::messages::{Advert, Entry, Masked, Quorum, Relay, Revealed, Roster, Sealed, Survivors};
use folkmoot_proto::round::node::{self, Contribution, Proposal};
use folkmoot_proto::round::witness::{Head, Seen, Standing, Statement};
use folkmoot_proto::round::{Refusal, Roll, Seat, Step};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, TryCryptoRng, TryRng};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::reference::{self as slow, Bytes32};
use crate::rogue::Rogue;
use crate::sim::{self, Federation, NOW};

const GOOD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/round/masked_v2.json");
const BAD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/round/masked_v2_bad.json");
const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/round_messages");

/// Gives out the written bytes first (a node draws `c`, `s`, `b`, 32 bytes each), then those of a seeded generator (for
/// the sharing polynomials).
struct Scripted(Vec<u8>, ChaCha20Rng);

impl Scripted {
    fn for_council(i: usize, input: &Value) -> Self {
        let script = ["c", "s", "b"].iter().flat_map(|k| secret(&format!("{k} {i}"))).collect();
        Self(script, sim::rng(input["polynomial_seed"].as_u64().unwrap()))
    }
}

impl TryRng for Scripted {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.1.next_u32())
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.1.next_u64())
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        if self.0.is_empty() {
            self.1.fill_bytes(out);
        } else {
            out.copy_from_slice(&self.0.drain(..out.len()).collect::<Vec<_>>());
        }
        Ok(())
    }
}

impl TryCryptoRng for Scripted {}

struct Plain<'a>(&'a Value);

impl Contribution for Plain<'_> {
    type Error = Infallible;
    fn witnessed(&mut self, _: &[Seen]) -> Result<(), Infallible> {
        Ok(())
    }
    fn noise(&mut self, _: usize) -> Result<Zeroizing<Vec<i64>>, Infallible> {
        Ok(Zeroizing::new(integers(&self.0["noise"])))
    }
    fn scaled_counts(&mut self, _: usize) -> Result<Zeroizing<Vec<i64>>, Infallible> {
        Ok(Zeroizing::new(integers(&self.0["scaled_counts"])))
    }
}

fn integers(v: &Value) -> Vec<i64> {
    v.as_array().unwrap().iter().map(|c| c.as_i64().unwrap()).collect()
}

fn bytes(v: &Value) -> Vec<u8> {
    hex::decode(v.as_str().unwrap()).unwrap()
}

fn bytes32(v: &Value) -> Bytes32 {
    bytes(v).try_into().unwrap()
}

fn hexed(bytes: impl AsRef<[u8]>) -> Value {
    json!(hex::encode(bytes))
}

fn read(path: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// No private key stands in a file: all are hashes of their names.
fn secret(name: &str) -> Bytes32 {
    slow::sha(format!("folkmoot masked-v2 vector: {name}").as_bytes())
}

fn federation(v: &Value) -> Federation {
    let key = |name: &str| SigningKey::from_bytes(&secret(name));
    let mut fed = Federation {
        codes: v["cohort"].as_array().unwrap().iter().map(|c| c.as_str().unwrap().to_owned()).collect(),
        keys: (0..4).map(|i| key(&format!("signing {i}"))).collect(),
        coordinator: key("coordinator"),
        analyst: key("analyst"),
        roll: Roll::new(bytes32(&v["registry"])),
    };
    for (code, key) in fed.codes.iter().zip(&fed.keys) {
        fed.roll.add_council(code, sim::signatory(key)).unwrap();
    }
    fed.roll.add_coordinator("national", sim::signatory(&fed.coordinator)).unwrap();
    fed.roll.add_analyst("analyst/national/ada", sim::signatory(&fed.analyst)).unwrap();
    fed
}

/// Where the ledger of a council stands in the round.
fn standing(input: &Value) -> Standing {
    let head = |v: &Value| Head { entries: v["entries"].as_u64().unwrap(), digest: bytes32(&v["digest"]) };
    Standing { head: head(&input["ledger"]["head"]), before: head(&input["ledger"]["before"]) }
}

/// What a council has kept of others: adverts of an earlier round, by seat.
fn kept(input: &Value) -> Vec<Statement> {
    let list = input["kept"].as_array().unwrap().iter();
    list.map(|advert| Advert::decode(&bytes(advert)).unwrap())
        .map(|advert| Statement { seat: advert.entry.seat, advert })
        .collect()
}

/// The advert of a council in an earlier round, signed over bytes put together by the slow implementation.
fn earlier(seat: u8, key: &SigningKey) -> Advert {
    let t0 = secret("the round before");
    let public = |k: &str| slow::public(&secret(&format!("{k} {seat} before")));
    let (share_key, mask_key) = (public("c"), public("s"));
    let commitment = slow::commitment(&t0, seat, &secret(&format!("b {seat} before")));
    let head = earlier_head(seat);
    let ledger = Standing { head, before: Head::default() };
    let stands = [(head.entries, head.digest), (0, [0; 32])];
    let signature = key.sign(&slow::advert(&t0, seat, [&share_key, &mask_key, &commitment], &stands)).to_bytes();
    Advert { t0, entry: Entry { seat: Seat::new(seat), share_key, mask_key, commitment, ledger, signature } }
}

fn earlier_head(seat: u8) -> Head {
    Head { entries: 40 + u64::from(seat), digest: secret(&format!("entry {seat} before")) }
}

/// Plays the round of the vector (the last council falls silent before step 2) and returns every message.
fn play(v: &Value) -> Value {
    let fed = federation(v);
    let envelope = folkmoot_proto::round::Envelope::decode(&bytes(&v["envelope"])).unwrap();
    let mut hub = coordinator::Round::new(envelope, &fed.roll, NOW).unwrap();
    let inputs = v["inputs"].as_array().unwrap();
    let mut out: Vec<Value> = Vec::new();
    let mut nodes: Vec<(node::Round, Scripted)> = Vec::new();
    for (i, input) in inputs.iter().enumerate() {
        let mut rng = Scripted::for_council(i, input);
        let proposal = Proposal::open(hub.invitation(), &fed.roll, &fed.codes[i], &sim::limits(), NOW).unwrap();
        let own = sim::expected(proposal.envelope());
        let (round, advert) = proposal.agree(&own, &fed.keys[i]).unwrap().advertise(standing(input), &mut rng);
        let advert = sim::sent(advert);
        hub.advert(&fed.codes[i], &advert).unwrap();
        out.push(json!({ "advert": hexed(advert) }));
        nodes.push((round, rng));
    }
    let roster = hub.close_adverts().unwrap();
    for (i, (round, rng)) in nodes.iter_mut().enumerate() {
        let kept = Ok(kept(&inputs[i]));
        let sealed = round.share_as_witness(&roster, NOW, rng, |_| kept).unwrap();
        hub.sealed(&fed.codes[i], &sealed).unwrap();
        out[i]["sealed"] = hexed(sealed);
    }
    hub.close_shares().unwrap();
    let last = inputs.len() - 1;
    for (i, (round, _)) in nodes.iter_mut().enumerate().take(last) {
        let relay = hub.relay(&fed.codes[i]).unwrap();
        let vector = sim::sent(round.mask(&relay, NOW, &mut Plain(&inputs[i])).unwrap());
        sim::upload(&mut hub, &fed.codes[i], &vector).unwrap();
        out[i]["relay"] = hexed(relay);
        out[i]["header"] = hexed(vector.header());
        out[i]["elements"] = hexed(vector.chunks().flat_map(|c| c.bytes).collect::<Vec<u8>>());
    }
    let survivors = hub.close_masks().unwrap();
    for (i, (round, _)) in nodes.iter_mut().enumerate().take(last) {
        let consent = sim::sent(round.consent(&survivors, NOW).unwrap());
        hub.consent(&fed.codes[i], &consent).unwrap();
        out[i]["consent"] = hexed(consent);
    }
    let quorum = hub.close_consents().unwrap();
    for (i, (round, _)) in nodes.iter_mut().enumerate().take(last) {
        let revealed = sim::sent(round.unmask(&quorum, NOW).unwrap());
        hub.revealed(&fed.codes[i], &revealed).unwrap();
        out[i]["revealed"] = hexed(revealed);
    }
    let outcome = hub.unmask(&fed.coordinator).unwrap();
    json!({
        "roster": hexed(roster), "survivors": hexed(survivors), "quorum": hexed(quorum), "nodes": out,
        "sum": outcome.sum.cells, "transcript": hexed(outcome.transcript.encode()),
    })
}

/// Everything that can be computed from the inputs by the slow implementation.
fn derive(v: &Value) -> Value {
    let inputs = v["inputs"].as_array().unwrap();
    let t0 = slow::t0(&bytes(&v["envelope"]));
    let (seats, survivors): (Vec<u8>, Vec<u8>) = (vec![0, 1, 2, 3], vec![0, 1, 2]);
    let keys: Vec<(u8, Bytes32, Bytes32, Bytes32, slow::Ledger)> = inputs
        .iter()
        .zip(&seats)
        .map(|(n, seat)| {
            let public = |k: &str| slow::public(&secret(&format!("{k} {seat}")));
            let stands = ["head", "before"].map(|k| &n["ledger"][k]);
            let stands = stands.map(|h| (h["entries"].as_u64().unwrap(), bytes32(&h["digest"])));
            (*seat, public("c"), public("s"), slow::commitment(&t0, *seat, &secret(&format!("b {seat}"))), stands)
        })
        .collect();
    let t1 = slow::t1(&t0, &keys);
    let t2 = slow::t2(&t1, &seats);
    let t3 = slow::t3(&t2, &survivors);
    let nodes: Vec<Value> = inputs
        .iter()
        .zip(&keys)
        .map(|(n, (seat, c, s, b, stands))| {
            let (own, seed) = (secret(&format!("s {seat}")), secret(&format!("b {seat}")));
            let peers: Vec<(u8, Bytes32)> = keys.iter().filter(|k| k.0 != *seat).map(|k| (k.0, k.2)).collect();
            let plain: Vec<i64> =
                integers(&n["scaled_counts"]).iter().zip(integers(&n["noise"])).map(|(a, z)| a + z).collect();
            let y = slow::masked(*seat, &seed, &own, &peers, &t2, &plain);
            json!({
                "C": hexed(c), "S": hexed(s), "B": hexed(b),
                "advert_signed": hexed(slow::advert(&t0, *seat, [c, s, b], stands)),
                "self_mask_key": hexed(slow::self_key(&seed, &t2)),
                "pair_mask_keys": peers.iter()
                    .map(|(p, public)| hexed(slow::pair_key(&own, public, &t2, *seat, *p))).collect::<Vec<_>>(),
                "elements": hexed(y.iter().flat_map(|e| e.to_le_bytes()).collect::<Vec<u8>>()),
                "digest": hexed(slow::vector_digest(&t2, *seat, &y)),
            })
        })
        .collect();
    json!({ "t0": hexed(t0), "t1": hexed(t1), "t2": hexed(t2), "t3": hexed(t3), "nodes": nodes })
}

#[test]
fn this_crate_gives_the_known_answers() {
    let v = read(GOOD);
    assert_eq!(play(&v), v["messages"]);
}

#[test]
fn the_slow_implementation_gives_the_known_answers() {
    let v = read(GOOD);
    let derived = derive(&v);
    assert_eq!(derived, v["derived"]);
    let t2 = bytes32(&derived["t2"]);
    let entries = Roster::decode(&bytes(&v["messages"]["roster"])).unwrap().entries;
    for (i, (own, sent)) in
        derived["nodes"].as_array().unwrap().iter().zip(v["messages"]["nodes"].as_array().unwrap()).enumerate()
    {
        let Entry { share_key, mask_key, commitment, signature, .. } = entries[i].clone();
        let key = SigningKey::from_bytes(&secret(&format!("signing {i}")));
        assert_eq!(key.sign(&bytes(&own["advert_signed"])).to_bytes(), signature);
        assert_eq!(
            [hexed(share_key), hexed(mask_key), hexed(commitment)],
            [&own["C"], &own["S"], &own["B"]].map(Clone::clone)
        );
        if sent.get("header").is_some() {
            assert_eq!(sent["elements"], own["elements"]);
            let header = Masked::decode(&bytes(&sent["header"])).unwrap();
            assert_eq!((hexed(header.digest), header.t2), (own["digest"].clone(), t2));
        }
    }
}

#[test]
fn the_slow_implementation_opens_what_was_dealt_and_undoes_the_masks() {
    let v = read(GOOD);
    let messages = &v["messages"];
    let t = |k: &str| bytes32(&v["derived"][k]);
    let (t1, t2) = (t("t1"), t("t2"));
    let key = |i: usize, k: &str| slow::public(&secret(&format!("{k} {i}")));
    // From the sealed pairs of each dealer, any three of the other councils' shares give b and s.
    for dealer in 0u8..4 {
        let d = usize::from(dealer);
        let sealed = Sealed::decode(&bytes(&messages["nodes"][d]["sealed"])).unwrap();
        let mut shares: [Vec<(u8, Bytes32)>; 2] = [Vec::new(), Vec::new()];
        for (holder, pair) in (0u8..4).filter(|h| *h != dealer).zip(&sealed.pairs) {
            let opener = secret(&format!("c {holder}"));
            // The pair is bound to what the dealer says of the holder's ledger; the advert stands there without its header.
            let said = sealed.statements.iter().filter(|s| s.seat.index() == holder);
            let said: Vec<u8> = said.flat_map(|s| s.advert.encode()[4..].to_vec()).collect();
            assert_eq!(said.is_empty(), (dealer + 1) % 4 != holder);
            let plain = slow::open(&opener, &key(d, "c"), &t1, (dealer, holder), &said, pair).unwrap();
            assert!(said.is_empty() || slow::open(&opener, &key(d, "c"), &t1, (dealer, holder), &[], pair).is_none());
            shares[0].push((holder + 1, plain[..32].try_into().unwrap()));
            shares[1].push((holder + 1, plain[32..].try_into().unwrap()));
        }
        assert_eq!(slow::combine(&shares[0]), secret(&format!("b {d}")));
        assert_eq!(slow::combine(&shares[1]), secret(&format!("s {d}")));
    }
    // From the revealed shares alone: the sum.
    let revealed: Vec<Revealed> =
        (0..3).map(|i| Revealed::decode(&bytes(&messages["nodes"][i]["revealed"])).unwrap()).collect();
    let collect = |of: &dyn Fn(&Revealed) -> Bytes32| {
        slow::combine(&revealed.iter().map(|r| (r.seat.index() + 1, of(r))).collect::<Vec<_>>())
    };
    let cells = integers(&messages["sum"]).len();
    let mut sum = vec![0u64; cells];
    for i in 0..3 {
        let y = bytes(&messages["nodes"][i]["elements"]);
        let self_mask = slow::stream(&slow::self_key(&collect(&|r| r.self_shares[i]), &t2), cells);
        let gone = collect(&|r| r.key_shares[0]);
        let seat = u8::try_from(i).unwrap();
        let pair_mask = slow::stream(&slow::pair_key(&gone, &key(i, "s"), &t2, 3, seat), cells);
        for k in 0..cells {
            let element = u64::from_le_bytes(y[8 * k..8 * k + 8].try_into().unwrap());
            // Council 3 has the highest seat, so everybody has added the mask shared with it.
            sum[k] = sum[k].wrapping_add(element).wrapping_sub(self_mask[k]).wrapping_sub(pair_mask[k]);
        }
    }
    assert_eq!(sum.iter().map(|s| s.cast_signed()).collect::<Vec<_>>(), integers(&messages["sum"]));
}

/// What council 0 says to `message` at `step`, everything before being as in the good vector.
fn answer(v: &Value, step: Step, message: &[u8]) -> Result<(), Refusal> {
    let (fed, input, sent) = (federation(v), &v["inputs"][0], &v["messages"]["nodes"][0]);
    let mut rng = Scripted::for_council(0, input);
    let envelope = bytes(&v["envelope"]);
    let first = if step == Step::Advertise { message } else { &envelope };
    let proposal = Proposal::open(first, &fed.roll, &fed.codes[0], &sim::limits(), NOW)?;
    let own = sim::expected(proposal.envelope());
    let (mut round, _) = proposal.agree(&own, &fed.keys[0])?.advertise(standing(input), &mut rng);
    if step == Step::Advertise {
        return Ok(());
    }
    let witness = |_: &[folkmoot_proto::round::witness::Peer<'_>]| Ok(kept(input));
    if step == Step::Share {
        return round.share_as_witness(message, NOW, &mut rng, witness).map(|_| ());
    }
    round.share_as_witness(&bytes(&v["messages"]["roster"]), NOW, &mut rng, witness)?;
    if step == Step::Mask {
        return round.mask(message, NOW, &mut Plain(input)).map(|_| ());
    }
    let _ = round.mask(&bytes(&sent["relay"]), NOW, &mut Plain(input))?;
    if step == Step::Consent {
        return round.consent(message, NOW).map(|_| ());
    }
    let _ = round.consent(&bytes(&v["messages"]["survivors"]), NOW)?;
    round.unmask(message, NOW).map(|_| ())
}

const STEPS: [(&str, Step); 5] = [
    ("advertise", Step::Advertise),
    ("share", Step::Share),
    ("mask", Step::Mask),
    ("consent", Step::Consent),
    ("unmask", Step::Unmask),
];

#[test]
fn bad_vectors_are_refused_with_their_reason() {
    let (good, bad) = (read(GOOD), read(BAD));
    let cases = bad["cases"].as_array().unwrap();
    assert!(cases.len() > 25);
    for case in cases {
        let step = STEPS.iter().find(|(name, _)| case["step"] == *name).unwrap().1;
        let refusal = answer(&good, step, &bytes(&case["message"])).expect_err(case["name"].as_str().unwrap());
        assert_eq!(refusal.code(), case["refusal"].as_str().unwrap(), "{}", case["name"]);
    }
}

fn bad_cases(v: &Value) -> Vec<Value> {
    let m = &v["messages"];
    let fed = federation(v);
    let mut cases: Vec<Value> = Vec::new();
    let mut add = |name: &str, step: &str, message: Vec<u8>, refusal: &str| {
        cases.push(json!({ "name": name, "step": step, "message": hexed(message), "refusal": refusal }));
    };
    let honest = [
        ("advertise", bytes(&v["envelope"])),
        ("share", bytes(&m["roster"])),
        ("mask", bytes(&m["nodes"][0]["relay"])),
        ("consent", bytes(&m["survivors"])),
        ("unmask", bytes(&m["quorum"])),
    ];
    for (step, message) in &honest {
        let with = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut bad = message.clone();
            change(&mut bad);
            bad
        };
        add("empty", step, Vec::new(), "malformed");
        add("a byte short", step, with(&|b| b.truncate(b.len() - 1)), "malformed");
        add("a byte too many", step, with(&|b| b.push(0)), "malformed");
        add("another version", step, with(&|b| b[3] = 1), "malformed");
        add("another kind", step, with(&|b| b[2] = 11), "malformed");
    }
    let envelope = |change: &dyn Fn(&mut folkmoot_proto::round::Envelope)| {
        let mut e = folkmoot_proto::round::Envelope::decode(&honest[0].1).unwrap();
        change(&mut e);
        e.sign(&fed.coordinator).encode()
    };
    add(
        "query changed after the analyst signed",
        "advertise",
        envelope(&|e| e.mandate.query[0] ^= 1),
        "analyst-signature",
    );
    add("threshold below the rule", "advertise", envelope(&|e| e.threshold -= 1), "threshold");
    add("survivors below the threshold", "advertise", envelope(&|e| e.min_survivors = 2), "parameters");
    add("another registry", "advertise", envelope(&|e| e.registry[0] ^= 1), "registry-differs");
    add("grid too coarse", "advertise", envelope(&|e| (e.plan.grid, e.plan.sigma_nano) = (1, 1)), "grid-too-coarse");
    let mut unsigned = honest[0].1.clone();
    *unsigned.last_mut().unwrap() ^= 1;
    add("coordinator's signature changed", "advertise", unsigned, "coordinator-signature");

    let t0 = bytes32(&v["derived"]["t0"]);
    let roster = |change: &dyn Fn(&mut Roster)| {
        let mut r = Roster::decode(&honest[1].1).unwrap();
        change(&mut r);
        r.encode()
    };
    let rogue = Rogue::new(3, &fed.keys[3]);
    add(
        "the key of another council",
        "share",
        roster(&|r| r.entries[1].mask_key = r.entries[2].mask_key),
        "key-signature",
    );
    add("a key replaced", "share", roster(&|r| r.entries[1].mask_key[5] ^= 1), "key-signature");
    add("a ledger's head replaced", "share", roster(&|r| r.entries[1].ledger.head.entries -= 1), "key-signature");
    add(
        "a ledger's head before replaced",
        "share",
        roster(&|r| r.entries[1].ledger.before.digest[0] ^= 1),
        "key-signature",
    );
    add("own ledger's head replaced", "share", roster(&|r| r.entries[0].ledger.head.entries += 1), "own-entry");
    add("own key replaced", "share", roster(&|r| r.entries[0].share_key[5] ^= 1), "own-entry");
    add("a seat twice", "share", roster(&|r| r.entries[2] = r.entries[1].clone()), "seats");
    add("cohort shrunken", "share", roster(&|r| r.entries.truncate(2)), "too-few");
    add(
        "a signed key of small order",
        "share",
        roster(&|r| r.entries[3] = rogue.entry_with(&t0, [0; 32], slow::public(&rogue.s))),
        "unsound-key",
    );
    let relay = |change: &dyn Fn(&mut Relay)| {
        let mut r = Relay::decode(&honest[2].1).unwrap();
        change(&mut r);
        r.encode()
    };
    add("a sealed pair changed", "mask", relay(&|r| r.pairs[0][79] ^= 1), "pair-unreadable");
    let witnessed = |change: &dyn Fn(&mut Statement)| relay(&|r| change(&mut r.statements[0]));
    add("a statement stripped", "mask", relay(&|r| r.statements.clear()), "pair-unreadable");
    add("a statement doubled", "mask", relay(&|r| r.statements.push(r.statements[0].clone())), "statements");
    add("a statement changed", "mask", witnessed(&|s| s.advert.entry.ledger.head.entries -= 1), "pair-unreadable");
    add("a statement's signature changed", "mask", witnessed(&|s| s.advert.entry.signature[9] ^= 1), "pair-unreadable");
    add("a statement put in another's mouth", "mask", witnessed(&|s| s.seat = Seat::new(2)), "pair-unreadable");
    add("a statement of nobody", "mask", witnessed(&|s| s.seat = Seat::new(9)), "statements");
    add("a statement of the receiver", "mask", witnessed(&|s| s.seat = Seat::new(0)), "statements");
    add("a pair missing", "mask", relay(&|r| r.pairs.truncate(2)), "pair-count");
    add(
        "receiver left out",
        "mask",
        relay(&|r| r.sharers = [1, 2, 3].map(Seat::new).into_iter().collect()),
        "not-a-subset",
    );
    let survivors = |seats: &[u8]| {
        let mut s = Survivors::decode(&honest[3].1).unwrap();
        s.survivors = seats.iter().map(|i| Seat::new(*i)).collect();
        s.encode()
    };
    add("survivors below the floor", "consent", survivors(&[0, 1]), "too-few");
    add("a survivor who never shared", "consent", survivors(&[0, 1, 2, 5]), "not-a-subset");
    let quorum = |change: &dyn Fn(&mut Quorum)| {
        let mut q = Quorum::decode(&honest[4].1).unwrap();
        change(&mut q);
        q.encode()
    };
    add("a signature short", "unmask", quorum(&|q| q.consents.truncate(2)), "too-few-consents");
    add("a signature forged", "unmask", quorum(&|q| q.consents[1].1[0] ^= 1), "consent-signature");
    add("a signature twice", "unmask", quorum(&|q| q.consents[1] = q.consents[0]), "seats");
    add("another transcript", "unmask", quorum(&|q| q.t3[0] ^= 1), "other-transcript");
    cases
}

#[test]
#[ignore = "writes the vector files anew; only for a new protocol version"]
fn regenerate() {
    let mut rng = sim::rng(2026);
    let cohort = ["301", "302", "303", "304"];
    let fed = federation(&json!({ "cohort": cohort, "registry": hexed([0x52; 32]) }));
    let cells = 6;
    let mut draft = fed.draft(cells, 1, 3);
    draft.plan.blocks = 1;
    let inputs: Vec<Value> = (0..4u64)
        .map(|i| {
            let numbers = sim::Numbers::random(cells as usize, 16, &mut rng);
            let seat = u8::try_from(i).unwrap();
            let (next, before) = ((seat + 1) % 4, earlier_head(seat));
            let head = |entries: u64, digest: Bytes32| json!({ "entries": entries, "digest": hexed(digest) });
            json!({
                "polynomial_seed": 100 + i,
                "noise": numbers.noise, "scaled_counts": numbers.counts,
                "ledger": {
                    "head": head(before.entries + 10, secret(&format!("entry {seat}"))),
                    "before": head(before.entries, before.digest),
                },
                "kept": [hexed(earlier(next, &fed.keys[usize::from(next)]).encode())],
            })
        })
        .collect();
    let mut v = json!({
        "about": "One round of masked-v2: four councils, the last silent before step 2. All bytes in hex. The sealed pairs \
                  depend on the sharing polynomials, which another implementation draws differently: open and recombine them.",
        "now": NOW,
        "registry": hexed(fed.roll.registry()),
        "cohort": fed.codes,
        "secrets": "SHA-256 of the text 'folkmoot masked-v2 vector: NAME', where NAME is 'coordinator' or 'analyst' \
                    (Ed25519 seeds), or, for the council of seat K, 'signing K' (Ed25519 seed), 'c K', 's K', 'b K'",
        "envelope": hexed(draft.sign(&fed.coordinator).encode()),
        "inputs": inputs,
    });
    v["derived"] = derive(&v);
    v["messages"] = play(&v);
    let bad = json!({
        "about": "Messages that council 0 of masked_v2.json must refuse at the named step, with the code of the refusal.",
        "cases": bad_cases(&v),
    });
    for (path, value) in [(GOOD, &v), (BAD, &bad)] {
        std::fs::write(path, serde_json::to_string_pretty(value).unwrap() + "\n").unwrap();
    }
    std::fs::create_dir_all(CORPUS).unwrap();
    let (m, first) = (&v["messages"], &v["messages"]["nodes"][0]);
    for (name, message) in [
        ("envelope", &v["envelope"]),
        ("advert", &first["advert"]),
        ("roster", &m["roster"]),
        ("sealed", &first["sealed"]),
        ("relay", &first["relay"]),
        ("masked", &first["header"]),
        ("survivors", &m["survivors"]),
        ("consent", &first["consent"]),
        ("quorum", &m["quorum"]),
        ("revealed", &first["revealed"]),
        ("transcript", &m["transcript"]),
    ] {
        std::fs::write(format!("{CORPUS}/{name}"), bytes(message)).unwrap();
    }
    assert!(Transcript::decode(&bytes(&m["transcript"])).is_ok() && Advert::decode(&bytes(&first["advert"])).is_ok());
}
