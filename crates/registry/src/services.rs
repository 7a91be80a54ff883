//! The services, one a subject, and the registry that bundles them.
//!
//! A service is a handle on the core: its use cases are `impl` blocks in the modules of its subject, and one that needs
//! another service asks the core for it. Between services calls go one way, as `tests/architecture` has it.

use std::sync::Arc;

use super::context::RequestContext;
use super::core::Core;
use super::options::{Feature, RegistryOptions};
use crate::blobs::Blobs;
use crate::domain::Actor;
use crate::domain::access::Access;
use crate::store::Store;

/// Defines services: the handle of each, how the core gives it, and the registry that has them all.
macro_rules! services {
    ($($(#[$documentation:meta])* $service:ident, $name:ident;)+) => {
        $(
            $(#[$documentation])*
            #[derive(Clone)]
            pub struct $service {
                pub(crate) core: Arc<Core>,
            }
        )+

        impl Core {
            $(
                pub(crate) fn $name(self: &Arc<Self>) -> $service {
                    $service { core: Arc::clone(self) }
                }
            )+
        }

        /// The registry: its metadata, its bytes, and the rules over both. Cheap to clone.
        #[derive(Clone)]
        pub struct Registry {
            $(
                $(#[$documentation])*
                pub $name: $service,
            )+
            core: Arc<Core>,
        }

        impl Registry {
            /// A registry over an open store and open blobs.
            pub fn new(store: Store, blobs: Blobs, options: RegistryOptions) -> Self {
                let core = Arc::new(Core::new(store, blobs, options));
                Self { $($name: core.$name(),)+ core }
            }
        }
    };
}

services! {
    /// Everything that is registered, by id: created, read, listed, changed, attached and removed. What Kubeflow's API does.
    Entities, entities;
    /// Models and versions by name: registered, resolved by alias, described with what they hold, removed under conditions.
    Models, models;
    /// Files: uploaded at once, in parts, by links or in archives; found, opened, packed and removed.
    Files, files;
    /// The graph as users of ML Metadata know it, with their own types; and lineage.
    Graph, graph;
    /// Model records with one archive each.
    Records, records;
    /// Models that are taken over from other systems.
    Imports, imports;
    /// The queue of background jobs.
    Jobs, jobs;
    /// What stored files are and hide, and the policies that decide about them.
    Inspections, inspections;
    /// Metrics of runs and versions as they are measured.
    Metrics, metrics;
    /// Experiments, runs and logged models, as training tools write and search them.
    Tracking, tracking;
    /// What was changed, by whom and when.
    History, history;
    /// The search through everything that has a name.
    Searches, searches;
    /// What people keep of screens: own views, and those that a workspace shares.
    Views, views;
    /// Accounts: who presents credentials, and what they may; workspaces, principals, bindings and tokens.
    Accounts, accounts;
    /// The audit trail: who read, was refused, or changed who may do what.
    Audit, audit;
    /// Webhooks: URLs that are told what happens to models.
    Webhooks, webhooks;
    /// What keeps the stores in order: the collector, verification, health, counting.
    Upkeep, upkeep;
}

impl Registry {
    /// The largest file that is accepted, in bytes.
    pub fn max_file_bytes(&self) -> Option<u64> {
        self.core.policy.max_file_bytes
    }

    /// What the settings let clients do.
    pub fn features(&self) -> Vec<Feature> {
        let is_on = |feature: &Feature| match feature {
            Feature::DirectUploads => self.core.direct.is_some(),
            Feature::DirectDownloads => self.core.redirect.is_some(),
            Feature::Imports => self.core.source.as_ref().is_some_and(|source| !source.servers().is_empty()),
        };
        Feature::ALL.into_iter().filter(is_on).collect()
    }

    /// Where clients reach this server, without a slash at its end; `None` where that is what each of them says.
    pub fn public_url(&self) -> Option<&str> {
        Some(&*self.core.public_url).filter(|_| self.core.follows_hosts.is_none())
    }

    /// The context of work that `actor` asks for, who may do that. URLs begin with the one that the registry was made with.
    pub fn context(&self, actor: Actor, access: Access) -> RequestContext {
        self.context_under(actor, access, Arc::clone(&self.core.public_url))
    }

    /// The context of a request to the HTTP listener, which its client addressed as `host`, with or without a port.
    pub fn context_at(&self, actor: Actor, access: Access, host: Option<&str>) -> RequestContext {
        self.context_under(actor, access, self.base_url_at(host))
    }

    /// What URLs begin with for a client that addressed the HTTP listener as `host`, without a slash at its end.
    pub fn base_url_at(&self, host: Option<&str>) -> Arc<str> {
        match host.filter(|_| self.core.follows_hosts.is_some()) {
            Some(host) => {
                let scheme = if self.core.is_tls { "https" } else { "http" };
                format!("{scheme}://{host}").into()
            }
            None => Arc::clone(&self.core.public_url),
        }
    }

    /// The context of a request to another listener, which its client addressed as `host`, without a port.
    pub fn context_elsewhere(&self, actor: Actor, access: Access, host: Option<&str>) -> RequestContext {
        let host = host.zip(self.core.follows_hosts).map(|(host, port)| format!("{host}:{port}"));
        self.context_at(actor, access, host.as_deref())
    }

    /// The context of what the server does by itself, such as upkeep.
    pub fn own_context(&self) -> RequestContext {
        self.context(Actor::system(), Access::of_server())
    }

    fn context_under(&self, actor: Actor, access: Access, base_url: Arc<str>) -> RequestContext {
        RequestContext::new(actor, access, Arc::clone(&self.core.clock), base_url)
    }
}
