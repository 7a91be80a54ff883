//! The page that a browser gets in the place of one that is shown after a login alone.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use super::login::Login;

/// A page that asks for nothing else.
const POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// Asks somebody to log in by one of these issuers, at the paths below `login` of the server whose URLs begin with `base_url`; then they get
/// to `next`, a path of it. None where nobody can with a browser.
pub(crate) fn login_page(logins: &[Login], base_url: &str, login: &str, next: &str) -> Option<HttpResponse> {
    let before = Url::parse(base_url).ok()?.path().trim_end_matches('/').to_owned();
    let next = utf8_percent_encode(&format!("{before}{next}"), NON_ALPHANUMERIC).to_string();
    let link = |issuer: &str| {
        let segment = utf8_percent_encode(issuer, NON_ALPHANUMERIC);
        format!("<li><a href=\"{before}{login}/{segment}?next={next}\">{}</a></li>", escaped(issuer))
    };
    let links: String = logins.iter().filter(|each| each.in_browser).map(|each| link(&each.issuer)).collect();
    if links.is_empty() {
        return None;
    }
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Log in</title></head>\
         <body><h1>Log in</h1><p>You are not logged in, or not any more. Log in by:</p><ul>{links}</ul></body></html>"
    );
    let mut response = HttpResponse::Unauthorized();
    response.insert_header((CACHE_CONTROL, "no-store")).insert_header((CONTENT_SECURITY_POLICY, POLICY));
    Some(response.content_type("text/html; charset=utf-8").body(page))
}

/// A text as HTML shows it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;

    use super::*;

    fn login(issuer: &str, in_browser: bool) -> Login {
        Login { issuer: issuer.to_owned(), in_browser, device: None }
    }

    #[actix_web::test]
    async fn each_issuer_has_a_link_that_leads_back() {
        let logins = [login("corp", true), login("shell", false), login("a<b", true)];
        let page = login_page(&logins, "https://x.example/registry", "/login", "/w/a/mlflow/?x=1&y=\"").unwrap();
        assert_eq!(page.status(), 401);
        let text = String::from_utf8(to_bytes(page.into_body()).await.unwrap().to_vec()).unwrap();
        let next = "%2Fregistry%2Fw%2Fa%2Fmlflow%2F%3Fx%3D1%26y%3D%22";
        let links: Vec<_> = text.split("<li>").skip(1).map(|each| each.split("</li>").next().unwrap()).collect();
        assert_eq!(
            links,
            [
                format!("<a href=\"/registry/login/corp?next={next}\">corp</a>"),
                format!("<a href=\"/registry/login/a%3Cb?next={next}\">a&lt;b</a>"),
            ]
        );
    }

    #[test]
    fn where_nobody_logs_in_with_a_browser_there_is_no_page() {
        assert!(login_page(&[], "http://localhost", "/login", "/").is_none());
        assert!(login_page(&[login("shell", false)], "http://localhost", "/login", "/").is_none());
    }
}
