//! The policy file of a running gateway, read again when it is asked to.
//!
//! A file that cannot be used keeps the policy in force, and one that can lose more than that needs a second
//! approval. Only what a start reads is taken without: whoever may start a gateway with any file may do that.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use fallback::policy::PolicyError;
use fallback::{Homes, Policy};
use process::stop::Hangup;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::approval::ApprovalKey;
use crate::authorize::{Gateway, now};

/// Where the policy is, and what is needed to take another one.
pub struct PolicyFile {
    /// `None` for the built-in one.
    pub path: Option<PathBuf>,
    /// The fleet.
    pub homes: Homes,
    /// Who approves; `None` where nobody can.
    pub approval: Option<ApprovalKey>,
    /// How it went.
    pub reloads: Reloads,
}

/// How often the file was taken, and what is wrong with it.
#[derive(Debug, Default)]
pub struct Reloads {
    taken: AtomicU64,
    why: Mutex<Option<String>>,
}

impl Reloads {
    /// How often it was taken.
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// Why the file that was read last is not in force, if it is not.
    pub fn refused(&self) -> Option<String> {
        self.why
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn note(&self, refused: Option<String>) {
        if refused.is_none() {
            self.taken.fetch_add(1, Ordering::Relaxed);
        }
        *self.why.lock().unwrap_or_else(PoisonError::into_inner) = refused;
    }
}

/// Why a file is not taken. The policy before it stays in force.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// The gateway was started without one.
    #[error("the built-in policy has no file; start the gateway with --policy FILE")]
    BuiltIn,
    /// It cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// It says nothing that can be used, or not for this fleet.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// It can lose more, and nobody has approved that.
    #[error(
        "it raises the worst case of an outage from {before} to {after}, and {what}; look at it with `gateway \
         policy diff`, have it approved with `gateway policy approve`, write what that prints to {}, and \
         ask again", token.display()
    )]
    NotApproved {
        /// The bound in force.
        before: String,
        /// The bound that it would be.
        after: String,
        /// What is missing.
        what: &'static str,
        /// Where the token should be.
        token: PathBuf,
    },
}

impl PolicyFile {
    /// Where the token of an approval is looked for: beside the policy.
    pub fn token_path(policy: &Path) -> PathBuf {
        let mut path = policy.as_os_str().to_owned();
        path.push(".approval");
        path.into()
    }

    /// The policy in the file, if it may follow the one in force.
    ///
    /// # Errors
    /// It may not.
    pub fn read(&self, in_force: &Policy) -> Result<Policy, NotTaken> {
        let path = self.path.as_deref().ok_or(NotTaken::BuiltIn)?;
        let text = std::fs::read_to_string(path).map_err(|source| unreadable(path, source))?;
        let policy = Policy::parse(&text)?;
        policy.fits(&self.homes)?;
        policy.may_follow(in_force)?;
        if policy.raises(in_force, Some(&self.homes)) {
            self.approved(path, &policy, in_force)?;
        }
        Ok(policy)
    }

    fn approved(&self, path: &Path, policy: &Policy, in_force: &Policy) -> Result<(), NotTaken> {
        let token = Self::token_path(path);
        let missing = |what| NotTaken::NotApproved {
            before: bound(in_force, &self.homes),
            after: bound(policy, &self.homes),
            what,
            token: token.clone(),
        };
        let Some(key) = &self.approval else {
            return Err(missing(
                "this gateway has no approval key (files.policy_approval_key)",
            ));
        };
        match std::fs::read_to_string(&token) {
            Ok(text) if key.approves(&text, policy, &self.homes) => Ok(()),
            Ok(_) => Err(missing(
                "the approval beside it is of another policy, another fleet or another key",
            )),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(missing("no approval is beside it"))
            }
            Err(source) => Err(unreadable(&token, source)),
        }
    }
}

fn bound(policy: &Policy, homes: &Homes) -> String {
    policy.currency().format(policy.bound_minor(homes))
}

fn unreadable(path: &Path, source: std::io::Error) -> NotTaken {
    let path = path.to_owned();
    NotTaken::Unreadable { path, source }
}

