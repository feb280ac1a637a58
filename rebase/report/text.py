"""A report for a terminal, as rich text: without one, plain lines."""

from collections.abc import Iterator, Sequence

from rich.text import Text

from rebase.compare.levels import Level
from rebase.report.document import Chart, Item, Report, Section, Sign, cut, one_line

MOST_BELOW = 12  # lines below an item
LONGEST = 100  # characters of a value
LONGEST_NAME = 300
LONGEST_NOTE = 1000
BAR = 24  # cells of the longest bar
SIGNS = {Sign.ADDED: "green", Sign.REMOVED: "red", Sign.CHANGED: "yellow", Sign.MOVED: "cyan"}
LEVELS = {Level.BREAKS: "bold red", Level.WARNS: "yellow", Level.FINE: "green"}


def lines(report: Report) -> Iterator[Text]:
    """The whole report, line by line."""
    yield Text(one_line(report.title, LONGEST_NAME), "bold")
    sides = (one_line(side, LONGEST_NAME) for side in (report.old, report.new))
    yield Text(" → ".join(sides), "dim")
    if report.note:
        yield Text(report.note, "yellow")
    for highlight in report.highlights:
        style = LEVELS[highlight.level] if highlight.level else ""
        yield Text(f"  {highlight.count} {highlight.words}", style)
    for section in report.sections:
        yield from _section(section)


def _section(section: Section) -> Iterator[Text]:
    yield Text()
    yield Text(section.title, "bold underline")
    if section.lead:
        yield Text(section.lead, "dim")
    yield from _items(section.items, "  ", len(section.items))
    for chart in section.charts:
        yield from _chart(chart)


def _items(items: Sequence[Item], indent: str, most: int) -> Iterator[Text]:
    shown, left = cut(items, most)
    for item in shown:
        yield _line(item, indent)
        if not item.quiet:
            yield from _items(item.items, indent + "    ", MOST_BELOW)
    if left:
        yield Text(f"{indent}… and {left} more", "dim")


def _line(item: Item, indent: str) -> Text:
    style = SIGNS.get(item.sign, "")
    line = Text(indent)
    line.append(f"{item.sign or ' '} ", style)
    if item.level:
        line.append(f"{item.level} ", LEVELS[item.level])
    line.append(one_line(item.name, LONGEST_NAME), f"{style} bold" if item.strong else style)
    values = [one_line(value, LONGEST) for value in (item.old, item.new) if value is not None]
    if values:
        line.append(f": {' → '.join(values)}")
    if item.note:
        note = one_line(item.note, LONGEST_NOTE)
        line.append(f"  {note}" if item.sign or item.level else f": {note}")
    return line


def _chart(chart: Chart) -> Iterator[Text]:
    yield Text(f"  {chart.title}, before and now", "dim")
    highest = max((max(bar.old or 0, bar.new or 0) for bar in chart.bars), default=0) or 1
    names = [one_line(bar.name, LONGEST) for bar in chart.bars]
    width = max(map(len, names), default=0)
    numbers = max(
        (len(chart.value(value)) for bar in chart.bars for value in (bar.old, bar.new)), default=0
    )
    for name, bar in zip(names, chart.bars, strict=True):
        line = Text(f"    {name:<{width}} ")
        line.append(f"{chart.value(bar.old):>{numbers}} → {chart.value(bar.new):>{numbers}} ")
        line.append("█" * round(BAR * (bar.new or 0) / highest), "cyan")
        yield line
