//! Random histories of payments, played on real books and on a small model of them: repeats,
//! reorderings, and crashes between a statement and its commit. Whatever happens, the money is the same.

#![expect(
    clippy::expect_used,
    reason = "histories are made of constants; one that is wrong must stop the run"
)]

mod campaign;
mod disk;
mod model;
mod play;
mod steps;

pub use campaign::{in_database, on_disk, run};
pub use disk::Disk;
pub use play::{Bench, Difference, InDatabase, OnDisk, Report, Run, balanced};
pub use steps::{History, Step};
