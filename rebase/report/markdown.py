"""A report as Markdown, for a pull request and a commit's message.

Headings are underlined: git takes a line that begins with `#` for a comment. GitHub takes 65,536
characters: lists are cut, shorter where that is not enough, and at last also what breaks.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rebase.compare.levels import Level
from rebase.report.document import Chart, Item, Report, Section, cut, one_line

LONGEST = 160  # characters of a name or a value
LONGEST_NOTE = 400
ROOM = 58_000  # bytes: packaging/open-pull-request.sh takes 60,000, the title among them
SHORTENED = "*Shortened to what a pull request takes; a report of `.html` or `.json` has it all.*"


@dataclass(frozen=True)
class Limits:
    """How much is told.

    Attributes:
        most: items of a section, and rows of a table.
        below: lines below an item.
        strictly: of what breaks or is strong as well, which is always there otherwise.
    """

    most: int
    below: int
    strictly: bool = False


# The first that the report has room with is taken.
LIMITS = (
    Limits(40, 12),
    Limits(20, 4),
    Limits(80, 4, strictly=True),
    Limits(20, 4, strictly=True),
    Limits(5, 2, strictly=True),
)
ESCAPED = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_<|~&$#"})
OPENS_LINK = re.compile(r"\[(?!\](?![(\[:]))")  # not the `[]` of a path
LEVELS = {Level.BREAKS: "**breaks** ", Level.WARNS: "warns ", Level.FINE: ""}


def markdown(report: Report) -> str:
    """The whole report, with its title."""
    return "\n".join([f"# {_plain(report.title)}", "", *body(report)]) + "\n"


def body(report: Report) -> list[str]:
    """The report without its title, line by line, cut to what there is room for."""
    for limits in LIMITS:
        lines, whole = _first(_body(report, limits), ROOM)
        if whole:
            break
    # what does not fit even then has such long lines that only the first ones are told
    return lines if limits is LIMITS[0] else [*lines, "", SHORTENED]


def _first(lines: Iterator[str], room: int) -> tuple[list[str], bool]:
    """The first lines, as many as there is room for, and are these all?"""
    taken: list[str] = []
    for line in lines:
        room -= len(line.encode()) + 1
        if room < 0:
            return taken, False
        taken.append(line)
    return taken, True


def _body(report: Report, limits: Limits) -> Iterator[str]:
    yield f"{_code(report.old)} → {_code(report.new)}"
    yield ""
    if report.note:
        yield _plain(report.note)
        yield ""
    for highlight in report.highlights:
        words = _plain(f"{highlight.count} {highlight.words}")
        yield f"- **{words}**" if highlight.level is Level.BREAKS else f"- {words}"
    for section in report.sections:
        yield from _section(section, limits)


def _section(section: Section, limits: Limits) -> Iterator[str]:
    yield ""
    yield section.title
    yield "-" * max(4, len(section.title))
    yield ""
    if section.lead:
        yield _plain(section.lead)
        yield ""
    yield from _items(section.items, limits)
    for number, chart in enumerate(section.charts):
        if section.items or number:
            yield ""
        yield from _chart(chart, limits)


def _items(items: Sequence[Item], limits: Limits, indent: str = "") -> Iterator[str]:
    most = limits.below if indent else limits.most
    shown, left = cut(items, most, strictly=limits.strictly)
    for item in shown:
        yield f"{indent}- {_line(item)}"
        if not item.quiet:
            yield from _items(item.items, limits, indent + "  ")
    if left:
        yield f"{indent}- … and {left} more"


def _line(item: Item) -> str:
    name = _code(item.name)
    words = f"{item.sign} " if item.sign else ""
    words = words.replace("+ ", "\\+ ").replace("- ", "\\- ")  # else a list in the list
    words += LEVELS[item.level] if item.level else ""
    words += f"**{name}**" if item.strong else name
    values = [_code(value) for value in (item.old, item.new) if value is not None]
    if values:
        words += f": {' → '.join(values)}"
    return words + (f"; {_plain(item.note)}" if item.note else "")


def _chart(chart: Chart, limits: Limits) -> Iterator[str]:
    """A table: pictures are the page's."""
    yield f"| {_plain(chart.title)} | before | now |"
    yield "|---|---:|---:|"
    for bar in chart.bars[: limits.most]:
        name = _code(bar.name).replace("|", "\\|")
        yield f"| {name} | {chart.value(bar.old)} | {chart.value(bar.new)} |"
    if len(chart.bars) > limits.most:
        yield f"| … and {len(chart.bars) - limits.most} more | | |"


def _code(text: str) -> str:
    """A code span that holds even backquotes, on one line."""
    line = one_line(text, LONGEST) or " "
    fence = "`"
    while fence in line:
        fence += "`"
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def _plain(text: str) -> str:
    """Words in which nothing is taken for markup."""
    return OPENS_LINK.sub(r"\\[", one_line(text, LONGEST_NOTE).translate(ESCAPED))
