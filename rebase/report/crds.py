"""The CRDs' section: what users' objects run into, worst first."""

from collections import Counter
from collections.abc import Iterator

from rebase.compare.comparison import Comparison, Moved
from rebase.compare.crd_lines import CrdLine, crd_lines
from rebase.compare.crds import CrdChange
from rebase.compare.levels import Level
from rebase.objects import CRD
from rebase.report.document import (
    Bar,
    Chart,
    Highlight,
    Item,
    Section,
    Sign,
    all_as_before,
    counted,
    listed,
)

KB = 1e3
GONE, CAME = "crd-removed", "crd-added"


def crd_highlights(comparison: Comparison) -> Iterator[Highlight]:
    """Removed CRDs first, then how many changes break or warn."""
    lines = crd_lines(comparison.crds)
    gone = sum(change.id == GONE for change in comparison.crds)
    if gone:
        words = "CRD removed" if gone == 1 else "CRDs removed"
        yield Highlight(str(gone), words, "crds", Level.BREAKS)
    breaks = sum(line.level is Level.BREAKS and line.id != GONE for line in lines)
    if breaks:
        words = "CRD change breaks" if breaks == 1 else "CRD changes break"
        yield Highlight(str(breaks), f"{words} objects that were fine", "crds", Level.BREAKS)
    warns = sum(line.level is Level.WARNS for line in lines) + len(_moved(comparison))
    if warns:
        words = "CRD change" if warns == 1 else "CRD changes"
        yield Highlight(str(warns), f"{words} to look at", "crds", Level.WARNS)


def crd_section(comparison: Comparison) -> Section:
    """Removed CRDs, changes that break, moved CRDs, changes that warn, new CRDs, the rest."""
    lines = crd_lines(comparison.crds)
    items = [_whole(change) for change in comparison.crds if change.id == GONE]
    items += [_line(line) for line in lines if line.level is Level.BREAKS and line.id != GONE]
    items += map(_move, _moved(comparison))
    items += [_line(line) for line in lines if line.level is Level.WARNS]
    fine = [line for line in lines if line.level is Level.FINE and line.id != CAME]
    items += [_whole(change) for change in comparison.crds if change.id == CAME]
    if fine:
        items.append(_rest(fine))
    before, after = (
        sum(obj.kind == CRD for obj in side.all_objects())
        for side in (comparison.old, comparison.new)
    )
    lead = f"{counted(before, 'CRD')} before, {after} now." if before or after else ""
    if not items and after:
        lead = all_as_before(after, "CRD")
    return Section(
        "crds", "CRDs and the users' objects", lead, tuple(items), tuple(_growth(comparison))
    )


def _moved(comparison: Comparison) -> list[Moved]:
    return [move for move in comparison.objects.moved if move.name.kind == CRD]


def _move(move: Moved) -> Item:
    return Item(
        move.name.name,
        Sign.MOVED,
        f"{move.old} → {move.new}: devices without package {move.new} keep it as it was, and "
        "no controller looks after its objects",
        level=Level.WARNS,
    )


def _whole(change: CrdChange) -> Item:
    """A CRD that came or went."""
    gone = change.id == GONE
    sign = Sign.REMOVED if gone else Sign.ADDED
    return Item(change.crd, sign, change.message, level=change.level, strong=gone)


def _line(line: CrdLine) -> Item:
    notes = [line.message]
    if line.level is not Level.FINE and line.hits:
        notes.append(f"hits {line.hits}")
    elif line.path:
        notes.append(f"in {listed(line.crds, 3)}")
    many = len(line.paths) > 1
    return Item(
        line.path or ", ".join(line.crds),
        Sign.CHANGED,
        "; ".join(notes) + (f" ({len(line.paths)} places)" if many else ""),
        level=line.level,
        strong=line.level is Level.BREAKS,
        quiet=True,
        items=tuple(Item(path) for path in line.paths) if many else (),
    )


def _rest(lines: list[CrdLine]) -> Item:
    counts = Counter(line.id for line in lines)
    words = ", ".join(f"{number} {id_}" for id_, number in sorted(counts.items()))
    return Item(
        counted(len(lines), "change"),
        Sign.CHANGED,
        f"nothing that worked is refused: {words}",
        level=Level.FINE,
        quiet=True,
        items=tuple(map(_line, lines)),
    )


def _growth(comparison: Comparison) -> Iterator[Chart]:
    old = {size.crd: size.bytes / KB for size in comparison.old_crd_sizes}
    new = {size.crd: size.bytes / KB for size in comparison.new_crd_sizes}
    names = sorted(
        old.keys() | new.keys(), key=lambda name: (-max(old.get(name, 0), new.get(name, 0)), name)
    )
    if old != new:
        bars = tuple(Bar(name, old.get(name), new.get(name)) for name in names)
        yield Chart("Size of the CRDs", "KB", bars, 0)
