//! Authorizations without a question to the database: decided on what this process remembers, written
//! with one statement that fails if anything of that is not true any more.
//!
//! Every transaction that changes the books changes the head row, and leaves a stamp there that it has
//! drawn. While the head has the stamp and the numbers that this process knows, the cards and accounts that
//! it remembers are as they were: nothing has to be read, and nothing to be locked before it is written.
//! Whatever goes wrong – another ledger has written, an id is known, a row is locked – the same commands
//! are done as all others are, under locks; so is what needs more than a card and its account from the
//! start.

use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};

use tokio::time::timeout;

use super::gate::Gate;
use super::memory::{Flight, Memory};
use super::pools::Role;
use super::tx::{self, TxError, WORK_MAX};
use super::{Locked, Posted, Postgres, load, save};
use crate::posting::{Command, Moment, Needs, Sealed, decide};
use crate::store::{Passed, StoreError};

/// What came of an attempt.
enum Landing {
    /// It is in the books.
    Booked(Posted),
    /// Nothing was done.
    Not,
    /// Nobody knows.
    Unknown,
}

impl Postgres {
    /// Does a batch of authorizations.
    pub(super) async fn live(
        self: &Arc<Self>,
        commands: Arc<Vec<Command>>,
        now: Moment,
    ) -> Result<Posted, StoreError> {
        self.ready()?;
        let gate = Gate::new(&self.turns);
        let alone = self.alone(&commands).await;
        if !alone.contains(&true) {
            return self.passing(commands, now, &gate).await;
        }
        let pick = |wanted: bool| {
            let picked = commands.iter().zip(&alone);
            let picked = picked.filter(move |(_, alone)| **alone == wanted);
            picked
                .map(|(command, _)| command.clone())
                .collect::<Vec<_>>()
        };
        let rest = pick(false);
        let landing = if rest.is_empty() {
            self.direct(&commands, now, true, &gate).await
        } else {
            self.direct(&pick(true), now, false, &gate).await
        };
        let unconfirmed = match landing {
            Landing::Booked(booked) if rest.is_empty() => return Ok(booked),
            Landing::Booked(booked) => {
                return Ok(self.also(booked, &alone, rest, now, &gate).await);
            }
            Landing::Not => 0,
            Landing::Unknown => 1,
        };
        self.under_locks(commands, now, Locked::Pass, &gate, unconfirmed)
            .await
    }

    /// Does the rest of a batch, of which those that were alone are booked.
    async fn also(
        self: &Arc<Self>,
        booked: Posted,
        alone: &[bool],
        rest: Vec<Command>,
        now: Moment,
        gate: &Arc<Gate>,
    ) -> Posted {
        let all = Arc::new(rest);
        let (rest, head) = match self.passing(Arc::clone(&all), now, gate).await {
            Ok(rest) => (rest.done, rest.head),
            Err(StoreError::Refused(_)) => (self.each(&all, now, gate).await, booked.head),
            Err(error) => (vec![Passed::Failed(error); all.len()], booked.head),
        };
        let hold_clock = booked.hold_clock;
        let (mut direct, mut rest) = (booked.done.into_iter(), rest.into_iter());
        let next = |alone: &bool| if *alone { direct.next() } else { rest.next() };
        let done = alone.iter().filter_map(next).collect();
        Posted {
            done,
            head,
            hold_clock,
        }
    }

    /// A command that the store refuses must not take others with it (I13).
    async fn each(
        self: &Arc<Self>,
        commands: &[Command],
        now: Moment,
        gate: &Arc<Gate>,
    ) -> Vec<Passed> {
        let mut done = Vec::with_capacity(commands.len());
        for command in commands {
            let one = Arc::new(vec![command.clone()]);
            match self.passing(one, now, gate).await {
                Ok(posted) => done.extend(posted.done),
                Err(error) => done.push(Passed::Failed(error)),
            }
        }
        done
    }

    async fn passing(
        self: &Arc<Self>,
        commands: Arc<Vec<Command>>,
        now: Moment,
        gate: &Arc<Gate>,
    ) -> Result<Posted, StoreError> {
        self.under_locks(commands, now, Locked::Pass, gate, 0).await
    }

