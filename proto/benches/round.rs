//! CPU time of a whole round, by step: `cargo bench -p folkmoot-proto --bench round [-- SIZE...]`.
//!
//! Every council's work and the coordinator's run one after the other on one thread, so that CPU time of that thread
//! (from the kernel's scheduler statistics; wall time where there are none) is what a council or the coordinator would
//! spend on one core. Noise and counting are left out. The sum is compared with the expected one in every run.
//!
//! Without arguments a dozen lines of the table of `docs/performance.md` are printed, in about two minutes; with
//! `FOLKMOOT_BENCH=full` all of it, in about an hour; `-- 153x10000x5` runs one line.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

#[path = "../tests/round/sim.rs"]
mod sim;

use std::time::{Duration, Instant};

use folkmoot_proto::round::Parameters;
use folkmoot_proto::round::coordinator;
use folkmoot_proto::round::node::MaskedVector;

use sim::{Federation, NOW, Numbers};

/// CPU time of this thread.
fn cpu(start: Instant) -> Duration {
    std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|s| s.split(' ').next()?.parse().ok())
        .map_or_else(|| start.elapsed(), Duration::from_nanos)
}

#[derive(Default)]
struct Cost {
    node: [Duration; 5],
    hub: Duration,
    recovery: Duration,
    up: usize,
    down: usize,
}

fn measure(n: usize, cells: u32, dropped: usize) -> Cost {
    let start = Instant::now();
    let mut cost = Cost::default();
    let mut rng = sim::rng(1);
    let fed = Federation::new(n, 1);
    let colluding = u16::try_from(n / 10).unwrap();
    let survivors = u16::try_from(n - dropped).unwrap();
    let threshold = Parameters::new(n, colluding, u16::try_from(n).unwrap()).unwrap().threshold();
    let envelope = fed.envelope(cells, colluding, survivors.max(threshold));
    let numbers = Numbers::random(cells as usize, 16, &mut rng);

    macro_rules! timed {
        ($into:expr, $work:expr) => {{
            let before = cpu(start);
            let out = $work;
            $into += cpu(start) - before;
            out
        }};
    }

    let mut hub = timed!(cost.hub, coordinator::Round::new(envelope, &fed.roll, NOW).unwrap());
    let invitation = hub.invitation().to_vec();
    let mut nodes = Vec::with_capacity(n);
    for (i, code) in fed.codes.iter().enumerate() {
        let (round, advert) = timed!(cost.node[0], fed.join(i, &invitation, &mut rng).unwrap());
        timed!(cost.hub, hub.advert(code, &advert).unwrap());
        (cost.up, cost.down) = (cost.up + advert.len(), cost.down + invitation.len());
        nodes.push(round);
    }
    let roster = timed!(cost.hub, hub.close_adverts().unwrap());
    for (code, node) in fed.codes.iter().zip(&mut nodes) {
        let sealed = timed!(cost.node[1], node.share(&roster, NOW, &mut rng).unwrap());
        timed!(cost.hub, hub.sealed(code, &sealed).unwrap());
        (cost.up, cost.down) = (cost.up + sealed.len(), cost.down + roster.len());
    }
    timed!(cost.hub, hub.close_shares().unwrap());
    let alive = n - dropped;
    for (code, node) in fed.codes.iter().zip(&mut nodes).take(alive) {
        let relay = timed!(cost.hub, hub.relay(code).unwrap());
        let vector: MaskedVector =
            timed!(cost.node[2], sim::sent(node.mask(&relay, NOW, &mut numbers.clone()).unwrap()));
        cost.up += vector.header().len();
        let mut upload = timed!(cost.hub, hub.upload(code, vector.header()).unwrap().unwrap());
        for chunk in vector.chunks() {
            cost.up += chunk.bytes.len();
            timed!(cost.hub, upload.absorb(chunk.offset, &chunk.bytes).unwrap());
        }
        timed!(cost.hub, hub.add(upload).unwrap());
        cost.down += relay.len();
    }
    let survivors = timed!(cost.hub, hub.close_masks().unwrap());
    for (code, node) in fed.codes.iter().zip(&mut nodes).take(alive) {
        let consent = timed!(cost.node[3], sim::sent(node.consent(&survivors, NOW).unwrap()));
        timed!(cost.hub, hub.consent(code, &consent).unwrap());
        (cost.up, cost.down) = (cost.up + consent.len(), cost.down + survivors.len());
    }
    let quorum = timed!(cost.hub, hub.close_consents().unwrap());
    for (code, node) in fed.codes.iter().zip(&mut nodes).take(alive) {
        let revealed = timed!(cost.node[4], sim::sent(node.unmask(&quorum, NOW).unwrap()));
        timed!(cost.hub, hub.revealed(code, &revealed).unwrap());
        (cost.up, cost.down) = (cost.up + revealed.len(), cost.down + quorum.len());
    }
    let outcome = timed!(cost.recovery, hub.unmask(&fed.coordinator).unwrap());
    let times = i64::try_from(alive).unwrap();
    let right = numbers.counts.iter().zip(&numbers.noise).map(|(c, z)| times * (c + z));
    assert!(outcome.sum.cells.iter().copied().eq(right), "the sum is exact");
    cost
}

fn ms(d: Duration) -> f64 {
    d.as_secs_f64() * 1e3
}

fn line(n: usize, cells: u32, dropped: usize) {
    let cost = measure(n, cells, dropped);
    let each = |step: usize| ms(cost.node[step]) / (if step < 2 { n } else { n - dropped }) as f64;
    let all: Duration = cost.node.iter().sum::<Duration>() + cost.hub + cost.recovery;
    println!(
        "| {n} | {cells} | {dropped} | {:.1} | {:.1} | {:.1} | {:.2} | {:.1} | {:.2} | {:.2} | {:.2} | {:.0} | {:.0} |",
        each(0),
        each(1),
        each(2),
        each(3),
        each(4),
        cost.hub.as_secs_f64(),
        cost.recovery.as_secs_f64(),
        all.as_secs_f64(),
        cost.up as f64 / n as f64 / 1e3,
        cost.down as f64 / n as f64 / 1e3,
    );
}

fn main() {
    // Recovery runs on every core; here on this thread, so that its CPU time is counted.
    rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global().unwrap();
    println!(
        "| councils | cells | drop-outs | advertise, ms | share, ms | mask, ms | consent, ms | unmask, ms | \
         coordinator relay, s | recovery, s | all together, s | up per council, kB | down per council, kB |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    let asked: Vec<(usize, u32, usize)> = std::env::args()
        .skip(1)
        .filter_map(|a| {
            let mut parts = a.split('x').map(|p| p.parse::<u32>().ok());
            Some((parts.next()?? as usize, parts.next()??, parts.next()?? as usize))
        })
        .collect();
    if !asked.is_empty() {
        asked.into_iter().for_each(|(n, cells, dropped)| line(n, cells, dropped));
        return;
    }
    if std::env::var("FOLKMOOT_BENCH").is_ok_and(|which| which == "full") {
        for n in [10, 50, 153, 255] {
            for cells in [1_000, 10_000, 100_000, 1_000_000] {
                for dropped in [0, 5, 30] {
                    // No more can drop out than the threshold allows.
                    if n > dropped && n - dropped > (n + n / 10) / 2 {
                        line(n, cells, dropped);
                    }
                }
            }
        }
        return;
    }
    for (n, cells) in [(10, 1_000), (10, 1_000_000), (50, 10_000), (153, 1_000), (153, 100_000), (255, 10_000)] {
        line(n, cells, 0);
    }
    for dropped in [0, 5, 30] {
        line(153, 10_000, dropped);
    }
}
