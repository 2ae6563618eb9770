//! A coordinator that lies, and councils that do: what a node refuses, and with which reason.

use folkmoot_proto::round::messages::{Quorum, Relay, Revealed, Roster, Survivors};
use folkmoot_proto::round::node::{Contribution, Proposal};
use folkmoot_proto::round::witness::Seen;
use folkmoot_proto::round::{
    Envelope, Expected, Failure, Limits, Mandate, Mechanism, Refusal, Roll, Seat, SeatSet, Step, coordinator,
};
use zeroize::Zeroizing;

use crate::reference;
use crate::rogue::{self, Rogue};
use crate::scene::{Scene, code};
use crate::sim::{self, Federation, NOW, limits};

fn seats(indices: &[u8]) -> SeatSet {
    indices.iter().map(|i| Seat::new(*i)).collect()
}

// ---- step 0

fn open(fed: &Federation, envelope: &Envelope, limits: &Limits, now: u64) -> &'static str {
    code(Proposal::open(&envelope.encode(), &fed.roll, &fed.codes[0], limits, now))
}

/// Changes a draft, has the coordinator sign it, and shows it to the first council.
fn altered(change: impl FnOnce(&mut Envelope)) -> &'static str {
    let fed = Federation::new(5, 1);
    let mut draft = fed.draft(10, 1, 4);
    change(&mut draft);
    let envelope = draft.sign(&fed.coordinator);
    open(&fed, &envelope, &limits(), NOW)
}

#[test]
fn an_envelope_that_breaks_a_rule_is_refused_for_that_rule() {
    assert_eq!(altered(|_| {}), "answered");
    assert_eq!(altered(|e| e.registry[0] ^= 1), "registry-differs");
    assert_eq!(altered(|e| e.coordinator = "other".into()), "unknown-coordinator");
    assert_eq!(altered(|e| e.mandate.analyst = "analyst/national/eve".into()), "unknown-analyst");
    assert_eq!(altered(|e| e.mandate.query.push(b'!')), "analyst-signature");
    assert_eq!(altered(|e| e.mandate.query_id[0] ^= 1), "analyst-signature");
    assert_eq!(altered(|e| e.mandate.asked_until += 1), "analyst-signature");
    assert_eq!(altered(|e| e.not_before = NOW + 1), "not-yet");
    assert_eq!(altered(|e| e.expiry = NOW), "expired");
    assert_eq!(altered(|e| e.expiry = NOW + 100_000), "open-too-long");
    assert_eq!(altered(|e| e.cohort[4] = "999".into()), "not-registered");
    assert_eq!(altered(|e| e.cohort.truncate(2)), "parameters");
    assert_eq!(altered(|e| e.min_survivors = 3), "parameters");
    assert_eq!(altered(|e| e.colluding = 4), "parameters");
    assert_eq!(altered(|e| e.threshold = 3), "threshold");
    assert_eq!(altered(|e| e.attempt = 0), "attempt");
    assert_eq!(altered(|e| e.attempt = 4), "attempt");
    assert_eq!(altered(|e| e.plan.blocks = 0), "vector-length");
    assert_eq!(altered(|e| e.plan.blocks = 200_000), "vector-length");
    assert_eq!(altered(|e| e.plan.blocks = u32::MAX), "vector-length");
    assert_eq!(altered(|e| e.plan.grid = 12), "grid");
    assert_eq!(altered(|e| e.plan.grid = 1 << 21), "grid");
    assert_eq!(altered(|e| e.plan.mechanism = Mechanism::Exact), "exact-with-noise");
    assert_eq!(altered(|e| e.plan.rho_nano = 0), "noise-missing");
    assert_eq!(altered(|e| e.plan.sigma_nano = 0), "noise-missing");
    assert_eq!(altered(|e| (e.plan.grid, e.plan.sigma_nano) = (1, 4_000_000_000)), "grid-too-coarse");
    assert_eq!(altered(|e| e.plan.sigma_nano -= 1), "noise-too-narrow");
    assert_eq!(altered(|e| e.plan.rho_nano -= 1), "noise-too-narrow");
    assert_eq!(altered(|e| e.plan.d2_squared = 2), "noise-too-narrow");
    assert_eq!(altered(|e| e.plan.d1 = 0), "no-sensitivity");
    assert_eq!(altered(|e| e.plan.max_cell = 1 << 60), "headroom");
    assert_eq!(altered(|e| e.cohort.swap(0, 1)), "malformed");
    assert_eq!(altered(|e| e.cohort[1] = e.cohort[0].clone()), "malformed");
    assert_eq!(altered(|e| e.mandate.query = vec![0; 70_000]), "malformed");
}

