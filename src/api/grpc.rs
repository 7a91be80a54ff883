//! The gRPC listener: threads of its own, beside those that serve HTTP.

use std::net::TcpListener;
use std::thread;

use tokio::runtime::Builder;
use tokio::sync::{oneshot, watch};

use super::mlmd;
use super::server::Options;
use crate::domain::{Error, Result};
use crate::registry::Registry;

/// A gRPC server that runs.
pub(super) struct Grpc {
    ended: oneshot::Receiver<Result<()>>,
}

impl Grpc {
    /// Serves on the listener until `stop` turns true.
    pub(super) fn start(
        listener: TcpListener,
        registry: Registry,
        options: &Options,
        mut stop: watch::Receiver<bool>,
    ) -> Result<Self> {
        let address = listener.local_addr().map_err(broken)?;
        listener.set_nonblocking(true).map_err(broken)?;
        let mut builder = Builder::new_multi_thread();
        if options.workers > 0 {
            builder.worker_threads(options.workers);
        }
        let runtime = builder.thread_name("grpc").enable_all().build().map_err(broken)?;
        let max_message_bytes = options.grpc_max_message_bytes;
        let (tell, ended) = oneshot::channel();
        let serve = move || {
            let stopped = async move {
                // The sender outlives the server; were it gone, that would be a reason to stop too.
                let _ = stop.wait_for(|stop| *stop).await;
            };
            let served = runtime.block_on(mlmd::serve(listener, registry, max_message_bytes, stopped));
            // Nobody waits any more for a server that took longer than it was given.
            let _ = tell.send(served.map_err(broken));
        };
        thread::Builder::new().name("grpc-server".to_owned()).spawn(serve).map_err(broken)?;
        log::info!("listening on grpc://{address}");
        Ok(Self { ended })
    }

    /// How the server ended; waits for ever where there is none.
    pub(super) async fn ended(server: &mut Option<Self>) -> Result<()> {
        let Some(running) = server else { return std::future::pending().await };
        let ended = (&mut running.ended).await;
        *server = None;
        ended.unwrap_or_else(|_| Err(Error::internal("the gRPC server panicked")))
    }
}

fn broken(error: std::io::Error) -> Error {
    Error::internal("the gRPC server cannot run").caused_by(error)
}
