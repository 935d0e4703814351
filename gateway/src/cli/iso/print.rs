//! Descriptions and refusals as text for people.

use std::fmt::{Display, Formatter, Result};

use super::description::{Description, FieldLine};
use super::parts::Part;
use super::refusal::Refusal;
use super::window::LEGEND;

impl Display for Description {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        writeln!(f, "{} {}", self.mti, self.mti_words)?;
        write!(f, "{} bytes, profile {}", self.length, self.profile)?;
        match self.header_length {
            0 => writeln!(f)?,
            length => writeln!(f, ", header of {length} bytes")?,
        }
        writeln!(f, "bitmap {}", self.bitmap)?;
        for field in &self.fields {
            line(f, field)?;
        }
        for finding in &self.findings {
            writeln!(f, "! {finding}")?;
        }
        match (self.has_presence_rules, self.findings.is_empty()) {
            (true, true) => writeln!(f, "nothing is missing"),
            (false, _) => writeln!(f, "the profile has no rules for what this type must carry"),
            (true, false) => Ok(()),
        }
    }
}

fn line(f: &mut Formatter<'_>, field: &FieldLine) -> Result {
    let FieldLine {
        number,
        name,
        format,
        value,
        secrecy,
        length,
        unit,
        means,
        parts,
    } = field;
    write!(f, "{number:5}  {name:35} {format:30} ")?;
    match value {
        Some(value) => write!(f, "{}", value.escape_debug())?,
        None => write!(f, "<{length} {unit}, {secrecy}>")?,
    }
    match means {
        Some(means) => writeln!(f, "  {means}")?,
        None => writeln!(f)?,
    }
    parts.iter().try_for_each(|part| part_line(f, part))
}

fn part_line(f: &mut Formatter<'_>, part: &Part) -> Result {
    let Part {
        name,
        value,
        length,
        depth,
    } = part;
    let name = format!("{}{name}", "  ".repeat(*depth));
    match value {
        Some(value) => writeln!(f, "         {name:43} {}", value.escape_debug()),
        None => writeln!(f, "         {name:43} <{length} bytes>"),
    }
}

impl Display for Refusal {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(
            f,
            "not readable as {}, {} bytes: ",
            self.profile, self.length
        )?;
        if let Some(field) = self.field {
            match self.field_name.as_deref().unwrap_or_default() {
                "" => write!(f, "field {field}, ")?,
                name => write!(f, "field {field} ({name}), ")?,
            }
        }
        writeln!(f, "byte {}: {}", self.offset, self.reason)?;
        for field in &self.read {
            let (number, name) = (field.number, &field.name);
            let last = field.end.saturating_sub(1);
            match field.end - field.start {
                0 => writeln!(f, "{number:5}  {name:35} empty")?,
                _ => writeln!(f, "{number:5}  {name:35} bytes {} to {last}", field.start)?,
            }
        }
        for line in &self.window {
            writeln!(f, "{line}")?;
        }
        writeln!(f, "       ({LEGEND})")?;
        self.hints
            .iter()
            .try_for_each(|hint| writeln!(f, "hint: {hint}"))
    }
}
