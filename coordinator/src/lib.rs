//! folkmoot-coordinator
