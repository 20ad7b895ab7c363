//! (Environment, Observed, Options) → Plan. Pure: nothing here asks an engine, reads a file or knows the time.
//!
//! `up` decides in this order: which services ([`selection`]), what brings their images ([`images`]), what is wanted of
//! each container ([`draft`], [`hash`]; from providers: [`provide`]), what stands for it ([`slots`]), what happens to it ([`decide`]), and which
//! steps do that ([`emit`], [`make`], [`before`], [`start`], [`waiting`]). [`graph`] numbers them.

mod before;
mod bring;
mod decide;
mod down;
mod draft;
mod emit;
mod error;
mod graph;
mod hash;
mod images;
mod inherit;
mod inside;
mod make;
mod operand;
mod operation;
mod options;
mod provide;
mod resources;
mod selection;
mod slots;
mod stages;
mod start;
mod step;
mod text;
mod up;
mod waiting;

pub use bring::{OneOff, bring, one_off};
pub use down::{DownOptions, RemoveImages, down};
pub use draft::own_image;
pub use error::PlanError;
pub use images::references;
pub use inside::{Holder, ProvisionMark, anonymous_subject, bind_subject, on_host, volume_subject};
pub use operation::{
    ContainerTarget, HookMoment, ImageUse, Injection, InjectionSource, Join, Namespace, Operation, Until,
};
pub use options::{
    Additions, Answers, ImageChain, ImageMaker, Inputs, InsideStep, Options, Pull, Variables, Wait, mark_line,
};
pub use slots::{is_anonymous, numbers_of};
pub use stages::{mark as stage_mark, secrets as stage_secrets};
pub use start::hook_mark;
pub use step::{Cause, Plan, Risk, Step, StepId};
pub use text::Verb;
pub use up::reconcile;
