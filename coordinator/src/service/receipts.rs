//! Councils' receipts, passed on to auditors as the councils signed them.

use std::time::Duration;

use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::reason::{Reason, Refusal};
use folkmoot_proto::receipt;
use folkmoot_proto::wire::v1 as wire;
use folkmoot_proto::wire::v1::node_client::NodeClient;
use tokio::time::timeout;
use tonic::Status;

use crate::links::Links;

/// How long a council may take to read its log.
const DEADLINE: Duration = Duration::from_secs(30);

/// A page of one council's receipts. Nothing is kept or changed here: the auditor checks the council's own signature.
pub(super) async fn page(links: &Links, wanted: wire::CouncilReceiptsRequest) -> Result<wire::ReceiptsReply, Status> {
    let none = |why: String| Status::from(Refusal::new(Reason::NotFound, why));
    let council = CouncilCode::parse(&wanted.council)
        .map_err(|_| Refusal::new(Reason::InvalidQuestion, "the council's code cannot be read"))?;
    let linked =
        links.link(council).ok_or_else(|| none(format!("council {council} is not linked now; ask again later")))?;
    let request = wire::ReceiptsRequest { from: wanted.from, most: receipt::MOST };
    let mut client = NodeClient::new(linked.link.channel());
    match timeout(DEADLINE, client.receipts(request)).await {
        Ok(Ok(reply)) => Ok(reply.into_inner()),
        Ok(Err(status)) => Err(Refusal::from_status(&status).map_or_else(
            || {
                tracing::warn!(%council, "receipts could not be had: {status}");
                none(format!("council {council} gives no receipts: its node is older, or failed"))
            },
            Status::from,
        )),
        Err(_) => Err(none(format!("council {council} did not answer within {} s", DEADLINE.as_secs()))),
    }
}
