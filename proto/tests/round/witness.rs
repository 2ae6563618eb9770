//! Heads of ledgers in a round: what peers show reaches its council whole, and before anything of its data is touched.

use folkmoot_proto::round::messages::{Advert, Relay, Roster, Sealed};
use folkmoot_proto::round::node::{self, Contribution, MaskedVector};
use folkmoot_proto::round::witness::{Head, Seen, Statement};
use folkmoot_proto::round::{Refusal, Seat, coordinator};
use rand_chacha::ChaCha20Rng;
use zeroize::Zeroizing;

use crate::scene::code;
use crate::sim::{self, Federation, NOW, Numbers, say, standing};

const N: usize = 5;

/// Looks at what is shown and refuses a head that it does not know.
struct Watch {
    numbers: Numbers,
    known: Vec<Head>,
    seen: Vec<(String, Head)>,
}

impl Contribution for Watch {
    type Error = std::io::Error;
    fn witnessed(&mut self, seen: &[Seen]) -> Result<(), Self::Error> {
        assert!(self.numbers.asked.is_empty(), "asked after the noise was drawn");
        self.seen = seen.iter().map(|s| (s.by.clone(), s.advert.entry.ledger.head)).collect();
        match self.seen.iter().find(|(_, head)| !self.known.contains(head)) {
            Some((by, _)) => Err(std::io::Error::other(format!("council {by} knows a later head"))),
            None => Ok(()),
        }
    }
    fn noise(&mut self, cells: usize) -> Result<Zeroizing<Vec<i64>>, Self::Error> {
        self.numbers.noise(cells)
    }
    fn scaled_counts(&mut self, cells: usize) -> Result<Zeroizing<Vec<i64>>, Self::Error> {
        self.numbers.scaled_counts(cells)
    }
}

/// Everybody has dealt shares; council 1 has kept of council 0 what `kept` says, the others have kept nothing.
struct Play {
    fed: Federation,
    hub: coordinator::Round,
    nodes: Vec<node::Round>,
    roster: Vec<u8>,
    rng: ChaCha20Rng,
}

impl Play {
    fn shared(witnesses: &[usize]) -> Self {
        Self::shared_with(witnesses, |_| {})
    }

    /// `lie` changes what every witness has kept.
    fn shared_with(witnesses: &[usize], lie: impl Fn(&mut Advert)) -> Self {
        let mut rng = sim::rng(8);
        let fed = Federation::new(N, 78);
        let mut kept = fed.kept(&mut rng);
        kept.iter_mut().for_each(lie);
        let mut hub = coordinator::Round::new(fed.envelope(4, 1, 4), &fed.roll, NOW).unwrap();
        let invitation = hub.invitation().to_vec();
        let mut nodes = Vec::new();
        for i in 0..N {
            let (node, advert) = fed.join_at(i, &invitation, standing(i, 50), &mut rng).unwrap();
            hub.advert(&fed.codes[i], &advert).unwrap();
            nodes.push(node);
        }
        let roster = hub.close_adverts().unwrap();
        for (i, node) in nodes.iter_mut().enumerate() {
            let says = witnesses.contains(&i);
            let sealed = node.share_as_witness(&roster, NOW, &mut rng, |peers| {
                assert!(peers.iter().all(|p| p.advert.is_signed_by(p.key)));
                assert_eq!(peers.len(), N - 1);
                Ok(if says { say(&kept, peers) } else { Vec::new() })
            });
            hub.sealed(&fed.codes[i], &sealed.unwrap()).unwrap();
        }
        hub.close_shares().unwrap();
        Self { fed, hub, nodes, roster, rng }
    }

