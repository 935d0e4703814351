use std::path::Path;

use futures_util::TryStreamExt;
use testcontainers::bollard::Docker;
use testcontainers::bollard::query_parameters::{
    DownloadFromContainerOptionsBuilder, LogsOptionsBuilder,
};
use tokio_tar::Archive;

/// All that a container has said, over all its starts.
///
/// # Errors
/// Where the engine does not tell.
pub(crate) async fn log(docker: &Docker, id: &str) -> anyhow::Result<String> {
    let options = LogsOptionsBuilder::new().stdout(true).stderr(true).build();
    let lines: Vec<_> = docker.logs(id, Some(options)).try_collect().await?;
    Ok(lines.iter().map(ToString::to_string).collect())
}

/// A folder of a container, put to `target` as it is now.
///
/// # Errors
/// Where the engine does not give it out, or it cannot be written.
pub(crate) async fn folder(
    docker: &Docker,
    id: &str,
    folder: &str,
    target: &Path,
) -> anyhow::Result<()> {
    // With a dot: what is in it, and not the folder itself.
    let inside = format!("{folder}/.");
    let options = DownloadFromContainerOptionsBuilder::new()
        .path(&inside)
        .build();
    let pieces: Vec<_> = docker
        .download_from_container(id, Some(options))
        .try_collect()
        .await?;
    tokio::fs::create_dir_all(target).await?;
    Archive::new(pieces.concat().as_slice())
        .unpack(target)
        .await?;
    Ok(())
}
