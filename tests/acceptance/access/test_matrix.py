"""Every operation by everybody on everything: each is done, 401, 403, 404, or absent from a list, as the rules say."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import accounts
import doors
import published
import pytest
from calls_table import CALLS, NEIGHBOURS
from doors import Answer, ask
from harness import Installation
from mlflow_table import ATTACHED, CROSSING, TRAINING, TRAINING_NEIGHBOURS
from operations import BEGUN, DONE, FEED, HTTP, KNOWN, LIST, NAMED, OPEN, OWN_JOB, UNIQUE, Row
from oracle import CREATE, DENIED, DOWNLOAD, HIDDEN, MANAGE, OK, SEE, TAKEN, UNKNOWN, WRITE, Place, Who, answer, held
from people import ACCOUNTS, BELIEVED, BYSTANDER, LISTENERS, MAKER, NOBODY, OTHER, OWN, REGISTRY_ADMIN, STRANGERS, Tree
from spares import keep, spare
from traces_table import LINKED_TO, LINKS, TRACE_NEIGHBOURS, TRACED, USES
from training import NO_MODEL, NO_RUN, NO_TRACE
from world import NOTHING_THERE, World, tus, world

ROWS = [*HTTP, *CALLS, *TRAINING, *TRACED]
# What only a bucket can do.
BUCKET = {"native:createDirectUpload"}
READS = [row for row in ROWS if row.kind != DONE]
WRITES = [row for row in ROWS if row.kind == DONE]


@pytest.fixture(scope="module", params=["embedded", "production"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One registry for all cells of a set-up."""
    folder: Path = tmp_path_factory.mktemp(request.param)
    installation = Installation.migrated(request.param, folder, lambda: request.getfixturevalue("services"))
    if request.param == "production":
        installation.settings["MODELPORT__ARTIFACTS__DIRECT_UPLOAD_SECONDS"] = "600"
    with installation, world(installation) as made:
        keep(made, made.trees["shut"])
        yield made


class Cells:
    """What was asked, and where it was answered otherwise than the rules say."""

    def __init__(self, world: World):
        self.world = world
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.missing: dict[tuple[int, str, str], str] = {}

    def note(self, row: Row, who: Who, what: str, expected: str, found: Answer, is_right: bool) -> None:
        self.counts[expected] += 1
        if not is_right:
            operation = f"{row.operation} {' '.join(row.path)} {row.query or ''}"
            self.wrong.append(
                f"{operation} by {who.name} on {what}: {expected} expected, {found.outcome} {found.text[:300]!r}"
            )

    def ask(self, row: Row, who: Who, tree: Tree, values: dict[str, str]) -> Answer:
        """By name in the workspace of the tree, by id wherever it is."""
        return ask(self.world, row, who, values | {"new": self.world.new()}, tree.workspace if row.by_name else "")

    def look(self, row: Row, who: Who, tree: Tree) -> None:
        """One cell. What is removed can be made anew by its name, and its uploads wait for that."""
        if tree.is_removed and row.special in (NAMED, UNIQUE, BEGUN):
            return
        expected = self.expected(row, who, tree)
        values = dict(tree.values)
        if expected == OK and row.spare:
            values |= spare(self.world, tree, row.spare)
        found = self.ask(row, who, tree, values)
        if expected == HIDDEN:
            is_right = self.is_as_missing(row, who, tree, found)
        elif expected == OK:
            is_right = self.is_done(row, tree, found)
        else:
            is_right = found.outcome == expected
            if expected == DENIED and row.door == "native" and SEE in held(who, tree.place(row.about)):
                action = next(each for each in row.needs if each not in held(who, tree.place(row.about)))
                is_right &= f"`{action}`" in found.text
        self.note(row, who, tree.name, expected, found, is_right)

    def expected(self, row: Row, who: Who, tree: Tree) -> str:
        place = tree.place(row.about)
        if row.special == BEGUN and who.is_believed:
            return OK if MANAGE in held(who, place) else HIDDEN
        said = answer(who, row.needs, place)
        if row.special == UNIQUE and said != UNKNOWN or row.special == NAMED and said == HIDDEN:
            return TAKEN if CREATE in held(who, Place(tree.workspace)) else DENIED
        is_gone = tree.is_removed and place.tree and not row.finds_removed
        return HIDDEN if is_gone and said != UNKNOWN else said

    def is_done(self, row: Row, tree: Tree, found: Answer) -> bool:
        is_shown = row.kind == DONE or not row.items or tree.values[row.items] in found.ids
        return (found.outcome == OK and is_shown) or found.outcome in map(str, row.also)

    def is_as_missing(self, row: Row, who: Who, tree: Tree, found: Answer) -> bool:
        """Whether it is told in the words by which the same is told of what never was."""
        key = (ROWS.index(row), who.name, tree.workspace if row.by_name else "")
        if key not in self.missing:
            self.missing[key] = shape(self.ask(row, who, tree, nothing(tree)), nothing(tree))
        return shape(found, tree.values) == self.missing[key]

    def whole(self, row: Row, who: Who, workspace: str, trees: list[Tree]) -> None:
        """A list of a workspace has what of each tree is seen, and nothing of another."""
        found = ask(self.world, row, who, trees[0].values | {"new": ""}, workspace)
        for tree in trees:
            is_seen = answer(who, [SEE], tree.place(row.items)) == OK and tree.workspace == (workspace or OWN)
            is_there = not tree.is_removed or not tree.place(row.items).tree or row.kind == FEED
            if not who.is_believed:
                self.note(row, who, tree.name, UNKNOWN, found, found.outcome == UNKNOWN)
            elif row.items != "point":
                has = found.outcome == OK and tree.values[row.items] in found.ids
                expected = OK if is_seen and is_there else "absent"
                self.note(
                    row, who, f"{tree.name} in {workspace or 'its own'}", expected, found, has == (expected == OK)
                )


