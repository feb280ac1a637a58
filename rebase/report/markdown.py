"""A report as Markdown, for a pull request and a commit's message.

Headings are underlined: git takes a line that begins with `#` for a comment. A pull request
takes 65,536 characters, so lists are cut.
"""

from collections.abc import Iterator, Sequence

from rebase.compare.levels import Level
from rebase.report.document import Chart, Item, Report, Section, cut

MOST = 40  # items of a section
MOST_BELOW = 12  # lines below an item
LONGEST = 160  # characters of a value
LEVELS = {Level.BREAKS: "**breaks** ", Level.WARNS: "warns ", Level.FINE: ""}


def markdown(report: Report) -> str:
    """The whole report, with its title."""
    return "\n".join([f"# {_plain(report.title)}", "", *body(report)]) + "\n"


def body(report: Report) -> Iterator[str]:
    """The report without its title, line by line."""
    yield f"{_code(report.old)} → {_code(report.new)}"
    yield ""
    if report.note:
        yield f"{_plain(report.note)}\n"
    for highlight in report.highlights:
        words = f"{highlight.count} {highlight.words}"
        yield f"- **{words}**" if highlight.level is Level.BREAKS else f"- {words}"
    for section in report.sections:
        yield from _section(section)


def _section(section: Section) -> Iterator[str]:
    yield ""
    yield section.title
    yield "-" * max(4, len(section.title))
    yield ""
    if section.lead:
        yield _plain(section.lead)
        yield ""
    yield from _items(section.items, "", MOST)
    for chart in section.charts:
        yield from _chart(chart)


def _items(items: Sequence[Item], indent: str, most: int) -> Iterator[str]:
    shown, left = cut(items, most)
    for item in shown:
        yield f"{indent}- {_line(item)}"
        if not item.quiet:
            yield from _items(item.items, indent + "  ", MOST_BELOW)
    if left:
        yield f"{indent}- … and {left} more"


def _line(item: Item) -> str:
    name = _code(item.name)
    words = f"{item.sign} " if item.sign else ""
    words = words.replace("+ ", "\\+ ").replace("- ", "\\- ")  # else a list in the list
    words += LEVELS[item.level] if item.level else ""
    words += f"**{name}**" if item.strong else name
    if item.old is not None and item.new is not None:
        words += f": {_code(item.old)} → {_code(item.new)}"
    elif item.old is not None or item.new is not None:
        words += f": {_code(item.old or item.new or '')}"
    return words + (f"; {_plain(item.note)}" if item.note else "")


def _chart(chart: Chart) -> Iterator[str]:
    """A table: pictures are the page's."""
    yield ""
    yield f"| {chart.title} | before | now |"
    yield "|---|---:|---:|"
    for bar in chart.bars[:MOST]:
        yield f"| {_code(bar.name)} | {chart.value(bar.old)} | {chart.value(bar.new)} |"


def _code(text: str) -> str:
    """A code span that holds even backquotes, on one line."""
    line = " ".join(text.split()) or " "
    if len(line) > LONGEST:
        line = line[: LONGEST - 1] + "…"
    fence = "`"
    while fence in line:
        fence += "`"
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def _plain(text: str) -> str:
    """Words in which nothing is taken for markup."""
    escaped = " ".join(text.split())
    for mark in ("\\", "`", "*", "_", "<", "[", "|"):
        escaped = escaped.replace(mark, "\\" + mark)
    return escaped
