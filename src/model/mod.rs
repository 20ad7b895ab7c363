//! The nouns of devup as pure data. Nothing here reads a file, asks an engine, or knows the time.

pub mod backup;
pub mod build;
mod canonical;
pub mod container;
pub mod deploy;
pub mod development;
pub mod environment;
pub mod event;
pub mod labels;
pub mod layout;
pub mod mount;
pub mod name;
pub mod observed;
pub mod provider;
pub mod quantity;
pub mod repository;
pub mod resource;
pub mod service;
pub mod task;