#[test]
fn the_grid_rule_is_two_and_a_half_units() {
    // h = 4 - 1 = 3: sigma_i = g * sigma / sqrt(3) >= 2.5, so g * sigma >= 4.330127018922193.
    let sigma = |nano| altered(|e| (e.plan.grid, e.plan.sigma_nano, e.plan.rho_nano) = (1, nano, 1_000_000_000));
    assert_eq!(sigma(4_330_127_018), "grid-too-coarse");
    assert_eq!(sigma(4_330_127_019), "answered");
}

#[test]
fn policy_and_time_are_the_nodes_own() {
    let fed = Federation::new(5, 1);
    let envelope = fed.envelope(10, 1, 4);
    let with = |limits: Limits| open(&fed, &envelope, &limits, NOW);
    assert_eq!(with(Limits { min_cohort: 6, ..limits() }), "cohort-too-small");
    assert_eq!(with(Limits { max_colluding: 2, ..limits() }), "too-few-colluding");
    assert_eq!(with(Limits { min_survivors: 5, ..limits() }), "survivor-floor-too-low");
    assert_eq!(with(Limits { max_rho_nano: 1, ..limits() }), "price-too-high");
    assert_eq!(open(&fed, &envelope, &limits(), NOW - 11), "not-yet");
    assert_eq!(open(&fed, &envelope, &limits(), NOW + 3600), "expired");
    let mut exact = fed.draft(10, 1, 4);
    exact.plan.mechanism = Mechanism::Exact;
    (exact.plan.grid, exact.plan.rho_nano, exact.plan.sigma_nano) = (1, 0, 0);
    let exact = exact.sign(&fed.coordinator);
    assert_eq!(open(&fed, &exact, &Limits { allow_exact: false, ..limits() }, NOW), "exact-not-allowed");
    let mut lapsed = fed.draft(10, 1, 4);
    lapsed.mandate = Mandate::sign([7; 16], vec![1], "analyst/national/ada", NOW, &fed.analyst);
    assert_eq!(open(&fed, &lapsed.sign(&fed.coordinator), &limits(), NOW), "mandate-lapsed");
}

#[test]
fn signatures_count_only_for_their_own_key_and_time() {
    let fed = Federation::new(5, 1);
    let forged = fed.draft(10, 1, 4).sign(&fed.keys[2]);
    assert_eq!(open(&fed, &forged, &limits(), NOW), "coordinator-signature");
    let mut fake = fed.draft(10, 1, 4);
    fake.mandate = Mandate::sign([7; 16], vec![1], "analyst/national/ada", NOW + 10, &fed.coordinator);
    assert_eq!(open(&fed, &fake.sign(&fed.coordinator), &limits(), NOW), "analyst-signature");

    let mut twins = Roll::new(*fed.roll.registry());
    for code in &fed.codes {
        twins.add_council(code, sim::signatory(&fed.keys[0])).unwrap();
    }
    twins.add_coordinator("national", sim::signatory(&fed.coordinator)).unwrap();
    twins.add_analyst("analyst/national/ada", sim::signatory(&fed.analyst)).unwrap();
    let good = fed.envelope(10, 1, 4).encode();
    assert_eq!(code(Proposal::open(&good, &twins, "100", &limits(), NOW)), "shared-signing-key");
    assert_eq!(code(Proposal::open(&good, &fed.roll, "777", &limits(), NOW)), "not-in-cohort");

    let proposal = Proposal::open(&good, &fed.roll, "100", &limits(), NOW).unwrap();
    let own = sim::expected(proposal.envelope());
    assert_eq!(code(proposal.accept(&own, &fed.keys[1], &mut sim::rng(1))), "own-key-differs");
}

