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


def all_as_before(number: int, one: str) -> str:
    """`All 6 CRDs are as before.`"""
    are = f"All {counted(number, one)} are" if number != 1 else f"The {one} is"
    return f"{are} as before."


def listed(names: Iterable[str], most: int = 8) -> str:
    """`a, b, … and 3 more`."""
    words = list(names)
    more = f", … and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more


def one_line(text: str, most: int) -> str:
    """A text as a line of so many characters at most, in which nothing steers a terminal."""
    line = " ".join(text.split())
    if len(line) > most:
        line = line[: most - 1] + "…"
    if line.isprintable():
        return line
    return "".join(one if one.isprintable() else "\ufffd" for one in line)


def cut(items: Sequence[Item], most: int, *, strictly: bool = False) -> tuple[list[Item], int]:
    """The items to show, and how many are left out.

    Args:
        strictly: no more than `most`, what breaks or is strong before all else; otherwise that is
            always shown.
    """
    matter = [index for index, item in enumerate(items) if _matters(item)]
    others = [index for index, item in enumerate(items) if not _matters(item)]
    if strictly:
        matter = matter[:most]
    chosen = sorted([*matter, *others[: max(0, most - len(matter))]])
    return [items[index] for index in chosen], len(items) - len(chosen)


def _matters(item: Item) -> bool:
    return item.strong or item.level is Level.BREAKS
