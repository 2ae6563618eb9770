//! The process: store, links, jobs and service behind one port, from start to stop.

use std::sync::Arc;

use folkmoot_proto::governance::GovernanceKey;
use folkmoot_proto::identity::Role;
use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::reason::Refusal;
use folkmoot_proto::registry::{SignedRegistry, VerifiedRegistry};
use folkmoot_proto::wire::v1 as wire;
use folkmoot_proto::wire::v1::coordinator_server::CoordinatorServer;
use folkmoot_runtime::clock::Clock;
use folkmoot_runtime::tls::{Admit, Reloadable};
use folkmoot_runtime::{enrol, upkeep};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::collect::Collect;
use crate::config::{Config, Signing};
use crate::job::Jobs;
use crate::links::{Host, Invitation, Links};
use crate::receipts::Keeper;
use crate::round::{JointFigures, Keep};
use crate::server::Server;
use crate::service::{ByTls, Countersigner, Service};
use crate::store::{self, Record, Store};
use crate::witness::Witness;

/// The coordinator could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// TLS files.
    #[error("the certificate and key to connect with")]
    Tls(#[from] folkmoot_runtime::tls::LoadError),
    /// Our certificate is not one that a coordinator of this federation can serve with.
    #[error("{0}")]
    Own(String),
    /// The signing key.
    #[error("the key to sign questions with")]
    Key(#[from] enrol::Error),
    /// The signing certificate.
    #[error("the signing certificate at {}: {problem}", path.display())]
    Chain {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The registry file.
    #[error("reading the registry at {}", path.display())]
    Registry {
        /// The file.
        path: std::path::PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The registry is not one.
    #[error("the registry at {} is not taken: {problem}", path.display())]
    Members {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        problem: String,
    },
    /// The folder of records.
    #[error("using {} for the records of rounds", path.display())]
    Rounds {
        /// The folder.
        path: std::path::PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The database.
    #[error("opening the coordinator's database")]
    Store(#[from] store::Error),
    /// The port.
    #[error("listening on {address}")]
    Listen {
        /// Where.
        address: std::net::SocketAddr,
        /// The system's reason.
        source: std::io::Error,
    },
    /// gRPC reflection; cannot happen with the schema this was built with.
    #[error("setting up reflection")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// Reads a signing key and its chain, which must belong together.
///
/// # Errors
/// [`Error::Key`], [`Error::Chain`].
pub fn countersigner(files: &Signing) -> Result<Countersigner, Error> {
    let key = enrol::read_signing_key(&files.key)?;
    let problem = |problem: String| Error::Chain { path: files.chain.clone(), problem };
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_file_iter(&files.chain)
            .and_then(Iterator::collect)
            .map_err(|error| problem(format!("it is not a PEM file of certificates ({error})")))?;
    let leaf = chain.first().ok_or_else(|| problem("there is no certificate in it".to_owned()))?;
    let certificate = folkmoot_runtime::tls::Certificate::read(leaf).map_err(|refusal| problem(refusal.to_string()))?;
    if certificate.ed25519_key != Some(key.verifying_key().to_bytes()) {
        return Err(problem(format!("it does not belong to the key at {}", files.key.display())));
    }
    Ok(Countersigner { key, chain: chain.iter().map(|der| der.to_vec()).collect() })
}

/// Runs until `stop` is cancelled. `ready` is called with the address once the port is open.
///
/// # Errors
/// [`Error`] when it cannot start; later trouble is logged and survived.
pub async fn run(
    config: Config,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
    ready: impl FnOnce(std::net::SocketAddr),
) -> Result<(), Error> {
    let tls = Arc::new(Reloadable::open(config.tls.clone(), Arc::clone(&clock))?);
    let settings = tls.current();
    let own = &settings.certificate().identity;
    if own.role() != Role::Coordinator || *own.federation() != config.federation {
        return Err(Error::Own(format!(
            "the certificate at {} is for {own}, and a coordinator of federation {} is needed",
            config.tls.chain.display(),
            config.federation.as_str()
        )));
    }
    if let Err(refusal) = settings.check_own() {
        return Err(Error::Own(format!("our own certificate would be refused by others: {refusal}")));
    }
    let name = own.name().map_or("coordinator", |name| name.as_str()).to_owned();
    let countersigner = countersigner(&config.signing)?;
    let registry = match &config.registry {
        Some(path) => std::fs::read(path).map_err(|source| Error::Registry { path: path.clone(), source })?,
        None => Vec::new(),
    };
    let members = members(&config, &registry)?;
    let joined =
        members.as_ref().map(|members| members.registry().members().iter().map(|member| member.council).collect());
    let store = Store::open(&config.database)?;
    let host = Arc::new(Doorman { store: store.clone(), clock: Arc::clone(&clock), registry: registry.clone() });
    let links = Links::new(name, host, Arc::clone(&clock));
    let patience = config.ask.into();
    let joint: Option<Arc<dyn Collect>> = match members {
        Some(members) => {
            let folder = config.rounds();
            let keep = Keep::open(&folder, registry.clone(), countersigner.chain.clone())
                .map_err(|source| Error::Rounds { path: folder, source })?;
            let figures = JointFigures::new(
                Arc::new(links.clone()),
                store.clone(),
                Arc::clone(&clock),
                members,
                own.clone(),
                countersigner.key.clone(),
                config.terms(),
            );
            Some(Arc::new(figures.keeping(keep)))
        }
        None => None,
    };
    let jobs =
        Jobs::new(store.clone(), Arc::new(links.clone()), Arc::clone(&clock), patience, joint, stop.child_token());
    let receipts = Arc::new(Keeper::new(Arc::new(links.clone()), store.clone(), Arc::clone(&tls), Arc::clone(&clock)));
    jobs.take_receipts(Arc::clone(&receipts));
    let service = Service {
        jobs: jobs.clone(),
        store,
        receipts: Some(receipts),
        links: links.clone(),
        clock: Arc::clone(&clock),
        believe: Arc::new(ByTls { tls: Arc::clone(&tls), clock: Arc::clone(&clock) }),
        countersigner,
        rounds: config.rounds(),
        members: joined,
    };
    let routes = routes(service).await?;
    let address = config.listen;
    let listener = TcpListener::bind(address).await.map_err(|source| Error::Listen { address, source })?;
    let bound = listener.local_addr().map_err(|source| Error::Listen { address, source })?;
    let taken_up = jobs.resume().await?;
    tracing::info!(address = %bound, taken_up, "the coordinator is ready");
    ready(bound);
    let watching = tokio::spawn(upkeep::run(Arc::clone(&tls), Arc::clone(&clock), stop.child_token()));
    Server { listener, tls, admit: Admit::default(), routes, links, clock }.run(stop).await;
    watching.abort();
    tracing::info!("the coordinator has stopped");
    Ok(())
}

/// The members that rounds are run among, when the settings name a registry and the key it must be signed with.
fn members(config: &Config, registry: &[u8]) -> Result<Option<VerifiedRegistry>, Error> {
    let (Some(path), Some(pinned)) = (&config.registry, &config.governance) else { return Ok(None) };
    let problem = |problem: String| Error::Members { path: path.clone(), problem };
    let key = std::fs::read_to_string(pinned).map_err(|source| Error::Registry { path: pinned.clone(), source })?;
    let key = GovernanceKey::parse(&key).map_err(|error| problem(format!("the governance key: {error}")))?;
    let signed: SignedRegistry = serde_json::from_slice(registry).map_err(|error| problem(error.to_string()))?;
    let verified = signed.verify(&key, &config.federation).map_err(|refusal| problem(refusal.to_string()))?;
    Ok(Some(verified))
}

/// The service with health and reflection.
///
/// # Errors
/// [`Error::Reflection`].
pub async fn routes(service: Service) -> Result<Routes, Error> {
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_serving::<CoordinatorServer<Service>>().await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(folkmoot_proto::wire::DESCRIPTORS)
        .build_v1()?;
    let mut routes = Routes::builder();
    routes.add_service(CoordinatorServer::new(service)).add_service(health).add_service(reflection);
    Ok(routes.routes())
}

/// Tells councils what was witnessed of their ledgers, and witnesses what they say.
struct Doorman {
    store: Store,
    clock: Arc<dyn Clock>,
    registry: Vec<u8>,
}

#[tonic::async_trait]
impl Host for Doorman {
    async fn invite(&self, council: CouncilCode) -> Result<Invitation, Refusal> {
        let witnessed = self.store.off_thread(move |store| store.witnessed(council, Record::Ledger)).await;
        let witnessed = witnessed.map_err(|error| crate::job::internal(&error))?;
        Ok(Invitation {
            witnessed: witnessed
                .filter(|head| head.entries > 0)
                .map(|head| wire::Head { entries: head.entries, digest: head.digest }),
            registry: self.registry.clone(),
        })
    }

    async fn meet(&self, council: CouncilCode, reply: &wire::WelcomeReply) -> Result<(), Refusal> {
        let witness = Witness::new(self.store.clone(), Arc::clone(&self.clock));
        witness.see(council, reply.head.clone()).await.map_err(|error| crate::job::internal(&error))
    }
}
