//! The flags, from the types.

use clap::{Arg, ArgMatches, Command};
use confique::Config;

use super::keys::{self, Key};
use super::{Environment, Given, Loaded, Service};

/// The flag that names the configuration file.
const FILE: &str = "config";

impl Service {
    /// Adds `--config` and a flag for every key of `C`, before and after subcommands alike.
    pub fn command<C: Config>(&self, command: Command) -> Command {
        let file = Arg::new(FILE)
            .long(FILE)
            .value_name("FILE")
            .help(format!(
                "The configuration file (TOML); `{} config default` prints one [env: {}]",
                self.name, self.file_env
            ))
            .global(true);
        let flags = keys::of(&C::META, self.flags);
        let flags = flags.iter().filter_map(argument);
        command.arg(file).args(flags)
    }

    /// What was given on a command line that [`Service::command`] has parsed, and in the environment.
    pub fn given<'a>(&self, matches: &ArgMatches, environment: Environment<'a>) -> Given<'a> {
        let said = |name: &str| {
            let value = matches.try_get_one::<String>(name).ok().flatten();
            value.cloned()
        };
        let file = said(FILE).map(Into::into).or_else(|| {
            let file = environment(self.file_env).filter(|file| !file.is_empty());
            file.map(Into::into)
        });
        let flags = self.flags.iter();
        Given {
            file,
            flags: flags
                .filter_map(|flag| Some((flag.name, said(flag.name)?)))
                .collect(),
            environment,
        }
    }

    /// [`Service::given`], loaded.
    pub fn load_from<C: Config>(
        &self,
        matches: &ArgMatches,
        environment: Environment<'_>,
    ) -> Loaded<C> {
        self.load(self.given(matches, environment))
    }
}

fn argument(key: &Key) -> Option<Arg> {
    let flag = key.flag?;
    let mut help = key.meaning.trim_end_matches('.').to_owned();
    if let Some(env) = key.env {
        help += &format!(" [env: {env}]");
    }
    match &key.default {
        Some(toml::Value::String(default)) => help += &format!(" [default: {default}]"),
        Some(default) => help += &format!(" [default: {default}]"),
        None if key.required => help += " [required]",
        None => {}
    }
    let argument = Arg::new(flag.name)
        .long(flag.name)
        .value_name(flag.value)
        .help(help)
        // A negative number is a wrong value and not an unknown flag.
        .allow_negative_numbers(true)
        .global(true);
    Some(argument)
}
