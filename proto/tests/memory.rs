//! A look into the process: after a round nothing that was secret at a council is left in its memory, neither in what is
//! freed nor on the stack of the thread that worked.
//!
//! The councils' rounds are played by a thread that then stands still, and this process's writable memory is copied to a
//! file. Only then are the secrets worked out again, from the seeds and from what went over the links, by the second
//! implementation of the protocol, and looked for in the copy. So the search never meets what it brought itself.

// The kernel shows a process its own memory without any unsafe code; elsewhere there is no such window.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

#[path = "memory/look.rs"]
mod look;
#[allow(dead_code, reason = "shared with the tests of the protocol, which use all of it")]
#[path = "round/reference.rs"]
mod reference;
#[path = "round/sim.rs"]
mod sim;

use std::convert::Infallible;
use std::sync::mpsc;

use folkmoot_proto::round::messages::{Relay, Roster, Sealed};
use folkmoot_proto::round::node::{self, Contribution, Proposal};
use folkmoot_proto::round::transcript;
use folkmoot_proto::round::witness::Seen;
use folkmoot_proto::round::{Mechanism, coordinator};
use look::{Needles, Snapshot};
use rand_core::{TryCryptoRng, TryRng};
use sim::{Federation, NOW};
use zeroize::Zeroizing;

const COUNCILS: usize = 7;
const CELLS: usize = 3000;
const GRID: i64 = 16;

/// Numbers from a seed (splitmix64), eight bytes at a time: a generator that keeps nothing of what it gave.
struct Forgetful(u64);