#[test]
fn a_node_trusts_its_own_reading_of_the_query() {
    let fed = Federation::new(5, 1);
    let bytes = fed.envelope(10, 1, 4).encode();
    let accept = |change: fn(&mut Expected)| {
        let proposal = Proposal::open(&bytes, &fed.roll, "100", &limits(), NOW).unwrap();
        let mut own = sim::expected(proposal.envelope());
        change(&mut own);
        code(proposal.accept(&own, &fed.keys[0], &mut sim::rng(1)))
    };
    assert_eq!(accept(|_| {}), "answered");
    assert_eq!(accept(|e| e.layout[0] ^= 1), "layout-differs");
    assert_eq!(accept(|e| e.blocks = 2), "layout-differs");
    assert_eq!(accept(|e| e.mechanism = Mechanism::Exact), "mechanism-differs");
    assert_eq!(accept(|e| e.d1 = 2), "sensitivity-differs");
    assert_eq!(accept(|e| e.d2_squared = 4), "sensitivity-differs");
    assert_eq!(accept(|e| e.max_cell += 1), "sensitivity-differs");
    assert_eq!(accept(|e| e.rho_nano += 1), "price-understated");
    assert_eq!(accept(|e| e.rho_nano -= 1), "answered");
}

#[test]
fn every_attempt_has_fresh_keys_and_a_repeated_envelope_the_same_advert() {
    let fed = Federation::new(5, 1);
    let bytes = fed.envelope(10, 1, 4).encode();
    let mut rng = sim::rng(3);
    let (round, first) = fed.join(0, &bytes, &mut rng).unwrap();
    assert_eq!(sim::sent(round.advert_again(&bytes, NOW).unwrap()), first);
    let mut second = fed.draft(10, 1, 4);
    second.attempt = 2;
    let second = second.sign(&fed.coordinator).encode();
    assert_eq!(code(round.advert_again(&second, NOW)), "already-answered");
    let (_, other) = fed.join(0, &second, &mut rng).unwrap();
    let keys = |advert: &[u8]| folkmoot_proto::round::audit::advertised(advert).unwrap();
    assert_ne!(keys(&first).share_key, keys(&other).share_key);
    assert_ne!(keys(&first).mask_key, keys(&other).mask_key);
    assert_ne!(keys(&first).commitment, keys(&other).commitment);
}

// ---- step 1

#[test]
fn a_roster_that_lies_about_keys_is_refused() {
    let mut s = Scene::before(Step::Share, 5, 1, 4);
    let swapped = |r: &mut Roster| {
        let (a, b) = (r.entries[1].clone(), r.entries[2].clone());
        (r.entries[1].share_key, r.entries[2].share_key) = (b.share_key, a.share_key);
    };
    assert_eq!(code(s.share(0, swapped)), "key-signature");
    assert_eq!(code(s.share(0, |r| r.entries[1].commitment[0] ^= 1)), "key-signature");
    assert_eq!(code(s.share(0, |r| r.entries[1].signature[0] ^= 1)), "key-signature");
    assert_eq!(code(s.share(0, |r| r.entries[0].mask_key[0] ^= 1)), "own-entry");
    assert_eq!(code(s.share(0, |r| r.entries.retain(|e| e.seat.index() != 0))), "own-entry");
    assert_eq!(code(s.share(0, |r| r.entries.truncate(3))), "too-few");
    assert_eq!(code(s.share(0, |r| r.entries.swap(1, 2))), "seats");
    assert_eq!(code(s.share(0, |r| r.entries[2] = r.entries[1].clone())), "seats");
    assert_eq!(code(s.share(0, |r| r.entries[4].seat = Seat::new(5))), "seats");
    assert_eq!(code(s.share(0, |r| r.t0[0] ^= 1)), "other-transcript");
    assert_eq!(code(s.share(0, |_| {})), "answered");
}

#[test]
fn keys_of_another_attempt_are_not_keys_of_this_one() {
    let mut s = Scene::before(Step::Share, 5, 1, 4);
    let mut other = s.fed.draft(4, 1, 4);
    other.attempt = 2;
    let other = other.sign(&s.fed.coordinator).encode();
    let (_, advert) = s.fed.join(1, &other, &mut sim::rng(8)).unwrap();
    let replayed = folkmoot_proto::round::audit::advertised(&advert).unwrap();
    assert_eq!(code(s.share(0, |r| r.entries[1] = replayed)), "key-signature");
}