    fn mask(&mut self, known: &[Head], change: impl FnOnce(&mut Relay)) -> (Result<MaskedVector, Refusal>, Watch) {
        let mut relay = Relay::decode(&self.hub.relay(&self.fed.codes[0]).unwrap()).unwrap();
        change(&mut relay);
        let numbers = Numbers::random(4, 16, &mut self.rng);
        let mut watch = Watch { numbers, known: known.to_vec(), seen: Vec::new() };
        let masked = self.nodes[0].mask(&relay.encode(), NOW, &mut watch).map(sim::sent);
        (masked, watch)
    }
}

#[test]
fn a_council_is_shown_what_its_peers_have_kept_of_it_and_by_whom() {
    let mut play = Play::shared(&[1, 3]);
    let head = standing(0, 40).head;
    let (masked, watch) = play.mask(&[head], |_| {});
    assert!(masked.is_ok());
    assert_eq!(watch.seen, [(play.fed.codes[1].clone(), head), (play.fed.codes[3].clone(), head)]);
    // The coordinator learns the heads of everybody that was spoken of, each once.
    let shown: Vec<(String, u64)> =
        play.hub.heads_shown().into_iter().map(|(code, head)| (code.to_owned(), head.entries)).collect();
    assert_eq!(shown, play.fed.codes.iter().map(|code| (code.clone(), 40)).collect::<Vec<_>>());
}

#[test]
fn the_coordinator_learns_no_head_that_its_council_did_not_sign() {
    for lie in [
        (|a: &mut Advert| a.entry.ledger.head.entries += 9) as fn(&mut Advert),
        |a| a.entry.ledger.head.digest[0] ^= 1,
        |a| a.t0[0] ^= 1,
        |a| a.entry.signature[0] ^= 1,
    ] {
        let play = Play::shared_with(&[1, 2, 3], lie);
        assert_eq!(play.hub.heads_shown(), []);
    }
    // One council's signed words are not another's.
    let play = Play::shared(&[1]);
    assert_eq!(play.hub.heads_shown().len(), N - 1);
}

#[test]
fn a_head_that_a_council_does_not_hold_ends_the_round_before_anything_is_read() {
    let mut play = Play::shared(&[3]);
    let (refused, watch) = play.mask(&[], |_| {});
    assert_eq!(code(refused), "ledger-in-doubt");
    assert!(watch.numbers.asked.is_empty(), "noise was drawn or counts were read");
    let (again, _) = play.mask(&[standing(0, 40).head], |_| {});
    assert_eq!(code(again), "given-up");
    assert_eq!(play.nodes[0].next_step(), None);
}

#[test]
fn the_coordinator_can_neither_strip_nor_change_nor_add_a_statement() {
    let other = |relay: &Relay| Statement { seat: Seat::new(2), ..relay.statements[0].clone() };
    type Lie = Box<dyn FnOnce(&mut Relay)>;
    let lies: [(&str, Lie); 7] = [
        ("stripped", Box::new(|r| r.statements.clear())),
        ("changed", Box::new(|r| r.statements[0].advert.entry.ledger.head.entries -= 1)),
        ("of before", Box::new(|r| r.statements[0].advert.entry.ledger.before.entries -= 1)),
        ("of another round", Box::new(|r| r.statements[0].advert.t0[0] ^= 1)),
        ("unsigned", Box::new(|r| r.statements[0].advert.entry.signature[0] ^= 1)),
        ("another's", Box::new(|r| r.statements[0].seat = Seat::new(3))),
        ("added", Box::new(move |r| r.statements.push(other(r)))),
    ];
    for (name, lie) in lies {
        let mut play = Play::shared(&[1]);
        let (refused, watch) = play.mask(&[standing(0, 40).head], lie);
        assert_eq!(code(refused), "pair-unreadable", "{name}");
        assert!(watch.seen.is_empty() && watch.numbers.asked.is_empty(), "{name}");
    }
}

