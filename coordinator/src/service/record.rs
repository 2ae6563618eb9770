//! The record of a round as a file: streamed from the disk, since it can be as large as all masked vectors together.

use std::io::Read as _;

use folkmoot_proto::identity::Identity;
use folkmoot_proto::ids::JobId;
use folkmoot_proto::limits;
use folkmoot_proto::reason::{Reason, Refusal};
use folkmoot_proto::wire::v1 as wire;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Response, Status};

use super::{Service, Stream};
use crate::access;
use crate::job::internal;
use crate::round::Keep;

/// The word for it among the formats of `export`.
pub(super) const FORMAT: &str = "round";

impl Service {
    pub(super) async fn send_record(
        &self,
        caller: Identity,
        name: String,
    ) -> Result<Response<Stream<wire::Piece>>, Status> {
        let asked = name.clone();
        let found =
            self.store.off_thread(move |store| store.release(&asked)).await.map_err(|error| internal(&error))?;
        let found = access::record(&caller, &name, found)?;
        let manifest = found.release.manifest();
        let none = |text: &str| Status::from(Refusal::new(Reason::NotFound, format!("release {name} {text}")));
        if manifest.round.is_none() {
            return Err(none("was not made in a round: there is no record of one"));
        }
        let job: JobId = found.job.parse().map_err(|_| none("names no job"))?;
        let path = Keep::place(&self.rounds, &job);
        let file_name = format!("release-{}-{}.round", manifest.number, manifest.revision);
        let file = tokio::task::spawn_blocking(move || std::fs::File::open(path)).await;
        let mut file = match file {
            Ok(Ok(file)) => file,
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(none("has no record of its round here: none was kept, or it was moved away"));
            }
            Ok(Err(error)) => return Err(internal(&error).into()),
            Err(error) => return Err(internal(&error).into()),
        };
        let (sender, receiver) = mpsc::channel(2);
        tokio::task::spawn_blocking(move || {
            let mut first = file_name;
            loop {
                let mut data = Vec::new();
                let piece = match file.by_ref().take(limits::CHUNK as u64).read_to_end(&mut data) {
                    Ok(0) => return,
                    Ok(_) => Ok(wire::Piece { data, file_name: std::mem::take(&mut first) }),
                    Err(error) => Err(internal(&error).into()),
                };
                let over = piece.is_err();
                if sender.blocking_send(piece).is_err() || over {
                    return;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}
