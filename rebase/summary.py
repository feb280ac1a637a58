"""The result in words, and as JSON: what changed, which images, what was left out."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from rebase import release
from rebase.changes import Delta
from rebase.model import ImageSource, LeftOut
from rebase.objects import CRD
from rebase.process import Outcome
from rebase.retired import Retired

SHOWN = 12  # names in a list before it is cut short; --json has them all
SHOWN_REASONS = 5  # reasons of one category before they are told as one


def lines(outcome: Outcome) -> Iterator[str]:
    """The summary for people, one line each, no markup."""
    changes = outcome.changes
    if not changes.files:
        yield f"RHOAI {changes.after}: nothing changed"
    else:
        came_from = f"{changes.before} → " if changes.before else ""
        yield f"RHOAI {came_from}{changes.after}"
    yield from _delta("objects", changes.objects)
    yield from _delta("images", changes.images)
    yield from _sources(outcome)
    for architecture, sizes in sorted(outcome.sizes.items()):
        yield f"    {architecture}: {len(sizes)} there, {sum(sizes.values()) / 1e9:.1f} GB in all"
    yield from _left_out(outcome.left_out)
    yield from _retired(outcome.retired)
    for path in changes.edited:
        yield f"  edited by hand since the last rebase, and replaced: {path}"
    for warning in outcome.warnings:
        yield f"  warning: {warning}"


def as_json(outcome: Outcome, commit: str | None) -> dict[str, Any]:
    """The whole result, for scripts."""
    changes = outcome.changes
    return {
        "version": {"from": changes.before, "to": changes.after},
        "changed": bool(changes.files),
        "written": outcome.written,
        "commit": commit,
        "objects": asdict(changes.objects),
        "files": asdict(changes.files),
        "image_changes": asdict(changes.images),
        "images": {
            image.key: {
                "reference": image.reference,
                "source": image.source.value,
                "origin": image.origin,
                "bytes": {arch: of.get(image.reference) for arch, of in outcome.sizes.items()},
            }
            for image in outcome.images
        },
        "left_out": [asdict(one) for one in outcome.left_out],
        "retired": [
            {
                **release.object_name_as_json(one.object),
                "last": one.last,
                "deleted": not one.stays,
                "stays": one.stays,
            }
            for one in outcome.retired
        ],
        "edited": list(changes.edited),
        "warnings": list(outcome.warnings),
    }


def _delta(what: str, delta: Delta) -> Iterator[str]:
    counts = [
        f"{len(names)} {verb}"
        for verb, names in (
            ("added", delta.added),
            ("removed", delta.removed),
            ("changed", delta.changed),
            ("moved", delta.moved),
        )
        if names
    ]
    yield f"  {delta.total} {what}" + (f": {', '.join(counts)}" if counts else ", as before")
    if len(delta.added) == delta.total and not delta.removed:
        return  # the first rebase: all are new
    for sign, names in (
        ("+", delta.added),
        ("-", delta.removed),
        ("→", delta.moved),
        ("~", delta.changed),
    ):
        for name in _cut(sorted(names, key=lambda name: (CRD not in name, name))):
            yield f"    {sign} {name}"


def _cut(names: Iterable[str]) -> Iterator[str]:
    listed = list(names)
    yield from listed[:SHOWN]
    if len(listed) > SHOWN:
        yield f"… and {len(listed) - SHOWN} more"


def _sources(outcome: Outcome) -> Iterator[str]:
    count: Mapping[ImageSource, int] = {
        source: sum(image.source is source for image in outcome.images) for source in ImageSource
    }
    told = [f"{number} {source.words}" for source, number in count.items() if number]
    yield f"    {', '.join(told)}"


def _retired(retired: Iterable[Retired]) -> Iterator[str]:
    """What devices that had an older package are left with."""
    by_fate: dict[str, list[str]] = {}
    for one in retired:
        by_fate.setdefault(one.stays, []).append(f"{one.object} ({one.last})")
    for why, names in sorted(by_fate.items()):
        fate = f"left in clusters that have it ({why})" if why else "deleted when MicroShift starts"
        yield f"  {len(names)} of earlier versions, {fate}: {', '.join(_cut(names))}"


def _left_out(left_out: Iterable[LeftOut]) -> Iterator[str]:
    listed = sorted(left_out, key=lambda one: (one.reason, one.what))
    if listed:
        yield f"  {len(listed)} left out:"
    reasons: dict[str, set[str]] = {}  # by category: what stands before the colon
    for one in listed:
        reasons.setdefault(one.reason.partition(":")[0], set()).add(one.reason)
    by_reason: dict[str, list[str]] = {}
    for one in listed:
        category = one.reason.partition(":")[0]
        many = len(reasons[category]) > SHOWN_REASONS
        by_reason.setdefault(category if many else one.reason, []).append(one.what)
    for reason, names in by_reason.items():
        yield f"    {reason}: {', '.join(_cut(names))}"
