//! `gateway iso`: ISO 8583 messages at a shell. Everything printed here is masked.

mod arguments;
mod describe;
mod description;
mod dialect;
mod encode;
mod findings;
mod framing;
mod hints;
mod input;
mod mask;
mod outline;
mod parts;
mod print;
mod reading;
mod recipe;
mod refusal;
mod send;
#[cfg(test)]
mod tests;
mod window;
mod words;

use std::ffi::OsString;
use std::io::{ErrorKind, Read, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use iso8583::Profile;
use zeroize::Zeroizing;

use arguments::{Arguments, Describe, Encode, Send, Tool};
use framing::Framing;

/// The words behind `gateway iso`, read by a parser of their own: the flags of the gateway's
/// settings mean nothing here.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(super) struct Words {
    /// describe, encode or send; `gateway iso --help` says more.
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "TOOL"
    )]
    words: Vec<OsString>,
}

/// Where input comes from and results go.
struct Streams<'a> {
    stdin: &'a mut dyn Read,
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
}

/// How a tool ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// As it should.
    Done,
    /// A message could not be read or written, or there was no answer.
    NotReadable,
    /// The command line cannot be followed.
    Usage,
}

impl Ended {
    const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::NotReadable => 1,
            Self::Usage => 2,
        }
    }
}

impl Words {
    /// Does what they say.
    pub(super) fn run(self) -> ExitCode {
        let mut streams = Streams {
            stdin: &mut std::io::stdin().lock(),
            out: &mut std::io::stdout().lock(),
            err: &mut std::io::stderr().lock(),
        };
        ExitCode::from(run(self.words, &mut streams).code())
    }
}

impl Streams<'_> {
    /// Says what went wrong.
    fn fail(&mut self, error: &str) -> std::io::Result<Ended> {
        writeln!(self.err, "gateway iso: {error}")?;
        Ok(Ended::NotReadable)
    }

    /// Says why the command line cannot be followed.
    fn refuse(&mut self, error: &str) -> std::io::Result<Ended> {
        self.fail(error)?;
        Ok(Ended::Usage)
    }
}

fn run(words: Vec<OsString>, streams: &mut Streams<'_>) -> Ended {
    let name = OsString::from("gateway iso");
    let done = match Arguments::try_parse_from(std::iter::once(name).chain(words)) {
        Ok(Arguments { tool }) => match tool {
            Tool::Describe(describe) => describe.run(streams),
            Tool::Encode(encode) => encode.run(streams),
            Tool::Send(send) => send.run(streams),
        },
        Err(error) if error.use_stderr() => {
            // It quotes words that may be a message somebody pasted.
            let text = mask::typed(&error.render().to_string());
            let said = streams.err.write_all(text.as_bytes());
            said.map(|()| Ended::Usage)
        }
        Err(help) => write!(streams.out, "{}", help.render()).map(|()| Ended::Done),
    };
    match done.and_then(|ended| streams.out.flush().map(|()| ended)) {
        Ok(ended) => ended,
        // Whoever has read enough, such as `head`, needs no error.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ended::Done,
        Err(error) => {
            let _unread = writeln!(streams.err, "gateway iso: {error}");
            Ended::NotReadable
        }
    }
}

impl Describe {
    fn run(self, streams: &mut Streams<'_>) -> std::io::Result<Ended> {
        let profile = match dialect::find(&self.dialect.profile) {
            Ok(profile) => profile,
            Err(error) => return streams.refuse(&error),
        };
        let (form, framing) = (self.form.form(), self.framing);
        let bytes = input::read(self.file.as_deref(), streams.stdin)
            .and_then(|input| input::bytes(input, form, framing, &profile));
        match bytes {
            Ok(bytes) => describe::describe(&profile, framing, &bytes, self.json, streams),
            Err(error) => streams.refuse(&error),
        }
    }
}

impl Encode {
    fn run(self, streams: &mut Streams<'_>) -> std::io::Result<Ended> {
        let profile = match dialect::find(&self.dialect.profile) {
            Ok(profile) => profile,
            Err(error) => return streams.refuse(&error),
        };
        match input::read(self.file.as_deref(), streams.stdin) {
            Ok(text) => encode::encode(&profile, self.framing, &text, self.hex, streams),
            Err(error) => streams.refuse(&error),
        }
    }
}

impl Send {
    fn run(self, streams: &mut Streams<'_>) -> std::io::Result<Ended> {
        if self.framing == Framing::NONE {
            let error = "nothing would tell where an answer ends: choose another --framing";
            return streams.refuse(error);
        }
        let profile = match dialect::find(&self.dialect.profile) {
            Ok(profile) => profile,
            Err(error) => return streams.refuse(&error),
        };
        let input = match input::read(self.file.as_deref(), streams.stdin) {
            Ok(input) => input,
            Err(error) => return streams.refuse(&error),
        };
        let message = match self.message(input, &profile) {
            Ok(message) => message,
            Err(error) => return streams.fail(&error),
        };
        let exchange = send::Exchange {
            host: &self.host,
            profile: &profile,
            framing: self.framing,
            connect: Duration::from_millis(self.connect_timeout_ms),
            answer: Duration::from_millis(self.timeout_ms),
            repeat: self.repeat,
            json: self.json,
        };
        send::send(&exchange, &message, streams)
    }

    /// The one message of the input: bytes, hex digits or JSON.
    fn message(
        &self,
        input: Zeroizing<Vec<u8>>,
        profile: &Profile,
    ) -> Result<Zeroizing<Vec<u8>>, String> {
        let form = self.form.form();
        let json = form == input::Form::Either && input.trim_ascii_start().starts_with(b"{");
        if !json {
            let bytes = input::bytes(input, form, Framing::NONE, profile)?;
            return match bytes.is_empty() {
                true => Err("there is no message: give one on stdin or name a file".to_owned()),
                false => Ok(bytes),
            };
        }
        match &*recipe::read_all(&input)? {
            [recipe] => recipe.encode(profile),
            _ => Err("there are several messages: send one, or use --repeat".to_owned()),
        }
    }
}
