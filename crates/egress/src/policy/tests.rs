use proptest::prelude::*;

use super::*;

fn allowing(allow: &[&str]) -> Egress {
    let entry = |text: &&str| match text.parse() {
        Ok(network) => Allowed::Network(network),
        Err(_) => Allowed::Host((*text).to_owned()),
    };
    Egress::new(EgressOptions { allow: allow.iter().map(entry).collect(), ..EgressOptions::default() })
}

fn refusal(egress: &Egress, url: &str) -> Option<String> {
    egress.check("url", url).err().map(|error| {
        assert_eq!(error.field(), Some("url"), "{error}");
        error.message().to_owned()
    })
}

#[test]
fn a_url_leads_to_a_public_host_by_tls() {
    let egress = allowing(&[]);
    for fine in ["https://hooks.example.org/a?b=c", "https://8.8.8.8", "https://[2606:4700::1111]:8443/x"] {
        assert_eq!(refusal(&egress, fine), None, "{fine}");
    }
    for (wrong, why) in [
        ("", "is not a URL"),
        ("hooks.example.org", "is not a URL"),
        ("https://", "is not a URL"),
        ("https://[::1", "is not a URL"),
        ("https://1.2.3.4.5", "is not a URL"),
        ("ftp://hooks.example.org", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("gopher://hooks.example.org", "scheme"),
        ("https://user@hooks.example.org", "no user name"),
        ("https://:secret@hooks.example.org", "no user name"),
        ("https://127.0.0.1/", "not public"),
        ("https://127.1/", "not public"),
        ("https://0x7f.1/", "not public"),
        ("https://0177.0.0.1/", "not public"),
        ("https://2130706433/", "not public"),
        ("https://①②⑦.0.0.1/", "not public"),
        ("https://0/", "not public"),
        ("https://[::1]/", "not public"),
        ("https://[::ffff:127.0.0.1]/", "not public"),
        ("https://[::ffff:a9fe:a9fe]/", "not public"),
        ("https://[64:ff9b::a9fe:a9fe]/", "not public"),
        ("https://[2002:7f00:1::]/", "not public"),
        ("https://169.254.169.254/latest/meta-data", "not public"),
        ("http://8.8.8.8/", "`https://` only"),
    ] {
        let refused = refusal(&egress, wrong).unwrap_or_default();
        assert!(refused.contains(why), "{wrong}: {refused}");
    }
    let long = format!("https://hooks.example.org/{}", "a".repeat(MAX_URL_BYTES));
    assert!(refusal(&egress, &long).unwrap().contains("2048"));
}

#[test]
fn an_error_shows_no_password() {
    let error = refusal(&allowing(&[]), "https://me:hunter2@hooks.example.org").unwrap();
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn networks_and_names_are_allowed() {
    let egress = allowing(&["10.1.0.0/16", "fd00::/8", "hooks.lan", "*.example.org"]);
    for (host, address, is_plain, is_allowed) in [
        // By its network, under any name and as it is.
        ("10.1.2.3", "10.1.2.3", true, true),
        ("anything.else", "10.1.2.3", true, true),
        ("anything.else", "::ffff:10.1.2.3", true, true),
        ("anything.else", "10.2.0.1", false, false),
        ("anything.else", "fd12::1", false, true),
        ("anything.else", "8.8.8.8", false, true),
        ("anything.else", "8.8.8.8", true, false),
        // By its name.
        ("hooks.lan", "192.168.0.1", true, true),
        ("HOOKS.lan.", "127.0.0.1", true, true),
        ("hooks.lan", "8.8.8.8", true, true),
        ("hooks.lan", "169.254.169.254", true, false),
        ("hooks.lan", "0.0.0.0", true, false),
        ("not-hooks.lan", "192.168.0.1", true, false),
        ("a.hooks.lan", "192.168.0.1", true, false),
        ("a.example.org", "192.168.0.1", true, true),
        ("a.b.example.org", "192.168.0.1", true, true),
        ("example.org", "192.168.0.1", true, false),
        (".example.org", "192.168.0.1", true, false),
        ("aexample.org", "192.168.0.1", true, false),
    ] {
        let answer = egress.check_addresses(host, &[address.parse().unwrap()], is_plain);
        assert_eq!(answer.is_ok(), is_allowed, "{host} at {address}: {answer:?}");
    }
}

#[test]
fn one_address_that_is_not_allowed_refuses_all() {
    let egress = allowing(&[]);
    let [public, private]: [IpAddr; 2] = ["8.8.8.8".parse().unwrap(), "10.0.0.1".parse().unwrap()];
    assert!(egress.check_addresses("h", &[public], false).is_ok());
    for mixed in [[public, private], [private, public]] {
        let refused = egress.check_addresses("h", &mixed, false).unwrap_err().to_string();
        assert!(
            refused.contains("`h`") && refused.contains("egress.allow") && !refused.contains("10.0.0.1"),
            "{refused}"
        );
    }
}

#[test]
fn without_public_addresses_only_what_is_listed_is_allowed() {
    let egress = Egress::new(EgressOptions { allow: vec![Allowed::Host("hooks.lan".to_owned())], public: false });
    let public = ["8.8.8.8".parse().unwrap()];
    assert!(egress.check_addresses("hooks.lan", &public, false).is_ok());
    assert!(egress.check_addresses("elsewhere.example", &public, false).is_err());
    assert!(refusal(&egress, "https://8.8.8.8/").unwrap().contains("not among the hosts"));
}

proptest! {
    /// Whatever a client writes: no URL that names an address passes unless that address is public.
    #[test]
    fn no_text_opens_an_address(text in "https?://[0-9a-fx.:\\[\\]]{1,40}(/.{0,10})?") {
        let Ok(url) = allowing(&[]).check("url", &text) else { return Ok(()) };
        let address = match url.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            _ => return Ok(()),
        };
        prop_assert!(is_public(effective(address)));
    }

    /// Addresses of all kinds, written as the host.
    #[test]
    fn an_address_passes_where_it_is_public(bits: u128, v4: u32, is_v4: bool) {
        let address: IpAddr = if is_v4 { std::net::Ipv4Addr::from_bits(v4).into() } else { std::net::Ipv6Addr::from_bits(bits).into() };
        let host = if address.is_ipv4() { address.to_string() } else { format!("[{address}]") };
        let passes = allowing(&[]).check("url", &format!("https://{host}/")).is_ok();
        prop_assert_eq!(passes, is_public(effective(address)));
    }
}
