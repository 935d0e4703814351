//! `starkbank-iso8583` from PyPI: a Mastercard-like table that is not made of ours.

use std::path::Path;

use iso8583::profile::EBCDIC;
use tests::packages;

use super::Difference;
use super::script::Oracle;

const DIFFERENCES: &[Difference] = &[
    Difference {
        reason: "it divides field 48 into elements, and we leave it to its host",
        avoid: |_, fields| drop(fields.remove(&48)),
        example: &[(48, "any text")],
    },
    Difference {
        reason: "it divides field 108 into elements, and we leave it to its host",
        avoid: |_, fields| drop(fields.remove(&108)),
        example: &[(108, "any text")],
    },
    Difference {
        reason: "it divides field 112 into elements, and we leave it to its host",
        avoid: |_, fields| drop(fields.remove(&112)),
        example: &[(112, "any text")],
    },
    Difference {
        reason: "it writes no bitmap where there are no fields",
        avoid: |_, fields| {
            if fields.is_empty() {
                fields.insert(11, "000001".into());
            }
        },
        example: &[],
    },
];

#[tokio::test]
async fn starkbank_iso8583_and_we_read_what_the_other_writes() -> anyhow::Result<()> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let Some(library) = packages::python(target, "starkbank-iso8583==0.7.1").await? else {
        return Ok(());
    };
    let oracle = Oracle {
        name: "starkbank-iso8583",
        interpreter: "python3",
        script: "starkbank_iso8583.py",
        arguments: &[],
        library: ("PYTHONPATH", library),
        differences: DIFFERENCES,
    };
    oracle.agrees(&EBCDIC, 3_000).await
}
