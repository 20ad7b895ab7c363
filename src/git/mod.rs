//! The git program: which addresses it may be given, and calls of it that run nothing a repository brings along.

pub mod address;
pub mod call;
pub mod login;
