use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::process::{Child, Command, Stdio};

use futures_util::future::join_all;
use testcontainers::bollard::Docker;
use testcontainers::bollard::models::{NetworkCreateRequest, VolumeCreateRequest};
use testcontainers::bollard::query_parameters::{
    ListContainersOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder,
    RemoveContainerOptionsBuilder, RemoveVolumeOptionsBuilder,
};

use crate::engine::Engine;

const LABEL: &str = "holdfast.tests.run";

/// What belongs together, and is removed together: everything with this run's label.
#[derive(Debug)]
pub(crate) struct Run {
    docker: Docker,
    name: String,
    watchdog: Watchdog,
}

impl Run {
    /// A run with a network of its own.
    ///
    /// # Errors
    /// Where the engine does not make the network.
    pub(crate) async fn begin(engine: &Engine) -> anyhow::Result<Self> {
        let number = RandomState::new().hash_one(std::process::id());
        let name = format!("holdfast-tests-{:08x}", number & 0xffff_ffff);
        let run = Self {
            docker: engine.docker.clone(),
            watchdog: Watchdog::over(&format!("{LABEL}={name}")),
            name,
        };
        let network = NetworkCreateRequest {
            name: run.network().to_owned(),
            labels: Some(run.labels()),
            ..NetworkCreateRequest::default()
        };
        run.docker.create_network(network).await?;
        Ok(run)
    }

    pub(crate) fn docker(&self) -> &Docker {
        &self.docker
    }

    /// The network that everything is in.
    pub(crate) fn network(&self) -> &str {
        &self.name
    }

    /// What a part is called by the engine, and by the other parts on the network.
    pub(crate) fn called(&self, part: &str) -> String {
        format!("{}-{part}", self.name)
    }

    /// The label that every container has.
    pub(crate) fn label(&self) -> (&str, &str) {
        (LABEL, &self.name)
    }

    /// Makes a volume, empty.
    ///
    /// # Errors
    /// Where the engine does not.
    pub(crate) async fn volume(&self, name: &str) -> anyhow::Result<()> {
        let volume = VolumeCreateRequest {
            name: Some(name.to_owned()),
            labels: Some(self.labels()),
            ..VolumeCreateRequest::default()
        };
        self.docker.create_volume(volume).await?;
        Ok(())
    }

    /// Finds what has the label.
    pub(crate) fn filter(&self) -> HashMap<String, Vec<String>> {
        HashMap::from([("label".into(), vec![format!("{LABEL}={}", self.name)])])
    }

    fn labels(&self) -> HashMap<String, String> {
        HashMap::from([(LABEL.into(), self.name.clone())])
    }

    async fn remove_all(&self) -> anyhow::Result<()> {
        let (docker, filter) = (&self.docker, self.filter());
        let options = ListContainersOptionsBuilder::new()
            .all(true)
            .filters(&filter);
        let containers = docker.list_containers(Some(options.build())).await?;
        let ids = containers.into_iter().filter_map(|container| container.id);
        let removed = join_all(ids.map(|id| async move {
            let options = RemoveContainerOptionsBuilder::new().force(true).v(true);
            docker.remove_container(&id, Some(options.build())).await
        }));
        removed.await.into_iter().collect::<Result<(), _>>()?;
        let options = ListVolumesOptionsBuilder::new().filters(&filter).build();
        let volumes = docker.list_volumes(Some(options)).await?.volumes;
        for volume in volumes.into_iter().flatten() {
            let options = RemoveVolumeOptionsBuilder::new().force(true).build();
            docker.remove_volume(&volume.name, Some(options)).await?;
        }
        let options = ListNetworksOptionsBuilder::new().filters(&filter).build();
        for network in docker.list_networks(Some(options)).await? {
            docker
                .remove_network(&network.id.unwrap_or_default())
                .await?;
        }
        Ok(())
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // A runtime of its own: whoever drops this may have none, or one that is being shut down.
        let removed = std::thread::scope(|scope| {
            let remove = || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()?;
                runtime.block_on(self.remove_all())
            };
            scope.spawn(remove).join()
        });
        if !matches!(removed, Ok(Ok(()))) {
            eprintln!("{}: not all of it could be removed: {removed:?}", self.name);
            // The watchdog tries again once this process has ended.
            return;
        }
        self.watchdog.dismiss();
    }
}

/// Removes everything with a label when this process has ended without doing so, however it ended.
#[derive(Debug)]
pub struct Watchdog(Option<Child>);

impl Watchdog {
    /// One that looks after `label`, as `key=value`. Where there is no `docker` command nobody does.
    pub fn over(label: &str) -> Self {
        let script = format!(
            "trap '' INT TERM HUP; read -r _; of='--filter label={label}'; \
             docker ps -aq $of | xargs -r docker rm -fv; \
             docker volume ls -q $of | xargs -r docker volume rm; \
             docker network ls -q $of | xargs -r docker network rm"
        );
        let sh = Command::new("sh")
            .args(["-c", &script])
            // It ends when this process does.
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(sh.ok())
    }

    /// There is nothing left to look after.
    pub fn dismiss(&mut self) {
        if let Some(mut sh) = self.0.take() {
            let _ended = sh.kill();
            let _status = sh.wait();
        }
    }
}
