"""The page of a report in a real browser: alone, readable, whole, on a desk and on a phone."""

import re
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from integration.support.browser import (
    BARS,
    FOCUS,
    OPEN_ALL,
    SIZES,
    STICKING_OUT,
    TEXTS,
    Scheme,
    View,
    running_browser,
    viewing,
)
from integration.support.command import rebase
from integration.support.images import Images
from integration.support.reports import Reports
from integration.support.surroundings import kustomize

READABLE = 4.5  # contrast of text, WCAG 2 level AA
NOTICEABLE = 3.0  # of what is no text
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
PAGES = ("demo", "2.22-2.25", "2.25-3.4")

Files = Callable[[str], Path]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def page_of(
    compared: Callable[[str, str], Reports],
    demo_images: Images,
    tmp_path_factory: pytest.TempPathFactory,
) -> Files:
    """The demo's first rebase, measured; or two released versions."""
    place = tmp_path_factory.mktemp("pages")

    def page(name: str) -> Path:
        file = place / f"{name}.html"
        if file.exists():
            return file
        if name == "demo":
            kustomize("5.8.1")
            words = ("--report", str(file), "--measure", "--dry-run")
            rebase("to", *demo_images.arguments, *words, root=place).ok()
        else:
            old, new = name.split("-")
            file.write_bytes(compared(old, new).page.read_bytes())
        return file

    return page


@pytest.fixture(
    scope="module",
    params=list(product(PAGES, SIZES, SCHEMES)),
    ids=lambda param: "-".join(param),
)
def view(request: pytest.FixtureRequest, browser: Browser, page_of: Files) -> Iterator[View]:
    """Each page in each window, without JavaScript."""
    name, size, scheme = request.param
    with viewing(browser, page_of(name), size, scheme) as view:
        yield view


def test_the_page_asks_nobody_and_fits(view: View, tmp_path: Path) -> None:
    assert view.said == []
    assert view.asked == [view.page.url]
    assert view.page.url.startswith("file://")
    assert view.picture(tmp_path).stat().st_size > 10_000
    for _ in ("as it opens", "all unfolded"):
        width, window = view.ask("() => [document.documentElement.scrollWidth, innerWidth]")
        assert width <= window
        assert view.ask(STICKING_OUT) == []
        view.ask(OPEN_ALL)
    view.page.reload()


def test_what_matters_is_open(view: View) -> None:
    breaks = view.page.locator(".level.breaks")
    assert all(one.is_visible() for one in breaks.all())
    for details in view.page.locator("details:has(> summary .level.breaks)").all():
        assert details.get_attribute("open") is not None
    strong = view.page.locator(
        "section > ul > li > .row .strong, section > ul > li > details > ul .strong"
    )
    assert all(one.is_visible() for one in strong.all())


def test_links_lead_to_sections(view: View) -> None:
    sections = view.ask("() => [...document.querySelectorAll('section')].map(one => one.id)")
    links = view.ask("() => [...document.querySelectorAll('nav a')].map(one => one.hash)")
    assert links == [f"#{one}" for one in sections]
    assert len(set(sections)) == len(sections) > 5
    targets = view.ask("() => [...document.querySelectorAll('.highlights a')].map(one => one.hash)")
    assert targets
    assert set(targets) <= set(links)
    for link in dict.fromkeys([*targets, links[-1]]):
        view.page.locator(f"a[href='{link}']").first.click()
        assert view.page.url.endswith(link)
        assert view.page.locator(f"{link} h2").is_visible()
        top, bottom, height = view.ask(
            f"() => {{ const box = document.querySelector('{link} h2').getBoundingClientRect();"
            " return [box.top, box.bottom, innerHeight]; }"
        )
        covered = view.ask("() => document.querySelector('nav').getBoundingClientRect()")
        below_nav = (
            covered["bottom"] if covered["width"] > height / 3 and covered["top"] <= 0 else 0
        )
        assert below_nav <= top < bottom <= height, link


def test_all_text_is_readable(view: View) -> None:
    view.ask(OPEN_ALL)
    texts = view.ask(TEXTS)
    assert len(texts) > 8
    assert [text for ratio, text in texts if ratio < READABLE] == []


def bounds(text: str) -> tuple[float, float]:
    """What a number that is told may have been before it was rounded."""
    found = re.search(r"[\d,]+(?:\.(\d+))?", text)
    assert found, text
    value, half = float(found[0].replace(",", "")), 0.5 * 10 ** -len(found[1] or "")
    return max(0, value - half), value + half


def test_bars_are_as_long_as_their_values(view: View) -> None:
    figures = view.ask(BARS)
    assert figures
    for figure in figures:
        shown = [
            (text, bar, row["room"])
            for row in figure["rows"]
            for text, bar in zip(row["cells"], row["bars"], strict=True)
        ]
        assert [text for text, bar, _ in shown if bar is None] == [
            text for text, _, _ in shown if text == "none"
        ]
        bars = [(*bounds(text), bar, room) for text, bar, room in shown if bar is not None]
        longest = max(bar for _, _, bar, _ in bars)
        assert all(abs(longest - room) < 1 for _, _, _, room in bars)
        lowest, highest = (max(values) for values in list(zip(*bars, strict=True))[:2])
        for low, high, bar, room in bars:
            assert room * low / highest - 1 <= bar, (figure["title"], low, bar)
            assert bar <= max(1, room * high / max(lowest, 1e-9)) + 1, (figure["title"], high, bar)


def test_the_keyboard_reaches_all_and_shows_where_it_is(browser: Browser, page_of: Files) -> None:
    for name, scheme in product(("demo", "2.25-3.4"), SCHEMES):
        with viewing(browser, page_of(name), "desktop", scheme) as view:
            links = view.page.locator("a").count()
            seen = []
            for _ in range(links + 3):
                view.page.keyboard.press("Tab")
                focus = view.ask(FOCUS)
                seen.append(focus["tag"])
                assert focus["line"] == "solid", focus
                assert focus["width"] >= 2, focus
                assert focus["contrast"] >= NOTICEABLE, focus
                assert focus["bottom"] > 0
            assert seen == ["A"] * links + ["SUMMARY"] * 3
            before = view.page.locator("details[open]").count()
            view.page.keyboard.press("Enter")
            assert abs(view.page.locator("details[open]").count() - before) == 1


def test_scripts_would_not_run(browser: Browser, page_of: Files) -> None:
    """Even where names in it were some: the page says so itself."""
    source = page_of("demo").read_text()
    assert "<script" not in source
    assert not re.search(r"\b(?:src|href|srcset)=\"(?!#|data:,)", source)
    assert "url(" not in source
    evil = page_of("demo").with_name("evil.html")
    evil.write_text(source.replace("</main>", "<script>document.title = 'evil'</script></main>"))
    with viewing(browser, evil, "desktop", "light", scripts=True) as view:
        assert view.page.title() != "evil"
        assert "Content Security Policy" in view.said[0]
