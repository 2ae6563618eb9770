//! A copy of this process's writable memory, and the search for byte strings in it.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::FileExt as _;

/// Bytes compared. Half of a key: an allocator writes its own lists over the first sixteen bytes of what is freed.
const LENGTH: usize = 16;

/// What is looked for, and what each thing is.
#[derive(Default)]
pub(crate) struct Needles {
    by_start: HashMap<u64, Vec<(Vec<u8>, &'static str)>>,
}

impl Needles {
    /// Looks for every whole run of sixteen bytes in `secret`.
    pub(crate) fn add(&mut self, what: &'static str, secret: &[u8]) {
        for part in secret.chunks_exact(LENGTH) {
            let start = u64::from_le_bytes(part[..8].try_into().unwrap());
            self.by_start.entry(start).or_default().push((part.to_vec(), what));
        }
    }
}

/// The writable memory of this process at one moment, in a file.
pub(crate) struct Snapshot {
    file: File,
    /// Name of each piece, and its length.
    pieces: Vec<(String, usize)>,
}

impl Snapshot {
    /// `stack`: an address on the stack of the thread that is looked at.
    pub(crate) fn take(stack: usize) -> Self {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let memory = File::open("/proc/self/mem").unwrap();
        let place = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
        let name = place.join(format!("memory-{}-{:?}", std::process::id(), std::thread::current().id()));
        let mut file = File::options().read(true).write(true).create(true).truncate(true).open(&name).unwrap();
        // It lives on as long as it is open, and leaves nothing behind.
        std::fs::remove_file(&name).unwrap();
        let mut pieces = Vec::new();
        let mut buffer = vec![0; 1 << 16];
        for line in maps.lines().filter(|line| line.contains(" rw")) {
            let (range, rest) = line.split_once(' ').unwrap();
            let (from, to) = range.split_once('-').unwrap();
            let (mut at, to) = (u64::from_str_radix(from, 16).unwrap(), u64::from_str_radix(to, 16).unwrap());
            let label = match rest.split_whitespace().nth(4) {
                _ if (at..to).contains(&(stack as u64)) => "the stack".to_owned(),
                Some(label) => label.to_owned(),
                None => format!("anonymous, {} kB", (to - at) / 1024),
            };
            let mut length = 0;
            while at < to {
                let want = usize::try_from(to - at).unwrap().min(buffer.len());
                // A page that went away meanwhile, or that the kernel does not show.
                let Ok(read @ 1..) = memory.read_at(&mut buffer[..want], at) else { break };
                file.write_all(&buffer[..read]).unwrap();
                (at, length) = (at + read as u64, length + read);
            }
            pieces.push((label, length));
        }
        Self { file, pieces }
    }

    /// What was found, in which kind of memory, and how often.
    pub(crate) fn find(&self, needles: &Needles) -> BTreeMap<(String, &'static str), usize> {
        // Most places are ruled out by their first two bytes.
        let mut starts = vec![false; 1 << 16];
        for start in needles.by_start.keys() {
            starts[(*start & 0xffff) as usize] = true;
        }
        let mut file = &self.file;
        file.rewind().unwrap();
        let mut found = BTreeMap::new();
        for (label, length) in &self.pieces {
            let mut bytes = vec![0; *length];
            file.read_exact(&mut bytes).unwrap();
            for window in bytes.windows(LENGTH) {
                if !starts[usize::from(window[0]) | usize::from(window[1]) << 8] {
                    continue;
                }
                let start = u64::from_le_bytes(window[..8].try_into().unwrap());
                for (needle, what) in needles.by_start.get(&start).into_iter().flatten() {
                    if window == needle.as_slice() {
                        *found.entry((label.clone(), *what)).or_default() += 1;
                    }
                }
            }
        }
        found
    }
}
