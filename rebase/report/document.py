"""What a report is made of, whatever it is written in."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from rebase.compare.levels import Level


class Sign(StrEnum):
    """What happened to a thing."""

    ADDED = "+"
    REMOVED = "-"
    CHANGED = "~"
    MOVED = "→"
    NONE = ""


@dataclass(frozen=True)
class Item:
    """A line, with lines below it.

    Attributes:
        name: of a thing; set as code.
        note: words behind it.
        old, new: values, set as code; what is None is not told.
        strong: to be noticed.
        quiet: the lines below are for who looks closer.
    """

    name: str
    sign: Sign = Sign.NONE
    note: str = ""
    old: str | None = None
    new: str | None = None
    level: Level | None = None
    strong: bool = False
    quiet: bool = False
    items: tuple["Item", ...] = ()


@dataclass(frozen=True)
class Bar:
    """A value before and after; None where there is none."""

    name: str
    old: float | None
    new: float | None


@dataclass(frozen=True)
class Chart:
    """Values to be seen side by side.

    Attributes:
        unit: such as `MB`.
        digits: behind the point.
    """

    title: str
    unit: str
    bars: tuple[Bar, ...]
    digits: int = 1

    def value(self, number: float | None) -> str:
        return "none" if number is None else f"{number:,.{self.digits}f} {self.unit}".rstrip()


@dataclass(frozen=True)
class Section:
    """A heading, what to know first, and the items.

    Attributes:
        anchor: for links.
        lead: a sentence; also what there is to say when there are no items.
    """

    anchor: str
    title: str
    lead: str = ""
    items: tuple[Item, ...] = ()
    charts: tuple[Chart, ...] = ()


@dataclass(frozen=True)
class Highlight:
    """What matters most, in a line that leads to its section.

    Attributes:
        count: set large.
        level: how bad it is; None for what is neither good nor bad.
    """

    count: str
    words: str
    anchor: str
    level: Level | None = None


@dataclass(frozen=True)
class Report:
    """A whole report.

    Attributes:
        note: what to know before all; "" when there is nothing.
    """

    title: str
    old: str
    new: str
    note: str
    highlights: tuple[Highlight, ...]
    sections: tuple[Section, ...]


def counted(number: int, one: str, many: str = "") -> str:
    """`1 image`, `2 images`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def listed(names: Iterable[str], most: int = 8) -> str:
    """`a, b, … and 3 more`."""
    words = list(names)
    more = f", … and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more


def cut(items: Sequence[Item], most: int) -> tuple[list[Item], int]:
    """The items to show, and how many are left out; what breaks or is strong is always shown."""
    room = max(0, most - sum(_always(item) for item in items))
    shown = []
    for item in items:
        if _always(item) or room > 0:
            shown.append(item)
            room -= not _always(item)
    return shown, len(items) - len(shown)


def _always(item: Item) -> bool:
    return item.strong or item.level is Level.BREAKS
