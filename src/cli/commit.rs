//! `devup commit`

use serde_json::json;

use super::context::Context;
use super::exit::Exit;
use crate::app::error::Result;
use crate::app::select::{self, OneOff};
use crate::app::{commit, inspect};
use crate::driver::image::CommitRequest;
use crate::ui::text::clean;

const EXAMPLES: &str = "\
Examples:
  devup commit db shop/db:before-migration     an image of it as it is now
  devup commit -c 'ENV STAGE=test' web shop/web:test

Volumes are not part of it. What is printed is the image's id.";

/// Arguments of `commit`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Who made it
    #[arg(short, long, value_name = "NAME")]
    author: Option<String>,
    /// A line of a Dockerfile to apply, such as `ENV A=b`; may be given several times
    #[arg(short, long, value_name = "LINE")]
    change: Vec<String>,
    /// The container with this number
    #[arg(long, value_name = "N")]
    index: Option<u32>,
    /// A word on it
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,
    /// Freeze the container meanwhile (done anyway, but for `--pause=false`)
    #[arg(short, long, num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true",
          action = clap::ArgAction::Set, value_name = "BOOL")]
    pause: bool,
    /// The service
    service: String,
    /// What the image is called; nothing: it has only its id
    #[arg(value_name = "IMAGE[:TAG]")]
    image: Option<String>,
}

/// Makes an image out of a container.
pub fn run(arguments: &Args, context: &Context) -> Result<Exit> {
    let request = CommitRequest {
        reference: arguments.image.as_deref().map(commit::reference).transpose()?,
        changes: arguments.change.clone(),
        author: arguments.author.clone(),
        message: arguments.message.clone(),
        unpaused: !arguments.pause,
    };
    let project = context.project()?;
    context.block_on(async {
        let engine = context.engine().await?;
        let service = std::slice::from_ref(&arguments.service);
        let all = inspect::containers(&engine, &project, service, OneOff::Exclude, true).await?;
        let container = select::one(&all, &arguments.service, arguments.index)?;
        let mut report = json!({ "container": container.name, "image": request.reference });
        if context.global.dry_run {
            let called = request.reference.as_deref().unwrap_or("an image without a name");
            return super::perform::would(
                context,
                &report,
                &format!("commit {} as {}", clean(&container.name), clean(called)),
            );
        }
        let id = commit::commit(&engine, container, &request).await?;
        if context.global.json {
            report["id"] = json!(id);
            context.screen.json(&report)?;
        } else {
            context.screen.answer(&format!("{}\n", clean(&id)))?;
        }
        Ok(Exit::DONE)
    })
}
