//! `task`: a command of the spec, in the running container of its service.

use serde::Serialize;

use crate::app::error::{AppError, Result};
use crate::app::project::Project;
use crate::driver::session::ExecRequest;
use crate::model::environment::Environment;
use crate::model::task::Task;
use crate::spec::schema;

/// A task as `--list` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// The service it runs in.
    pub service: String,
    /// `unit`, `functional`, `smoke`, or the project's own word.
    pub stage: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The shell command.
    pub run: String,
    /// It belongs to coming up.
    pub up: bool,
}

/// All tasks, in the order of the spec.
pub fn list(environment: &Environment) -> Vec<Listed> {
    let listed = environment.tasks.iter().map(|(name, task)| Listed {
        name: name.clone(),
        service: task.service.clone(),
        stage: task.stage.clone(),
        description: task.description.clone(),
        run: task.run.clone(),
        up: environment.up.contains(name),
    });
    listed.collect()
}

/// A task by name.
pub fn find<'a>(project: &'a Project, name: &str) -> Result<&'a Task> {
    let tasks = &project.environment()?.tasks;
    tasks.get(name).ok_or_else(|| {
        let nearest = schema::nearest(name, tasks.keys().map(String::as_str));
        let error = AppError::failed(format!("no such task: {name}"));
        match nearest {
            Some(known) => error.help(format!("did you mean `{known}`?")),
            None if tasks.is_empty() => error.help("the spec has no tasks: they stand under `tasks:` of devup.yaml"),
            None => {
                error.help(format!("the tasks are {}", tasks.keys().map(String::as_str).collect::<Vec<_>>().join(", ")))
            }
        }
    })
}

/// What is run: the task's shell command, further arguments quoted behind it.
pub fn request(task: &Task, arguments: &[String], tty: bool) -> Result<ExecRequest> {
    let mut script = task.run.trim_end().to_owned();
    for argument in arguments {
        let quoted = shlex::try_quote(argument)
            .map_err(|error| AppError::usage(format!("the argument {argument:?} can't be passed on: {error}")))?;
        script.push(' ');
        script.push_str(&quoted);
    }
    Ok(ExecRequest {
        command: vec!["/bin/sh".to_owned(), "-c".to_owned(), script],
        user: task.user.clone(),
        working_dir: task.working_dir.clone(),
        environment: task
            .environment
            .iter()
            .filter_map(|(name, value)| Some(format!("{name}={}", value.as_ref()?)))
            .collect(),
        tty,
        stdin: true,
        ..ExecRequest::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_reach_the_program_as_they_are() {
        let task = Task { service: "web".into(), run: "pytest -x\n".into(), ..Task::default() };
        let given = ["-k".to_owned(), "a b; $(touch x) 'q'".to_owned()];
        let made = request(&task, &given, false).unwrap();
        assert_eq!(made.command[..2], ["/bin/sh", "-c"]);
        let words = shlex::split(&made.command[2]).unwrap();
        assert_eq!(words, ["pytest", "-x", "-k", "a b; $(touch x) 'q'"]);
        assert!(request(&task, &["\0".to_owned()], false).is_err());
    }

    #[test]
    fn a_misspelt_task_gets_the_nearest() {
        let mut environment = Environment::default();
        environment.tasks.insert("migrate".into(), Task::default());
        let project = Project {
            name: "shop".into(),
            environment: Some(environment),
            spec: None,
            decision: None,
            named_by_folder: false,
            remarks: Vec::new(),
        };
        assert_eq!(find(&project, "migrat").unwrap_err().remedy().unwrap(), "did you mean `migrate`?");
        assert_eq!(find(&project, "zzz").unwrap_err().remedy().unwrap(), "the tasks are migrate");
        assert!(find(&project, "migrate").is_ok());
    }
}