def nothing(tree: Tree) -> dict[str, str]:
    """The values of a tree that never was."""
    of_ids = lambda key, value: NOTHING_THERE if value.isdigit() and not key.endswith("_type") else f"missing-{key}"
    same = {"no_upload"} | {key for key in tree.values if key.endswith("_type")}
    found = {key: value if key in same else of_ids(key, value) for key, value in tree.values.items()}
    found |= {"trained_run": NO_RUN, "logged_model": NO_MODEL, "trace": NO_TRACE}
    return found | {"record_id": f"modelport-{NOTHING_THERE}", "upload_id": "f" * 32, "tus": tus(found)}


def shape(found: Answer, values: dict[str, str]) -> str:
    return f"{found.outcome} {found.without(values)}"


def is_whole(row: Row) -> bool:
    return row.kind in (LIST, FEED) and not row.about


def everybody(row: Row) -> list[tuple[Who, bool]]:
    """Who asks, and whether about everything. Whoever is not believed is told the same of all."""
    asked = [(who, True) for who in BELIEVED]
    strangers = [(who, False) for who in STRANGERS]
    door = row.door.removeprefix("HEAD-")
    if door in LISTENERS:
        listener = LISTENERS[door]
        return [
            *asked,
            (Who(NOBODY.name, listener.bindings), True),
            *((who, False) for who in STRANGERS if who != NOBODY),
        ]
    return [*asked, *strangers]


def test_every_operation_has_a_row(made: World) -> None:
    published_ones = set(doors.http_places()) | published.calls(made.calls.channel) | published.routes_of_mlflow()
    every = [*ROWS, *(row for row, _ in accounts.ROWS)]
    rows = {row.operation for row in every if row.door not in ("HEAD", "HEAD-edge", "GET")}
    assert published_ones - rows == set(), "these have no row"
    assert rows - published_ones == set(), "these are not published"


def run(made: World, rows: list[Row]) -> Cells:
    cells, trees = Cells(made), list(made.trees.values())
    is_local = made.installation.store.url.startswith("file:")
    for row in rows:
        if row.operation in BUCKET and is_local:
            continue
        for who, is_asked_about_all in everybody(row):
            if row.special in (OPEN, KNOWN, OWN_JOB) or (row.kind == DONE and not row.about):
                alone(cells, row, who)
            elif is_whole(row):
                for workspace in ["", OTHER] if is_asked_about_all else [""]:
                    cells.whole(row, who, workspace, trees)
            else:
                for tree in trees if is_asked_about_all else trees[:1]:
                    cells.look(row, who, tree)
    return cells


def alone(cells: Cells, row: Row, who: Who) -> None:
    """What is about nothing but a workspace, or about nobody's."""
    values = cells.world.trees["open"].values | {"new": cells.world.new(), "job_id": NOTHING_THERE}
    found = ask(cells.world, row, who, values)
    match row.special:
        case "open":
            expected = OK
        case "job":
            expected = HIDDEN if who.is_believed else UNKNOWN
        case "known":
            expected = OK if who.is_believed else UNKNOWN
        case _:
            said = answer(who, row.needs, Place(OWN))
            # The workspace of a request is no secret to whoever works in it.
            expected = DENIED if said == HIDDEN else said
    is_right = found.outcome == expected or (expected == OK and found.outcome in map(str, row.also))
    cells.note(row, who, "no tree", expected, found, is_right)