/// Reads the file again at every SIGHUP, until the gateway stops.
pub async fn run(gateway: Gateway, mut asked: Hangup, stop: CancellationToken) {
    while stop.run_until_cancelled(asked.next()).await.is_some() {
        let of = gateway.clone();
        let read = tokio::task::spawn_blocking(move || again(&of));
        if let Err(error) = read.await {
            warn!(%error, "reading the policy again ended in a defect; the one in force stays");
        }
    }
}

/// Takes the file, or keeps what is in force and says why.
fn again(gateway: &Gateway) {
    let (file, stand_in) = (&gateway.parts().policy, &gateway.parts().stand_in);
    let taken = file.read(&stand_in.policy()).and_then(|policy| {
        let said = (policy.hash(), policy.bound_text(&file.homes));
        stand_in.replace_policy(policy, now())?;
        Ok(said)
    });
    match taken {
        Ok((hash, bound)) => {
            info!(
                policy = format!("{hash:016x}"),
                bound, "the policy was read again and is in force"
            );
            file.reloads.note(None);
        }
        Err(error) => {
            warn!(%error, "the policy was read again and is refused; the one before stays in force");
            file.reloads.note(Some(error.to_string()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "approval 3333333333333333333333333333333333333333333333333333333333333333";

    fn file(directory: &Path, key: Option<&str>) -> PolicyFile {
        PolicyFile {
            path: Some(directory.join("policy.toml")),
            homes: Homes::parse("version = 1\ngateways = [{ name = \"gw1\" }]").unwrap(),
            approval: key.map(|key| ApprovalKey::parse(key).unwrap()),
            reloads: Reloads::default(),
        }
    }

    fn higher() -> String {
        let (from, to) = (
            "gateway_max_minor = 10_000_000",
            "gateway_max_minor = 10_000_001",
        );
        Policy::default_text().replace(from, to)
    }

    #[test]
    fn a_higher_bound_needs_the_approval_of_exactly_this_policy() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("policy.toml");
        let in_force = Policy::parse(Policy::default_text()).unwrap();
        std::fs::write(&path, higher()).unwrap();
        let refused = |file: &PolicyFile| file.read(&in_force).unwrap_err().to_string();
        let without = file(directory.path(), None);
        assert!(
            refused(&without).contains("no approval key"),
            "{}",
            refused(&without)
        );
        let with = file(directory.path(), Some(KEY));
        assert!(
            refused(&with)
                .contains("from 100000.00 EUR to 100000.01 EUR, and no approval is beside it"),
            "{}",
            refused(&with)
        );
        let approves = |text: &str| {
            let policy = Policy::parse(text).unwrap();
            let token = ApprovalKey::parse(KEY).unwrap().token(&policy, &with.homes);
            std::fs::write(directory.path().join("policy.toml.approval"), token).unwrap();
        };
        approves(&higher().replace("10_000_001", "10_000_002"));
        assert!(
            refused(&with).contains("of another policy"),
            "{}",
            refused(&with)
        );
        approves(&higher());
        assert_eq!(
            with.read(&in_force).unwrap().gateway_exposure_max().minor(),
            10_000_001
        );
        assert!(
            refused(&without).contains("no approval key"),
            "without a key no token counts"
        );
    }

    #[test]
    fn what_loses_no_more_needs_no_approval_and_what_cannot_be_used_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("policy.toml");
        let in_force = Policy::parse(&higher()).unwrap();
        let file = file(directory.path(), None);
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            file.read(&in_force).map_err(|error| error.to_string())
        };
        read(Policy::default_text()).unwrap();
        read(&higher()).unwrap();
        for (text, says) in [
            ("version = 2", "does not parse"),
            (
                &higher().replace("currency = \"EUR\"", "currency = \"USD\""),
                "counts in EUR",
            ),
        ] {
            let refused = read(text).unwrap_err();
            assert!(refused.contains(says), "{refused}");
        }
        std::fs::remove_file(&path).unwrap();
        assert!(
            file.read(&in_force)
                .unwrap_err()
                .to_string()
                .contains("cannot be read")
        );
        let built_in = PolicyFile { path: None, ..file };
        assert!(
            built_in
                .read(&in_force)
                .unwrap_err()
                .to_string()
                .contains("--policy FILE")
        );
    }
}
