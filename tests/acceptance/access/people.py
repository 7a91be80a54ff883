"""Who is there, and what there is to be seen: the principals and the trees that the matrix is about."""

from dataclasses import dataclass, field

from oracle import EVERYTHING, READER, ROLES, Binding, Place, Who

OWN, OTHER = "team-a", "team-b"
MAKER = "maker"
OWNER = "contributor-of-workspace"
# An account that others do something to, and which does nothing.
BYSTANDER = "bystander"


def on_workspace(role: str, **rest) -> Who:
    return Who(f"{role}-of-workspace", (Binding(role, OWN),), **rest)


# Nobody who is believed.
STRANGERS = [Who(name, is_believed=False) for name in ["nobody", "garbage", "expired", "disabled"]]
NOBODY = STRANGERS[0]
# An account to which nothing is bound.
OUTSIDER = Who("outsider")
ADMIN = on_workspace("admin")
# The token of the workspace's admin that has no more than what readers have.
NARROWED = Who("narrowed", ADMIN.bindings, limit=READER)
REGISTRY_ADMIN = Who("registry-admin", (Binding("admin"),))
BELIEVED = [
    OUTSIDER,
    *(on_workspace(role) for role in ROLES),
    *(Who(f"{role}-of-root", (Binding(role, tree="shut"),)) for role in ROLES),
    NARROWED,
    REGISTRY_ADMIN,
    Who("reader-of-registry", (Binding("reader"),)),
]
# Writes in the workspace, and only looks at what is shut there.
LOOKER = Who("looker", (Binding("writer", OWN), Binding("viewer", tree="shut")))
ACCOUNTS = [*BELIEVED, LOOKER]
# Whose requests those are that present nothing, where a listener says so.
LISTENERS = {
    "edge": Who("edge-clients", (Binding("reader", OWN),)),
    "grpc": Who("grpc-clients", (Binding("writer", OWN),)),
}

# What belongs to no root of Kubeflow's: each is a root of its own, which nobody binds anything to.
LOOSE = {"pipeline_id", "step_id", "data_id", "folder"}


@dataclass
class Tree:
    """A model, an experiment and an environment, what is below them, and what a pipeline made beside."""

    name: str
    workspace: str = OWN
    is_restricted: bool = False
    owner: str = MAKER
    is_removed: bool = False
    # Ids and names by what rows call them.
    values: dict[str, str] = field(default_factory=dict)
    spares: dict[str, list[dict[str, str]]] = field(default_factory=dict)

    def place(self, about: str) -> Place:
        """Where something of it is."""
        if about in LOOSE:
            return Place(self.workspace, owner=self.owner)
        return Place(self.workspace, self.name, self.is_restricted, self.owner)


def trees() -> dict[str, Tree]:
    every = [
        Tree("open"),
        Tree("shut", is_restricted=True),
        Tree("mine", owner=OWNER),
        Tree("theirs", workspace=OTHER),
        Tree("gone", is_removed=True),
    ]
    return {tree.name: tree for tree in every}


assert ROLES["admin"] == EVERYTHING
