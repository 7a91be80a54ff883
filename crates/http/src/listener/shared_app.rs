//! One app for both services of a connection: that of requests, and that of those with `Expect: 100-continue`.

use std::rc::Rc;

use actix_http::Request;
use actix_service::ServiceFactory;
use futures_util::future::LocalBoxFuture;
use tokio::sync::OnceCell;

/// The factory of an app, which makes it once for all clones: a second app of a thread would hold all routes once more.
pub(super) struct SharedApp<F: ServiceFactory<Request>>(Rc<Made<F>>);

struct Made<F: ServiceFactory<Request>> {
    factory: F,
    app: OnceCell<Rc<F::Service>>,
}

impl<F: ServiceFactory<Request>> SharedApp<F> {
    pub(super) fn new(factory: F) -> Self {
        Self(Rc::new(Made { factory, app: OnceCell::new() }))
    }
}

impl<F: ServiceFactory<Request>> Clone for SharedApp<F> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<F: ServiceFactory<Request, Config = ()> + 'static> ServiceFactory<Request> for SharedApp<F> {
    type Response = F::Response;
    type Error = F::Error;
    type Config = ();
    type Service = Rc<F::Service>;
    type InitError = F::InitError;
    type Future = LocalBoxFuture<'static, Result<Self::Service, Self::InitError>>;

    fn new_service(&self, (): ()) -> Self::Future {
        let Self(made) = self.clone();
        Box::pin(async move {
            made.app.get_or_try_init(async || made.factory.new_service(()).await.map(Rc::new)).await.cloned()
        })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use actix_service::fn_factory;

    use super::*;

    #[actix_web::test]
    async fn an_app_is_made_once() {
        let made = Rc::new(Cell::new(0));
        let counted = Rc::clone(&made);
        let factory = fn_factory(move || {
            counted.set(counted.get() + 1);
            async { Ok::<_, ()>(actix_service::fn_service(async |_: Request| Ok::<_, ()>(()))) }
        });
        let app = SharedApp::new(factory);
        let services = (app.clone().new_service(()).await.unwrap(), app.new_service(()).await.unwrap());
        assert!(Rc::ptr_eq(&services.0, &services.1));
        assert_eq!(made.get(), 1);
    }
}
