//! Certificates that are replaced under a server that runs.

use std::os::unix::fs::symlink;

use super::*;

#[actix_web::test]
async fn new_connections_get_the_new_certificate_and_open_ones_stay() {
    let (old, new, clients) = (Authority::new("old"), Authority::new("new"), Authority::new("clients"));
    let files = Files::new(&old, &clients);
    let app = TestApp::new().await;
    let tls = files.mutual(Protocol::Http);
    let mut watcher = tls.watcher();
    let (edge, _, stop) = serve_edge(&app, tls);
    let health =
        async |client: &Client| client.get(format!("{edge}/health")).send().await.map(|answer| answer.status());
    let open = client(&old, None);
    assert_eq!(health(&open).await.unwrap(), StatusCode::OK);
    watcher.look();
    assert_eq!(health(&client(&old, None)).await.unwrap(), StatusCode::OK);

    // Between the two files the pair does not fit, and the old one goes on.
    let renewed = new.server();
    std::fs::write(&files.certificate, &renewed.certificate).unwrap();
    for _ in 0..3 {
        watcher.look();
    }
    assert_eq!(health(&client(&old, None)).await.unwrap(), StatusCode::OK);
    std::fs::remove_file(&files.private_key).unwrap();
    watcher.look();
    assert_eq!(health(&client(&old, None)).await.unwrap(), StatusCode::OK);
    std::fs::write(&files.private_key, &renewed.key).unwrap();
    assert_eq!(health(&open).await.unwrap(), StatusCode::OK);
    watcher.look();
    assert_eq!(health(&client(&new, None)).await.unwrap(), StatusCode::OK);
    assert!(health(&client(&old, None)).await.is_err());
    // By its first connection: another would not be trusted.
    assert_eq!(health(&open).await.unwrap(), StatusCode::OK);
    stop.stop(false).await;
}

#[actix_web::test]
async fn authorities_of_clients_are_replaced_too() {
    let (servers, old, new) = (Authority::new("servers"), Authority::new("old"), Authority::new("new"));
    let files = Files::new(&servers, &old);
    let app = TestApp::new().await;
    let tls = files.mutual(Protocol::Grpc);
    let mut watcher = tls.watcher();
    let (grpc, _, running) = serve_grpc(&app, tls);
    let (before, after) = (old.client("a", &[], 2999), new.client("b", &[], 2999));
    let connects = async |own: &Certified| client(&servers, Some(own)).get(&grpc).send().await.is_ok();
    assert_eq!((connects(&before).await, connects(&after).await), (true, false));
    // Whoever has had a connection shows its certificate again with the next.
    let returning = client(&servers, Some(&before));
    returning.get(&grpc).header("connection", "close").send().await.unwrap();
    std::fs::write(&files.client_ca, format!("{}{}", old.pem(), new.pem())).unwrap();
    watcher.look();
    assert_eq!((connects(&before).await, connects(&after).await), (true, true));
    std::fs::write(&files.client_ca, new.pem()).unwrap();
    watcher.look();
    assert_eq!((connects(&before).await, connects(&after).await), (false, true));
    returning.get(&grpc).send().await.unwrap_err();
    running.stop(Duration::from_secs(1)).await;
}

#[actix_web::test]
async fn a_mounted_secret_is_followed() {
    let (old, new, clients) = (Authority::new("old"), Authority::new("new"), Authority::new("clients"));
    // As Kubernetes mounts one: the files lead to a folder by a link, which is replaced.
    let folder = tempfile::tempdir().unwrap();
    for (name, authority) in [("..1", &old), ("..2", &new)] {
        let folder = folder.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        authority.server().write(&folder);
        std::fs::write(folder.join("ca.crt"), clients.pem()).unwrap();
    }
    let data = folder.path().join("..data");
    symlink("..1", &data).unwrap();
    let linked = ["tls.crt", "tls.key", "ca.crt"].map(|name| {
        let link = folder.path().join(name);
        symlink(Path::new("..data").join(name), &link).unwrap();
        link
    });
    let [certificate, private_key, client_ca] = linked;
    let files = Files { folder, certificate, private_key, client_ca };
    let app = TestApp::new().await;
    let tls = files.mutual(Protocol::Http);
    let mut watcher = tls.watcher();
    let (edge, _, stop) = serve_edge(&app, tls);
    let trusts =
        async |authority: &Authority| client(authority, None).get(format!("{edge}/health")).send().await.is_ok();
    assert_eq!((trusts(&old).await, trusts(&new).await), (true, false));
    let next = files.folder.path().join("..next");
    symlink("..2", &next).unwrap();
    std::fs::rename(&next, &data).unwrap();
    watcher.look();
    assert_eq!((trusts(&old).await, trusts(&new).await), (false, true));
    stop.stop(false).await;
}
