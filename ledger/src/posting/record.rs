//! What the books know of one authorization, and the money that follows from it.

use ledger_api::{
    AccountId, Amount, AuthorizationId, AuthorizationView, CardToken, Currency, Fingerprint,
    GatewayId, Mark, Reason, Verdict,
};
use serde::{Deserialize, Serialize};

use super::life::{Life, Stages};

/// What the books know of one id: an authorization, a capture or a refund. Every fact about what was *told* is a maximum, a minimum or a
/// set, and [`Record::effect`] is a function of the facts alone: so no order and no repetition of
/// advices and reversals can change it (I13).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Which authorization.
    pub id: AuthorizationId,
    /// The card.
    pub card: CardToken,
    /// The account that bears its effect; `None` while the card is unknown.
    pub account: Option<AccountId>,
    /// The largest amount asked for.
    pub requested: Amount,
    /// The currency of what was approved; absent while nothing was.
    pub currency: Option<Currency>,
    /// Digest of the request; absent while only a reversal is known.
    pub fingerprint: Option<Fingerprint>,
    /// What the ledger decided, if it was asked before any advice came.
    pub decided: Option<Verdict>,
    /// Who was given that decision, in order of asking.
    pub asked: Gateways,
    /// The largest approval that a gateway of ours told the network.
    pub approval: Option<Verdict>,
    /// Who told an approval, in order of name.
    pub approved_by: Gateways,
    /// A decline that a gateway of ours told the network.
    pub decline: Option<Verdict>,
    /// Who told a decline, in order of name.
    pub declined_by: Gateways,
    /// What the network itself answered: the largest approval, else a decline.
    pub network: Option<Verdict>,
    /// The least that a reversal left of it.
    pub reversed_to: Option<Amount>,
    /// Why an approval that was told cannot be booked; such a record has no effect.
    pub parked: Option<Reason>,
    /// True where two advices contradicted each other or the request in amount or content.
    pub differing: bool,
    /// What happened to it after its answer.
    #[serde(default, skip_serializing_if = "Life::is_plain")]
    pub life: Life,
    /// When its hold was placed, by the hold clock; 0 where nothing is held.
    #[serde(default)]
    pub held_at: u64,
    /// The money in the books now, in minor units of the currency: an authorization's hold, or what a
    /// capture or a refund has posted.
    pub effect_minor: i64,
    /// The feed position of the last change.
    pub position: u64,
}

/// Where a standing answer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// Somebody told it already; whoever asks now is told the same (rule 4).
    Before(Verdict),
    /// It is the ledger's own decision.
    ByUs(Verdict),
}

impl Told {
    pub(crate) fn verdict(self) -> Verdict {
        match self {
            Self::Before(verdict) | Self::ByUs(verdict) => verdict,
        }
    }
}

impl Record {
    /// A record that knows nothing but which card it is about.
    pub fn new(id: AuthorizationId, card: CardToken, account: Option<AccountId>) -> Self {
        Self {
            id,
            card,
            account,
            requested: Amount::ZERO,
            currency: None,
            fingerprint: None,
            decided: None,
            asked: Gateways::default(),
            approval: None,
            approved_by: Gateways::default(),
            decline: None,
            declined_by: Gateways::default(),
            network: None,
            reversed_to: None,
            parked: None,
            differing: false,
            life: Life::default(),
            held_at: 0,
            effect_minor: 0,
            position: 0,
        }
    }

    /// The money that the facts call for, in minor units. Of an authorization:
    /// network (rule 5) → told approval (rules 3, 6) → told decline, if everybody who was given the
    /// ledger's approval told it → the ledger's decision; no more than a reversal left, and less what
    /// was captured. Of a capture or a refund: its amount, whatever was held (rule 17).
    pub fn effect(&self) -> i64 {
        if self.parked.is_some() || self.account.is_none() {
            return 0;
        }
        match self.life.moved {
            Some(moved) => self.left(moved.amount),
            None if self.is_increment() => 0,
            None => self.open(),
        }
    }

