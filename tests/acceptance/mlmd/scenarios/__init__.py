"""What the differential run asks: each scenario makes nodes and types of its own, and shares the database with the others."""

import importlib
from collections.abc import Callable

from twins import Twin

# What the reference does wrong, or leaves open, and Modelport does otherwise on purpose.
DEFECTS = {
    "D4": "doubles keep all their digits, and NaN and infinities; the reference prints six decimals into its SQL",
    "D5": "an event about a node that does not exist is refused; the reference stores it",
    "D6": "a pair without artifact and event leads to nothing; the reference attributes an artifact -1 to the contexts",
    "D7": "a declared and a custom property of one name are two; the reference changes and removes both",
    "D9": "a text may be any; the reference cuts it at a NUL, which is refused here",
    "D12": "a text may look like what the reference stores instead of a value; the reference cannot read such a node",
    "D13": "an Any has a type; the reference stores one without, and cannot read the node afterwards",
    "D14": "an external id or a name that is taken is ALREADY_EXISTS on a change too; the reference says INTERNAL",
    "D15": "types of different kinds may have the same external id; the reference says INTERNAL",
    "D16": "lists of types show external ids; the reference forgets them",
    "D17": "a page has at most 100 nodes, and a token; the reference returns 101 and none",
    "D20": "filters know every attribute, state and comparison that is documented; the reference lacks some",
    "D3": "a text in a filter is a text; the reference takes one that is called like a column for the column",
    "an empty external id": "is none; the reference stores it, and lets one node of a kind have it",
    "queries in filters": "are refused; the reference takes those that read no table",
    "sizes": "of pages are above zero for every list; the reference does not look when a context has no members",
    "UNKNOWN": "is no kind of a property, ever; the reference first says that the type's is another",
    "LIKE": "tells upper from lower case on every database; the reference on SQLite does not",
    "the plural calls": "answer with the parents or children of many contexts; the reference's server lacks them",
}


# In this order: the first asks an empty store.
MODULES = ["types", "nodes", "edges", "publishing", "subgraphs", "lists", "filters", "lineage", "across"]


def all_scenarios() -> list[Callable[[Twin], None]]:
    """The functions of the modules whose names begin with `asks_`, as they stand there."""
    found = []
    for module in MODULES:
        for name, value in vars(importlib.import_module(f"{__name__}.{module}")).items():
            if name.startswith("asks_"):
                found.append(value)
    return found
