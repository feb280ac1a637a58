"""Changes of CRDs as lines for people: what is the same in several CRDs, or at one place, is one.

Nothing is left out of the changes themselves; only the lines are fewer.
"""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass

from rebase.compare.crds import CrdChange
from rebase.compare.groups import common_tail
from rebase.compare.levels import Level
from rebase.compare.schema_change import segments

_RULES = frozenset({"rule-added", "rule-changed", "rule-removed"})
# What is told one by one though it is fine: people look for new fields.
_NEWS = frozenset({"crd-added", "field-added", "version-added"})
_SHOWN = 3  # of several messages in a line


@dataclass(frozen=True)
class CrdLine:
    """Changes that a person reads as one.

    Attributes:
        where: the CRDs, each with the versions concerned.
        path: as in CrdChange.
        message: of all of them, or the first few messages and how many more there are.
        paths: every place, sorted.
        changes: all that the line is about.
    """

    id: str
    level: Level
    where: tuple[tuple[str, tuple[str, ...]], ...]
    path: str
    message: str
    hits: str
    paths: tuple[str, ...]
    changes: tuple[CrdChange, ...]

    @property
    def crds(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(crd for crd, _ in self.where))


Together = list[CrdChange]


def crd_lines(changes: Iterable[CrdChange]) -> list[CrdLine]:
    """The lines, in the order of the changes."""
    same = _gather(([change] for change in changes), _everywhere)
    return [_line(together) for together in _gather(same, _at_one_place)]


def _gather(those: Iterable[Together], key: Callable[[Together], Hashable]) -> list[Together]:
    found: dict[Hashable, Together] = {}
    for together in those:
        found.setdefault(key(together), []).extend(together)
    return list(found.values())


def _everywhere(together: Together) -> Hashable:
    """What is the same change, in whatever CRD."""
    first = together[0]
    place, which = first.path, first.hits.removeprefix(first.objects)
    if first.level is Level.FINE and first.path:
        place = segments(first.path)[-1]
    if not first.objects:  # hits name the kind
        which = ""
    return first.id, first.level, first.message, place, which


def _at_one_place(together: Together) -> Hashable:
    """Rules at one place, and what loosens a CRD in one way, are read together."""
    first = together[0]
    loosens = first.level is Level.FINE and first.paths and first.id not in _NEWS
    if loosens:
        return first.id
    if first.id in _RULES:
        return first.id, first.level, _where(together), _paths(together)
    return id(together)


def _where(together: Together) -> tuple[tuple[str, tuple[str, ...]], ...]:
    versions: dict[str, set[str]] = {}
    for change in together:
        versions.setdefault(change.crd, set()).update(change.versions)
    return tuple((crd, tuple(sorted(names))) for crd, names in sorted(versions.items()))


def _paths(together: Together) -> tuple[str, ...]:
    return tuple(sorted({path for change in together for path in change.paths}))


def _line(together: Together) -> CrdLine:
    first, paths = together[0], _paths(together)
    path = common_tail(paths) if paths and first.level is Level.FINE else first.path
    objects = dict.fromkeys(change.objects or change.hits for change in together if change.hits)
    which = first.hits.removeprefix(first.objects) if first.objects else ""
    hits = " and ".join(objects) + which
    message = _several(list(dict.fromkeys(change.message for change in together)))
    return CrdLine(
        *(first.id, first.level, _where(together), path, message, hits, paths, tuple(together))
    )


def _several(messages: list[str]) -> str:
    """`new rule: a; b; c; and 8 more`: what each of them starts with is said once."""
    start, colon, _ = messages[0].partition(": ")
    if colon and all(message.startswith(start + colon) for message in messages):
        messages = [messages[0], *(message.removeprefix(start + colon) for message in messages[1:])]
    text = "; ".join(messages[:_SHOWN])
    left = len(messages) - _SHOWN
    return text + (f"; and {left} more" if left > 0 else "")
