//! Files made to get past a scanner: each is caught by the rules that it was made for.

use super::assert_findings;

#[test]
fn every_evasion_is_caught() {
    assert_findings("evasions");
}
