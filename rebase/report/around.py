"""The sections about what is around what ships: devices, upstream, cost, origin."""

from collections.abc import Callable

from rebase.compare.comparison import Comparison
from rebase.report.document import Bar, Chart, Item, Section, Sign
from rebase.report.items import fields
from rebase.retired import holds_others, is_custom

MB = 1e6


def leftovers_section(comparison: Comparison) -> Section:
    """What upgraded devices keep, and what MicroShift deletes there."""
    gone = [one.name for one in comparison.objects.removed]
    deleted = {name.identity for name in comparison.new.deleted}
    items = [
        Item(str(name), Sign.REMOVED, "deleted when MicroShift starts")
        for name in comparison.deleted
    ]
    items += [
        Item(str(name), Sign.ADDED, "no longer deleted when MicroShift starts")
        for name in comparison.no_longer_deleted
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
