use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::Mode;

pub(super) async fn serve(listener: TcpListener, mode: watch::Sender<Mode>) -> anyhow::Result<()> {
    let router = Router::new()
        .route("/mode", get(tell).put(change))
        .with_state(mode);
    Ok(axum::serve(listener, router).await?)
}

async fn tell(State(mode): State<watch::Sender<Mode>>) -> Json<Mode> {
    Json(*mode.borrow())
}

async fn change(State(mode): State<watch::Sender<Mode>>, Json(new): Json<Mode>) -> StatusCode {
    mode.send_replace(new);
    StatusCode::NO_CONTENT
}
