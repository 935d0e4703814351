//! `iso_8583` from npm. It always writes a second bitmap, also an empty one, which we read.

use std::path::Path;

use iso8583::profile::ASCII_BINARY;
use iso8583::{Content, Length};
use tests::packages;

use super::Difference;
use super::script::Oracle;

/// The library, and what it needs.
const PACKAGES: &[&str] = &[
    "iso_8583@2.6.7",
    "date-fns@2.30.0",
    "jxon@2.0.0-beta.5",
    "xmldom@0.1.31",
    "@babel/runtime@7.29.14",
];

const DIFFERENCES: &[Difference] = &[
    Difference {
        reason: "it reads bytes of variable length as UTF-8, which loses those that are none",
        avoid: |profile, fields| {
            fields.retain(|number, _| {
                let field = profile.field(*number);
                !field.is_some_and(|field| {
                    field.content == Content::Bytes
                        && matches!(field.length, Length::Variable { .. })
                })
            });
        },
        example: &[(55, "9F0200FF")],
    },
    Difference {
        reason: "its field 127 is a message of its own",
        avoid: |_, fields| drop(fields.remove(&127)),
        example: &[(127, "any text")],
    },
    Difference {
        reason: "it does not write an empty field",
        avoid: |_, fields| fields.retain(|_, text| !text.is_empty()),
        example: &[(44, "")],
    },
    Difference {
        reason: "its ans has no # @ and \\",
        avoid: |_, fields| {
            for text in fields.values_mut() {
                *text = text.replace(['#', '@', '\\'], "+");
            }
        },
        example: &[(44, "#@\\")],
    },
];

#[tokio::test]
async fn iso_8583_of_npm_and_we_read_what_the_other_writes() -> anyhow::Result<()> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let Some(library) = packages::npm(target, PACKAGES).await? else {
        return Ok(());
    };
    let oracle = Oracle {
        name: "iso_8583 of npm",
        interpreter: "node",
        script: "iso_8583.js",
        arguments: &[],
        library: ("NODE_PATH", library),
        differences: DIFFERENCES,
    };
    oracle.agrees(&ASCII_BINARY, 3_000).await
}
