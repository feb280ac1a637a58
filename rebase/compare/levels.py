"""How much a change matters to who has objects already."""

from collections.abc import Iterable
from enum import StrEnum


class Level(StrEnum):
    """What a change does to objects, and to users, as they are."""

    BREAKS = "breaks"  # something that worked is refused, dropped, or not there any more
    WARNS = "warns"  # may be so, or objects that nobody touched behave differently
    FINE = "fine"  # whatever worked still does

    @property
    def rank(self) -> int:
        """For sorting: what breaks comes first."""
        return _RANKS[self]


_RANKS = {level: rank for rank, level in enumerate(Level)}


def worst(levels: Iterable[Level]) -> Level:
    """The one that matters most; `fine` where there is none."""
    return min(levels, key=lambda level: level.rank, default=Level.FINE)
