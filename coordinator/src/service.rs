//! The gRPC service for analysts, operators and auditors: reads who calls from the connection, checks, and hands on.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use ed25519_dalek::SigningKey;
use folkmoot_proto::geography::Geography;
use folkmoot_proto::identity::{Identity, Role};
use folkmoot_proto::ids::{CouncilCode, JobId};
use folkmoot_proto::limits;
use folkmoot_proto::period::Day;
use folkmoot_proto::question::{Error as QuestionError, Signed, SignedQuestion};
use folkmoot_proto::reason::{Reason, Refusal};
use folkmoot_proto::wire::v1 as wire;
use folkmoot_proto::wire::v1::coordinator_server::Coordinator;
use folkmoot_runtime::clock::Clock;
use folkmoot_runtime::tls::{Reloadable, Signer};
use rustls_pki_types::CertificateDer;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::access::{self, Action};
use crate::answer::tidy;
use crate::job::{Jobs, internal};
use crate::links::Links;
use crate::plan::Plan;
use crate::publish;
use crate::receipts::Keeper;
use crate::release::{Release, Withdrawal};
use crate::scope::Level;
use crate::store::Store;

mod price;
mod record;

/// Checks the certificates behind a signature.
pub trait Believe: Send + Sync + 'static {
    /// Who signed, if the chain (leaf first, DER) leads to our root and its holder is an analyst.
    ///
    /// # Errors
    /// Why the chain is not believed.
    fn analyst(&self, chain: &[Vec<u8>]) -> Result<Signer, String>;
}

/// Belief as TLS has it.
pub struct ByTls {
    /// Roots and revocation lists.
    pub tls: Arc<Reloadable>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

impl Believe for ByTls {
    fn analyst(&self, chain: &[Vec<u8>]) -> Result<Signer, String> {
        let chain: Vec<CertificateDer<'_>> = chain.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
        let roles = [Role::NationalAnalyst, Role::IcbAnalyst];
        let settings = self.tls.current();
        settings.trust().verify_signer(&chain, &roles, self.clock.now()).map_err(|refusal| refusal.to_string())
    }
}

/// What the coordinator signs questions with.
pub struct Countersigner {
    /// The key of the signing certificate.
    pub key: SigningKey,
    /// The signing certificate and its authority's, leaf first, DER.
    pub chain: Vec<Vec<u8>>,
}

/// The service.
pub struct Service {
    /// Jobs.
    pub jobs: Jobs,
    /// Releases.
    pub store: Store,
    /// Who is linked.
    pub links: Links,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Who signed.
    pub believe: Arc<dyn Believe>,
    /// What we sign with.
    pub countersigner: Countersigner,
    /// Receipts for auditors; `None` where nobody checks them.
    pub receipts: Option<Arc<Keeper>>,
    /// Folder of the records of rounds.
    pub rounds: PathBuf,
    /// The councils in the federation's signed registry; `None` without one.
    pub members: Option<BTreeSet<CouncilCode>>,
}

type Stream<T> = ReceiverStream<Result<T, Status>>;

/// Who calls, from the connection.
fn caller<T>(request: &Request<T>) -> Result<Identity, Refusal> {
    let known = request.extensions().get::<Identity>().cloned();
    known.ok_or_else(|| Refusal::new(Reason::NotAllowed, "the connection does not say who calls"))
}

fn allowed<T>(request: &Request<T>, action: Action) -> Result<Identity, Refusal> {
    let caller = caller(request)?;
    access::allow(&caller, action)?;
    Ok(caller)
}

#[tonic::async_trait]
impl Coordinator for Service {
    async fn list_councils(
        &self,
        request: Request<wire::ListCouncilsRequest>,
    ) -> Result<Response<wire::ListCouncilsReply>, Status> {
        let caller = allowed(&request, Action::ListCouncils)?;
        let geography = Geography::built_in();
        let structure = geography.boards_on(self.today());
        // An ICB analyst's board may be of the other structure; its members are then those it had.
        let own = caller.board().map(|board| {
            let structures = [Some(structure), geography.structure("icb-2022")];
            let found = structures.into_iter().flatten().find(|structure| structure.board(board).is_some());
            found.map(|structure| structure.members(board)).unwrap_or_default()
        });
        let councils = geography
            .councils()
            .filter(|council| own.as_ref().is_none_or(|own| own.contains(&council.code)))
            .map(|council| {
                let linked = self.links.link(council.code);
                let since = linked.as_ref().map(|linked| linked.since).or(self.links.seen(council.code).changed);
                wire::CouncilStatus {
                    code: council.code.to_string(),
                    name: council.name.clone(),
                    region: council.region_name.clone(),
                    board: structure.board_of(council.code).map_or(String::new(), |board| board.code.to_string()),
                    linked: linked.is_some(),
                    since: since.map_or(0, |since| since.as_second()),
                    data_until: linked.as_ref().and_then(|linked| linked.data_until),
                    software: linked.map_or(String::new(), |linked| linked.software),
                    member: self.members.as_ref().is_some_and(|members| members.contains(&council.code)),
                }
            })
            .collect();
        Ok(Response::new(wire::ListCouncilsReply { councils }))
    }

