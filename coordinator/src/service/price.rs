//! What each linked council says that a question would cost it, without asking it.

use std::collections::BTreeSet;
use std::time::Duration;

use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::question::SignedQuestion;
use folkmoot_proto::wire::v1 as wire;
use folkmoot_proto::wire::v1::node_client::NodeClient;
use futures_util::StreamExt as _;
use tokio::time::timeout;

use crate::answer::tidy;
use crate::links::Links;

/// A price is arithmetic on the council's side; who is slower is not waited for.
const DEADLINE: Duration = Duration::from_secs(5);

/// Councils asked at the same time.
const AT_ONCE: usize = 32;

pub(super) async fn prices(
    links: &Links,
    councils: &BTreeSet<CouncilCode>,
    signed: &SignedQuestion,
) -> Vec<wire::PlanCouncil> {
    let question = wire::SignedQuery::from(signed);
    let linked: Vec<_> = links.connected().into_iter().filter(|linked| councils.contains(&linked.council)).collect();
    let asked = linked.into_iter().map(|linked| {
        let question = question.clone();
        async move {
            let request = wire::PriceRequest { question: Some(question) };
            let mut client = NodeClient::new(linked.link.channel());
            let council = linked.council.to_string();
            let (decision, reason, reply) = match timeout(DEADLINE, client.price(request)).await {
                Ok(Ok(reply)) => {
                    let reply = reply.into_inner();
                    let decision = match reply.decision() {
                        wire::Decision::Answer => "answer",
                        wire::Decision::Stored => "stored",
                        wire::Decision::Hold => "hold",
                        wire::Decision::Refuse => "refuse",
                        wire::Decision::Unspecified => "unknown",
                    };
                    (decision, tidy(&reply.reason), reply)
                }
                Ok(Err(status)) => ("refuse", tidy(status.message()), wire::PriceReply::default()),
                Err(_) => {
                    ("unknown", format!("no answer within {} s", DEADLINE.as_secs()), wire::PriceReply::default())
                }
            };
            wire::PlanCouncil {
                council,
                decision: decision.to_owned(),
                reason,
                year_left_nano: reply.year_left_nano,
                least_left_nano: reply.least_left_nano,
                least_left_under: tidy(&reply.least_left_under),
            }
        }
    });
    let mut prices: Vec<_> = futures_util::stream::iter(asked).buffer_unordered(AT_ONCE).collect().await;
    prices.sort_by(|a, b| a.council.cmp(&b.council));
    prices
}
