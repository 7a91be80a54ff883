//! Where something is, as `Location` says it: relative to the request, so that it holds below whatever path a proxy puts
//! before this server's (RFC 9110 §10.2.2, RFC 3986 §4.2).

use actix_web::HttpRequest;

use super::PREFIX;

/// `to`, a path below [`PREFIX`] that begins with a plain segment, relative to the request's own path.
pub fn relative(request: &HttpRequest, to: &str) -> String {
    let path = request.uri().path();
    let below = path.find(PREFIX).and_then(|at| path.get(at + PREFIX.len() + 1..)).unwrap_or_default();
    format!("{}{to}", "../".repeat(below.matches('/').count()))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use url::Url;

    use super::*;

    #[test]
    fn it_leads_to_the_same_place_below_any_prefix() {
        for path in ["uploads", "models/m/versions/1/files/a", "models/org%2Fm/versions/1/files/dir/deeper/a%2Fb"] {
            let request = TestRequest::put().uri(&format!("{PREFIX}/{path}?create=false")).to_http_request();
            let location = relative(&request, "artifacts/3/files/a:b");
            for prefix in ["", "/registry", "/a/b"] {
                let asked = Url::parse(&format!("http://host{prefix}{PREFIX}/{path}?create=false")).unwrap();
                let expected = format!("http://host{prefix}{PREFIX}/artifacts/3/files/a:b");
                assert_eq!(asked.join(&location).unwrap().as_str(), expected);
            }
        }
    }
}
