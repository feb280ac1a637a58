"""The sections about what runs: webhooks, KServe's configuration, serving runtimes."""

from collections.abc import Iterator

from rebase.compare.comparison import Comparison
from rebase.compare.runtimes import Runtime, RuntimeChange
from rebase.report.document import Item, Section, Sign, listed
from rebase.report.items import fields, sign_of


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
        sign_of(old, new),
        "; ".join(notes),
        items=(*items, *fields(change.changes)),
    )


def _about(runtime: Runtime) -> Iterator[str]:
    if runtime.version:
        yield f"version {runtime.version}"
    if runtime.formats:
        yield f"for {listed(runtime.formats, 6)}"