    async fn plan(&self, request: Request<wire::PlanRequest>) -> Result<Response<wire::PlanReply>, Status> {
        let caller = allowed(&request, Action::Ask)?;
        let mut request = request.into_inner();
        let signed = request.signed.take();
        request.members = false;
        let plan = Plan::check_among(request, &caller, self.today(), self.members.as_ref())?;
        self.jobs.check_kind(&plan)?;
        let linked: BTreeSet<CouncilCode> =
            plan.councils().iter().copied().filter(|code| self.links.link(*code).is_some()).collect();
        let earlier = self.jobs.earlier(&plan).await.map_err(|error| internal(&error))?;
        let expected = plan.expected();
        let mut notes = plan.notes().to_vec();
        if let Some(release) = &earlier {
            notes.push(format!(
                "Release {}.{} answers this question already, at no charge.",
                release.manifest().number,
                release.manifest().revision
            ));
        }
        if plan.query().release().is_joint() && plan.query().release().rho().is_none() {
            notes.push(
                "A sum without noise is given once for a choice of councils: those in it refuse the same sum later with \
                 others added. So it is not opened while people at a linked council have yet to decide, unless you say so \
                 (--without-held); a council that is not linked is left out."
                    .to_owned(),
            );
        }
        let prices = match signed {
            Some(signed) => {
                let signed = self.countersigned(signed, &plan, &caller)?;
                price::prices(&self.links, &linked, &signed).await
            }
            None => Vec::new(),
        };
        Ok(Response::new(wire::PlanReply {
            sentence: plan.query().sentence(),
            cells: plan.layout().cells() as u64,
            rho_nano: plan.rho_nano(),
            council_margin: expected.council_margin,
            england_margin: expected.all_margin,
            councils: plan.councils().len() as u32,
            linked: linked.len() as u32,
            adult_share: plan.adult_share(&linked),
            release: earlier.map_or(String::new(), |release| release.manifest().release.clone()),
            notes,
            prices,
        }))
    }

    type AskStream = Stream<wire::Progress>;

    async fn ask(&self, request: Request<wire::AskRequest>) -> Result<Response<Self::AskStream>, Status> {
        let caller = allowed(&request, Action::Ask)?;
        let mut request = request.into_inner();
        let invalid = |text: &str| Refusal::new(Reason::InvalidQuestion, text);
        let signed = request.signed.take().ok_or_else(|| invalid("the request holds no signed question"))?;
        let mut plan_request = request.plan.take().ok_or_else(|| invalid("the request holds no plan"))?;
        plan_request.signed = None;
        plan_request.members = false;
        if signed.query.as_ref().is_some_and(|query| query.as_of.is_none()) {
            return Err(invalid("the signed question has no as-of day: whoever signs fixes the day").into());
        }
        let plan = Plan::check_among(plan_request.clone(), &caller, self.today(), self.members.as_ref())?;
        if plan_request.councils.is_empty() && self.members.is_some() {
            // The job keeps the councils it began with, whatever registry a restart finds.
            plan_request.councils = plan.councils().iter().map(ToString::to_string).collect();
            plan_request.members = true;
        }
        self.jobs.check_kind(&plan)?;
        let signed = self.countersigned(signed, &plan, &caller)?;
        if plan.query().release().is_joint() && request.mandate_signature.len() != 64 {
            return Err(invalid(
                "joint figures need the analyst's second signature, for rounds: ask with the folkmoot-coordinator command \
                 of this version",
            )
            .into());
        }
        request.plan = Some(plan_request);
        let id = self.jobs.submit(&plan, &signed, request).await?;
        Ok(Response::new(self.follow(id)))
    }

    async fn list_jobs(
        &self,
        request: Request<wire::ListJobsRequest>,
    ) -> Result<Response<wire::ListJobsReply>, Status> {
        let caller = allowed(&request, Action::ListJobs)?;
        let jobs = self.store.off_thread(|store| store.jobs(false)).await.map_err(|error| internal(&error))?;
        let own = caller.to_string();
        let jobs = jobs
            .into_iter()
            .filter(|job| caller.role() == Role::Operator || job.analyst == own)
            .map(|job| wire::Job {
                id: job.id.to_string(),
                state: job.state.word().to_owned(),
                sentence: job.sentence,
                analyst: job.analyst,
                created: job.created,
                release: job.release,
                message: job.message,
            })
            .collect();
        Ok(Response::new(wire::ListJobsReply { jobs }))
    }

