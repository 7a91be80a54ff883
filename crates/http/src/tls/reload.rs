//! The files are read again: what renews certificates, such as cert-manager, replaces them under a server that runs.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use super::files::Contents;
use super::{InUse, Tls};

/// How often the files are read.
pub const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// Looks after the files of a listener. Connections that are open keep what they began with.
pub struct Watcher {
    tls: Tls,
    /// What cannot be used, as it was found the last time, and whether that was logged.
    broken: Option<(Contents, bool)>,
}

impl Tls {
    /// Looks after its files.
    pub fn watcher(&self) -> Watcher {
        Watcher { tls: self.clone(), broken: None }
    }
}

impl Watcher {
    /// Looks for ever.
    pub async fn run(mut self) {
        loop {
            tokio::time::sleep(LOOK_INTERVAL).await;
            let looked = tokio::task::spawn_blocking(move || {
                self.look();
                self
            });
            match looked.await {
                Ok(watcher) => self = watcher,
                Err(error) => return log::error!("certificates are not read again any more: {error}"),
            }
        }
    }

    /// Reads the files, and takes what they hold if that is new and can be used. What cannot is logged when it is found twice,
    /// as files are rarely replaced all at once.
    pub fn look(&mut self) {
        let options = &self.tls.0.options;
        let found = Contents::read(options);
        if self.is_in_use(&found) {
            if self.broken.take().is_some_and(|(_, is_logged)| is_logged) {
                log::info!("the certificates of [{}] are again those that are in use", options.section);
            }
            return;
        }
        let is_logged = match &self.broken {
            Some((broken, is_logged)) if *broken == found => Some(*is_logged),
            _ => None,
        };
        if is_logged == Some(true) {
            return;
        }
        match found.config(options) {
            Ok(config) => {
                let until = valid_until(&found);
                let new = InUse { contents: found, config: Arc::new(config) };
                *self.tls.0.in_use.write().unwrap_or_else(PoisonError::into_inner) = new;
                self.broken = None;
                log::info!("the certificates of [{}] were read again{until}", self.tls.0.options.section);
            }
            Err(problems) => {
                if is_logged.is_some() {
                    log::error!("new certificates cannot be used, the old ones stay in use: {}", problems.join("; "));
                }
                self.broken = Some((found, is_logged.is_some()));
            }
        }
    }

    fn is_in_use(&self, found: &Contents) -> bool {
        self.tls.0.in_use.read().unwrap_or_else(PoisonError::into_inner).contents == *found
    }
}

/// Until when the listener's own certificate is valid, for the log.
fn valid_until(contents: &Contents) -> String {
    let chain = contents.chain().unwrap_or_default();
    let own = chain.first().and_then(|own| Certificate::from_der(own).ok());
    let until = own.map(|own| own.tbs_certificate().validity().not_after);
    until.map(|until| format!("; its own is valid until {until}")).unwrap_or_default()
}
