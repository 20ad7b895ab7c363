//! Ground floor: processes, files, locks, digests, the clock. Nothing here knows of devup.

pub mod authorities;
pub mod clock;
pub mod digest;
pub mod files;
pub mod ignore;
pub mod lock;
pub mod process;
pub mod retry;
