//! A coordinator that lies.
