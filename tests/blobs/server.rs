//! Servers that stand in the way of a store: one that listens, one that breaks off, one that always
//! gives the same answer, one that makes a request wait.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// Listens on a free port and gives every connection to `serve`; returns the URL.
async fn listen<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> String
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    url
}

/// A server that answers every request with `answer`, or never where there is none.
pub async fn answering(answer: Option<&'static str>) -> String {
    listen(move |mut stream| async move {
        let mut request = [0; 16 << 10];
        while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
            if let Some(answer) = answer {
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        }
    })
    .await
}

/// A server that passes everything on to `target`, and keeps what the clients have sent.
pub async fn relaying(target: &str) -> (String, Arc<Mutex<Vec<u8>>>) {
    let target = target.trim_start_matches("http://").to_owned();
    let received = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&received);
    let url = listen(move |client| {
        let (target, log) = (target.clone(), Arc::clone(&log));
        async move {
            let (client_reads, mut client_writes) = client.into_split();
            let (mut server_reads, server_writes) = TcpStream::connect(target).await.unwrap().into_split();
            tokio::join!(overhear(client_reads, server_writes, log), async {
                let _ = copy(&mut server_reads, &mut client_writes).await;
            });
        }
    });
    (url.await, received)
}

/// A server that passes everything on to `target`, and hangs up after every `limit` bytes of its answers.
pub async fn breaking(target: &str, limit: u64) -> String {
    let target = target.trim_start_matches("http://").to_owned();
    listen(move |client| {
        let target = target.clone();
        async move {
            let (mut client_reads, mut client_writes) = client.into_split();
            let (server_reads, mut server_writes) = TcpStream::connect(target).await.unwrap().into_split();
            let mut server_reads = server_reads.take(limit);
            tokio::select! {
                _ = copy(&mut client_reads, &mut server_writes) => {}
                _ = copy(&mut server_reads, &mut client_writes) => {}
            }
        }
    })
    .await
}

/// Where the first GET of an object waits.
#[derive(Default)]
pub struct Barrier {
    /// The end of the object's key, once it is known.
    pub key: Mutex<Option<String>>,
    /// The request has come.
    pub reached: Notify,
    /// It may go on.
    pub open: Notify,
}

impl Barrier {
    async fn pass(&self, request: &[u8]) {
        let line = String::from_utf8_lossy(request.split(|byte| *byte == b'\r').next().unwrap_or_default());
        let asks_for = |key: &mut String| line.starts_with("GET ") && line.contains(key.as_str());
        if self.key.lock().unwrap().take_if(asks_for).is_some() {
            self.reached.notify_one();
            self.open.notified().await;
        }
    }
}

/// A server that passes everything on to `target`, but for the GET that waits at the barrier.
pub async fn blocking(target: &str, barrier: Arc<Barrier>) -> String {
    let target = target.trim_start_matches("http://").to_owned();
    listen(move |client| {
        let (target, barrier) = (target.clone(), Arc::clone(&barrier));
        async move {
            let (mut client_reads, mut client_writes) = client.into_split();
            let (mut server_reads, mut server_writes) = TcpStream::connect(target).await.unwrap().into_split();
            let requests = async {
                let mut buffer = vec![0; 64 << 10];
                while let Ok(read @ 1..) = client_reads.read(&mut buffer).await {
                    barrier.pass(&buffer[..read]).await;
                    if server_writes.write_all(&buffer[..read]).await.is_err() {
                        return;
                    }
                }
            };
            tokio::select! {
                () = requests => {}
                _ = copy(&mut server_reads, &mut client_writes) => {}
            }
        }
    })
    .await
}

async fn overhear(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, log: Arc<Mutex<Vec<u8>>>) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        log.lock().unwrap().extend_from_slice(&buffer[..read]);
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
