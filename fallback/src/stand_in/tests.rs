//! The engine on a disk that can be killed, cut off and filled.

mod bound;
mod completions;
mod declining;
mod history;
mod limits;
mod matching;
mod repeats;
mod restart;
mod rig;
mod single_message;
mod trouble;
