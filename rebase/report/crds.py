"""The CRDs' section: what users' objects run into, worst first."""

from collections import Counter
from collections.abc import Iterator

from rebase.compare.comparison import Comparison, Moved
from rebase.compare.crds import CrdChange
from rebase.compare.levels import Level, worst
from rebase.objects import CRD
from rebase.report.document import Bar, Chart, Highlight, Item, Section, Sign, counted

KB = 1e3
GONE, CAME = "crd-removed", "crd-added"


def crd_highlights(comparison: Comparison) -> Iterator[Highlight]:
    """Removed CRDs first, then how many changes break or warn."""
    gone = [change for change in comparison.crds if change.id == GONE]
    if gone:
        words = "CRD removed" if len(gone) == 1 else "CRDs removed"
        yield Highlight(str(len(gone)), words, "crds", Level.BREAKS)
    breaks = len(comparison.crd_changes(Level.BREAKS)) - len(gone)
    if breaks:
        words = "CRD change breaks" if breaks == 1 else "CRD changes break"
        yield Highlight(str(breaks), f"{words} objects that were fine", "crds", Level.BREAKS)
    warns = len(comparison.crd_changes(Level.WARNS)) + len(_moved(comparison))
    if warns:
        yield Highlight(str(warns), "CRD changes to look at", "crds", Level.WARNS)


def crd_section(comparison: Comparison) -> Section:
    """One item for each CRD that changed, its changes below it."""
    by_crd: dict[str, list[CrdChange]] = {}
    for change in comparison.crds:
        by_crd.setdefault(change.crd, []).append(change)
    items = [_crd(name, changes) for name, changes in by_crd.items()]
    items += [_move(move) for move in _moved(comparison)]
    order = [Sign.REMOVED, Sign.MOVED, Sign.CHANGED, Sign.ADDED]
    items.sort(key=lambda item: (_rank(item.level), order.index(item.sign), item.name))
    before, after = (
        sum(obj.kind == CRD for obj in side.all_objects())
        for side in (comparison.old, comparison.new)
    )
    lead = f"{counted(before, 'CRD')} before, {after} now."
    if not items:
        lead = f"All {counted(after, 'CRD')} are as before." if after else ""
    return Section(
        "crds", "CRDs and the users' objects", lead, tuple(items), tuple(_growth(comparison))
    )


def _rank(level: Level | None) -> int:
    return (level or Level.FINE).rank


def _moved(comparison: Comparison) -> list[Moved]:
    return [move for move in comparison.objects.moved if move.name.kind == CRD]


def _move(move: Moved) -> Item:
    return Item(
        move.name.name,
        Sign.MOVED,
        f"{move.old} → {move.new}: devices without package {move.new} keep it as it was, and "
        "nothing serves its objects",
        level=Level.WARNS,
    )


def _crd(name: str, changes: list[CrdChange]) -> Item:
    level = worst(change.level for change in changes)
    ids = {change.id for change in changes}
    if ids & {GONE, CAME}:
        sign = Sign.REMOVED if GONE in ids else Sign.ADDED
        return Item(name, sign, changes[0].message, level=level, strong=level is Level.BREAKS)
    told = [_change(change) for change in changes if change.level is not Level.FINE]
    fine = [change for change in changes if change.level is Level.FINE]
    if fine:
        counts = Counter(change.id for change in fine)
        words = ", ".join(f"{number} {id_}" for id_, number in sorted(counts.items()))
        told.append(
            Item(
                f"{len(fine)} more",
                note=words,
                level=Level.FINE,
                quiet=True,
                items=tuple(map(_change, fine)),
            )
        )
    return Item(name, Sign.CHANGED, level=level, items=tuple(told))


def _change(change: CrdChange) -> Item:
    where = f"{change.version} {change.path}".strip()
    note = change.message
    if change.places > 1:
        note += f" (in {change.places} places)"
    if change.hits and change.level is not Level.FINE:
        note += f". Hits {change.hits}"
    return Item(
        where or change.id,
        note=note,
        level=change.level,
        strong=change.level is Level.BREAKS,
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
