"""The result of an audit in words, and as JSON."""

import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rebase.audit import Audit
from rebase.budgets import MB
from rebase.catalogue import CATALOGUE, Entry, Level
from rebase.checks import EXPLAIN_HINT
from rebase.findings import Finding

WIDTH = 90  # of explanations


def lines(audit: Audit) -> Iterator[str]:
    """The result for people, one line each: errors, warnings, what is waived, what it costs."""
    for level in Level:
        yield from (_line(one) for one in audit.findings if one.entry.level is level)
    for finding, waiver in audit.waived:
        yield f"waived {finding}  ({waiver.reason})"
    for note in audit.notes:
        yield f"not checked: {note}"
    for package, cost in audit.costs.items():
        limits = audit.budgets[package]
        found = ", ".join(
            f"{value:.1f} {unit}" + ("" if limit is None else f" of {limit:g}")
            for value, unit, limit in (
                (cost.rendered_bytes / MB, "MB rendered", limits.rendered_mb),
                (cost.seconds, "s of CPU", limits.render_seconds),
                (cost.peak_bytes / MB, "MB of memory", limits.render_memory_mb),
            )
        )
        yield f"{package}: {found}"
    yield summary(audit)
    if audit.findings:
        yield EXPLAIN_HINT


def summary(audit: Audit) -> str:
    """The result in one line."""
    counts = [
        f"{count} {word}{'s' if count != 1 else ''}"
        for count, word in (
            (audit.count(Level.ERROR), "error"),
            (audit.count(Level.WARNING), "warning"),
        )
        if count
    ]
    counts += [f"{len(audit.waived)} waived"] if audit.waived else []
    version = f"RHOAI {audit.version}" if audit.version else "the tree"
    return f"{version}: {', '.join(counts) or 'nothing found'}"


def failing_lines(audit: Audit, *, strict: bool) -> Iterator[str]:
    """Only what fails the check."""
    for one in audit.findings:
        if strict or one.entry.level is Level.ERROR:
            yield _line(one)


def as_json(audit: Audit, *, strict: bool) -> dict[str, Any]:
    """The whole result, for scripts."""
    return {
        "version": audit.version or None,
        "ok": not audit.fails(strict=strict),
        "errors": audit.count(Level.ERROR),
        "warnings": audit.count(Level.WARNING),
        "findings": [_finding(one) for one in audit.findings],
        "waived": [{**_finding(one), "reason": waiver.reason} for one, waiver in audit.waived],
        "not_checked": [
            {"what": note.what, "why": note.why, "ids": list(note.ids)} for note in audit.notes
        ],
        "costs": {package: asdict(cost) for package, cost in audit.costs.items()},
        "budgets": {package: asdict(limits) for package, limits in audit.budgets.items()},
    }


def explanation(entry: Entry) -> str:
    """What the catalogue has about an id."""
    head = f"{entry.id} ({entry.level}): {entry.title}\n\n"
    return head + textwrap.fill(entry.text, WIDTH, break_long_words=False, break_on_hyphens=False)


def known_ids() -> Iterator[str]:
    """A line for each id."""
    width = max(map(len, CATALOGUE))
    for entry in CATALOGUE.values():
        yield f"{entry.id:<{width}}  {entry.level:<7}  {entry.title}"


def _line(finding: Finding) -> str:
    return f"{finding.entry.level} {finding}"


def _finding(finding: Finding) -> dict[str, str]:
    return {
        "id": finding.id,
        "level": finding.entry.level.value,
        "where": finding.where,
        "message": finding.message,
        "title": finding.entry.title,
    }
