"""One change of a shared type, such as a Container, seen at many places, told once.

KServe's CRDs hold whole PodSpecs at dozens of paths, so that a field which Kubernetes adds to a
container shows up at each of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from rebase.compare.levels import Level
from rebase.compare.schema_change import SchemaChange, segments

ELLIPSIS = "…"


@dataclass(frozen=True)
class Group:
    """The same change at one or more places of one schema.

    Attributes:
        paths: every place, sorted.
    """

    id: str
    level: Level
    message: str
    concerns: str
    paths: tuple[str, ...]

    @property
    def path(self) -> str:
        """The place; of several what their ends have in common: `….containers[].image`."""
        return common_tail(self.paths)


def group(changes: Iterable[SchemaChange]) -> list[Group]:
    """The same change (id, level, message) of fields that have the same name, as one."""
    places: dict[tuple[str, Level, str, str, str], list[str]] = {}
    for change in changes:
        name = segments(change.path)[-1] if change.path else ""
        key = (change.id, change.level, change.message, change.concerns, name)
        places.setdefault(key, []).append(change.path)
    return [Group(*key[:4], tuple(sorted(paths))) for key, paths in places.items()]


def common_tail(paths: tuple[str, ...]) -> str:
    """The last steps that all paths have, after an ellipsis; the path itself where it is one."""
    if len(paths) == 1:
        return paths[0]
    tail: list[str] = []
    for steps in zip(*(reversed(segments(path)) for path in paths), strict=False):
        if len(set(steps)) > 1:
            break
        tail.insert(0, steps[0])
    return ".".join([ELLIPSIS, *tail])
