//! People with a browser: how they log in by an issuer, and the sessions that their cookies name.

mod cookies;
mod login;
mod sessions;
mod stranger;

pub use cookies::{Place, SessionCookie};
pub use login::{DeviceLogin, Login, LoginAnswer, Redirection};
pub use stranger::Stranger;
