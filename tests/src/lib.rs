//! folkmoot-tests
