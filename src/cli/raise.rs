//! Brings a project up that another verb has loaded.

use super::ask::{self, Host};
use super::context::Context;
use super::perform::with_interrupts;
use crate::app::error::Result;
use crate::app::perform::judge;
use crate::app::project::Project;
use crate::app::request::Request;
use crate::app::up::{self, UpRequest};
use crate::engine::Canceller;
use crate::ui::progress::Progress;

/// Brings it up, in front of the user.
pub fn raise(context: &Context, (request, project, host): (&Request, &Project, &Host), wish: &UpRequest) -> Result<()> {
    context.block_on(async {
        let engine = ask::engine(context, host).await?;
        let progress = Progress::new(context.screen.look);
        let (canceller, cancel) = Canceller::new();
        let tools = host.tools();
        let work = up::up(request, &engine, project, wish, context, &tools, (&progress, &cancel));
        let outcome = with_interrupts(context, canceller, work).await?;
        drop(progress);
        judge(&outcome.report)
    })
}

/// Makes its containers, and starts none.
pub fn create(context: &Context, on: (&Request, &Project, &Host)) -> Result<()> {
    let mut wish = UpRequest::default();
    wish.options.no_start = true;
    raise(context, on, &wish)
}
