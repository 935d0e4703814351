//! `pyiso8583` from PyPI, which takes any table: it reads and writes every dialect that we have.

use std::path::Path;

use iso8583::profile::{
    ASCII_BINARY, ASCII_HEX, ASCII_HEX_1993, ASCII_HEX_2003, BASE1, BCD, EBCDIC,
};
use tests::pyiso8583;

use super::script::Oracle;

#[tokio::test]
async fn pyiso8583_and_we_read_what_the_other_writes() -> anyhow::Result<()> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let Some(library) = pyiso8583::installed(target).await? else {
        return Ok(());
    };
    let oracle = Oracle {
        name: "pyiso8583",
        interpreter: "python3",
        script: "pyiso8583.py",
        library: ("PYTHONPATH", library),
        differences: &[],
    };
    for profile in [&ASCII_HEX, &ASCII_BINARY, &BCD, &EBCDIC] {
        oracle.agrees(profile, 5_000).await?;
    }
    for profile in [&BASE1, &ASCII_HEX_1993, &ASCII_HEX_2003] {
        oracle.agrees(profile, 1_000).await?;
    }
    Ok(())
}
