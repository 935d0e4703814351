//! The second approval that a policy needs which can lose more than the one in force.
//!
//! Whoever may change the file is not who may raise the bound: a token beside the file says that somebody
//! with the approval key has seen both. It is an HMAC over everything that the policy says and the worst case
//! that follows from it, so it is good for this policy and this fleet, and for nothing else.

use fallback::{Homes, Policy};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::identity::parse_hex;

/// The key of whoever approves. Overwritten when it goes, like any other.
#[derive(Clone)]
pub struct ApprovalKey(Hmac<Sha256>);

/// A key file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "the approval key file must have one line, `approval <64 hex digits>`; `#` starts a comment. Make one \
     with: echo \"approval $(openssl rand -hex 32)\""
)]
pub struct ApprovalKeyError;

impl ApprovalKey {
    /// Reads a key file's text.
    ///
    /// # Errors
    /// It is not such a file.
    pub fn parse(text: &str) -> Result<Self, ApprovalKeyError> {
        let mut lines = text
            .lines()
            .map(|line| line.split('#').next().unwrap_or_default().trim())
            .filter(|line| !line.is_empty());
        let (Some(line), None) = (lines.next(), lines.next()) else {
            return Err(ApprovalKeyError);
        };
        let hex = line.strip_prefix("approval ").map(str::trim);
        let key = hex.and_then(parse_hex).ok_or(ApprovalKeyError)?;
        let key = Hmac::new_from_slice(key.as_slice());
        key.map(Self).map_err(|_| ApprovalKeyError)
    }

    /// The token of a policy for a fleet: 64 hexadecimal digits.
    pub fn token(&self, policy: &Policy, homes: &Homes) -> String {
        let token = self.over(policy, homes).finalize().into_bytes();
        token.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// True where this is that token. Takes as long whatever is wrong with it.
    pub fn approves(&self, token: &str, policy: &Policy, homes: &Homes) -> bool {
        parse_hex(token.trim()).is_some_and(|token| {
            let told = self.over(policy, homes);
            told.verify_slice(token.as_slice()).is_ok()
        })
    }

    fn over(&self, policy: &Policy, homes: &Homes) -> Hmac<Sha256> {
        let bound = policy.bound_minor(homes);
        let mut mac = self.0.clone();
        mac.update(b"holdfast policy approval 1\n");
        mac.update(format!("bound_minor = {bound}\n").as_bytes());
        mac.update(policy.content().as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: &str) -> ApprovalKey {
        ApprovalKey::parse(&format!(
            "# of the risk officer\napproval {}\n",
            byte.repeat(32)
        ))
        .unwrap()
    }

    fn homes(count: usize) -> Homes {
        let names: Vec<_> = (1..=count)
            .map(|n| format!("{{ name = \"gw{n}\" }}"))
            .collect();
        Homes::parse(&format!("version = 1\ngateways = [{}]", names.join(", "))).unwrap()
    }

    #[test]
    fn a_token_is_good_for_one_policy_one_fleet_and_one_key() {
        let default = Policy::default_text();
        let policy = Policy::parse(default).unwrap();
        let other = default.replace("cash_max_minor = 20_000", "cash_max_minor = 20_001");
        let other = Policy::parse(&other).unwrap();
        let token = key("33").token(&policy, &homes(2));
        assert_eq!(token.len(), 64);
        let written = format!("{token}\n");
        assert!(key("33").approves(&written, &policy, &homes(2)));
        assert!(!key("33").approves(&written, &other, &homes(2)));
        assert!(!key("33").approves(&written, &policy, &homes(3)));
        assert!(!key("34").approves(&written, &policy, &homes(2)));
        for wrong in ["", "00", &token[..62], &"0".repeat(64), &"z".repeat(64)] {
            assert!(!key("33").approves(wrong, &policy, &homes(2)), "{wrong}");
        }
    }

    #[test]
    fn a_key_file_is_one_line() {
        let line = format!("approval {}", "33".repeat(32));
        for text in ["", "approval 33", &line[1..], &format!("{line}\n{line}\n")] {
            let refused = ApprovalKey::parse(text).err().unwrap().to_string();
            assert!(refused.contains("approval <64 hex digits>"), "{refused}");
            assert!(!refused.contains("3333"), "no key in an error");
        }
    }
}
