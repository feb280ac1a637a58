"""A comparison as a report: what matters first, each section from one part of the comparison."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from rebase.compare.comparison import TOLD_ELSEWHERE, Comparison
from rebase.compare.fields import FieldChange
from rebase.compare.images import ImageChange, ImageFacts
from rebase.compare.levels import Level
from rebase.compare.rights import Grant, RightsChange
from rebase.compare.runtimes import Runtime, RuntimeChange
from rebase.compare.snapshot import PARTS
from rebase.model import ImageSource, ObjectName
from rebase.objects import CRD
from rebase.reference import digest_of, repository_of
from rebase.report.crds import crd_highlights, crd_section
from rebase.report.document import (
    Bar,
    Chart,
    Highlight,
    Item,
    Report,
    Section,
    Sign,
    all_as_before,
    counted,
    listed,
)
from rebase.retired import holds_others, is_custom

MB = 1e6
GOES_FIRST = (Sign.REMOVED, Sign.MOVED, Sign.ADDED)  # what went weighs more than what came
COMMON = 3  # a change that so many objects have is told once
NAMED = 4  # objects that are named where such a change is told


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
    counts = Counter(_image_sign(change) for change in comparison.images)
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
        counts = Counter(_sign(change.old, change.new) for change in comparison.runtimes)
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


def _sign(old: object, new: object) -> Sign:
    return Sign.ADDED if old is None else Sign.REMOVED if new is None else Sign.CHANGED


# Rights


def rights_section(comparison: Comparison) -> Section:
    lead = ""
    if comparison.rights:
        lead = "By roles and bindings together. In bold what nobody of the kind could do before."
    return Section("rights", "Rights", lead, tuple(map(_rights, comparison.rights)))


def _rights(change: RightsChange) -> Item:
    if change.is_gone:
        return Item(change.subject, Sign.REMOVED, "has no rights any more")
    return Item(
        change.subject,
        Sign.ADDED if change.is_new else Sign.CHANGED,
        "new" if change.is_new else "",
        items=(
            *(_grant(grant, Sign.ADDED, strong=True) for grant in change.gained),
            *(_grant(grant, Sign.ADDED, "somebody else had it") for grant in change.taken_over),
            *(_grant(grant, Sign.REMOVED) for grant in change.lost),
        ),
    )


def _grant(grant: Grant, sign: Sign, note: str = "", *, strong: bool = False) -> Item:
    resources = ", ".join(grant.resources)
    about = f"{resources} ({grant.group})" if grant.group else resources
    names = f" named {', '.join(grant.names)}" if grant.names else ""
    where = f"in namespace {grant.scope}" if grant.scope else ""
    notes = "; ".join(filter(None, (where, note)))
    return Item(f"{', '.join(grant.verbs)}: {about}{names}", sign, notes, strong=strong)


# Images


def images_section(comparison: Comparison) -> Section:
    changed = [change for change in comparison.images if change.old and change.new]
    others = sum(change.repository_changed for change in changed)
    lead = ""
    if comparison.images:
        same = len(comparison.new.images.keys() & comparison.old.images.keys()) - len(changed)
        lead = f"{counted(same, 'image')} as before."
        if others:
            lead += f" {counted(others, 'key')} name another repository now."
        sources = Counter(image.source for image in comparison.new.images.values() if image.source)
        if sources:
            told = (f"{number} {source.words}" for source, number in sorted(sources.items()))
            lead += f" Now: {', '.join(told)}."
    return Section(
        "images",
        "Images",
        lead,
        tuple(_image(change) for change in comparison.images),
        tuple(_size_charts(comparison)),
    )


def _image_sign(change: ImageChange) -> Sign:
    return _sign(change.old, change.new)


def _image(change: ImageChange) -> Item:
    notes = []
    if change.repository_changed:
        notes.append("another repository")
    labels = [facts.label for facts in (change.old, change.new) if facts and facts.label]
    if labels:
        notes.append("version " + " → ".join(dict.fromkeys(labels)))
    for architecture in sorted({*_sizes(change.old), *_sizes(change.new)}):
        sizes = [
            f"{facts.sizes[architecture] / MB:,.0f} MB"
            for facts in (change.old, change.new)
            if facts and architecture in facts.sizes
        ]
        notes.append(f"{architecture} {' → '.join(sizes)}")
    old, new = (_short(facts) for facts in (change.old, change.new))
    if change.old and change.new and not change.repository_changed:
        old, new = (_digest(facts) for facts in (change.old, change.new))
        notes.insert(0, repository_of(change.new.reference))
    if change.new and change.new.source and change.new.source is not ImageSource.OPERATOR:
        notes.append(change.new.source.words)
    if not change.new:
        notes.append("scripts that read this key find nothing")
    return Item(
        change.key,
        _image_sign(change),
        "; ".join(notes),
        old,
        new,
        strong=change.repository_changed,
    )


def _short(facts: ImageFacts | None) -> str | None:
    if facts is None:
        return None
    digest = _digest(facts)
    return f"{repository_of(facts.reference)}@{digest}" if digest_of(facts.reference) else digest


def _digest(facts: ImageFacts) -> str:
    digest = digest_of(facts.reference)
    return f"{digest[:19]}…" if digest else facts.reference


def _sizes(facts: ImageFacts | None) -> Iterable[str]:
    return facts.sizes if facts else ()


def _size_charts(comparison: Comparison) -> Iterator[Chart]:
    old, new = comparison.old.images, comparison.new.images
    architectures = {arch for side in (old, new) for facts in side.values() for arch in facts.sizes}

    def size(side: Mapping[str, ImageFacts], key: str, architecture: str) -> float | None:
        facts = side.get(key)
        found = facts.sizes.get(architecture) if facts else None
        return None if found is None else found / MB

    for architecture in sorted(architectures):
        bars = [
            Bar(key, size(old, key, architecture), size(new, key, architecture))
            for key in old.keys() | new.keys()
        ]
        bars = [bar for bar in bars if bar.old is not None or bar.new is not None]
        bars.sort(key=lambda bar: (-max(bar.old or 0, bar.new or 0), bar.name))
        yield Chart(f"Compressed size of the images for {architecture}", "MB", tuple(bars), 0)


# Objects


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


def fields(changes: Iterable[FieldChange]) -> tuple[Item, ...]:
    """Changed fields as items."""

    def shown(value: str | None) -> str | None:
        return '""' if value == "" else value

    return tuple(
        Item(one.path, _sign(one.old, one.new), old=shown(one.old), new=shown(one.new))
        for one in changes
    )


# Webhooks, configuration, runtimes


def webhooks_section(comparison: Comparison) -> Section:
    items = tuple(
        Item(
            change.name,
            Sign.ADDED if change.added else Sign.REMOVED if change.removed else Sign.CHANGED,
            "; ".join(filter(None, (change.about, change.answers))),
            items=fields(change.changes),
        )
        for change in comparison.webhooks
    )
    return Section("webhooks", "Webhooks", items=items)


def settings_section(comparison: Comparison) -> Section:
    items = tuple(
        Item(change.name, Sign.CHANGED, items=fields(change.changes))
        for change in comparison.settings
    )
    lead = (
        "Users who copied the configuration keep their copy: keys that it lacks are not set."
        if any(field.old is None for change in comparison.settings for field in change.changes)
        else ""
    )
    return Section("configuration", "Configuration", lead, items)


def runtimes_section(comparison: Comparison) -> Section:
    return Section("runtimes", "Serving runtimes", items=tuple(map(_runtime, comparison.runtimes)))


def _runtime(change: RuntimeChange) -> Item:
    old, new = change.old, change.new
    runtime = new or old
    assert runtime is not None
    notes = [runtime.title] if runtime.title != runtime.name else []
    items: list[Item] = []
    if old and new:
        if old.version != new.version:
            items.append(
                Item("version", Sign.CHANGED, "", old.version or "none", new.version or "none")
            )
        if old.title != new.title:
            items.append(Item("title", Sign.CHANGED, "", old.title, new.title))
        items += [
            Item(one, Sign.ADDED, "model format") for one in new.formats if one not in old.formats
        ]
        items += [
            Item(one, Sign.REMOVED, "model format; models of it are not served any more")
            for one in old.formats
            if one not in new.formats
        ]
    else:
        notes += _about(runtime)
    return Item(
        change.name,
        _sign(old, new),
        "; ".join(notes),
        items=(*items, *fields(change.changes)),
    )


def _about(runtime: Runtime) -> Iterator[str]:
    if runtime.version:
        yield f"version {runtime.version}"
    if runtime.formats:
        yield f"for {listed(runtime.formats, 6)}"


# What else there is to know


def leftovers_section(comparison: Comparison) -> Section:
    """What upgraded devices keep, and what MicroShift deletes there."""
    gone = [one.name for one in comparison.objects.removed]
    deleted = {name.identity for name in comparison.new.deleted}
    items = [
        Item(str(name), Sign.REMOVED, "deleted when MicroShift starts")
        for name in comparison.deleted
    ]
    for name in gone:
        if name.identity in deleted:
            continue
        if holds_others(name):
            note = "stays: the users' objects would go with it"
        elif is_custom(name):
            note = "stays until somebody deletes it: MicroShift cannot be asked to"
        else:
            note = "nothing deletes it; after a rebase upon the old side MicroShift would"
        items.append(Item(str(name), Sign.NONE, note))
    return Section("leftovers", "On upgraded devices", items=tuple(items))


def left_out_section(comparison: Comparison) -> Section:
    items = [
        *(Item(one.what, Sign.ADDED, one.reason) for one in comparison.left_out),
        *(Item(one.what, Sign.REMOVED, one.reason) for one in comparison.no_longer_left_out),
        *(Item("warning", Sign.NONE, warning, strong=True) for warning in comparison.warnings),
        *(
            Item(path, Sign.NONE, "edited by hand on the old side")
            for path in comparison.old.edited
        ),
        *(Item(path, Sign.NONE, "edited by hand") for path in comparison.new.edited),
    ]
    lead = (
        "What upstream has and does not ship; a minus stands at what was left out before."
        if items
        else ""
    )
    return Section("left-out", "Left out, edited, and warnings", lead, tuple(items))


def cost_section(comparison: Comparison) -> Section:
    """What rendering costs a device at every start."""
    charts: list[Chart] = []
    old, new = comparison.old.costs, comparison.new.costs
    parts = [part for part in comparison.parts if part in old or part in new]

    def chart(title: str, unit: str, digits: int, value: Callable[..., float | None]) -> None:
        bars = tuple(
            Bar(
                part,
                value(old[part]) if part in old else None,
                value(new[part]) if part in new else None,
            )
            for part in parts
        )
        if any(bar.old is not None or bar.new is not None for bar in bars):
            charts.append(Chart(title, unit, bars, digits))

    chart("Rendered", "MB", 2, lambda cost: cost.rendered_bytes / MB)
    chart("CPU time of a render", "s", 2, lambda cost: cost.seconds)
    chart(
        "Memory of a render",
        "MB",
        0,
        lambda cost: None if cost.peak_bytes is None else cost.peak_bytes / MB,
    )
    measured = any(cost.seconds is not None for cost in (*old.values(), *new.values()))
    lead = "What MicroShift renders at every start."
    lead += (
        " Measured here, with kustomize as a program; a device's numbers differ."
        if measured
        else " --measure adds time and memory."
    )
    return Section("cost", "Render cost", lead, charts=tuple(charts))


def facts_section(comparison: Comparison) -> Section:
    return Section("facts", "Where it comes from", items=fields(comparison.facts))


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
