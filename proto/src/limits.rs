//! Sizes and times that both sides of a link must agree on, or that one side relies on the other keeping.

use std::time::Duration;

/// How often either side of a connection asks whether the other is still there, even when nothing else is said.
///
/// Firewalls and load balancers forget silent connections, many after 60 seconds and some after 30, and they tell neither side. Without these
/// pings nobody would notice until the next question.
pub const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(20);

/// How long the answer to [`KEEP_ALIVE_INTERVAL`]'s question may take before the connection counts as lost.
pub const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// The largest message, in bytes, that either side decodes. gRPC's customary limit; whatever can be larger is sent in chunks.
pub const MAX_MESSAGE: usize = 4 << 20;

/// The most bytes of payload in one chunk of a streamed reply. Leaves room for the fields around it within [`MAX_MESSAGE`].
pub const CHUNK: usize = 1 << 20;

/// The most bytes of typed details in a refusal. They travel in a header, and HTTP/2 implementations drop the whole status when that header is
/// longer than about 16 kB in its text form.
pub const MAX_STATUS_DETAILS: usize = 8 << 10;

/// Calls that may be open at the same time on one connection.
pub const MAX_CONCURRENT_CALLS: u32 = 128;

/// How long finding the address and connecting may take.
pub const CONNECT_DEADLINE: Duration = Duration::from_secs(10);

/// How long the TLS handshake may take.
pub const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);

/// How long after the handshake the node waits for the coordinator's welcome. Longer than the coordinator's own checks: [`PROBE_DEADLINE`], a
/// round trip, and a busy start with every council linking at once.
pub const WELCOME_DEADLINE: Duration = Duration::from_secs(30);

/// How long an older link has to answer when its council connects a second time. Shorter than [`WELCOME_DEADLINE`], since the newer link waits.
pub const PROBE_DEADLINE: Duration = Duration::from_secs(5);

/// The longest first wait before dialling again. The wait is drawn evenly from zero up to this, and the bound doubles with each failure.
pub const REDIAL_FIRST: Duration = Duration::from_millis(500);

/// The longest wait before dialling again.
pub const REDIAL_MOST: Duration = Duration::from_secs(30);

/// The most elements of one masked vector.
pub const VECTOR_ELEMENTS: usize = 1 << 20;

/// How long a council's answer to one question may take unless the request says otherwise.
pub const ANSWER_DEADLINE: Duration = Duration::from_secs(120);

/// How long one step of a round may take unless the request says otherwise.
pub const ROUND_STEP_DEADLINE: Duration = Duration::from_secs(60);

/// The longest sentence of a refusal, in bytes.
pub const SENTENCE: usize = 2 << 10;
