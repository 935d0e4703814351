//! The allocator of every binary: memory is taken on one thread and given back on another, for each
//! request, which the system's allocator pays for with a fifth of a gateway's time.

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;