#[test]
fn a_council_that_copies_or_weakens_keys_is_named() {
    let mut s = Scene::before(Step::Share, 5, 1, 4);
    let t0 = *s.hub.t0();
    let rogue = Rogue::new(3, &s.fed.keys[3]);
    let victim = s.entries()[1].clone();
    let own = reference::public(&rogue.s);
    let copied = rogue.entry_with(&t0, victim.share_key, own);
    assert_eq!(code(s.share(0, |r| r.entries[3] = copied)), "repeated-key");
    let doubled = rogue.entry_with(&t0, own, own);
    assert_eq!(code(s.share(0, |r| r.entries[3] = doubled)), "repeated-key");
    let low_c = rogue.entry_with(&t0, [0; 32], own);
    assert_eq!(code(s.share(0, |r| r.entries[3] = low_c.clone())), "unsound-key");
    let mut twin = own;
    twin[31] |= 0x80;
    let second_encoding = rogue.entry_with(&t0, twin, reference::public(&rogue.c));
    assert_eq!(code(s.share(0, |r| r.entries[3] = second_encoding)), "unsound-key");
    // The coordinator names it before anybody else has to.
    let fed = Federation::new(5, 77);
    let mut hub = coordinator::Round::new(fed.envelope(4, 1, 4), &fed.roll, NOW).unwrap();
    let advert = folkmoot_proto::round::messages::Advert { t0, entry: low_c }.encode();
    assert_eq!(hub.advert("103", &advert).unwrap_err().code(), "unsound-key");
}

#[test]
fn a_low_order_mask_key_is_refused_before_any_data_is_read() {
    let mut s = Scene::before(Step::Share, 4, 0, 3);
    let t0 = *s.hub.t0();
    let rogue = Rogue::new(3, &s.fed.keys[3]);
    let mut low = [0; 32];
    low[0] = 1;
    let entry = rogue.entry_with(&t0, reference::public(&rogue.c), low);
    let mut roster = Roster::decode(&s.roster).unwrap();
    roster.entries[3] = entry;
    let bytes = roster.encode();
    let t1 = folkmoot_proto::round::transcript::t1(&t0, &roster.entries);
    let sealed: Vec<_> = (0..3)
        .map(|i| {
            let sealed = s.nodes[i].share(&bytes, NOW, &mut s.rng).unwrap();
            folkmoot_proto::round::messages::Sealed::decode(&sealed).unwrap()
        })
        .collect();
    let theirs = rogue.sealed(&roster.entries, &t1, &[0; 64]);
    let theirs = folkmoot_proto::round::messages::Sealed::decode(&theirs).unwrap();
    let relay = Relay {
        t1,
        sharers: seats(&[0, 1, 2, 3]),
        pairs: vec![sealed[1].pairs[0], sealed[2].pairs[0], theirs.pairs[0]],
        statements: Vec::new(),
    };
    let refused = s.nodes[0].mask(&relay.encode(), NOW, &mut s.numbers[0]);
    assert_eq!(code(refused), "unsound-key");
    assert!(s.numbers[0].asked.is_empty());
}