    type WatchStream = Stream<wire::Progress>;

    async fn watch(&self, request: Request<wire::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let caller = allowed(&request, Action::ListJobs)?;
        let name = request.into_inner().job;
        let missing = || Refusal::new(Reason::NotFound, "there is no such job; `jobs` lists those you may see");
        let id: JobId = name.trim().parse().map_err(|_| missing())?;
        let job = self.store.off_thread(move |store| store.job(id)).await.map_err(|error| internal(&error))?;
        let own = caller.to_string();
        match job {
            Some(job) if caller.role() == Role::Operator || job.analyst == own => Ok(Response::new(self.follow(id))),
            _ => Err(missing().into()),
        }
    }

    async fn list_releases(
        &self,
        request: Request<wire::ListReleasesRequest>,
    ) -> Result<Response<wire::ListReleasesReply>, Status> {
        let caller = allowed(&request, Action::ReadReleases)?;
        let asked = request.into_inner().measure;
        let measure = match folkmoot_proto::catalogue::find(&asked) {
            Some(measure) => measure.id.to_owned(),
            None if asked.is_empty() => String::new(),
            None => {
                let text = format!("there is no measure `{}`; `measures` lists them", tidy(&asked));
                return Err(Refusal::new(Reason::InvalidQuestion, text).into());
            }
        };
        let found =
            self.store.off_thread(move |store| store.manifests(&measure)).await.map_err(|error| internal(&error))?;
        let releases = found
            .into_iter()
            .filter_map(|(manifest, withdrawn)| Some((manifest.seen_by(&caller)?, withdrawn)))
            .map(|(manifest, withdrawn)| wire::ReleaseSummary {
                id: manifest.release.clone(),
                number: manifest.number,
                revision: manifest.revision,
                measure: manifest.measure.clone(),
                sentence: manifest.question.clone(),
                kind: format!("{} ({})", manifest.kind, manifest.protection),
                created: manifest.created,
                withdrawn,
                councils: manifest.councils_answered as u32,
                level: manifest.level.word().to_owned(),
            })
            .collect();
        Ok(Response::new(wire::ListReleasesReply { releases }))
    }

    type ShowStream = Stream<wire::Piece>;

    async fn show(&self, request: Request<wire::ShowRequest>) -> Result<Response<Self::ShowStream>, Status> {
        let caller = allowed(&request, Action::ReadReleases)?;
        self.send(caller, request.into_inner().release, "json".to_owned()).await
    }

    type ExportStream = Stream<wire::Piece>;

    async fn export(&self, request: Request<wire::ExportRequest>) -> Result<Response<Self::ExportStream>, Status> {
        let caller = caller(&request)?;
        let wire::ExportRequest { release, format } = request.into_inner();
        if format == record::FORMAT {
            access::allow(&caller, Action::ReadRounds)?;
            return self.send_record(caller, release).await;
        }
        access::allow(&caller, Action::Export)?;
        self.send(caller, release, format).await
    }

    async fn list_heads(
        &self,
        request: Request<wire::ListHeadsRequest>,
    ) -> Result<Response<wire::ListHeadsReply>, Status> {
        allowed(&request, Action::ReadHeads)?;
        let heads = self.store.off_thread(|store| store.heads()).await.map_err(|error| internal(&error))?;
        let heads = heads
            .into_iter()
            .map(|(council, record, head, seen)| wire::WitnessedHead {
                council,
                record,
                head: Some(wire::Head { entries: head.entries, digest: head.digest }),
                seen,
            })
            .collect();
        Ok(Response::new(wire::ListHeadsReply { heads }))
    }

    async fn receipts(
        &self,
        request: Request<wire::CouncilReceiptsRequest>,
    ) -> Result<Response<wire::ReceiptsReply>, Status> {
        allowed(&request, Action::ReadReceipts)?;
        let page = match &self.receipts {
            Some(keeper) => keeper.page(request.into_inner()).await,
            None => Err(Refusal::new(Reason::NotFound, "this coordinator passes no receipts on")),
        };
        Ok(Response::new(page?))
    }

    async fn withdraw(&self, request: Request<wire::WithdrawRequest>) -> Result<Response<wire::WithdrawReply>, Status> {
        let caller = allowed(&request, Action::Withdraw)?;
        let wire::WithdrawRequest { release: name, reason } = request.into_inner();
        let reason = tidy(reason.trim());
        if reason.is_empty() {
            return Err(Refusal::new(Reason::InvalidQuestion, "a withdrawal needs a reason").into());
        }
        let withdrawal = Withdrawal { at: self.clock.now().as_second(), by: caller.to_string(), reason };
        let found = self.find(&name).await?.ok_or_else(|| access::not_found(&name))?;
        let id = found.manifest().release.clone();
        tracing::warn!(release = id, by = withdrawal.by, "a release is withdrawn");
        let done = self
            .store
            .off_thread(move |store| store.withdraw(&id, &withdrawal))
            .await
            .map_err(|error| internal(&error))?;
        if !done {
            return Err(Refusal::new(Reason::InvalidQuestion, format!("release {name} was withdrawn before")).into());
        }
        Ok(Response::new(wire::WithdrawReply {}))
    }
}

impl Service {
    fn today(&self) -> Day {
        Day::from_number(i32::try_from(self.clock.now().as_second().div_euclid(86_400)).unwrap_or(0))
    }

