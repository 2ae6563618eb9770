//! What must hold for any bytes read as what people and authorities sign: questions, registry, floor, recovery statement.
//! No panic; and what one accepts is written back as something that reads as the same.

use folkmoot_proto::floor::SignedFloor;
use folkmoot_proto::governance::GovernanceKey;
use folkmoot_proto::identity::Federation;
use folkmoot_proto::query::Query;
use folkmoot_proto::question::SignedQuestion;
use folkmoot_proto::recovery::SignedRecovery;
use folkmoot_proto::registry::SignedRegistry;
use folkmoot_proto::wire::v1 as wire;
use prost::Message as _;

/// Runs `data` through every reader; returns how many accepted it.
pub(crate) fn check(data: &[u8]) -> usize {
    let mut accepted = 0;
    if let Some(question) = wire::SignedQuery::decode(data).ok().and_then(|q| SignedQuestion::try_from(q).ok()) {
        let again =
            SignedQuestion::try_from(wire::SignedQuery::from(&question)).expect("what was read can be read again");
        assert_eq!(wire::SignedQuery::from(&again), wire::SignedQuery::from(&question));
        accepted += 1;
    }
    if let Some(query) = wire::Query::decode(data).ok().and_then(|q| Query::try_from(q).ok()) {
        assert!(Query::try_from(wire::Query::from(&query)).is_ok_and(|again| again == query));
        accepted += 1;
    }
    let key = GovernanceKey::of(&ed25519_dalek::SigningKey::from_bytes(&[7; 32]));
    let england = Federation::parse("england").expect("a name");
    macro_rules! paper {
        ($($signed:ty),*) => {$(
            if let Ok(signed) = serde_json::from_slice::<$signed>(data) {
                accepted += usize::from(signed.verify(&key, &england).is_ok());
                let written = serde_json::to_vec(&signed).expect("what was read can be written");
                assert!(serde_json::from_slice::<$signed>(&written).is_ok(), "{}", stringify!($signed));
            }
        )*};
    }
    paper!(SignedRegistry, SignedFloor, SignedRecovery);
    accepted
}
