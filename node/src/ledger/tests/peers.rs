use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use folkmoot_proto::round::Seat;
use folkmoot_proto::round::messages::{Advert, Entry};
use folkmoot_proto::round::witness::{Head as Mark, Peer, Seen, Standing};

use super::witnesses::{authority, england, recovery, restored, spend};
use super::*;

fn key(byte: u8) -> SigningKey {
    SigningKey::from_bytes(&[byte; 32])
}

fn own() -> SigningKey {
    key(3)
}

/// Where a ledger stands: at entry `entries` of branch `branch`, having told `before` of the same branch.
fn at(branch: u8, entries: u64, before: u64) -> Standing {
    let mark = |entries: u64| Mark { entries, digest: [branch ^ entries as u8; 32] };
    Standing { head: mark(entries), before: if before == 0 { Mark::default() } else { mark(before) } }
}

fn advert(signing: &SigningKey, ledger: Standing) -> Advert {
    let mut entry = Entry {
        seat: Seat::new(5),
        share_key: [1; 32],
        mask_key: [2; 32],
        commitment: [3; 32],
        ledger,
        signature: [0; 64],
    };
    let t0 = [ledger.head.entries as u8; 32];
    entry.signature = signing.sign(&Advert { t0, entry: entry.clone() }.signed_bytes()).to_bytes();
    Advert { t0, entry }
}

/// A joint round in which another council showed where its ledger stands: what it is shown of it then.
fn round(ledger: &Ledger, stands: Standing) -> Vec<u64> {
    let signing = key(9);
    let key = signing.verifying_key();
    let peer = Peer { council: "504", seat: Seat::new(1), key: &key, advert: advert(&signing, stands) };
    let said = ledger.exchange(&[peer]).unwrap();
    assert!(said.iter().all(|one| one.seat == Seat::new(1) && one.advert.is_signed_by(&key)));
    said.iter().map(|one| one.advert.entry.ledger.head.entries).collect()
}

fn contested(ledger: &Ledger) -> Vec<u64> {
    ledger.peer_heads().unwrap().iter().filter(|kept| kept.contested).map(|kept| kept.head.entries).collect()
}

fn seen(signing: &SigningKey, head: Head) -> Seen {
    let head = Mark { entries: head.entries, digest: head.digest };
    Seen { by: "504".to_owned(), advert: advert(signing, Standing { head, before: Mark::default() }) }
}

fn shown(ledger: &Ledger, seen: &[Seen]) -> Result<(), Error> {
    ledger.shown(seen, &own().verifying_key())
}

#[test]
fn a_ledger_tells_its_head_and_the_one_it_told_before() {
    let bench = Bench::new();
    let ledger = bench.create();
    let first = ledger.tell(&own().verifying_key()).unwrap();
    let head = ledger.head().unwrap();
    assert_eq!((first.head.entries, first.head.digest), (head.entries, head.digest));
    assert_eq!(first.before, Mark::default());
    spend(&bench, &ledger, 1);
    let second = ledger.tell(&own().verifying_key()).unwrap();
    assert!(second.head.entries > first.head.entries);
    assert_eq!(second.before, first.head);
    drop(ledger);
    assert_eq!(bench.open().tell(&own().verifying_key()).unwrap().before, second.head);
    bench.sound();
}

#[test]
fn what_was_kept_of_a_council_is_shown_to_it_in_later_rounds_and_after_restarts() {
    let bench = Bench::new();
    let ledger = bench.create();
    assert!(round(&ledger, at(0, 10, 0)).is_empty(), "nothing was kept before");
    assert_eq!(round(&ledger, at(0, 20, 10)), [10]);
    drop(ledger);
    let ledger = bench.open();
    assert_eq!(round(&ledger, at(0, 30, 20)), [20]);
    // A roster of an earlier round that comes late, and one seen already, change nothing.
    assert_eq!(round(&ledger, at(0, 25, 20)), [30]);
    assert_eq!(round(&ledger, at(0, 30, 20)), [30]);
    // Rounds without this council lie between.
    assert_eq!(round(&ledger, at(0, 60, 50)), [30]);
    assert_eq!(round(&ledger, at(0, 70, 60)), [60]);
    assert_eq!(contested(&ledger), [0; 0]);
    let [kept] = ledger.peer_heads().unwrap().try_into().unwrap();
    assert_eq!((kept.head.entries, kept.signer), (70, key(9).verifying_key().to_bytes()));
    assert!(Advert::decode(&kept.advert).unwrap().is_signed_by(&VerifyingKey::from_bytes(&kept.signer).unwrap()));
    // Heads without entries, and numbers that no chain can have, stand for nothing.
    for nothing in [at(0, 0, 0), at(0, u64::MAX, u64::MAX - 1)] {
        assert_eq!(round(&ledger, nothing), [70]);
    }
}

