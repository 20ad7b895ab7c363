//! Renders reports and events: human, json; computes nothing.

pub mod ask;
pub mod backup;
pub mod consent;
pub mod data;
pub mod doctor;
pub mod drill;
pub mod fault;
pub mod findings;
pub mod import;
pub mod inspect;
pub mod logs;
pub mod look;
pub mod ports;
pub mod progress;
pub mod ps;
pub mod quantity;
pub mod restore;
pub mod screen;
pub mod table;
pub mod talk;
pub mod template;
pub mod terminal;
pub mod text;
pub mod up;
pub mod wipe;
