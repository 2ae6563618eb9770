//! Different views to different nodes: nobody can be made to look present to some and absent to others.

use ed25519_dalek::Signer as _;
use folkmoot_proto::round::messages::{Consent, Quorum, Relay, Revealed, Roster, Sealed, Survivors};
use folkmoot_proto::round::{Parameters, Seat, SeatSet, Step, transcript};

use crate::reference;
use crate::scene::{Scene, code};
use crate::sim::{self, NOW};

#[test]
fn two_rosters_make_two_rounds_that_do_not_mix() {
    let mut s = Scene::before(Step::Share, 5, 0, 3);
    let all = Roster::decode(&s.roster).unwrap();
    let mut fewer = all.clone();
    fewer.entries.pop();
    let sealed: Vec<Sealed> = (0..4)
        .map(|i| {
            let roster = if i < 2 { all.encode() } else { fewer.encode() };
            Sealed::decode(&s.nodes[i].share(&roster, NOW, &mut s.rng).unwrap()).unwrap()
        })
        .collect();
    assert_ne!(sealed[0].t1, sealed[2].t1);
    // The honest coordinator would not take them; the lying one hands them on, and they do not open.
    assert_eq!(s.hub.sealed("102", &sealed[2].encode()).unwrap_err().code(), "other-transcript");
    let sharers: SeatSet = (0..4).map(Seat::new).collect();
    let pairs = vec![sealed[1].pairs[0], sealed[2].pairs[0], sealed[3].pairs[0]];
    let relay = Relay { t1: sealed[0].t1, sharers, pairs, statements: Vec::new() };
    assert_eq!(code(s.nodes[0].mask(&relay.encode(), NOW, &mut s.numbers[0])), "pair-unreadable");
}

#[test]
fn two_sets_of_sharers_leave_masks_that_do_not_cancel() {
    let mut s = Scene::before(Step::Mask, 5, 0, 3);
    let all: SeatSet = (0..5).map(Seat::new).collect();
    let fewer: SeatSet = (0..4).map(Seat::new).collect();
    let t1 = Relay::decode(&s.relay(0)).unwrap().t1;
    let mut sum = [0u64; 4];
    for i in 0..4 {
        let vector = s
            .mask(i, |r| {
                if i >= 2 {
                    r.sharers = fewer;
                    r.pairs.pop();
                }
            })
            .unwrap();
        if i >= 2 {
            assert_eq!(s.hub.upload(&s.fed.codes[i], vector.header()).unwrap_err().code(), "other-transcript");
        }
        for (total, bytes) in sum.iter_mut().zip(vector.chunks().next().unwrap().bytes.chunks(8)) {
            *total = total.wrapping_add(u64::from_le_bytes(bytes.try_into().unwrap()));
        }
    }
    // A consent for the one view is worth nothing in the other.
    let t2 = [transcript::t2(&t1, &all), transcript::t2(&t1, &fewer)];
    for (i, own) in [0, 0, 1, 1].into_iter().enumerate() {
        let other = Survivors { t2: t2[1 - own], survivors: fewer }.encode();
        assert_eq!(code(s.nodes[i].consent(&other, NOW)), "other-transcript");
        let view = Survivors { t2: t2[own], survivors: fewer }.encode();
        let consent = Consent::decode(&sim::sent(s.nodes[i].consent(&view, NOW).unwrap())).unwrap();
        assert_eq!(consent.t3, transcript::t3(&t2[own], &fewer));
    }
    // Two signatures on each, three are needed: the lying coordinator gets no shares; its sum is still masked.
    assert_eq!(s.hub.envelope().threshold, 3);
    assert!(sum.iter().all(|c| c.cast_signed().unsigned_abs() > 1 << 50), "fixed seed: uniform cells are not small");
}

/// All sets of at least `floor` of `n` seats.
fn sets(n: u8, floor: usize) -> Vec<SeatSet> {
    (0u32..1 << n)
        .map(|bits| (0..n).filter(|s| bits >> s & 1 == 1).map(Seat::new).collect::<SeatSet>())
        .filter(|set| set.len() >= floor)
        .collect()
}

