"""The objects' section: what came, went, moved, and which fields changed."""

from dataclasses import replace

from rebase.compare.comparison import TOLD_ELSEWHERE, Comparison
from rebase.compare.fields import FieldChange
from rebase.model import ObjectName
from rebase.objects import CRD
from rebase.report.document import Item, Section, Sign, all_as_before, counted, listed
from rebase.report.items import fields

GOES_FIRST = (Sign.REMOVED, Sign.MOVED, Sign.ADDED)  # what went weighs more than what came
COMMON = 3  # a change that so many objects have is told once
NAMED = 4  # objects that are named where such a change is told


def objects_section(comparison: Comparison) -> Section:
    objects = comparison.objects
    common = _common(comparison)
    items = [
        *(Item(str(one.name), Sign.REMOVED, one.part) for one in objects.removed),
        *(Item(str(one.name), Sign.ADDED, one.part) for one in objects.added),
        *(Item(str(one.name), Sign.MOVED, f"{one.old} → {one.new}") for one in objects.moved),
    ]
    items.sort(key=lambda item: (GOES_FIRST.index(item.sign), CRD not in item.name))
    elsewhere: list[str] = []
    for one in sorted(objects.changed, key=lambda one: one.name.kind in TOLD_ELSEWHERE):
        own = [field for field in one.changes if one.name not in common.get(field, ())]
        if own:
            items.append(Item(str(one.name), Sign.CHANGED, one.part, items=fields(own)))
        elif not one.changes:
            elsewhere.append(str(one.name))
    for change, names in common.items():
        words = [str(name) for name in names]
        note = f"in {counted(len(words), 'object')}: {listed(words, NAMED)}"
        below = tuple(map(Item, words)) if len(words) > NAMED else ()
        items += (replace(one, note=note, quiet=True, items=below) for one in fields([change]))
    if elsewhere:
        note = "changed in what other sections tell, such as images, or in the order of a list"
        below = tuple(Item(name, Sign.CHANGED) for name in elsewhere)
        title = counted(len(elsewhere), "object")
        items.append(Item(title, Sign.CHANGED, note, quiet=True, items=below))
    lead = ""
    if not items:
        lead = all_as_before(len(comparison.new.objects), "object")
    return Section("objects", "Objects", lead, tuple(items))


def _common(comparison: Comparison) -> dict[FieldChange, list[ObjectName]]:
    """Changes that many objects have, such as a label."""
    found: dict[FieldChange, list[ObjectName]] = {}
    for one in comparison.objects.changed:
        for change in one.changes:
            found.setdefault(change, []).append(one.name)
    return {change: names for change, names in found.items() if len(names) >= COMMON}
