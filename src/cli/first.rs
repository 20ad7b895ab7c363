//! Said once after the first `up`: where backups of this machine go.

use super::context::Context;
use crate::app::error::{AppError, Result};
use crate::app::first::{self, First};

/// Sees to it that there is a repository. Whatever comes of it, the project is up: nothing of this is a failure.
pub async fn offer(context: &Context) -> Result<()> {
    let request = context.request()?;
    let made = tokio::task::spawn_blocking(move || first::first(&request)).await;
    match made.map_err(|error| AppError::failed(error.to_string())).and_then(|made| made) {
        Ok(None) => {}
        Ok(Some(First::Made { name, place })) => context.screen.say(&format!(
            "made the backup repository {name} in {place}, once for this machine: before devup removes data, it is saved \
             there. `devup backup` takes a backup, `devup backup schedule --daily` does so by itself, `devup backup sheet` \
             shows what opens it on another machine"
        )),
        Ok(Some(First::Left { why })) => context.screen.say(&format!(
            "there is no backup repository on this machine, and none was made: {why}; `devup backup init REPOSITORY` makes \
             one (this is said once)"
        )),
        Err(error) => context.screen.warn(&format!("making a backup repository: {error}")),
    }
    Ok(())
}
