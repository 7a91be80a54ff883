"""What clients of the native API do."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from . import native
from .base import Base
from .plans import pick, picks
from .registry import Refusal
from .values import ALIASES, WRONG_ALIASES

aliases = st.sampled_from([*ALIASES, *ALIASES, *WRONG_ALIASES])


class NativeRules(Base):
    """The native door."""

    @precondition(lambda self: self.registry.of("kf.ModelVersion"))
    @rule(which=picks, alias=aliases, stranger=picks)
    def set_alias(self, which: int, alias: str, stranger: int) -> None:
        version = pick(self.registry.of("kf.ModelVersion"), which)
        model = pick(self.registry.of("kf.RegisteredModel"), stranger)
        if stranger < 6:
            model = self.registry.nodes[version.home or 0]
        wrongs = {Refusal.INVALID} if alias in WRONG_ALIASES else set()
        target = self.registry.named("kf.ModelVersion", model.id, version.name)
        wrongs |= set() if target else {Refusal.MISSING}
        refusal = self.doors.native.set_alias(str(model.name), alias, str(version.name))
        if self.expect(wrongs, refusal, native.SAYS, f"alias {alias} of {version}") and target:
            self.registry.point_alias(model, alias, target)

    @precondition(lambda self: self.registry.of("kf.RegisteredModel"))
    @rule(which=picks, alias=aliases)
    def drop_alias(self, which: int, alias: str) -> None:
        model = pick(self.registry.of("kf.RegisteredModel"), which)
        wrongs = {Refusal.INVALID} if alias in WRONG_ALIASES else set()
        wrongs |= set() if (model.id, alias) in self.registry.aliases else {Refusal.MISSING}
        if self.expect(wrongs, self.doors.native.drop_alias(str(model.name), alias), native.SAYS, f"end of {alias}"):
            self.registry.drop_alias(model, alias)
