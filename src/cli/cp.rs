//! `devup cp`

use super::context::Context;
use super::exit::Exit;
use crate::app::copy::{self, Manner, Side};
use crate::app::error::{AppError, Result};
use crate::app::inspect;
use crate::app::project::Project;
use crate::app::select::{self, OneOff};
use crate::app::wiring::Engine;
use crate::model::observed::Container;

const EXAMPLES: &str = "\
Examples:
  devup cp web:/var/log/app.log .        out
  devup cp seed.sql db:/tmp/             in
  devup cp web:/etc - | tar t            as a tar stream
  tar c src | devup cp - web:/workspace";

/// Arguments of `cp`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, override_usage = "devup cp [OPTIONS] SERVICE:SRC_PATH DEST_PATH|-\n       devup cp [OPTIONS] SRC_PATH|- SERVICE:DEST_PATH")]
pub struct Args {
    /// Where from
    #[arg(value_name = "SRC", allow_hyphen_values = true)]
    from: String,
    /// Where to
    #[arg(value_name = "DEST", allow_hyphen_values = true)]
    to: String,
    /// Containers of `run` as well
    #[arg(long)]
    all: bool,
    /// Owner and group go along
    #[arg(short, long)]
    archive: bool,
    /// A link given as source stands for what it points to
    #[arg(short = 'L', long)]
    follow_link: bool,
    /// The container with this number; without it, copies into a service go to each of its containers
    #[arg(long, value_name = "N")]
    index: Option<u32>,
}

/// Copies.
pub fn run(arguments: &Args, context: &Context) -> Result<Exit> {
    let manner = Manner { archive: arguments.archive, follow_link: arguments.follow_link };
    let project = context.project()?;
    context.block_on(async {
        let engine = context.engine().await?;
        match (Side::parse(&arguments.from), Side::parse(&arguments.to)) {
            (Side::Inside { service, path }, to @ (Side::Here(_) | Side::Stream)) => {
                let meant = containers(&engine, &project, &service, arguments).await?;
                let container = select_one(&meant, &service, arguments.index)?;
                match to {
                    Side::Here(to) => copy::out(&engine, container, &path, &to, manner).await?,
                    _ => copy::out_to_stream(&engine, container, &path, &mut std::io::stdout()).await?,
                }
            }
            (from @ (Side::Here(_) | Side::Stream), Side::Inside { service, path }) => {
                let meant = containers(&engine, &project, &service, arguments).await?;
                let meant = match (&from, arguments.index) {
                    // a stream can be read once only
                    (Side::Stream, _) | (_, Some(_)) => vec![select_one(&meant, &service, arguments.index)?.clone()],
                    _ => meant,
                };
                for container in &meant {
                    match &from {
                        Side::Here(from) => copy::into(&engine, container, from, &path, manner).await?,
                        _ => copy::stream_into(&engine, container, Box::new(tokio::io::stdin()), &path).await?,
                    }
                }
            }
            (Side::Inside { .. }, Side::Inside { .. }) => {
                return Err(AppError::failed("copying between services is not supported")
                    .help("copy out first, then in; or `devup cp a:/x - | devup cp - b:/`"));
            }
            _ => return Err(AppError::failed("unknown copy direction").help("one side has to be SERVICE:PATH")),
        }
        Ok(Exit::DONE)
    })
}

async fn containers(engine: &Engine, project: &Project, service: &str, arguments: &Args) -> Result<Vec<Container>> {
    let one_off = if arguments.all { OneOff::Include } else { OneOff::Exclude };
    let meant = inspect::containers(engine, project, &[service.to_owned()], one_off, true).await?;
    if meant.is_empty() {
        return Err(AppError::failed(format!("no container found for service \"{service}\""))
            .help(format!("`devup up {service}` makes and starts it")));
    }
    Ok(meant)
}

fn select_one<'a>(containers: &'a [Container], service: &str, index: Option<u32>) -> Result<&'a Container> {
    if index.is_none()
        && let Some(first) = containers.first()
    {
        return Ok(first);
    }
    select::one(containers, service, index)
}
