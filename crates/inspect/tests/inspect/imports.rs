//! What imports weigh: names from advisories about pickle scanners, their siblings, and what honest pickles hold.

use std::fs;

use modelport_inspect::{Bytes, inspect, verdict_name};

use super::folder;

#[test]
fn every_import_weighs_what_the_table_says() {
    let table = fs::read_to_string(folder("imports.txt")).unwrap();
    let (mut wrong, mut counted) = (Vec::new(), 0);
    for line in table.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (imports, names) = line.split_once(": ").unwrap();
        let (weight, module) = imports.split_once(' ').unwrap();
        for name in names.split(' ') {
            counted += 1;
            let called = format!("\u{2}c{module}\n{name}\nX\u{4}\0\0\0true").into_bytes();
            let pickle = [b"\x80", called.as_slice(), b"\x85R."].concat();
            let seen = inspect("a.pkl", &Bytes(&pickle), &Default::default()).unwrap();
            let ours = verdict_name(seen.severity());
            if ours != weight {
                wrong.push(format!("{module}.{name} is {ours}, not {weight}: {:?}", seen.verdict()));
            }
        }
    }
    assert!(counted > 300, "only {counted} imports were tried");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
