//! A round stopped at a chosen step, for tests that go on by hand.

use folkmoot_proto::round::messages::{Entry, Relay, Roster};
use folkmoot_proto::round::node::{self, MaskedVector};
use folkmoot_proto::round::{Envelope, Refusal, Step, coordinator};
use rand_chacha::ChaCha20Rng;

use crate::sim::{self, Federation, NOW, Numbers};

pub(crate) struct Scene {
    pub(crate) fed: Federation,
    pub(crate) hub: coordinator::Round,
    pub(crate) nodes: Vec<node::Round>,
    pub(crate) numbers: Vec<Numbers>,
    pub(crate) roster: Vec<u8>,
    pub(crate) vectors: Vec<MaskedVector>,
    pub(crate) survivors: Vec<u8>,
    pub(crate) quorum: Vec<u8>,
    pub(crate) rng: ChaCha20Rng,
}

impl Scene {
    /// Everybody has answered every step before `stop`; the message of `stop` is ready.
    pub(crate) fn before(stop: Step, n: usize, colluding: u16, min_survivors: u16) -> Self {
        let fed = Federation::new(n, 77);
        let envelope = fed.envelope(4, colluding, min_survivors);
        Self::with(stop, fed, envelope, 5)
    }

    pub(crate) fn with(stop: Step, fed: Federation, envelope: Envelope, seed: u64) -> Self {
        let mut rng = sim::rng(seed);
        let cells = envelope.cells().unwrap() as usize;
        let grid = i64::try_from(envelope.plan.grid).unwrap();
        let mut scene = Self {
            numbers: fed.codes.iter().map(|_| Numbers::random(cells, grid, &mut rng)).collect(),
            hub: coordinator::Round::new(envelope, &fed.roll, NOW).unwrap(),
            fed,
            nodes: Vec::new(),
            roster: Vec::new(),
            vectors: Vec::new(),
            survivors: Vec::new(),
            quorum: Vec::new(),
            rng,
        };
        scene.play(stop);
        scene
    }

    fn play(&mut self, stop: Step) {
        if stop == Step::Advertise {
            return;
        }
        let invitation = self.hub.invitation().to_vec();
        for i in 0..self.fed.codes.len() {
            let (round, advert) = self.fed.join(i, &invitation, &mut self.rng).unwrap();
            self.hub.advert(&self.fed.codes[i], &advert).unwrap();
            self.nodes.push(round);
        }
        self.roster = self.hub.close_adverts().unwrap();
        if stop == Step::Share {
            return;
        }
        for i in 0..self.nodes.len() {
            let sealed = self.nodes[i].share(&self.roster, NOW, &mut self.rng).unwrap();
            self.hub.sealed(&self.fed.codes[i], &sealed).unwrap();
        }
        self.hub.close_shares().unwrap();
        if stop == Step::Mask {
            return;
        }
        for i in 0..self.nodes.len() {
            let relay = self.relay(i);
            let vector = sim::sent(self.nodes[i].mask(&relay, NOW, &mut self.numbers[i]).unwrap());
            sim::upload(&mut self.hub, &self.fed.codes[i], &vector).unwrap();
            self.vectors.push(vector);
        }
        self.survivors = self.hub.close_masks().unwrap();
        if stop == Step::Consent {
            return;
        }
        for i in 0..self.nodes.len() {
            let consent = sim::sent(self.nodes[i].consent(&self.survivors, NOW).unwrap());
            self.hub.consent(&self.fed.codes[i], &consent).unwrap();
        }
        self.quorum = self.hub.close_consents().unwrap();
    }

    pub(crate) fn relay(&self, i: usize) -> Vec<u8> {
        self.hub.relay(&self.fed.codes[i]).unwrap()
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        Roster::decode(&self.roster).unwrap().entries
    }

    /// What node `i` says to a roster with changed entries.
    pub(crate) fn share(&mut self, i: usize, change: impl FnOnce(&mut Roster)) -> Result<Vec<u8>, Refusal> {
        let mut roster = Roster::decode(&self.roster).unwrap();
        change(&mut roster);
        self.nodes[i].share(&roster.encode(), NOW, &mut self.rng)
    }

    /// What node `i` says to a changed relay.
    pub(crate) fn mask(&mut self, i: usize, change: impl FnOnce(&mut Relay)) -> Result<MaskedVector, Refusal> {
        let mut relay = Relay::decode(&self.relay(i)).unwrap();
        change(&mut relay);
        self.nodes[i].mask(&relay.encode(), NOW, &mut self.numbers[i]).map(sim::sent)
    }
}

pub(crate) fn code<T>(result: Result<T, Refusal>) -> &'static str {
    match result {
        Ok(_) => "answered",
        Err(refusal) => refusal.code(),
    }
}
