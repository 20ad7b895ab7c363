//! `develop.watch`: what changed on the host, and what has to be done about it.
//!
//! [`rule`] reads what a service asks for, [`batch`] decides (pure), [`walk`] looks into folders, [`notice`] hears of changes, [`pack`] makes archives of
//! what has to go inside.

pub mod batch;
pub mod notice;
pub mod pack;
pub mod rule;
pub mod walk;
