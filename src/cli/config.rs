//! `devup config`

use std::path::PathBuf;

use serde_json::{Value, json};

use super::context::Context;
use super::exit::Exit;
use crate::app::config::{self, Options, Read};
use crate::app::error::{AppError, Result};
use crate::app::pin;
use crate::app::request::Request;
use crate::base::files;
use crate::spec;
use crate::ui::table::Table;
use crate::ui::text::clean;

const EXAMPLES: &str = "\
Examples:
  devup config                        the spec as devup reads it, all files merged, short forms expanded
  devup config -q && echo fine        only check it
  devup config --format json web      one service and what it needs
  devup config --lock-image-digests   images as they are now, to keep in a file of their own
  devup config --variables            which variables does it ask for?
  devup config --devcontainer         the project's devcontainer.json, its variables replaced";

/// Form of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// YAML.
    Yaml,
    /// JSON.
    Json,
}

/// Arguments of `config`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "one flag each")]
pub struct Args {
    /// Only these services and what they need
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Form of the answer [default: yaml]
    #[arg(long, value_enum)]
    format: Option<Form>,
    /// Leave relative paths as they are
    #[arg(long)]
    no_path_resolution: bool,
    /// Don't check references and contradictions
    #[arg(long)]
    no_consistency: bool,
    /// Leave out what Compose adds untold: default network, implied dependencies, names
    #[arg(long)]
    no_normalize: bool,
    /// Accepted as by Compose, whose output it does not change either
    #[arg(long)]
    no_env_resolution: bool,
    /// Leave variables as they are: the files merged, nothing expanded
    #[arg(long)]
    no_interpolate: bool,
    /// Put behind each image the digest that its registry has now; asks the engine
    #[arg(long)]
    resolve_image_digests: bool,
    /// Print nothing but images with digests, to be merged over the spec; asks the engine
    #[arg(long)]
    lock_image_digests: bool,
    /// Only check, print nothing
    #[arg(short, long)]
    quiet: bool,
    /// Write to a file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    list: List,
}

/// A list instead of the spec.
#[derive(Debug, Clone, clap::Args)]
#[group(multiple = false)]
#[expect(clippy::struct_excessive_bools, reason = "one flag each")]
struct List {
    /// Names of services
    #[arg(long = "services")]
    service_names: bool,
    /// Names of volumes
    #[arg(long = "volumes")]
    volume_names: bool,
    /// Names of images
    #[arg(long = "images")]
    image_names: bool,
    /// Names of profiles
    #[arg(long = "profiles")]
    profile_names: bool,
    /// Names of networks
    #[arg(long = "networks")]
    network_names: bool,
    /// Models that services use
    #[arg(long = "models")]
    model_names: bool,
    /// Hash of each of these services' definitions, `*` for all
    #[arg(long, value_name = "SERVICES")]
    hash: Option<String>,
    /// Variables that the spec asks for
    #[arg(long)]
    variables: bool,
    /// Variables and their values, as the spec sees them
    #[arg(long)]
    environment: bool,
}

/// Prints the spec, or a list.
pub fn run(arguments: &Args, context: &Context) -> Result<Exit> {
    let text = text(arguments, context)?;
    if arguments.quiet {
        return Ok(Exit::DONE);
    }
    match &arguments.output {
        Some(path) => {
            files::write_atomic(path, text.as_bytes(), files::Access::Private)
                .map_err(|error| AppError::failed(error.to_string()))?;
        }
        None => context.screen.answer(&text)?,
    }
    Ok(Exit::DONE)
}

fn text(arguments: &Args, context: &Context) -> Result<String> {
    let request = context.request()?;
    let as_json = arguments.format == Some(Form::Json) || (arguments.format.is_none() && context.global.json);
    let list = &arguments.list;
    if context.global.devcontainer.is_some() {
        return devcontainer(context, &request, as_json);
    }
    if list.variables {
        return variables(&config::variables(&request)?, as_json);
    }
    let options = Options {
        resolve_paths: !arguments.no_path_resolution,
        consistency: !arguments.no_consistency,
        normalise: !arguments.no_normalize,
    };
    if list.environment {
        let read = context.load(|request| config::read(request, options, &[]))?;
        let values = config::variable_values(&request, &read)?;
        if context.global.json {
            return pretty(&values.into_iter().map(|(name, value)| (name, Value::String(value))).collect());
        }
        return Ok(values.iter().map(|(name, value)| format!("{name}={value}\n")).collect());
    }
    if arguments.no_interpolate {
        let (found, mut spec) = config::raw(&request)?;
        let name = spec.get("name").and_then(|node| node.as_str().map(str::to_owned));
        if name.is_none() {
            let name = found.project_name(None)?;
            spec.set("name", spec::node::Node::string(name.as_str(), spec::node::At::nowhere()));
        }
        pin(arguments, context, &mut spec)?;
        return if as_json { pretty(&spec.to_json()) } else { Ok(spec::emit::yaml(&spec.to_json())) };
    }
    let mut read = context.load(|request| config::read(request, options, &arguments.services))?;
    for warning in &read.loaded.warnings {
        context.screen.say(&warning.screen(context.screen.look.colour_err));
    }
    if let Some(names) = names(list, &read)? {
        // `--format` is about the spec: with it these lists stay plain, as in Compose
        if context.global.json {
            return pretty(&listed(list, &names));
        }
        return Ok(names.iter().map(|name| format!("{}\n", clean(name))).collect());
    }
    pin(arguments, context, &mut read.loaded.spec)?;
    if as_json { pretty(&spec::config::json(&read.loaded)) } else { Ok(spec::config::yaml(&read.loaded)) }
}

