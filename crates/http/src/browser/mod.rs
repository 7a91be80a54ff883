//! People with a browser: how they log in by an issuer, and the sessions that their cookies name.

mod cookies;
mod login;
mod login_page;
mod sessions;
mod stranger;

pub use cookies::{Place, SessionCookie};
pub use login::{DeviceLogin, Login, LoginAnswer, Redirection};
pub(crate) use login_page::login_page;
pub use stranger::Stranger;
