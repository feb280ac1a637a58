"""A headless Chromium of the machine, and scripts that look at a page in it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, Page, sync_playwright

from integration.support.surroundings import need

NAMES = ("chromium", "chromium-browser", "headless_shell", "google-chrome")
ELSEWHERE = "/usr/lib64/chromium-browser"  # Fedora's chromium-headless, which is not on PATH
# Nothing that a page of one file needs; as root there is no sandbox.
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")

SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
Scheme = Literal["light", "dark"]

# WCAG 2: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
COLOURS = """
const parse = text => {
  const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number);
  return {r, g, b, a};
};
const over = (top, below) => {
  const mix = key => top[key] * top.a + below[key] * (1 - top.a);
  return {r: mix('r'), g: mix('g'), b: mix('b'), a: 1};
};
const behind = element => {
  const layers = [];
  for (let one = element; one; one = one.parentElement) {
    const colour = parse(getComputedStyle(one).backgroundColor);
    layers.push(colour);
    if (colour.a === 1) break;
  }
  return layers.reverse().reduce((below, top) => over(top, below));
};
const luminance = colour => {
  const [r, g, b] = [colour.r, colour.g, colour.b].map(value => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (one, other) => {
  const [high, low] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
};
"""
# [ratio, text] of every kind of visible text: its colours, its element, an example.
TEXTS = f"""() => {{
  {COLOURS}
  const found = new Map();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {{
    const text = walker.currentNode.textContent.trim();
    const element = walker.currentNode.parentElement;
    if (!text || !element.checkVisibility({{visibilityProperty: true}})) continue;
    const back = behind(element);
    const ratio = contrast(over(parse(getComputedStyle(element).color), back), back);
    const key = ratio.toFixed(2) + element.tagName + element.className;
    const place = `${{element.tagName}}.${{element.className}}`;
    if (!found.has(key)) found.set(key, [ratio, `${{place}}: ${{text}}`]);
  }}
  return [...found.values()];
}}"""
# Of each picture: [before, now] of each row, the widths of their bars, and the room there is.
BARS = """() => [...document.querySelectorAll('figure')].map(figure => ({
  title: figure.querySelector('figcaption').textContent,
  rows: [...figure.querySelectorAll('tbody tr')].map(row => {
    const cells = [...row.querySelectorAll('.number')].map(cell => cell.textContent);
    const place = row.querySelector('.bars');
    const style = getComputedStyle(place);
    const room = place.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    const bar = side => place.querySelector(`i.${side}`)?.getBoundingClientRect().width ?? null;
    return {cells, room, bars: [bar('old'), bar('new')]};
  }),
}))"""
# What has the focus: what it is, and the contrast and width of the line around it.
FOCUS = f"""() => {{
  {COLOURS}
  const element = document.activeElement;
  const style = getComputedStyle(element);
  return {{
    tag: element.tagName,
    text: element.textContent.trim().replace(/\\s+/g, ' '),
    line: style.outlineStyle,
    width: parseFloat(style.outlineWidth),
    contrast: contrast(parse(style.outlineColor), behind(element.parentElement)),
    top: element.getBoundingClientRect().top,
    bottom: element.getBoundingClientRect().bottom,
  }};
}}"""
# What is wider than the window, but for what scrolls by itself.
STICKING_OUT = """() => [...document.querySelectorAll('body *')].filter(one =>
  !one.closest('nav') && one.checkVisibility() &&
  one.getBoundingClientRect().right > innerWidth + 0.5
).map(one => one.outerHTML.slice(0, 200))"""
OPEN_ALL = "() => document.querySelectorAll('details').forEach(one => { one.open = true; })"


@dataclass
class View:
    """A page in a window.

    Attributes:
        said: on the console, and errors.
        asked: addresses that were asked for.
    """

    page: Page
    name: str
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def ask(self, script: str) -> Any:
        return self.page.evaluate(script)

    def picture(self, directory: Path) -> Path:
        """A screenshot of the whole page; kept where SCREENSHOTS says, too."""
        file = directory / f"{self.name}.png"
        self.page.screenshot(path=file, full_page=True)
        if kept := os.environ.get("SCREENSHOTS"):
            Path(kept).mkdir(parents=True, exist_ok=True)
            shutil.copy(file, kept)
        return file


def program() -> Path:
    """The browser."""
    path = f"{os.environ['PATH']}:{ELSEWHERE}"
    found = next(filter(None, (shutil.which(name, path=path) for name in NAMES)), None)
    need(found is not None, "chromium, which `make test-tools` installs,")
    return Path(str(found))


@contextmanager
def running_browser() -> Iterator[Browser]:
    executable = program()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def viewing(
    browser: Browser, file: Path, size: str, scheme: Scheme, *, scripts: bool = False
) -> Iterator[View]:
    """A file in a window; without JavaScript of its own unless it is to have some."""
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        java_script_enabled=scripts,
    )
    page = context.new_page()
    view = View(page, f"{file.stem}-{size}-{scheme}")
    page.on("console", lambda message: view.said.append(message.text))
    page.on("pageerror", lambda error: view.said.append(str(error)))
    page.on("request", lambda request: view.asked.append(request.url))
    page.goto(file.as_uri())
    try:
        yield view
    finally:
        context.close()
