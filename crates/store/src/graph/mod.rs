//! The graph as users of ML Metadata write it: types of their own, and many nodes, events and memberships at once, each in
//! a number of statements that does not grow with them.

pub mod events;
pub mod memberships;
pub mod nodes;
pub mod reach;
pub mod types;