#[test]
fn a_witness_that_left_the_round_shows_nothing() {
    let mut play = Play::shared(&[1]);
    let (masked, watch) = play.mask(&[], |r| {
        r.sharers = [0, 2, 3, 4].map(Seat::new).into_iter().collect();
        r.pairs.remove(0);
        r.statements.clear();
    });
    // Without its pair the masks are of another set: the coordinator gains nothing that dropping it would not give.
    assert!(masked.is_ok() && watch.seen.is_empty());
}

#[test]
fn statements_out_of_place_are_faults_of_the_council_that_makes_them() {
    let mut play = Play::shared(&[]);
    let kept = play.fed.kept(&mut play.rng);
    let mut hub = coordinator::Round::new(play.fed.envelope(4, 1, 4), &play.fed.roll, NOW).unwrap();
    let entries = Roster::decode(&play.roster).unwrap().entries;
    for (code, entry) in play.fed.codes.iter().zip(entries) {
        let advert = Advert { t0: *hub.t0(), entry };
        hub.advert(code, &advert.encode()).unwrap();
    }
    hub.close_adverts().unwrap();
    let about = |seat: u8| Statement { seat: Seat::new(seat), advert: kept[usize::from(seat % 5)].clone() };
    for statements in [vec![about(1)], vec![about(9)], vec![about(3), about(2)], vec![about(2), about(2)]] {
        let t1 = folkmoot_proto::round::transcript::t1(hub.t0(), &Roster::decode(&play.roster).unwrap().entries);
        let sealed = Sealed { t1, seat: Seat::new(1), pairs: vec![[0; 80]; 4], statements, signature: [0; 64] };
        assert_eq!(hub.sealed(&play.fed.codes[1], &sealed.encode()).unwrap_err().code(), "statements");
    }
}

#[test]
fn what_a_witness_says_of_strangers_is_left_out_and_the_rest_is_put_in_order() {
    let mut play = Play::shared(&[]);
    let kept = play.fed.kept(&mut play.rng);
    let (mut node, advert) = {
        let hub = coordinator::Round::new(play.fed.envelope(4, 1, 4), &play.fed.roll, NOW).unwrap();
        play.fed.join_at(0, hub.invitation(), standing(0, 50), &mut play.rng).unwrap()
    };
    let mut entries = Roster::decode(&play.roster).unwrap().entries;
    entries[0] = Advert::decode(&advert).unwrap().entry;
    let roster = Roster { t0: *play.hub.t0(), entries }.encode();
    let sealed = node.share_as_witness(&roster, NOW, &mut play.rng, |peers| {
        let mut said = say(&kept, peers);
        said.reverse();
        said.extend(say(&kept, peers));
        said.push(Statement { seat: Seat::new(0), advert: kept[0].clone() });
        said.push(Statement { seat: Seat::new(77), advert: kept[1].clone() });
        Ok(said)
    });
    let sealed = Sealed::decode(&sealed.unwrap()).unwrap();
    let seats: Vec<u8> = sealed.statements.iter().map(|s| s.seat.index()).collect();
    assert_eq!(seats, [1, 2, 3, 4]);
}

#[test]
fn a_witness_that_cannot_keep_heads_deals_no_shares() {
    let mut play = Play::shared(&[]);
    let hub = coordinator::Round::new(play.fed.envelope(4, 1, 4), &play.fed.roll, NOW).unwrap();
    let (mut node, advert) = play.fed.join_at(0, hub.invitation(), standing(0, 50), &mut play.rng).unwrap();
    let mut entries = Roster::decode(&play.roster).unwrap().entries;
    entries[0] = Advert::decode(&advert).unwrap().entry;
    let roster = Roster { t0: *hub.t0(), entries }.encode();
    let full = |_: &[folkmoot_proto::round::witness::Peer<'_>]| Err("the disk is full".into());
    assert_eq!(code(node.share_as_witness(&roster, NOW, &mut play.rng, full)), "witness");
    // Nothing was fixed by the refusal: the step can be asked for again.
    assert!(node.share(&roster, NOW, &mut play.rng).is_ok());
}