    /// Checks the analyst's signature over the plan's question and adds ours.
    fn countersigned(
        &self,
        signed: wire::SignedQuery,
        plan: &Plan,
        caller: &Identity,
    ) -> Result<SignedQuestion, Refusal> {
        let mut signed = SignedQuestion::try_from(signed)?;
        if signed.question.analyst() != caller {
            return Err(Refusal::new(Reason::BadSignature, "the question was signed in another analyst's name"));
        }
        if signed.question.query() != plan.query() {
            return Err(Refusal::new(Reason::InvalidQuestion, "the signed question is not the one in the plan"));
        }
        signed.question.check_time(self.clock.now().as_second())?;
        let signer = self.believe.analyst(&signed.analyst.chain).map_err(|why| {
            Refusal::new(Reason::BadSignature, format!("the certificate behind the question's signature: {why}"))
        })?;
        if signer.identity != *caller {
            return Err(QuestionError::Signature("the analyst").into());
        }
        signed.question.check_analyst(&signed.analyst.signature, &signer.public_key)?;
        let signature = signed.question.countersign(&signed.analyst.signature, &self.countersigner.key);
        signed.coordinator = Signed { signature, chain: self.countersigner.chain.clone() };
        Ok(signed)
    }

    /// Everything told about a job, from its start, until it is over.
    fn follow(&self, id: JobId) -> Stream<wire::Progress> {
        let (sender, receiver) = mpsc::channel(16);
        let (jobs, store) = (self.jobs.clone(), self.store.clone());
        tokio::spawn(async move {
            let mut after = 0;
            loop {
                // Subscribed before reading, so that nothing told in between is missed.
                let mut changes = jobs.watch(id);
                let events = match store.off_thread(move |store| store.events(id, after)).await {
                    Ok(events) => events,
                    Err(error) => {
                        // The caller may be gone already.
                        let _ = sender.send(Err(internal(&error).into())).await;
                        return;
                    }
                };
                let more = !events.is_empty();
                for (number, progress) in events {
                    after = number;
                    let over = matches!(progress.state.as_str(), "released" | "failed");
                    if sender.send(Ok(progress)).await.is_err() || over {
                        return;
                    }
                }
                match &mut changes {
                    Some(changes) if !more => {
                        tokio::select! {
                            // An error means that the job has ended: its last events are read in the next turn.
                            _ = changes.changed() => {}
                            () = sender.closed() => return,
                        }
                    }
                    Some(_) => {}
                    // The job does not run here (any more): what was stored has been sent.
                    None if !more => return,
                    None => {}
                }
            }
        });
        ReceiverStream::new(receiver)
    }

    async fn find(&self, name: &str) -> Result<Option<Release>, Refusal> {
        let name = name.to_owned();
        let found = self.store.off_thread(move |store| store.release(&name)).await;
        Ok(found.map_err(|error| internal(&error))?.map(|found| found.release))
    }

    async fn send(
        &self,
        caller: Identity,
        name: String,
        format: String,
    ) -> Result<Response<Stream<wire::Piece>>, Status> {
        let release = self.find(&name).await?;
        let view = access::view(&caller, &name, release.as_ref())?;
        let written = tokio::task::spawn_blocking(move || publish::file(&view, &format)).await;
        let file = match written {
            Ok(Ok(file)) => file,
            Ok(Err(error @ publish::Error::Format(_))) => {
                return Err(Refusal::new(Reason::InvalidQuestion, error.to_string()).into());
            }
            Ok(Err(error)) => return Err(internal(&error).into()),
            Err(error) => return Err(internal(&error).into()),
        };
        let (sender, receiver) = mpsc::channel(2);
        tokio::spawn(async move {
            for (place, bytes) in file.bytes.chunks(limits::CHUNK).enumerate() {
                let file_name = if place == 0 { file.name.clone() } else { String::new() };
                if sender.send(Ok(wire::Piece { data: bytes.to_vec(), file_name })).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

/// The finest level's word on the wire.
pub fn wire_level(level: Level) -> wire::Level {
    match level {
        Level::England => wire::Level::England,
        Level::Region => wire::Level::Region,
        Level::Board => wire::Level::Board,
        Level::Council => wire::Level::Council,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
