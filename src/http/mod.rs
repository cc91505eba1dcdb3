//! The HTTP side: reads a request, calls one domain function, writes the answer.

pub mod wire;
