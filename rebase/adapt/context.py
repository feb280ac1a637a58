"""What the steps know and what they tell."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rebase.model import NAMESPACE, Identity, LeftOut

# Names that stand for the operator's own namespace in the tree.
FOREIGN_NAMESPACES = frozenset({"kserve", "opendatahub", "system"})


@dataclass
class Context:
    """Shared by the steps of one rebase.

    Attributes:
        shipped_elsewhere: (group, kind) of objects that ship in our namespace from another
            directory: the runtimes.
        parameters: names of the ConfigMaps that kustomize generates from params files.
        images: marker → the image that it stands for.
        selectors: of the workloads that the last rebase shipped.
        left_out: what a step removed, with the reason.
        settings: `section.name` of KServe's configuration → what upstream has there.
    """

    namespace: str = NAMESPACE
    shipped_elsewhere: frozenset[tuple[str, str]] = frozenset()
    parameters: frozenset[str] = frozenset()
    images: Mapping[str, str] = field(default_factory=dict)
    selectors: Mapping[Identity, Mapping[str, str]] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    settings: dict[str, str | bool] = field(default_factory=dict)

    def leave_out(self, what: object, reason: str) -> None:
        self.left_out.append(LeftOut(str(what), reason))
