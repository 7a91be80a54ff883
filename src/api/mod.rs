//! The doors: one room per protocol, and around them what every request passes through.
//! A handler extracts, calls one registry function, and converts the answer.

pub mod extract;
pub mod middleware;
pub mod problem;