#[test]
fn rounds_that_are_broken_off_do_not_wash_out_what_a_restored_ledger_forgot() {
    let bench = Bench::new();
    let ledger = bench.create();
    round(&ledger, at(0, 90, 0));
    round(&ledger, at(0, 100, 90));
    // Restored to entry 80 or so, it goes on: below what was kept, then past it.
    assert_eq!(round(&ledger, at(1, 85, 75)), [100]);
    assert_eq!(round(&ledger, at(1, 120, 85)), [100]);
    assert_eq!(contested(&ledger), [100]);
    for (entries, before) in [(130, 120), (140, 130), (150, 140)] {
        let said = round(&ledger, at(1, entries, before));
        assert_eq!(said, [100, before], "the forgotten head is not shown any more");
    }
    // So, too, when it comes to the very number that was kept.
    round(&ledger, at(2, 150, 145));
    assert_eq!(round(&ledger, at(2, 160, 150)), [100, 150, 150]);
    // One for each time it was restored, and no more than a few.
    for branch in 3..20 {
        let entries = 160 + 10 * u64::from(branch);
        round(&ledger, at(branch, entries, 5));
    }
    assert_eq!(contested(&ledger).len(), 4);
}

#[test]
fn a_restored_ledger_that_peers_know_better_answers_nothing_until_the_authority_countersigns() {
    let (bench, ledger, held, head) = restored();
    let refused = shown(&ledger, &[seen(&own(), held), seen(&own(), head)]).unwrap_err();
    assert_eq!(reason(&refused), Reason::LedgerInDoubt);
    drop(ledger);
    let ledger = bench.open();
    assert_eq!(ledger.doubts().unwrap(), [head]);
    let question = bench.question(9, ask(council(1)));
    assert_eq!(reason(&ledger.admit_council(&bench.policy, &question, data(9)).unwrap_err()), Reason::LedgerInDoubt);
    let mut log = String::new();
    Book::of(&ledger)
        .entries(1, |entry| {
            log.push_str(&entry.body);
            Ok(())
        })
        .unwrap();
    assert!(log.contains("kept by council 504"), "the log does not say who knew");

    let pinned = GovernanceKey::of(&authority());
    ledger.recover(&recovery(held, head, 0), &pinned, &england()).unwrap();
    // The peer shows the head of the lost branch for ever, and it is no reason for doubt again.
    shown(&ledger, &[seen(&own(), held), seen(&own(), head)]).unwrap();
    spend(&bench, &ledger, 5);
    shown(&ledger, &[seen(&own(), head)]).unwrap();
    // What it forgot beyond what the authority knew of is another matter.
    let later = Head { entries: head.entries + 40, digest: [8; 32] };
    assert_eq!(reason(&shown(&ledger, &[seen(&own(), later)]).unwrap_err()), Reason::LedgerInDoubt);
    bench.sound();
}

#[test]
fn what_this_council_never_signed_changes_nothing() {
    let (bench, ledger, _, head) = restored();
    let true_one = seen(&own(), head);
    let mut lies = vec![seen(&key(7), head)];
    for change in [
        (|a: &mut Advert| a.entry.ledger.head.entries += 1) as fn(&mut Advert),
        |a| a.entry.ledger.head.digest[3] ^= 1,
        |a| a.entry.ledger.before.entries += 1,
        |a| a.t0[0] ^= 1,
        |a| a.entry.seat = Seat::new(6),
        |a| a.entry.signature[0] ^= 1,
    ] {
        let mut lie = true_one.clone();
        change(&mut lie.advert);
        lies.push(lie);
    }
    shown(&ledger, &lies).unwrap();
    assert_eq!(ledger.doubts().unwrap(), []);
    spend(&bench, &ledger, 6);
    // The truth among lies counts all the same.
    lies.push(true_one);
    assert_eq!(reason(&shown(&ledger, &lies).unwrap_err()), Reason::LedgerInDoubt);
}

#[test]
fn heads_of_this_chain_are_no_reason_for_doubt_whoever_shows_them() {
    let bench = Bench::new();
    let ledger = bench.create();
    let mut all = Vec::new();
    for id in 1..4 {
        spend(&bench, &ledger, id);
        all.push(seen(&own(), ledger.head().unwrap()));
    }
    shown(&ledger, &all).unwrap();
    shown(&ledger, &[]).unwrap();
    assert_eq!(ledger.doubts().unwrap(), []);
}

#[test]
fn a_renewed_key_does_not_make_witnesses_forget() {
    let (bench, ledger, _, head) = restored();
    let renewed = key(4).verifying_key();
    // A key that this ledger never signed with proves nothing; one that it did, does.
    ledger.shown(&[seen(&own(), head)], &renewed).unwrap();
    ledger.sign_with(&own().verifying_key()).unwrap();
    drop(ledger);
    let ledger = bench.open();
    ledger.sign_with(&renewed).unwrap();
    let refused = ledger.shown(&[seen(&own(), head)], &renewed).unwrap_err();
    assert_eq!(reason(&refused), Reason::LedgerInDoubt);
}

#[test]
fn a_cut_while_heads_are_kept_leaves_what_was_there() {
    let bench = Bench::new();
    let ledger = bench.create();
    round(&ledger, at(0, 100, 0));
    let before = ledger.peer_heads().unwrap();
    let signing = key(9);
    let public = signing.verifying_key();
    let peer = || [Peer { council: "504", seat: Seat::new(1), key: &public, advert: advert(&signing, at(1, 120, 85)) }];
    let mut cuts = 0;
    loop {
        cut(Some(cuts));
        let result = ledger.exchange(&peer());
        cut(None);
        if result.is_ok() {
            break;
        }
        assert_eq!(ledger.peer_heads().unwrap(), before);
        cuts += 1;
    }
    assert!(cuts >= 3, "{cuts}");
    assert_eq!(contested(&ledger), [100]);
}