def finish(cells: Cells, figures: list[str], what: str) -> None:
    counts = ", ".join(f"{name} {count}" for name, count in sorted(cells.counts.items()))
    figures.append(f"{sum(cells.counts.values())} cells of {what}: {counts}")
    shown = "\n".join(cells.wrong[:200])
    assert not cells.wrong, f"{len(cells.wrong)} cells are wrong:\n{shown}"


def test_reads(made: World, figures: list[str]) -> None:
    finish(run(made, READS), figures, "reads")


def test_writes(made: World, figures: list[str]) -> None:
    finish(run(made, WRITES), figures, "writes")


def test_neighbours(made: World, figures: list[str]) -> None:
    """What is attached across roots, or next to it in lineage, is seen by whoever sees all of the way there."""
    cells, (open_, shut) = Cells(made), (made.trees[name] for name in ("open", "shut"))
    values = open_.values | {f"shut_{key}": value for key, value in shut.values.items()} | {"new": ""}
    places = {"open": open_.place("model_id"), "shut": shut.place("model_id"), "loose": Place(OWN)}
    for row, shown, needed in [*NEIGHBOURS, *TRAINING_NEIGHBOURS, *TRACE_NEIGHBOURS]:
        for who in BELIEVED:
            found = ask(made, row, who, values)
            is_seen = all(SEE in held(who, places[name]) for name in needed.split())
            has = values[shown] in found.ids or f'"id":"{values[shown]}"' in found.text
            cells.note(row, who, f"{shown} by {row.body}", OK if is_seen else "absent", found, has == is_seen)
    finish(cells, figures, "neighbours")


def test_crossing(made: World, figures: list[str]) -> None:
    """What is done to something of one root with something of another needs what it needs at both."""
    cells, open_, shut = Cells(made), made.trees["open"], made.trees["shut"]

    def values(of_open: dict[str, str], of_shut: dict[str, str]) -> dict[str, str]:
        return of_open | {f"shut_{key}": value for key, value in of_shut.items()} | {"base": made.server.url}

    for row, needed in [*CROSSING, (USES, SEE), (LINKED_TO, WRITE), (LINKS, WRITE), (ATTACHED, DOWNLOAD)]:
        for who in ACCOUNTS:
            here, there = (answer(who, needs, tree.place("model_id")) for needs, tree in [(row.needs, open_), ([needed], shut)])
            # What is left out where it is hidden.
            here = OK if row == LINKED_TO and here == HIDDEN else here
            there = OK if row in (ATTACHED, LINKS) and there == HIDDEN else there
            told, every = {here, there} - {OK}, values(open_.values, shut.values)
            found = ask(made, row, who, every)
            if HIDDEN in told:
                seen = [tree.values if said != HIDDEN else nothing(tree) for tree, said in [(open_, here), (shut, there)]]
                missing = ask(made, row, who, values(*seen))
                is_right = shape(found, every) == shape(missing, values(*seen)) and found.outcome != OK
                is_right |= DENIED in told and found.outcome == DENIED
            else:
                is_right = found.outcome == (DENIED if told else OK)
            cells.note(row, who, "both trees", min(told, default=OK), found, is_right)
    finish(cells, figures, "crossing")


def test_another_workspace_has_nothing_of_this_one(made: World, figures: list[str]) -> None:
    """By its id neither, where a request names a workspace."""
    cells, tree = Cells(made), made.trees["open"]
    for row in READS:
        if row.about and not row.by_name and not row.special:
            never = nothing(tree)
            found, missing = (
                ask(made, row, REGISTRY_ADMIN, values | {"new": ""}, OTHER) for values in (tree.values, never)
            )
            is_same = shape(found, tree.values) == shape(missing, never)
            cells.note(row, REGISTRY_ADMIN, f"open in {OTHER}", HIDDEN, found, is_same)
    finish(cells, figures, "another workspace")


def test_accounts(made: World, figures: list[str]) -> None:
    cells = Cells(made)
    base = made.spare_account(BYSTANDER) | made.webhook() | {"own": OWN, "other": OTHER, "maker": MAKER}
    base |= {tree.name: tree.values["model_id"] for tree in made.trees.values()}
    for row, expectation in accounts.ROWS:
        for who in [*BELIEVED, *STRANGERS]:
            expected, values = expectation(who), base | {"new": made.new(), "who": who.name}
            if who.name == "narrowed":
                values["who"] = "admin-of-workspace"
            if expected == OK and row.spare:
                values |= made.webhook() if row.spare == "webhook" else made.spare_account(made.new())
            found = ask(made, row, who, values)
            is_right = found.outcome == expected or (expected == OK and found.outcome in map(str, row.also))
            cells.note(row, who, "accounts", expected, found, is_right)
    finish(cells, figures, "accounts")
