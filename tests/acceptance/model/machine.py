"""Sequences of what clients may do through any door, each step held against the model."""

from .base import Base, Doors
from .edge_rules import EdgeRules
from .entity_rules import EntityRules
from .filter_rules import FilterRules
from .graph_rules import GraphRules
from .link_rules import LinkRules
from .native_rules import NativeRules
from .odd_rules import OddRules

__all__ = ["Base", "Doors", "Machine"]


class Machine(OddRules, FilterRules, EdgeRules, LinkRules, EntityRules, NativeRules, GraphRules):
    """All doors together."""
