"""What `diff` says of two trees, in every form."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from integration.support.command import rebase
from integration.support.surroundings import kustomize

DIFFERENT = 1


@dataclass(frozen=True)
class Reports:
    """A comparison that has been made.

    Attributes:
        text: as on a terminal.
        page: the file.
    """

    text: str
    markdown: str
    page: Path
    json: dict[str, Any]

    @cached_property
    def facts(self) -> dict[str, list[tuple[str | None, str | None]]]:
        """Of how the sides came about: what → before and now."""
        return changes(self.json["facts"])

    def highlights(self) -> list[str]:
        """What the text says first."""
        lines = self.text.splitlines()[2:]
        return [line.strip() for line in lines[: lines.index("")]]

    def section(self, title: str) -> list[str]:
        """The lines of a section of the text."""
        lines = iter(self.text.splitlines())
        for line in lines:
            if line == title:
                return list(_until_blank(lines))
        raise AssertionError(f"no section {title!r} in\n{self.text}")


def _until_blank(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        if not line:
            return
        yield line.strip()


def changes(some: list[dict[str, Any]]) -> dict[str, list[tuple[str | None, str | None]]]:
    """Changed fields by their paths."""
    found: dict[str, list[tuple[str | None, str | None]]] = {}
    for one in some:
        found.setdefault(one["path"], []).append((one["old"], one["new"]))
    return found


def report(old: Path, new: Path, out: Path, *options: str) -> Reports:
    """Compare two trees that are different."""
    kustomize("5.8.1")
    files = [out / f"report.{form}" for form in ("md", "html", "json")]
    words = [f"--report={file}" for file in files]
    done = rebase("diff", old, new, *words, *options, root=out)
    assert done.code == DIFFERENT, done.err
    markdown, page, data = files
    return Reports(done.out, markdown.read_text(), page, json.loads(data.read_text()))
