#!/usr/bin/env python3
"""Prints CHANGELOG.md as the %changelog of a spec.

usage: changelog.py CHANGELOG.md VERSION-RELEASE EPOCH LINE
(Python 3.9 or later: it also runs where only source packages are made.)

What is unreleased becomes the entry of VERSION-RELEASE, dated EPOCH (seconds), with LINE first:
packages are versioned with MicroShift and the changelog with the tool, so an entry of a build is
what the tool brings since its last release. Released sections follow with their own dates.
"""

import datetime
import email.utils
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

AUTHORS = "The microshift-ai-model-serving authors"
HEADING = re.compile(r"## (?:\[?Unreleased\]?|\[?(?P<version>[\w.]+)\]? - (?P<date>[\d-]+))$")


def sections(markdown: str) -> Iterator[tuple[str, str, list[str]]]:
    """(version, ISO date, items) of every section; "" and "" for what is unreleased."""
    version, date = "", ""
    items: list[str] | None = None
    for line in [*markdown.splitlines(), "## end"]:
        if line.startswith("## "):
            if items is not None:
                yield version, date, items
            heading = HEADING.match(line)
            items = [] if heading else None
            if heading:
                version, date = heading["version"] or "", heading["date"] or ""
        elif items is not None and line.startswith("- "):
            items.append(line.removeprefix("- "))
        elif items and line.startswith("  "):
            items[-1] += " " + line.strip()


def entry(day: datetime.date, version: str, items: list[str]) -> str:
    """One entry."""
    # Mail has English names of days and months whatever the locale, as rpm wants them.
    mail = email.utils.format_datetime(datetime.datetime.combine(day, datetime.time()))
    weekday, number, month, year, *_ = mail.replace(",", "").split()
    lines = [f"- {item.replace('`', '').replace('%', '%%')}" for item in items]
    title = f"* {weekday} {month} {number} {year} {AUTHORS} - {version}"
    return "\n".join([title, *lines]) + "\n"


def changelog(markdown: str, version: str, day: datetime.date, line: str) -> str:
    """The whole text, newest first."""
    found = list(sections(markdown))
    newest = [item for name, _, items in found if not name for item in items]
    entries = [entry(day, version, [line, *newest])]
    for name, date, items in found:
        if name:
            entries.append(entry(datetime.date.fromisoformat(date), name, items))
    return "\n".join(entries)


if __name__ == "__main__":
    file, evr, epoch, first = sys.argv[1:]
    today = datetime.date(*time.gmtime(int(epoch))[:3])
    sys.stdout.write(changelog(Path(file).read_text(encoding="utf-8"), evr, today, first))