impl Forgetful {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl TryRng for Forgetful {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.next() as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.next())
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        for part in to.chunks_mut(8) {
            part.copy_from_slice(&self.next().to_le_bytes()[..part.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Forgetful {}

/// A council's figures and noise, made when they are asked for and kept nowhere.
struct Made(u64);

impl Made {
    fn numbers(&self, kind: u64, bits: u32, times: i64) -> impl Iterator<Item = i64> {
        let mut seed = Forgetful(self.0 ^ (kind << 32));
        std::iter::repeat_with(move || (seed.next() >> (64 - bits)) as i64 * times)
    }
}

impl Contribution for Made {
    type Error = Infallible;

    fn witnessed(&mut self, _seen: &[Seen]) -> Result<(), Infallible> {
        Ok(())
    }

    fn noise(&mut self, cells: usize) -> Result<Zeroizing<Vec<i64>>, Infallible> {
        let mut noise = Zeroizing::new(vec![0; cells]);
        noise.iter_mut().zip(self.numbers(1, 6, 1)).for_each(|(to, from)| *to = from);
        Ok(noise)
    }

    fn scaled_counts(&mut self, cells: usize) -> Result<Zeroizing<Vec<i64>>, Infallible> {
        let mut counts = Zeroizing::new(vec![0; cells]);
        counts.iter_mut().zip(self.numbers(2, 32, GRID)).for_each(|(to, from)| *to = from);
        Ok(counts)
    }
}

/// How a round ends for its councils.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// One drops out before its vector; the others go to the end, and their rounds are kept.
    Finished,
    /// Sealed shares do not open: every council gives the round up by itself.
    Aborted,
    /// Given up from outside before the named step was asked for.
    Abandoned(&'static str),
    /// Dropped as they are, before the last step.
    Dropped,
}

/// What went over the links: all that the secrets are worked out from again, beside the seeds.
struct Played {
    t0: [u8; 32],
    roster: Vec<u8>,
    sealed: Vec<Vec<u8>>,
    masked: bool,
}

fn seed(run: u64, council: usize) -> u64 {
    run.wrapping_mul(1_000_003) + council as u64 + 1
}

fn play(fed: &Federation, run: u64, end: End) -> (Played, Vec<node::Round>) {
    let mut envelope = fed.draft(CELLS as u32, 1, 5);
    envelope.plan.mechanism = Mechanism::DiscreteGaussian;
    let mut hub = coordinator::Round::new(envelope.sign(&fed.coordinator), &fed.roll, NOW).unwrap();
    let invitation = hub.invitation().to_vec();
    let mut rngs: Vec<Forgetful> = (0..COUNCILS).map(|i| Forgetful(seed(run, i))).collect();
    let mut nodes = Vec::with_capacity(COUNCILS);
    for (i, rng) in rngs.iter_mut().enumerate() {
        let proposal = Proposal::open(&invitation, &fed.roll, &fed.codes[i], &sim::limits(), NOW).unwrap();
        let expected = sim::expected(proposal.envelope());
        let (round, advert) = proposal.accept(&expected, &fed.keys[i], rng).unwrap();
        hub.advert(&fed.codes[i], &advert.persisted()).unwrap();
        nodes.push(round);
    }
    let roster = hub.close_adverts().unwrap();
    let mut played = Played { t0: *hub.t0(), roster: roster.clone(), sealed: Vec::new(), masked: false };
    if end == End::Abandoned("share") {
        nodes.iter_mut().for_each(node::Round::abandon);
        return (played, nodes);
    }
    for (i, node) in nodes.iter_mut().enumerate() {
        let sealed = node.share(&roster, NOW, &mut rngs[i]).unwrap();
        hub.sealed(&fed.codes[i], &sealed).unwrap();
        played.sealed.push(sealed);
    }
    hub.close_shares().unwrap();
    if end == End::Abandoned("mask") {
        nodes.iter_mut().for_each(node::Round::abandon);
        return (played, nodes);
    }
    let gone = (end == End::Finished).then_some(3);
    for (i, node) in nodes.iter_mut().enumerate() {
        let mut relay = hub.relay(&fed.codes[i]).unwrap();
        if end == End::Aborted {
            let mut lie = Relay::decode(&relay).unwrap();
            lie.pairs[COUNCILS - 2][70] ^= 1;
            relay = lie.encode();
            assert_eq!(node.mask(&relay, NOW, &mut Made(seed(run, i))).unwrap_err().code(), "pair-unreadable");
            continue;
        }
        if Some(i) == gone {
            node.abandon();
            continue;
        }
        let vector = node.mask(&relay, NOW, &mut Made(seed(run, i))).unwrap().persisted();
        let mut upload = hub.upload(&fed.codes[i], vector.header()).unwrap().unwrap();
        for chunk in vector.chunks() {
            upload.absorb(chunk.offset, &chunk.bytes).unwrap();
        }
        hub.add(upload).unwrap();
        played.masked = true;
    }
    if end == End::Aborted {
        return (played, nodes);
    }
    let survivors = hub.close_masks().unwrap();
    if end == End::Abandoned("consent") {
        nodes.iter_mut().for_each(node::Round::abandon);
        return (played, nodes);
    }
    for (i, node) in nodes.iter_mut().enumerate().filter(|(i, _)| Some(*i) != gone) {
        hub.consent(&fed.codes[i], &node.consent(&survivors, NOW).unwrap().persisted()).unwrap();
    }
    let quorum = hub.close_consents().unwrap();
    if end == End::Abandoned("unmask") {
        nodes.iter_mut().for_each(node::Round::abandon);
    } else if end == End::Dropped {
        nodes.clear();
    } else {
        for (i, node) in nodes.iter_mut().enumerate().filter(|(i, _)| Some(*i) != gone) {
            hub.revealed(&fed.codes[i], &node.unmask(&quorum, NOW).unwrap().persisted()).unwrap();
        }
        hub.unmask(&fed.coordinator).unwrap();
    }
    (played, nodes)
}

/// Everything that was secret at a council, worked out from the seeds. What a finished round opens to the coordinator on
/// purpose (the survivors' seeds, the drop-out's mask key, the shares of them) is left out, since the coordinator is
/// played in this process too.
fn secrets(run: u64, end: End, played: &Played) -> Needles {
    let mut needles = Needles::default();
    let finished = end == End::Finished;
    let gone = 3;
    let own: Vec<[[u8; 32]; 3]> = (0..COUNCILS)
        .map(|i| {
            let mut rng = Forgetful(seed(run, i));
            std::array::from_fn(|_| {
                let mut bytes = [0; 32];
                rng.try_fill_bytes(&mut bytes).unwrap();
                bytes
            })
        })
        .collect();
    let entries = Roster::decode(&played.roster).unwrap().entries;
    let keys: Vec<_> = entries.iter().map(|e| (e.seat.index(), e.share_key, e.mask_key, e.commitment)).collect();
    for (i, [c, s, b]) in own.iter().enumerate() {
        assert_eq!(
            (reference::public(c), reference::public(s)),
            (keys[i].1, keys[i].2),
            "the seeds are those of the run"
        );
        needles.add("a key that opens shares", c);
        if !finished || i != gone {
            needles.add("a key that makes pair masks", s);
        }
        if !finished || i == gone {
            needles.add("a self-mask seed", b);
        }
    }
    let t1 = transcript::t1(&played.t0, &entries);
    let t2 = reference::t2(&t1, &(0..COUNCILS as u8).collect::<Vec<_>>());
    for (i, [c, s, b]) in own.iter().enumerate() {
        if played.masked && !finished {
            needles.add("the key of a self mask", &reference::self_key(b, &t2));
        }
        for (j, (seat, share_key, mask_key, _)) in keys.iter().enumerate().filter(|(j, _)| *j != i) {
            if played.sealed.is_empty() {
                continue;
            }
            needles.add("an agreement for shares", &x25519_dalek::x25519(*c, *share_key));
            needles.add("a key that seals shares", &reference::share_key(c, share_key, &t1, i as u8, *seat));
            if !finished || (i != gone && j != gone) {
                needles.add("an agreement for masks", &x25519_dalek::x25519(*s, *mask_key));
                needles.add("the key of a pair mask", &reference::pair_key(s, mask_key, &t2, i as u8, *seat));
                let stream: Vec<u8> = reference::stream(&reference::pair_key(s, mask_key, &t2, i as u8, *seat), CELLS)
                    [CELLS - 4..]
                    .iter()
                    .flat_map(|element| element.to_le_bytes())
                    .collect();
                needles.add("the end of a mask", &stream);
            }
        }
    }
    for (dealer, message) in played.sealed.iter().enumerate() {
        let pairs = Sealed::decode(message).unwrap().pairs;
        for (holder, sealed) in (0..COUNCILS).filter(|holder| *holder != dealer).zip(pairs) {
            let (c, peer) = (&own[dealer][0], &keys[holder].1);
            let plain = reference::open(c, peer, &t1, (dealer as u8, holder as u8), &[], &sealed).unwrap();
            if !finished || dealer == gone {
                needles.add("a share of a self-mask seed", &plain[..32]);
            }
            if !finished || dealer != gone {
                needles.add("a share of a mask key", &plain[32..]);
            }
        }
    }
    if played.masked {
        for i in (0..COUNCILS).filter(|i| !finished || *i != gone) {
            let made = Made(seed(run, i));
            let (noise, counts): (Vec<i64>, Vec<i64>) =
                (made.numbers(1, 6, 1).take(CELLS).collect(), made.numbers(2, 32, GRID).take(CELLS).collect());
            for at in [0, 2, CELLS / 2, CELLS - 2] {
                let pair = |of: &dyn Fn(usize) -> i64| [of(at).to_le_bytes(), of(at + 1).to_le_bytes()].concat();
                needles.add("a council's figures", &pair(&|k| counts[k]));
                needles.add("a council's figures with its noise", &pair(&|k| counts[k] + noise[k]));
            }
        }
    }
    needles
}

/// Plays a round in a thread of its own, which then stands still with its stack while the process is looked at.
fn look_after(run: u64, end: End) -> Option<String> {
    let (done, finished) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let worker = std::thread::spawn(move || {
        let fed = Federation::new(COUNCILS, 9);
        let (played, nodes) = play(&fed, run, end);
        let here = 0_u8;
        done.send((played, &raw const here as usize)).unwrap();
        released.recv().unwrap();
        drop(nodes);
    });
    let (played, stack) = finished.recv().unwrap();
    let snapshot = Snapshot::take(stack);
    release.send(()).unwrap();
    worker.join().unwrap();
    let needles = secrets(run, end, &played);
    let found = snapshot.find(&needles);
    (!found.is_empty()).then(|| format!("{end:?}: {found:#?}"))
}

#[test]
fn nothing_secret_is_left_in_memory_however_a_round_ends() {
    // One after the other: the process has one memory.
    let ends = [
        End::Abandoned("share"),
        End::Abandoned("mask"),
        End::Aborted,
        End::Abandoned("consent"),
        End::Abandoned("unmask"),
        End::Dropped,
        End::Finished,
    ];
    let left = ends.into_iter().enumerate().filter_map(|(run, end)| look_after(100 + run as u64, end));
    let left: Vec<String> = left.collect();
    assert!(left.is_empty(), "left in memory after {}", left.join("\nafter "));
}

#[test]
fn the_look_finds_what_is_there() {
    // Secrets that nobody wiped: on the heap, and in blocks that were freed, of which some are used again.
    let draw = |seed: u64| {
        let mut bytes = vec![0; 64];
        Forgetful(seed).try_fill_bytes(&mut bytes).unwrap();
        // Else an optimised build, seeing that nobody reads it, never makes it.
        std::hint::black_box(bytes)
    };
    let kept = draw(4242);
    drop((0..200).map(|_| draw(4343)).collect::<Vec<_>>());
    let snapshot = Snapshot::take(0);
    drop(std::hint::black_box(kept));
    for (what, seed) in [("kept", 4242), ("freed", 4343)] {
        let mut needles = Needles::default();
        needles.add(what, &draw(seed));
        assert!(!snapshot.find(&needles).is_empty(), "{what}");
    }
}
