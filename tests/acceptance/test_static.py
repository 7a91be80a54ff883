"""The files that a browser gets as they are, from a running server, and the theme's script in a stand-in for a browser's window."""

import json
import subprocess
from itertools import product
from pathlib import Path
from xml.etree import ElementTree

import pytest
from harness import ROOT, Installation

# A window as far as the script looks at it; the theme that it sets before and after the system changes to the other.
WINDOW = """
const { chosen, dark } = JSON.parse(process.argv[1]);
const classes = new Set(), listeners = {};
const system = { matches: dark, addEventListener: (_, listener) => { listeners.system = listener; } };
const root = { dataset: {}, style: {}, classList: { toggle: (name, is) => is ? classes.add(name) : classes.delete(name) } };
const store = { getItem: () => { if (chosen === "blocked") throw new Error("SecurityError"); return chosen; } };
const globals = { document: { documentElement: root }, matchMedia: () => system, localStorage: store,
  addEventListener: (name, listener) => { listeners[name] = listener; } };
require("node:vm").runInNewContext(require("node:fs").readFileSync(0, "utf8"), globals);
const seen = () => [root.dataset.theme, root.style.colorScheme, classes.has("pf-v6-theme-dark") ? "dark" : "light"];
const before = seen();
system.matches = !system.matches;
listeners.system();
console.log([...before, ...seen()].join(" "));
"""


@pytest.fixture
def theme() -> str:
    # Makes sure that there is a node.
    subprocess.check_output([ROOT / "scripts/tools", "tus-js-client"])
    return (ROOT / "static/theme.js").read_text()


def test_the_theme_is_what_was_chosen_or_else_the_systems(theme: str) -> None:


    names = {False: "light", True: "dark"}
    for chosen, dark in product(["light", "dark", None, "nonsense", "blocked"], [False, True]):
        command = ["node", "-e", WINDOW, json.dumps({"chosen": chosen, "dark": dark})]
        themes = subprocess.check_output(command, input=theme, text=True).split()
        first, second = (chosen, chosen) if chosen in names.values() else (names[dark], names[not dark])
        assert themes == [first] * 3 + [second] * 3, (chosen, dark)


def test_a_browser_gets_icons_and_the_theme(tmp_path: Path) -> None:
    with Installation.embedded(tmp_path) as installation:
        http = installation.serve().http
        icon = http.get("/favicon.svg")
        assert ElementTree.fromstring(icon.content).tag == "{http://www.w3.org/2000/svg}svg"
        assert http.get("/favicon.ico").content[:4] == b"\x00\x00\x01\x00"
        for path in ("/favicon.svg", "/favicon.ico", "/theme.js", "/docs/"):
            head, whole = http.head(path), http.get(path)
            assert (head.status_code, head.content) == (200, b"")
            assert int(head.headers["content-length"]) == len(whole.content) > 0
            known = http.get(path, headers={"If-None-Match": whole.headers["etag"]})
            assert (known.status_code, known.content) == (304, b"")