/// With honest nodes that sign one set each, in every distribution of two sets over them, and `c` that sign both.
#[test]
fn two_survivor_sets_never_both_get_a_quorum() {
    for n in 3u8..=6 {
        for c in 0..=n - 2 {
            let Ok(p) = Parameters::new(usize::from(n), u16::from(c), u16::from(n)) else { continue };
            let threshold = usize::from(p.threshold());
            let all = sets(n, threshold);
            for (i, a) in all.iter().enumerate() {
                for b in &all[i + 1..] {
                    for signs_b in 0u32..1 << n {
                        let honest = |s: &Seat| s.index() >= c;
                        let count = |set: &SeatSet, bit: u32| {
                            set.iter().filter(|s| !honest(s) || signs_b >> s.index() & 1 == bit).count()
                        };
                        assert!(count(a, 0) < threshold || count(b, 1) < threshold, "n {n} c {c} {a:?} {b:?}");
                    }
                }
            }
        }
    }
}

/// The same with real nodes, every pair of sets, every way to show them; the last council colludes when `c` is 1. It
/// counts every share that comes out: never enough of both secrets of one council, colluder's own shares included.
#[test]
fn a_lying_coordinator_never_gets_both_secrets_of_a_council() {
    for (n, c) in [(3u8, 0u16), (4, 0), (4, 1)] {
        let p = Parameters::new(usize::from(n), c, u16::from(n)).unwrap();
        let threshold = usize::from(p.threshold());
        let all = sets(n, threshold);
        let mut reached = 0;
        for (i, a) in all.iter().enumerate() {
            for b in &all[i + 1..] {
                for shown in 0u32..1 << (n - u8::try_from(c).unwrap()) {
                    reached += usize::from(attack(n, c, threshold, [a, b], shown));
                }
            }
        }
        assert!(reached > 0, "some lies are consistent enough to get one quorum");
    }
}

fn attack(n: u8, c: u16, threshold: usize, views: [&SeatSet; 2], shown: u32) -> bool {
    let mut s = Scene::before(Step::Consent, usize::from(n), c, u16::try_from(threshold).unwrap());
    let t2 = Survivors::decode(&s.survivors).unwrap().t2;
    let t3 = views.map(|v| transcript::t3(&t2, v));
    let honest = usize::from(n) - usize::from(c);
    let mut signed: [Vec<(Seat, [u8; 64])>; 2] = [Vec::new(), Vec::new()];
    for i in 0..honest {
        // First the view chosen for this node; then the other, which it must never sign as well.
        let first = (shown >> i & 1) as usize;
        for view in [first, 1 - first] {
            let message = Survivors { t2, survivors: *views[view] }.encode();
            if let Ok(consent) = s.nodes[i].consent(&message, NOW) {
                let consent = Consent::decode(&sim::sent(consent)).unwrap();
                signed[view].push((consent.seat, consent.signature));
            }
        }
    }
    for i in honest..usize::from(n) {
        let seat = Seat::new(u8::try_from(i).unwrap());
        for view in 0..2 {
            if views[view].contains(seat) {
                let signature = s.fed.keys[i].sign(&reference::frame("consent", &[&t3[view]])).to_bytes();
                signed[view].push((seat, signature));
            }
        }
    }
    let mut self_shares = vec![usize::from(c); usize::from(n)];
    let mut key_shares = vec![usize::from(c); usize::from(n)];
    let mut any = false;
    for i in 0..honest {
        for view in 0..2 {
            let quorum = Quorum { t3: t3[view], consents: signed[view].clone() }.encode();
            let Ok(revealed) = s.nodes[i].unmask(&quorum, NOW) else { continue };
            any = true;
            let revealed = Revealed::decode(&sim::sent(revealed)).unwrap();
            assert_eq!(revealed.self_shares.len() + revealed.key_shares.len(), usize::from(n));
            for j in (0..n).map(Seat::new) {
                let counter = if views[view].contains(j) { &mut self_shares } else { &mut key_shares };
                counter[usize::from(j.index())] += 1;
            }
        }
    }
    for j in 0..usize::from(n) {
        assert!(self_shares[j] < threshold || key_shares[j] < threshold, "n {n} c {c} {views:?} shown {shown:b}");
    }
    any
}
