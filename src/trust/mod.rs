//! Capabilities that a spec asks of the host, and the consent to exactly them.
//!
//! An allowlist: [`table`] has a row for every key of the model, which says why its values stay inside the project, or
//! what has to hold for a value so that it does, or which capability it is. What has no row is a capability.
//!
//! ```text
//! Environment ─survey─▶ Survey ─judge(kept consent)─▶ Nothing | Granted | Ask
//!      ▲                                                            │ yes
//!      └── survey again right before apply, judge again ◀───────────┘ state keeps the consent
//! ```

pub mod boundary;
pub mod capability;
mod check;
pub mod survey;
pub mod table;
pub mod verdict;

#[cfg(test)]
mod page;
#[cfg(test)]
mod tests;
