//! `--format`: `table`, `json`, or a template of the kind that Docker's programs take: `{{.Name}}`, `{{json .}}`, `\t`.

use serde_json::Value;

use super::table::Table;
use crate::app::error::{AppError, Result};

/// A form of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// The command's own table.
    Table,
    /// One JSON object per row.
    Json,
    /// A table of these columns.
    TableOf(Template),
    /// A line per row.
    LineOf(Template),
}

/// Text with fields in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// A field; the empty name is the whole row.
    Field {
        name: String,
        json: bool,
    },
}

impl Format {
    /// Reads what `--format` says.
    pub fn parse(text: &str) -> Result<Self> {
        Ok(match text.trim() {
            "" | "table" => Self::Table,
            "json" => Self::Json,
            other => match other.strip_prefix("table ") {
                Some(columns) => Self::TableOf(Template::parse(columns)?),
                None => Self::LineOf(Template::parse(other)?),
            },
        })
    }

    /// Rows in this form; `None`: the command's own table is wanted.
    pub fn render(&self, rows: &[Value]) -> Result<Option<String>> {
        Ok(match self {
            Self::Table => None,
            Self::Json => Some(rows.iter().map(|row| format!("{row}\n")).collect()),
            Self::LineOf(template) => {
                let lines: Result<Vec<String>> = rows.iter().map(|row| template.fill(row)).collect();
                Some(lines?.iter().map(|line| format!("{}\n", super::text::clean_lines(line))).collect())
            }
            Self::TableOf(template) => {
                let mut table = Table::new(template.titles().split('\t').map(str::to_owned));
                for row in rows {
                    table.row(template.fill(row)?.split('\t').map(str::to_owned));
                }
                Some(table.render())
            }
        })
    }
}

impl Template {
    fn parse(text: &str) -> Result<Self> {
        let mut parts = Vec::new();
        let text = text.replace("\\t", "\t").replace("\\n", "\n");
        let mut rest = text.as_str();
        while let Some(start) = rest.find("{{") {
            if start > 0 {
                parts.push(Part::Text(rest[..start].to_owned()));
            }
            let end = rest[start..].find("}}").ok_or_else(|| refused(&text))? + start;
            parts.push(field(rest[start + 2..end].trim()).ok_or_else(|| refused(&text))?);
            rest = &rest[end + 2..];
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { parts })
    }

    fn fill(&self, row: &Value) -> Result<String> {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Field { name, json } => {
                    let value = if name.is_empty() { Some(row) } else { row.get(name) };
                    let value = value.ok_or_else(|| unknown_field(name, row))?;
                    match value {
                        Value::String(text) if !json => out.push_str(text),
                        other => out.push_str(&other.to_string()),
                    }
                }
            }
        }
        Ok(out)
    }

    fn titles(&self) -> String {
        let title = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Field { name, .. } => name.to_uppercase(),
        };
        self.parts.iter().map(title).collect()
    }
}

fn field(text: &str) -> Option<Part> {
    let (json, name) = match text.strip_prefix("json ") {
        Some(name) => (true, name.trim()),
        None => (false, text),
    };
    let name = name.strip_prefix('.')?;
    name.chars().all(char::is_alphanumeric).then(|| Part::Field { name: name.to_owned(), json })
}

fn refused(text: &str) -> AppError {
    AppError::usage(format!("can't read the template {text:?}"))
        .help("templates know {{.Field}}, {{json .Field}}, {{json .}}, \\t and \\n; `--format json` shows the fields")
}

fn unknown_field(name: &str, row: &Value) -> AppError {
    let fields: Vec<&str> = row.as_object().map(|o| o.keys().map(String::as_str).collect()).unwrap_or_default();
    AppError::usage(format!("there is no field {name:?}")).help(format!("the fields are {}", fields.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn templates_are_filled() {
        let rows = [json!({"Name": "a", "Code": 3})];
        let render = |format: &str| Format::parse(format).and_then(|f| f.render(&rows));
        assert_eq!(render("{{.Name}}: {{.Code}}").unwrap().unwrap(), "a: 3\n");
        assert_eq!(render("{{json .}}").unwrap().unwrap(), "{\"Name\":\"a\",\"Code\":3}\n");
        assert_eq!(render("table {{.Name}}\\t{{.Code}}").unwrap().unwrap(), "NAME      CODE\na         3\n");
        assert!(render("table").unwrap().is_none());
        assert!(render("{{.Nmae}}").is_err());
        assert!(render("{{range .}}").is_err());
        assert!(render("{{.Name").is_err());
    }
}