#[test]
fn a_step_is_answered_for_one_message_only() {
    let mut s = Scene::before(Step::Share, 5, 1, 4);
    let first = s.share(0, |_| {}).unwrap();
    assert_eq!(s.share(0, |_| {}).unwrap(), first, "the identical answer");
    assert_eq!(code(s.share(0, |r| r.entries.truncate(4))), "already-answered");

    let mut s = Scene::before(Step::Mask, 5, 1, 4);
    let first = s.mask(0, |_| {}).unwrap();
    let again = s.mask(0, |_| {}).unwrap();
    assert_eq!(first.header(), again.header());
    assert!(first.chunks().eq(again.chunks()));
    assert_eq!(s.numbers[0].asked, ["noise", "counts"], "drawn and read once");
    let without_last = |r: &mut Relay| {
        r.sharers = seats(&[0, 1, 2, 3]);
        r.pairs.pop();
    };
    assert_eq!(code(s.mask(0, without_last)), "already-answered");

    let mut s = Scene::before(Step::Consent, 5, 1, 4);
    let first = sim::sent(s.nodes[0].consent(&s.survivors, NOW).unwrap());
    assert_eq!(sim::sent(s.nodes[0].consent(&s.survivors, NOW).unwrap()), first);
    let mut other = Survivors::decode(&s.survivors).unwrap();
    other.survivors = seats(&[0, 1, 2, 3]);
    assert_eq!(code(s.nodes[0].consent(&other.encode(), NOW)), "already-answered");

    let mut s = Scene::before(Step::Unmask, 5, 1, 4);
    let first = sim::sent(s.nodes[0].unmask(&s.quorum, NOW).unwrap());
    assert_eq!(sim::sent(s.nodes[0].unmask(&s.quorum, NOW).unwrap()), first);
    let mut other = Quorum::decode(&s.quorum).unwrap();
    other.consents.pop();
    assert_eq!(code(s.nodes[0].unmask(&other.encode(), NOW)), "already-answered");
}

// ---- step 2

#[test]
fn a_relay_that_lies_about_the_sharers_is_refused() {
    let mut s = Scene::before(Step::Mask, 5, 1, 4);
    assert_eq!(code(s.mask(0, |r| r.sharers = seats(&[1, 2, 3, 4]))), "not-a-subset");
    assert_eq!(code(s.mask(0, |r| r.sharers = seats(&[0, 1, 2, 3, 9]))), "not-a-subset");
    assert_eq!(code(s.mask(0, |r| r.sharers = seats(&[0, 1, 2]))), "too-few");
    assert_eq!(code(s.mask(0, |r| r.sharers = seats(&[0, 1, 2, 3]))), "pair-count");
    assert_eq!(code(s.mask(0, |r| r.pairs.truncate(3))), "pair-count");
    assert_eq!(code(s.mask(0, |r| r.t1[0] ^= 1)), "other-transcript");
    assert!(s.numbers[0].asked.is_empty());
    assert_eq!(code(s.mask(0, |_| {})), "answered");
}

#[test]
fn shares_that_do_not_open_end_the_attempt_and_name_the_dealer() {
    for change in [
        |r: &mut Relay| r.pairs[1][0] ^= 1,
        |r: &mut Relay| r.pairs.swap(1, 2),
        |r: &mut Relay| r.pairs[1] = r.pairs[0],
    ] {
        let mut s = Scene::before(Step::Mask, 5, 1, 4);
        let Err(Refusal::PairUnreadable { council }) = s.mask(0, change) else {
            panic!("opened");
        };
        assert!(["101", "102"].contains(&council.as_str()));
        assert!(s.numbers[0].asked.is_empty());
        assert_eq!(code(s.mask(0, |_| {})), "given-up");
        assert_eq!(s.nodes[0].next_step(), None);
    }
}