    /// Which commands can go without questions, once the cards among them that are not remembered yet
    /// have been read.
    async fn alone(&self, commands: &[Command]) -> Vec<bool> {
        let (mut alone, missing) = {
            let mut memory = self.memory();
            if !memory.is_of_use() {
                return Vec::new();
            }
            let alone = memory.alone(commands);
            let missing = memory.missing(commands, &alone);
            (alone, missing)
        };
        if missing.is_empty() {
            return alone;
        }
        let bucket = self.bucket;
        let tokens = load::tokens(&missing);
        let read = self.run_tx(Role::Live, "learn", move |connection| {
            let tokens = tokens.clone();
            Box::pin(async move {
                let read = timeout(WORK_MAX, load::unlocked(connection, bucket, tokens));
                read.await.map_err(|_| TxError::TimedOut)?
            })
        });
        let Ok((stamp, found)) = read.await else {
            return Vec::new();
        };
        let mut memory = self.memory();
        memory.learn(stamp, found);
        // What is held shows only now that the account is known.
        alone = memory.alone(commands);
        let missing = memory.missing(commands, &alone);
        for (alone, command) in alone.iter_mut().zip(commands) {
            if let Command::Authorize { request, .. } = command {
                *alone &= !missing.contains(&request.card);
            }
        }
        alone
    }

    /// `whole`: the batch has no rest that is done afterwards.
    async fn direct(
        self: &Arc<Self>,
        commands: &[Command],
        now: Moment,
        whole: bool,
        gate: &Arc<Gate>,
    ) -> Landing {
        let needs = Needs::of(commands);
        // While others are written.
        let early = {
            let mut memory = self.memory();
            self.turns.take_behind_known(whole).and_then(|turn| {
                let decided = self.decide(&mut memory, &needs, commands, now);
                if decided.is_none() {
                    turn.is_unknown();
                }
                gate.keep(turn);
                decided
            })
        };
        if gate.pass().await.is_err() {
            early.inspect(|(_, flight)| self.memory().failed(flight));
            return Landing::Not;
        }
        let still = early.filter(|(_, flight)| self.memory().still_expects(flight));
        let decided = match still {
            Some(decided) => Some(decided),
            None => {
                gate.is_unknown().await;
                let mut memory = self.memory();
                memory.drop_flights();
                self.decide(&mut memory, &needs, commands, now)
            }
        };
        let Some((sealed, flight)) = decided else {
            return Landing::Not;
        };
        match self.write(&sealed, &flight).await {
            Ok(()) => {
                self.memory().landed(&flight);
                let count = commands.len() as u64;
                self.remembered.fetch_add(count, Ordering::Relaxed);
                self.grown(sealed.head.entry);
                Landing::Booked(Posted {
                    done: sealed.outcomes.into_iter().map(Passed::Done).collect(),
                    head: sealed.head,
                    hold_clock: sealed.hold_clock,
                })
            }
            Err(landing) => {
                gate.is_unknown().await;
                self.memory().failed(&flight);
                landing
            }
        }
    }

    /// Decides on what is remembered. `None` where that is not enough.
    fn decide(
        &self,
        memory: &mut Memory,
        needs: &Needs,
        commands: &[Command],
        now: Moment,
    ) -> Option<(Sealed, Flight)> {
        let (set, before) = memory.working_set(needs)?;
        let sealed = decide(set, commands, now).seal(before.head);
        if !save::direct::can_write(&sealed) {
            return None;
        }
        let flight = memory.expect(before, &sealed);
        Some((sealed, flight))
    }

    async fn write(&self, sealed: &Sealed, flight: &Flight) -> Result<(), Landing> {
        let acquired = self.pools.of(Role::Direct).acquire().await;
        let mut connection = acquired.map_err(|_| Landing::Not)?;
        let written = save::direct::all(&mut connection, self.bucket, sealed, flight);
        let error = match timeout(WORK_MAX, written).await {
            Ok(Ok(())) => {
                tx::release(connection);
                return Ok(());
            }
            Ok(Err(error)) => TxError::Database(error),
            Err(_) => TxError::TimedOut,
        };
        if tx::keeps_connection(&error) {
            tx::release(connection);
        } else {
            self.discard(Role::Direct, connection);
        }
        match error {
            // The statement is its own transaction: what the server refuses was not done.
            TxError::Database(error) if error.as_database_error().is_some() => {
                tracing::debug!(%error, "done again under locks");
                if tx::is_lock_timeout(&error) {
                    self.memory().disturbed();
                }
                Err(Landing::Not)
            }
            error => {
                tracing::warn!(%error, "a commit was not confirmed; asked again");
                Err(Landing::Unknown)
            }
        }
    }

    pub(super) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
