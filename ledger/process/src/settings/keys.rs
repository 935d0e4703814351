//! Every key that there is, from the types.

use confique::meta::{FieldKind, LeafKind, Meta};

use super::Flag;

/// One value that can be set.
pub(super) struct Key {
    /// With its sections, such as `doors.http`.
    pub(super) path: String,
    /// The flag that sets it.
    pub(super) flag: Option<&'static Flag>,
    /// The environment variable that sets it.
    pub(super) env: Option<&'static str>,
    /// What it is where nobody sets it.
    pub(super) default: Option<toml::Value>,
    /// True where there must be a value.
    pub(super) required: bool,
    /// What it means: the first paragraph of its documentation.
    pub(super) meaning: String,
}

impl Key {
    /// A value as one writes it in a file.
    pub(super) fn example(&self) -> toml::Value {
        match (&self.default, self.flag) {
            (Some(default), _) => default.clone(),
            (None, flag) => toml::Value::String(flag.map_or("…", |flag| flag.example).to_owned()),
        }
    }

    /// Its sections, and its name in the last one.
    pub(super) fn split(&self) -> (Option<&str>, &str) {
        match self.path.rsplit_once('.') {
            Some((section, name)) => (Some(section), name),
            None => (None, &self.path),
        }
    }
}

/// The keys of a configuration in the order of the types.
pub(super) fn of(meta: &'static Meta, flags: &'static [Flag]) -> Vec<Key> {
    let mut keys = Vec::new();
    collect("", meta, flags, &mut keys);
    keys
}

fn collect(section: &str, meta: &'static Meta, flags: &'static [Flag], keys: &mut Vec<Key>) {
    for field in meta.fields {
        let path = join(section, field.name);
        match field.kind {
            FieldKind::Nested { meta } => collect(&path, meta, flags, keys),
            FieldKind::Leaf { env, kind } => {
                let (required, default) = match kind {
                    LeafKind::Required { default } => (true, default),
                    LeafKind::Optional => (false, None),
                };
                let paragraph = field.doc.iter().map(|line| line.trim());
                let paragraph: Vec<_> = paragraph.take_while(|line| !line.is_empty()).collect();
                keys.push(Key {
                    flag: flags.iter().find(|flag| flag.key == path),
                    path,
                    env,
                    // Every default is a string, a number or a boolean, which TOML has.
                    default: default.and_then(|value| toml::Value::try_from(value).ok()),
                    required,
                    meaning: paragraph.join(" "),
                });
            }
        }
    }
}

/// A name in a section.
pub(super) fn join(section: &str, name: &str) -> String {
    if section.is_empty() {
        name.to_owned()
    } else {
        format!("{section}.{name}")
    }
}