struct Odd(Result<(usize, i64, i64), &'static str>);

impl Contribution for Odd {
    type Error = std::io::Error;
    fn witnessed(&mut self, _: &[Seen]) -> Result<(), Self::Error> {
        Ok(())
    }
    fn noise(&mut self, _: usize) -> Result<Zeroizing<Vec<i64>>, Self::Error> {
        let (cells, _, noise) = self.0.map_err(std::io::Error::other)?;
        Ok(Zeroizing::new(vec![noise; cells]))
    }
    fn scaled_counts(&mut self, _: usize) -> Result<Zeroizing<Vec<i64>>, Self::Error> {
        let (cells, count, _) = self.0.map_err(std::io::Error::other)?;
        Ok(Zeroizing::new(vec![count; cells]))
    }
}

#[test]
fn a_contribution_out_of_bounds_never_leaves() {
    let mut s = Scene::before(Step::Mask, 5, 1, 4);
    let relay = s.relay(0);
    let mut give = |odd: Result<(usize, i64, i64), &'static str>| code(s.nodes[0].mask(&relay, NOW, &mut Odd(odd)));
    assert_eq!(give(Err("the sampler failed")), "contribution");
    assert_eq!(give(Ok((3, 16, 0))), "contribution-length");
    assert_eq!(give(Ok((4, 17, 0))), "contribution-range", "not on the grid");
    assert_eq!(give(Ok((4, 16 * ((1 << 32) + 1), 0))), "contribution-range");
    assert_eq!(give(Ok((4, i64::MIN, 0))), "contribution-range");
    assert_eq!(give(Ok((4, 16, i64::MIN))), "contribution-range");
    assert_eq!(give(Ok((4, -16 * (1 << 32), -5))), "answered");
}

// ---- steps 3 and 4

#[test]
fn a_false_survivor_set_is_not_signed() {
    let mut s = Scene::before(Step::Consent, 5, 1, 4);
    let honest = Survivors::decode(&s.survivors).unwrap();
    let mut give = |change: &dyn Fn(&mut Survivors)| {
        let mut message = honest.clone();
        change(&mut message);
        code(s.nodes[0].consent(&message.encode(), NOW))
    };
    assert_eq!(give(&|m| m.survivors = seats(&[1, 2, 3, 4])), "not-a-subset");
    assert_eq!(give(&|m| m.survivors = seats(&[0, 1, 2, 3, 4, 5])), "not-a-subset");
    assert_eq!(give(&|m| m.survivors = seats(&[0, 1, 2])), "too-few");
    assert_eq!(give(&|m| m.t2[0] ^= 1), "other-transcript");
    assert_eq!(give(&|_| {}), "answered");
}

#[test]
fn shares_are_given_only_for_a_real_quorum() {
    let mut s = Scene::before(Step::Unmask, 5, 1, 4);
    let honest = Quorum::decode(&s.quorum).unwrap();
    assert_eq!(honest.consents.len(), 4, "t = floor(6 / 2) + 1");
    let mut give = |change: &dyn Fn(&mut Quorum)| {
        let mut message = honest.clone();
        change(&mut message);
        code(s.nodes[0].unmask(&message.encode(), NOW))
    };
    assert_eq!(give(&|m| m.consents.truncate(3)), "too-few-consents");
    assert_eq!(give(&|m| m.consents[1].1[0] ^= 1), "consent-signature");
    assert_eq!(give(&|m| m.consents[1].1 = m.consents[0].1), "consent-signature");
    assert_eq!(give(&|m| m.consents[1] = m.consents[0]), "seats");
    assert_eq!(give(&|m| m.consents[3].0 = Seat::new(7)), "consent-outside");
    assert_eq!(give(&|m| m.t3[0] ^= 1), "other-transcript");
    assert_eq!(give(&|_| {}), "answered");
}

#[test]
fn no_step_is_answered_out_of_order_or_out_of_time() {
    let done = Scene::before(Step::Unmask, 5, 1, 4);
    let mut s = Scene::before(Step::Share, 5, 1, 4);
    assert_eq!(code(s.nodes[0].unmask(&done.quorum, NOW)), "out-of-order");
    assert_eq!(code(s.nodes[0].consent(&done.survivors, NOW)), "out-of-order");
    assert_eq!(code(s.nodes[0].mask(&done.relay(0), NOW, &mut s.numbers[0])), "out-of-order");
    let over = NOW + 3600;
    let mut rng = sim::rng(1);
    assert_eq!(code(s.nodes[0].share(&s.roster, over, &mut rng)), "expired");
    assert_eq!(code(s.nodes[0].share(&s.roster, NOW - 11, &mut rng)), "not-yet");
    let mut s = Scene::before(Step::Mask, 5, 1, 4);
    let relay = s.relay(0);
    assert_eq!(code(s.nodes[0].mask(&relay, over, &mut s.numbers[0])), "expired");
    let mut s = Scene::before(Step::Unmask, 5, 1, 4);
    assert_eq!(code(s.nodes[0].unmask(&s.quorum, over)), "expired");
}

#[test]
fn once_shares_are_dealt_no_step_is_waited_for_longer_than_it_may_take_and_what_is_given_up_is_gone() {
    // The envelope of these scenes gives a step 30 s and is in force for an hour.
    let mut waiting = Scene::before(Step::Share, 5, 1, 4);
    assert_eq!(waiting.nodes[0].ends(), NOW + 3600, "a person may be waited for");
    let mut rng = sim::rng(1);
    waiting.nodes[0].share(&waiting.roster, NOW + 3000, &mut rng).unwrap();
    assert_eq!(waiting.nodes[0].ends(), NOW + 3060);
    waiting.nodes[0].share(&waiting.roster, NOW + 3059, &mut rng).unwrap();
    assert_eq!(waiting.nodes[0].ends(), NOW + 3060, "asking for the same again gives no more time");
    assert_eq!(code(waiting.nodes[0].share(&waiting.roster, NOW + 3060, &mut rng)), "expired");
    for step in [Step::Share, Step::Mask, Step::Consent, Step::Unmask] {
        let mut s = Scene::before(step, 5, 1, 4);
        assert!(s.nodes.iter().all(|node| node.holds_secrets()), "before {step:?}");
        let node = &mut s.nodes[0];
        let too_late = node.ends();
        node.abandon();
        assert!(!node.holds_secrets() && node.is_given_up() && node.next_step().is_none());
        let refused = match step {
            Step::Share => code(node.share(&s.roster, NOW, &mut rng)),
            Step::Mask => code(node.mask(&s.hub.relay(&s.fed.codes[0]).unwrap(), NOW, &mut s.numbers[0])),
            Step::Consent => code(node.consent(&s.survivors, NOW)),
            _ => code(node.unmask(&s.quorum, NOW)),
        };
        assert_eq!(refused, "given-up", "{step:?}");
        let (late, expected) = (Scene::before(step, 5, 1, 4), if step == Step::Share { 3600 } else { 60 });
        assert_eq!((late.nodes[0].ends(), too_late), (NOW + expected, NOW + expected));
    }
    let mut done = Scene::before(Step::Unmask, 5, 1, 4);
    sim::sent(done.nodes[0].unmask(&done.quorum, NOW).unwrap());
    assert!(!done.nodes[0].holds_secrets(), "a round that is over holds nothing");
}

// ---- councils that lie

#[test]
fn a_council_that_deals_garbage_is_named_and_nobody_learns_anything() {
    let fed = Federation::new(5, 77);
    let mut hub = coordinator::Round::new(fed.envelope(4, 0, 3), &fed.roll, NOW).unwrap();
    let mut rng = sim::rng(4);
    let rogue = Rogue::new(2, &fed.keys[2]);
    let mut nodes = Vec::new();
    for i in [0, 1, 3, 4] {
        let (round, advert) = fed.join(i, hub.invitation(), &mut rng).unwrap();
        hub.advert(&fed.codes[i], &advert).unwrap();
        nodes.push((i, round));
    }
    let t0 = *hub.t0();
    let entry = rogue.entry(&t0);
    hub.advert("102", &folkmoot_proto::round::messages::Advert { t0, entry }.encode()).unwrap();
    let roster = hub.close_adverts().unwrap();
    let entries = Roster::decode(&roster).unwrap().entries;
    let t1 = folkmoot_proto::round::transcript::t1(&t0, &entries);
    for (i, node) in &mut nodes {
        hub.sealed(&fed.codes[*i], &node.share(&roster, NOW, &mut rng).unwrap()).unwrap();
    }
    hub.sealed("102", &rogue.sealed(&entries, &t1, &[0x77; 64])).unwrap();
    hub.close_shares().unwrap();
    for (i, node) in &mut nodes {
        let relay = hub.relay(&fed.codes[*i]).unwrap();
        let mut numbers = sim::Numbers::random(4, 16, &mut rng);
        let vector = sim::sent(node.mask(&relay, NOW, &mut numbers).unwrap());
        sim::upload(&mut hub, &fed.codes[*i], &vector).unwrap();
    }
    // It drops out, so its mask key would be needed.
    let survivors = hub.close_masks().unwrap();
    for (i, node) in &mut nodes {
        hub.consent(&fed.codes[*i], &sim::sent(node.consent(&survivors, NOW).unwrap())).unwrap();
    }
    let quorum = hub.close_consents().unwrap();
    for (i, node) in &mut nodes {
        hub.revealed(&fed.codes[*i], &sim::sent(node.unmask(&quorum, NOW).unwrap())).unwrap();
    }
    let Err(Failure::Unrecoverable { council }) = hub.unmask(&fed.coordinator) else {
        panic!("garbage was put together");
    };
    assert_eq!(council, "102");
}

#[test]
fn wrong_shares_at_the_end_are_worked_around_and_named() {
    let fed = Federation::new(9, 3);
    let mut drops = vec![None; 9];
    drops[5] = Some(Step::Mask);
    let envelope = fed.envelope(6, 1, 6);
    let keys = fed.keys.clone();
    let mut meddle = |leg, i: usize, bytes: &mut Vec<u8>| {
        if leg == sim::Leg::Revealed && i == 1 {
            let mut revealed = Revealed::decode(bytes).unwrap();
            revealed.self_shares[0][9] ^= 4;
            revealed.self_shares[4] = [0xee; 32];
            revealed.key_shares[0][0] ^= 1;
            rogue::sign_revealed(&mut revealed, &keys[i]);
            *bytes = revealed.encode();
        }
    };
    let (run, refusals) = sim::run_with(&fed, envelope, &drops, 6, &mut meddle);
    let run = run.unwrap();
    assert!(refusals.is_empty());
    assert_eq!(run.outcome.sum.cells, run.expected);
    assert_eq!(run.outcome.wrong_shares, ["101"]);
    sim::audit(&fed, &run);
}

#[test]
fn the_coordinator_takes_nothing_in_another_councils_name() {
    let mut s = Scene::before(Step::Advertise, 5, 1, 4);
    let invitation = s.hub.invitation().to_vec();
    let (_, advert) = s.fed.join(0, &invitation, &mut s.rng).unwrap();
    let (_, other) = s.fed.join(0, &invitation, &mut s.rng).unwrap();
    assert_eq!(s.hub.advert("101", &advert).unwrap_err().code(), "wrong-seat");
    assert_eq!(s.hub.advert("999", &advert).unwrap_err().code(), "not-expected");
    assert_eq!(s.hub.sealed("100", &advert).unwrap_err().code(), "wrong-step");
    assert_eq!(s.hub.advert("100", &advert[1..]).unwrap_err().code(), "malformed");
    let mut forged = advert.clone();
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(s.hub.advert("100", &forged).unwrap_err().code(), "signature");
    s.hub.advert("100", &advert).unwrap();
    s.hub.advert("100", &advert).unwrap();
    assert_eq!(s.hub.advert("100", &other).unwrap_err().code(), "two-answers");
    assert_eq!(s.hub.answered(), 1);
    assert_eq!(s.hub.waiting_for(), ["101", "102", "103", "104"]);
    assert!(matches!(s.hub.close_adverts(), Err(Failure::TooFew { have: 1, need: 4, .. })));
    assert!(matches!(s.hub.close_masks(), Err(Failure::WrongStep { .. })));
}

#[test]
fn only_whole_vectors_in_order_enter_the_sum() {
    let s = Scene::before(Step::Consent, 4, 0, 3);
    let mut hub = Scene::before(Step::Mask, 4, 0, 3).hub;
    let vector = &s.vectors[0];
    let chunk = vector.chunks().next().unwrap();
    let begin = |hub: &coordinator::Round| hub.upload("100", vector.header()).unwrap().unwrap();
    let mut upload = begin(&hub);
    assert_eq!(upload.absorb(1, &chunk.bytes).unwrap_err().code(), "chunk");
    assert_eq!(upload.absorb(0, &[]).unwrap_err().code(), "chunk");
    assert_eq!(upload.absorb(0, &chunk.bytes[..9]).unwrap_err().code(), "chunk");
    assert_eq!(upload.absorb(0, &[0; 40]).unwrap_err().code(), "chunk");
    upload.absorb(0, &chunk.bytes[..16]).unwrap();
    assert_eq!(upload.absorb(0, &chunk.bytes[..16]).unwrap_err().code(), "chunk");
    assert_eq!(hub.add(upload).unwrap_err().code(), "digest");
    let mut whole = begin(&hub);
    let mut twice = begin(&hub);
    whole.absorb(0, &chunk.bytes).unwrap();
    twice.absorb(0, &chunk.bytes).unwrap();
    hub.add(whole).unwrap();
    hub.add(twice).unwrap();
    assert_eq!(hub.answered(), 1, "the same vector twice is added once");
    assert!(hub.upload("100", vector.header()).unwrap().is_none());
}
