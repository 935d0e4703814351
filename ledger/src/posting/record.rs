//! What the books know of one authorization, and the money that follows from it.

use ledger_api::{
    AccountId, Amount, AuthorizationId, AuthorizationView, CardToken, Currency, Fingerprint,
    GatewayId, Mark, Reason, Verdict,
};
use serde::{Deserialize, Serialize};

/// What the books know of one id. Every fact about what was *told* is a maximum, a minimum or a
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
    /// The hold in the books now, in minor units of the currency.
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
            effect_minor: 0,
            position: 0,
        }
    }

    /// The money that the facts call for, in minor units:
    /// network (rule 5) → told approval (rules 3, 6) → told decline, if everybody who was given the
    /// ledger's approval told it → the ledger's decision; and no more than a reversal left.
    pub fn effect(&self) -> i64 {
        if self.parked.is_some() || self.account.is_none() {
            return 0;
        }
        let held = match self.standing() {
            Some(told) if told.verdict().approved => told.verdict().approved_minor,
            _ => Amount::ZERO,
        };
        self.reversed_to
            .map_or(held, |remaining| held.min(remaining))
            .minor()
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
        self.differing || approval_met_decline || decision_met_other
    }

    /// True where it waits for a person: parked or contested.
    pub fn waits(&self) -> bool {
        self.parked.is_some() || self.contested()
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
            effect_minor: self.effect_minor,
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
