"""A report as a page of its own: one file that asks nobody for anything."""

import re
from collections.abc import Sequence
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from rebase.compare.levels import Level
from rebase.report.document import Chart, Item, Report, cut

MOST = 24  # items of a section that are shown without a click
MOST_BELOW = 10  # lines below an item, likewise
FEW = 3  # so many more are not worth a click


def page(report: Report) -> str:
    """The whole page."""
    return (
        _template().render(
            report=report, shares=shares, is_open=is_open, fold=fold, most=MOST, below=MOST_BELOW
        )
        + "\n"
    )


def shares(chart: Chart) -> dict[str, list[tuple[str, float]]]:
    """name → the bars that it has: `old` or `new`, and percent of the longest of the chart."""
    highest = max((max(bar.old or 0, bar.new or 0) for bar in chart.bars), default=0) or 1
    return {
        bar.name: [
            (side, round(100 * value / highest, 2))
            for side, value in (("old", bar.old), ("new", bar.new))
            if value is not None
        ]
        for bar in chart.bars
    }


def is_open(item: Item) -> bool:
    """Are the lines below an item shown from the start? Of what breaks they always are."""
    return item.level is Level.BREAKS or not item.quiet


def fold(items: Sequence[Item], most: int) -> tuple[Sequence[Item], Sequence[Item]]:
    """The items to show from the start, what matters among them, and those behind a click."""
    shown, left = cut(items, most)
    if left <= FEW:
        return items, ()
    first = {id(item) for item in shown}
    return shown, [item for item in items if id(item) not in first]


def breakable(text: str) -> Markup:
    """Text that may be wrapped behind dots and slashes, as in names of CRDs and images."""
    return Markup(re.sub(r"(?<=[./])(?=\w)", "<wbr>", str(escape(text))))


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("rebase.report", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["breakable"] = breakable
    return environment.get_template("page.html.jinja")
