//! Wiping what finished calls have left on the stack.
//!
//! Secrets of ours are wiped where they are kept. But to work with one, libraries and the compiler copy it: into a cipher's
//! state, an argument, a register that is spilled. Those copies lie in frames of calls that have returned, until some
//! later call happens to need the place.

use zeroize::Zeroize as _;

/// How much of the stack is overwritten, in bytes: several times what the calls of a step use, and far below the least that a
/// thread has.
const DEPTH: usize = 64 << 10;

/// Does `work`, then overwrites the part of the stack that it used, 64 KiB of it at most.
///
/// What it returns must not be secret. Registers are not overwritten, nor stacks of other threads that worked for it.
#[inline(never)]
pub fn after<T>(work: impl FnOnce() -> T) -> T {
    let out = apart(work);
    overwrite();
    out
}

/// A frame of its own, below the caller's, so that [`overwrite`] gets the same place.
#[inline(never)]
fn apart<T>(work: impl FnOnce() -> T) -> T {
    work()
}

#[inline(never)]
fn overwrite() {
    let mut place = [0_u64; DEPTH / size_of::<u64>()];
    // Writes that the compiler may not leave out, though nobody reads them.
    place.zeroize();
}
