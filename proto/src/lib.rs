//! folkmoot-proto
