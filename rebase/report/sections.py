"""A comparison as a report: what matters first, each section from one part of the comparison."""

from collections import Counter
from collections.abc import Callable, Iterator

from rebase.compare.comparison import Comparison
from rebase.compare.levels import Level
from rebase.compare.snapshot import PARTS
from rebase.report.around import cost_section, facts_section, left_out_section, leftovers_section
from rebase.report.crds import crd_highlights, crd_section
from rebase.report.document import Highlight, Report, Section, Sign, counted
from rebase.report.images import images_section
from rebase.report.items import sign_of
from rebase.report.objects import objects_section
from rebase.report.rights import rights_section
from rebase.report.running import runtimes_section, settings_section, webhooks_section


def make_report(comparison: Comparison) -> Report:
    """Everything about a comparison, in the order to read it in."""
    old, new = comparison.old, comparison.new
    if old.version and new.version and old.version != new.version:
        title = f"RHOAI {old.version} → {new.version}"
    elif new.version:
        title = f"RHOAI {new.version}"
    else:
        title = "What is different"
    sections = [make(comparison) for make in SECTIONS]
    return Report(
        title=title,
        old=old.name,
        new=new.name,
        note=_note(comparison),
        highlights=tuple(_highlights(comparison)),
        sections=tuple(one for one in sections if one.items or one.lead or one.charts),
    )


def _note(comparison: Comparison) -> str:
    if len(comparison.parts) == len(PARTS):
        return ""
    return (
        f"Only {' and '.join(comparison.parts)} can be compared. What moved to another package, or "
        "came from one, looks removed or added."
    )


def _highlights(comparison: Comparison) -> Iterator[Highlight]:
    if comparison.same:
        yield Highlight("=", "both sides ship the same", "objects", Level.FINE)
    yield from crd_highlights(comparison)
    gained = sum(len(change.gained) for change in comparison.rights)
    if gained:
        words = "new right" if gained == 1 else "new rights"
        yield Highlight(str(gained), words, "rights", Level.WARNS)
    counts = Counter(sign_of(change.old, change.new) for change in comparison.images)
    if comparison.images:
        yield _counted(counts, "image", "images")
    objects = comparison.objects
    counts = Counter(
        {
            Sign.ADDED: len(objects.added),
            Sign.REMOVED: len(objects.removed),
            Sign.MOVED: len(objects.moved),
            Sign.CHANGED: len(objects.changed),
        }
    )
    if counts.total():
        yield _counted(counts, "object", "objects")
    if comparison.runtimes:
        counts = Counter(sign_of(change.old, change.new) for change in comparison.runtimes)
        yield _counted(counts, "runtime", "runtimes")


_VERBS = {
    Sign.ADDED: "added",
    Sign.REMOVED: "removed",
    Sign.CHANGED: "changed",
    Sign.MOVED: "moved",
}


def _counted(counts: Counter[Sign], one: str, anchor: str) -> Highlight:
    number, _, noun = counted(counts.total(), one).partition(" ")
    told = (f"{counts[sign]} {verb}" for sign, verb in _VERBS.items() if counts[sign])
    return Highlight(number, f"{noun}: {', '.join(told)}", anchor)


SECTIONS: tuple[Callable[[Comparison], Section], ...] = (
    crd_section,
    rights_section,
    images_section,
    objects_section,
    webhooks_section,
    settings_section,
    runtimes_section,
    leftovers_section,
    left_out_section,
    cost_section,
    facts_section,
)