    /// The answer that stands, reversals aside; `None` while only a reversal is known.
    pub(crate) fn standing(&self) -> Option<Told> {
        if let Some(network) = self.network {
            return Some(Told::Before(network));
        }
        if let Some(approval) = self.approval {
            return Some(Told::Before(approval));
        }
        match (self.decline, self.decided) {
            (Some(_), Some(decided)) if decided.approved && !self.decline_releases() => {
                Some(Told::ByUs(decided))
            }
            (Some(decline), _) => Some(Told::Before(decline)),
            (None, decided) => decided.map(Told::ByUs),
        }
    }

    /// A told decline releases the ledger's approval only if everybody who was given that approval
    /// told a decline: otherwise somebody may have told the approval, and the approval wins.
    fn decline_releases(&self) -> bool {
        self.asked.all_in(&self.declined_by)
    }

    /// True where a person should look: answers for this id differed (rule 3).
    pub fn contested(&self) -> bool {
        let approval_met_decline = self.approval.is_some() && !self.declined_by.is_empty();
        let decision_met_other = self.decided.is_some_and(|decided| {
            if decided.approved {
                self.approval.is_none() && self.decline.is_some() && !self.decline_releases()
            } else {
                self.approval.is_some() && !self.asked.all_in(&self.approved_by)
            }
        });
        // A capture that others take for an authorization.
        let misnamed = self.life.moved.is_some() && self.life.stages != Stages::default();
        self.differing || approval_met_decline || decision_met_other || misnamed
    }

    /// True where it waits for a person: parked or contested, and nobody has settled it.
    pub fn waits(&self) -> bool {
        (self.parked.is_some() || self.contested()) && !self.life.settled
    }

    /// True where it holds money now.
    pub fn holds(&self) -> bool {
        self.life.moved.is_none() && self.effect_minor > 0
    }

    /// True once its own message is known, not only messages about it.
    pub(crate) fn is_told(&self) -> bool {
        self.fingerprint.is_some()
    }

    /// The record as the wire tells it.
    pub fn view(&self, epoch: u64) -> AuthorizationView {
        AuthorizationView {
            id: self.id,
            card: self.card,
            account: self.account,
            requested_minor: self.requested,
            currency: self.currency,
            decided: self.decided,
            asked_by: self.asked.first().cloned(),
            told: self.approval.or(self.decline),
            network: self.network,
            reversed_to_minor: self.reversed_to,
            state: self.state(),
            effect_minor: self.effect_minor,
            captured_minor: self.life.captured_minor,
            refunded_minor: self.life.refunded_minor,
            original: self.life.link.map(|link| link.original),
            transaction: self.life.transaction,
            resolution: self.life.resolved.clone(),
            parked: self.parked,
            contested: self.contested(),
            mark: Mark {
                epoch,
                position: self.position,
            },
        }
    }
}

/// A small set of gateways, written `gw1,gw2`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gateways(Vec<GatewayId>);

impl Gateways {
    /// Adds a gateway at the end, unless it is there; true if it was added.
    pub(crate) fn append(&mut self, gateway: &GatewayId) -> bool {
        let new = !self.0.contains(gateway);
        if new {
            self.0.push(gateway.clone());
        }
        new
    }

    /// Adds a gateway in order of name, unless it is there.
    pub(crate) fn insert(&mut self, gateway: &GatewayId) {
        if let Err(place) = self.0.binary_search(gateway) {
            self.0.insert(place, gateway.clone());
        }
    }

    fn first(&self) -> Option<&GatewayId> {
        self.0.first()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn all_in(&self, other: &Self) -> bool {
        self.0.iter().all(|gateway| other.0.contains(gateway))
    }

    /// The names with commas between, empty for none.
    pub fn to_text(&self) -> String {
        self.0
            .iter()
            .map(GatewayId::as_str)
            .collect::<Vec<_>>()
            .join(",")
    }

    /// The inverse of [`Gateways::to_text`]; `None` if a name is none.
    pub fn from_text(text: &str) -> Option<Self> {
        text.split(',')
            .filter(|name| !name.is_empty())
            .map(|name| name.parse().ok())
            .collect::<Option<_>>()
            .map(Self)
    }
}
