//! `pyiso8583` from PyPI, which takes any table: it reads and writes every dialect that we have.

use std::path::Path;

use iso8583::Profile;
use iso8583::profile::{
    ASCII_BINARY, ASCII_HEX, ASCII_HEX_1993, ASCII_HEX_2003, BASE1, BCD, EBCDIC,
};
use tests::pyiso8583;

use super::script::Oracle;

/// What no built-in dialect does.
const MIXED: &str = r#"
name = "mixed"
based_on = "bcd"

[fields]
2 = { coding = "bcd-right-f" }
4 = { coding = "ascii" }
5 = { coding = "ebcdic-037" }
32 = { coding = "bcd-left-f", prefix = "ebcdic-2" }
33 = { coding = "ascii", prefix = "binary-1" }
35 = { coding = "bcd-left-0", prefix = "ascii-2" }
36 = { coding = "bcd-right-f", prefix = "binary-2" }
37 = { coding = "ebcdic-037" }
43 = { coding = "ebcdic-037" }
48 = { coding = "ebcdic-037", prefix = "ebcdic-3" }
52 = { coding = "ebcdic-500" }
55 = { coding = "ascii", prefix = "ascii-3" }
60 = { prefix = "binary-2" }
61 = { max = 255, prefix = "binary-1" }
62 = { coding = "ebcdic-500", prefix = "bcd-4" }
63 = { coding = "ebcdic-037", max = 9999, prefix = "ascii-4" }
"#;

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
        arguments: &[],
        library: ("PYTHONPATH", library),
        differences: &[],
    };
    for profile in [&ASCII_HEX, &ASCII_BINARY, &BCD, &EBCDIC] {
        oracle.agrees(profile, 5_000).await?;
    }
    for profile in [&BASE1, &ASCII_HEX_1993, &ASCII_HEX_2003] {
        oracle.agrees(profile, 1_000).await?;
    }
    let mixed = Profile::from_toml(MIXED)?;
    oracle.agrees(&mixed, 1_000).await?;

    let with_its_own_table = Oracle {
        arguments: &["default_ascii"],
        ..oracle
    };
    with_its_own_table.agrees(&ASCII_HEX, 1_000).await
}