/// Digests for images, where they are asked for.
fn pin(arguments: &Args, context: &Context, spec: &mut spec::node::Node) -> Result<()> {
    if !arguments.resolve_image_digests && !arguments.lock_image_digests {
        return Ok(());
    }
    context.block_on(async {
        let engine = context.engine().await?;
        pin::pin(&engine, spec).await
    })?;
    if arguments.lock_image_digests {
        *spec = pin::images_only(spec);
    }
    Ok(())
}

/// A dev container's file as the reference program for dev containers prints it.
fn devcontainer(context: &Context, request: &Request, as_json: bool) -> Result<String> {
    let read = config::devcontainer(request)?;
    for warning in &read.warnings {
        context.screen.say(&warning.screen(context.screen.look.colour_err));
    }
    let value = spec::devcontainer::print::json(&read);
    if as_json { pretty(&value) } else { Ok(spec::emit::yaml(&value)) }
}

fn names(list: &List, read: &Read) -> Result<Option<Vec<String>>> {
    let environment = &read.environment;
    let mut names: Vec<String> = if list.service_names {
        environment.services.keys().cloned().collect()
    } else if list.volume_names {
        environment.volumes.keys().cloned().collect()
    } else if list.network_names {
        environment.networks.keys().cloned().collect()
    } else if list.model_names {
        config::models(&read.loaded)
    } else if list.image_names {
        environment.services.iter().flat_map(|(name, service)| config::images(environment, name, service)).collect()
    } else if list.profile_names {
        let all = environment.services.values().chain(environment.disabled.values());
        let mut profiles: Vec<String> = all.flat_map(|service| service.profiles.clone()).collect();
        profiles.sort();
        profiles.dedup();
        profiles
    } else if let Some(wanted) = &list.hash {
        let wanted: Vec<String> = wanted.split(',').map(str::to_owned).collect();
        let all = wanted.iter().any(|name| name == "*");
        if !all {
            crate::app::select::known(&wanted, environment.services.keys().map(String::as_str))?;
        }
        let hashes = config::hashes(environment).into_iter();
        hashes.filter(|(name, _)| all || wanted.contains(name)).map(|(name, hash)| format!("{name} {hash}")).collect()
    } else {
        return Ok(None);
    };
    names.sort();
    Ok(Some(names))
}

/// A list as JSON; hashes by the names of their services.
fn listed(list: &List, names: &[String]) -> Value {
    if list.hash.is_none() {
        return json!(names);
    }
    names.iter().filter_map(|line| line.split_once(' ')).map(|(name, hash)| (name.to_owned(), json!(hash))).collect()
}

fn variables(used: &[spec::interpolate::VariableUse], as_json: bool) -> Result<String> {
    if as_json {
        let entry = |one: &spec::interpolate::VariableUse| {
            let fields = json!({
                "Name": one.name,
                "DefaultValue": one.default,
                "PresenceValue": one.alternate,
                "Required": one.required,
            });
            (one.name.clone(), fields)
        };
        return pretty(&Value::Object(used.iter().map(entry).collect()));
    }
    let mut table = Table::new(["NAME", "REQUIRED", "DEFAULT VALUE", "ALTERNATE VALUE"]).narrowest(20);
    for one in used {
        table.row([one.name.clone(), one.required.to_string(), one.default.clone(), one.alternate.clone()]);
    }
    Ok(table.render())
}

fn pretty(value: &Value) -> Result<String> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| AppError::failed(format!("writing the spec as JSON: {error}")))?;
    Ok(format!("{text}\n"))
}
