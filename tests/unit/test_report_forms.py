"""A report in its forms: whatever names and values are, they are shown and steer nothing."""

import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.console import Console

from rebase.compare.comparison import Comparison, compare
from rebase.compare.fields import FieldChange
from rebase.compare.images import ImageFacts
from rebase.compare.levels import Level
from rebase.compare.snapshot import Cost
from rebase.errors import UsageError
from rebase.model import ImageSource, LeftOut, ObjectName, Upstream
from rebase.objects import KubeObject
from rebase.report import forms, markdown, page, text
from rebase.report.as_json import as_json
from rebase.report.document import Bar, Chart, Highlight, Item, Report, Section, Sign
from rebase.report.sections import make_report
from unit.helpers import make, make_crd, make_deployment, make_ours, make_webhook, pinned
from unit.sides import recorded, side

HOSTILE = (
    "<script>alert(1)</script>",
    "</code></li></ul>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }} {% raw %}",
    "`code` ``",
    "`",
    "**bold** _it_ ~~gone~~",
    "[link](https://example.com) ![picture](https://example.com/a.png)",
    "a | b \\| c",
    "# heading",
    "---",
    "@somebody #1 $x$ &lt;b&gt;",
    "[bold red]rich[/] [link=https://example.com]x[/link]",
    "two\nlines\n\n# and a heading",
    "\x1b[31mred\x1b]0;title\x07",
    "back\\",
)


def items(words: tuple[str, ...] = HOSTILE) -> Iterator[Item]:
    for sign in Sign:
        yield Item("name", sign)
    for word in words:
        below = (Item(word, Sign.ADDED, word, word, word), Item(word))
        yield Item(word, Sign.CHANGED, word, old=word, new=word, level=Level.BREAKS, items=below)
        yield Item(word, note=word, old=word)
        yield Item(word, note=word, new=word, strong=True, quiet=True, items=below)


def report(*some: Item, words: tuple[str, ...] = HOSTILE, **more: Any) -> Report:
    bars = tuple(Bar(word, 1.0, None) for word in words)
    chart = Chart("Sizes", "MB", (*bars, Bar("both", 1, 2), Bar("neither", None, None)))
    highlights = (Highlight("1", "thing breaks", "s", Level.BREAKS), Highlight("2", "fine", "s"))
    sections = (
        Section("s", "Things", words[0], tuple(some or items(words)), (chart,)),
        Section("e", "ABC", items=(Item("x"),)),
    )
    fields: dict[str, Any] = {
        **{"title": words[0], "old": words[0], "new": words[1], "note": words[2]},
        **{"highlights": highlights, "sections": sections, **more},
    }
    return Report(**fields)


# Markdown

GITHUB = MarkdownIt("commonmark").enable(["table", "strikethrough"])
TAKEN = 60_000  # by packaging/open-pull-request.sh; GitHub takes 65,536 characters


def shown(source: str) -> list[str]:
    """The texts and code spans of Markdown, as GitHub shows them."""
    found = []
    for token in GITHUB.parse(source):
        for child in token.children or ():
            assert child.type in (
                *("text", "text_special", "code_inline", "strong_open", "strong_close"),
                *("softbreak", "em_open", "em_close"),
            ), child
        if token.type == "inline":
            found.append("".join(child.content for child in token.children or ()))
        assert not token.type.startswith("html"), token
    return found


def check_lines(body: list[str]) -> None:
    for line in body:
        assert not line.startswith("#")
        assert line != "---"
        assert "\n" not in line
        assert "\x1b" not in line


def test_nothing_is_taken_for_markup() -> None:
    whole = report()
    check_lines(markdown.body(whole))
    source = markdown.markdown(whole)
    told = shown(source)
    assert told[0] == HOSTILE[0]
    for word in HOSTILE:
        line = " ".join(word.split()).replace("\x1b", "\ufffd").replace("\x07", "\ufffd")
        assert f"~ breaks {line}: {line} → {line}; {line}" in told
        assert f"{line}: {line}; {line}" in told
        assert f"+ {line}: {line} → {line}; {line}" in told
        assert line in told
    for sign in Sign:
        assert f"{sign} name".strip() in told


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30))
def test_any_text_is_shown_as_it_is(word: str) -> None:
    """In code and in words; but for characters that cannot be seen."""
    some = Item("name", note="x " + word, old=word)
    source = markdown.markdown(report(some, words=("a", "b", "c")))
    line = "".join(one if one.isprintable() else "\ufffd" for one in " ".join(word.split()))
    words = "".join(
        one if one.isprintable() else "\ufffd" for one in " ".join(("x " + word).split())
    )
    assert f"name: {line or ' '}; {words}" in shown(source)


def test_the_structure_of_markdown() -> None:
    some = Item("a", Sign.ADDED, "note", None, "new", items=(Item("b", strong=True),))
    more = Item("c", Sign.REMOVED, level=Level.WARNS, quiet=True, items=(Item("not told"),))
    whole = report(
        some,
        more,
        words=("t", "u", "n"),
        sections=(
            Section("s", "ABC", "Lead.", (some, more), (Chart("C", "MB", (Bar("x|y", 1, None),)),)),
        ),
    )
    assert markdown.markdown(whole) == (
        "# t\n\n`t` → `u`\n\nn\n\n- **1 thing breaks**\n- 2 fine\n\nABC\n----\n\nLead.\n\n"
        "- \\+ `a`: `new`; note\n  - **`b`**\n- \\- warns `c`\n\n"
        "| C | before | now |\n|---|---:|---:|\n| `x\\|y` | 1.0 MB | none |\n"
    )
    assert markdown.body(whole) == markdown.markdown(whole).splitlines()[2:]


def test_long_lists_values_and_notes_are_cut() -> None:
    below = tuple(Item(f"b{number}") for number in range(20))
    many = [Item(f"n{number}", items=below if number == 1 else ()) for number in range(50)]
    chart = Chart("C", "MB", tuple(Bar(f"c{number}", 1, 2) for number in range(50)))
    whole = report(sections=(Section("s", "T", items=tuple(many), charts=(chart,)),))
    lines = markdown.body(whole)
    assert "- … and 10 more" in lines
    assert "  - … and 8 more" in lines
    assert "| … and 10 more | | |" in lines
    assert markdown.SHORTENED not in lines
    (line,) = [
        line
        for line in markdown.body(report(Item("name", note="n" * 999, old="o" * 999)))
        if "name" in line
    ]
    assert f"`{'o' * 159}…`; {'n' * 399}…" in line


LONG = "x" * 150
BREAKS = Item(LONG, Sign.CHANGED, LONG, level=Level.BREAKS, strong=True)


@pytest.mark.parametrize(
    ("many", "told", "left"),
    [
        (60, 60, "- … and 60 more"),  # what breaks is told as long as there is room
        (300, 80, "- … and 520 more"),
        (2000, 80, "- … and 3920 more"),
    ],
)
def test_a_huge_comparison_fits(many: int, told: int, left: str) -> None:
    plain = Item("plain", Sign.CHANGED, LONG)
    mixed = [one for _ in range(many) for one in (plain, BREAKS)]
    whole = report(sections=(Section("s", "T", "", tuple(mixed)),))
    source = markdown.markdown(whole)
    assert len(source.encode()) < TAKEN
    assert source.count("**breaks**") == told
    assert left in source
    assert (markdown.SHORTENED in source) is (many > 60)


@pytest.mark.parametrize("sections", [1, 11])
@pytest.mark.parametrize("filler", ["x", "_", "日", "\\"])
def test_whatever_a_comparison_is_it_fits(sections: int, filler: str) -> None:
    """Every section full of long lines, and lines of them below each."""
    line = Item(filler * 999, Sign.CHANGED, filler * 999, filler * 999, filler * 999, strong=True)
    some = replace(line, items=(line,) * 9)
    chart = Chart(filler * 99, "MB", tuple(Bar(filler * 99 + str(n), 1, 2) for n in range(90)))
    one = Section("s", "T", filler * 999, (some,) * 90, (chart,) * 3)
    whole = report(words=(filler * 999,) * 3, sections=(one,) * sections)
    lines = markdown.body(whole)
    assert len(markdown.markdown(whole).encode()) < TAKEN
    assert lines[-1] == markdown.SHORTENED
    check_lines(lines)


# Text


def printed(whole: Report, **console: Any) -> str:
    out = io.StringIO()
    terminal = Console(file=out, highlight=False, soft_wrap=True, width=80, **console)
    for line in text.lines(whole):
        terminal.print(line)
    return out.getvalue()


def test_text_takes_nothing_for_markup() -> None:
    said = printed(report())
    assert "\x1b" not in said
    assert "\x07" not in said
    assert "[bold red]rich[/] [link=https://example.com]x[/link]" in said
    for word in HOSTILE:
        line = " ".join(word.split()).replace("\x1b", "\ufffd").replace("\x07", "\ufffd")
        assert f"~ breaks {line}: {line} → {line}  {line}\n" in said


def test_text_on_a_terminal_has_colours_and_only_its_own() -> None:
    said = printed(report(), force_terminal=True, color_system="standard")
    assert re.sub(r"\x1b\[[\d;]*m", "", said) == printed(report())
    assert "\x1b[31mred" not in said


def test_the_structure_of_text() -> None:
    some = Item("a", Sign.ADDED, "note", None, "new", items=(Item("b", note="why"),))
    more = Item("c", Sign.REMOVED, level=Level.WARNS, quiet=True, items=(Item("not told"),))
    chart = Chart("C", "MB", (Bar("x", 1, 2), Bar("long", None, 4)))
    sections = (Section("s", "ABC", "Lead.", (some, more), (chart,)),)
    whole = report(words=("t", "u", "n"), sections=sections)
    assert printed(whole).splitlines() == [
        *("t", "t → u", "n", "  1 thing breaks", "  2 fine", "", "ABC", "Lead."),
        "  + a: new  note",
        "        b: why",
        "  - warns c",
        "  C, before and now",
        "    x    1.0 MB → 2.0 MB ████████████",
        "    long   none → 4.0 MB ████████████████████████",
    ]


def test_text_has_every_item_of_a_section_and_few_below_it() -> None:
    below = tuple(Item(f"b{number}") for number in range(20))
    many = (Item("a", items=below), *(Item(f"n{number}") for number in range(500)))
    said = printed(report(sections=(Section("s", "T", items=many),)))
    assert said.count("n") >= 500
    assert "      … and 8 more\n" in said
    assert f": {'o' * 99}…\n" in printed(report(Item("name", old="o" * 999)))


# The page

VOID = {"meta", "link", "br", "img", "input", "wbr", "hr"}


class Page(HTMLParser):
    """Tags have to be closed in order; collects attributes, and texts by what they are in."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self.tags: set[str] = set()
        self.policy = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given_ = dict(attrs)
        assert len(given_) == len(attrs), "an attribute twice"
        assert not any(name.startswith("on") for name in given_)
        self.tags.add(tag)
        self.links += [str(given_[name]) for name in ("src", "href", "action") if name in given_]
        if "id" in given_:
            self.ids.append(str(given_["id"]))
        if given_.get("http-equiv") == "Content-Security-Policy":
            self.policy = str(given_["content"])
        if tag in ("p", "summary"):
            assert "p" not in self.open, f"<{tag}> in a <p>"
        if tag == "summary":
            assert self.open[-1] == "details"
        if tag == "li":
            assert self.open[-1] == "ul"
        if tag not in VOID:
            self.open.append(tag)
            if tag in ("code", "del", "ins"):
                self.texts.append((tag, ""))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in ("code", "del", "ins"):
            if tag in self.open:
                self.texts[-1] = (tag, self.texts[-1][1] + data)
        if self.open and self.open[-1] in ("ul", "table", "tbody", "tr", "details"):
            assert not data.strip()


def read(source: str) -> Page:
    found = Page(source)
    assert found.open == []
    assert source.startswith("<!doctype html>\n")
    assert source.endswith("</html>\n")
    assert len(found.ids) == len(set(found.ids))
    assert "script" not in found.tags
    assert "style" in found.tags
    assert "default-src 'none'" in found.policy
    assert "script-src" not in found.policy
    for link in found.links:
        assert link.startswith("data:,") or link.removeprefix("#") in found.ids
    outside = re.sub(r"<style>.*?</style>", "", source, flags=re.DOTALL)
    assert "@import" not in source
    assert "url(" not in source
    assert "<script" not in outside
    return found


def test_a_page_shows_hostile_names_and_is_whole() -> None:
    found = read(page.page(report()))
    for word in HOSTILE:
        for tag in ("code", "del", "ins"):
            assert any(one == tag and said == word for one, said in found.texts), (tag, word)


def test_a_page_has_everything() -> None:
    below = tuple(Item(f"below{number}") for number in range(200))
    many = tuple(Item(f"name{number}", items=below[:1] * (number % 2)) for number in range(500))
    longest = Item("long", old="o" * 5000, quiet=True, items=below)
    found = read(page.page(report(*many, longest)))
    texts = {said for _, said in found.texts}
    assert {one.name for one in (*below, *many)} <= texts
    assert "o" * 5000 in texts


def test_an_empty_page() -> None:
    read(page.page(report(highlights=(), sections=(), note="")))
    read(page.page(report(sections=(Section("s", "T"), Section("t", "U", charts=())))))


@pytest.mark.parametrize(
    ("many", "most", "shown_", "folded"), [(5, 2, 5, 0), (6, 2, 2, 4), (0, 2, 0, 0), (9, 9, 9, 0)]
)
def test_a_page_folds_what_is_long(many: int, most: int, shown_: int, folded: int) -> None:
    some = [Item(str(number)) for number in range(many)]
    first, rest = page.fold(some, most)
    assert (len(first), len(rest)) == (shown_, folded)
    assert [*first, *rest] == some


def test_what_matters_is_never_folded() -> None:
    some = [*(Item(str(number)) for number in range(50)), BREAKS]
    first, rest = page.fold(some, 2)
    assert BREAKS in first
    assert len(rest) == 49
    assert page.is_open(replace(BREAKS, quiet=True))
    assert page.is_open(Item("a"))
    assert not page.is_open(Item("a", quiet=True))


def test_bars_of_a_chart() -> None:
    chart = Chart("C", "", (Bar("a", 1, 4), Bar("b", None, 2), Bar("c", None, None)))
    assert page.shares(chart) == {"a": [("old", 25), ("new", 100)], "b": [("new", 50)], "c": []}
    assert page.shares(Chart("C", "", (Bar("a", 0, 0),))) == {"a": [("old", 0), ("new", 0)]}


def test_long_names_may_be_wrapped() -> None:
    assert page.breakable("a.b/c<d.>") == "a.<wbr>b/<wbr>c&lt;d.&gt;"


# JSON, and files


def everything() -> Comparison:
    """Two sides that differ in every way."""
    rbac = "rbac.authorization.k8s.io/v1"

    def objects(number: int) -> list[KubeObject]:
        rules = [{"verbs": ["get"], "apiGroups": [""], "resources": [f"r{number}"]}]
        spec = {"supportedModelFormats": [{"name": f"f{number}"}]}
        return [
            make_crd(f"Model{number}", "a.io"),
            make("ClusterRole", "r", api=rbac, rules=rules),
            make_webhook("w", failurePolicy=str(number)),
            make_ours("ConfigMap", "c", data={"x": f'{{"a": {number}}}'}),
            make_ours("ServingRuntime", "s", spec=spec),
            make_deployment("d", image=f"a.io/d:{number}"),
            make_ours("Service", f"s{number}"),
        ]

    def one(number: int) -> Any:
        facts = ImageFacts(pinned(str(number)), ImageSource.PINNED, "v1", {"x86_64": number})
        moves: dict[str, Any] = {("runtimes", "llm_d")[number]: [make("Namespace", "moves")]}
        made = side(
            *objects(number),
            name=HOSTILE[number],
            version=f"3.{number}.0",
            costs={"kserve": Cost(number + 1, 0.1, 2)},
            deleted=frozenset({ObjectName("Service", f"old{number}", "", "v1")}),
            edited=(f"edited{number}.yaml",),
            **moves,
        )
        return recorded(
            replace(made, images={"key": facts}),
            left_out=(LeftOut(f"out{number}", "why"),),
            warnings=(f"warning{number}",),
            upstream=Upstream(1, number),
        )

    return compare(one(0), one(1))


def test_json_has_everything() -> None:
    whole = everything()
    found = json.loads(json.dumps(as_json(whole)))
    assert found["same"] is False
    assert found["parts"] == ["kserve", "runtimes", "llm-d"]
    assert all(found[key] for key in found if key != "same")
    assert found["old"] == {
        "name": HOSTILE[0],
        "version": "3.0.0",
        "objects": 8,
        "images": {
            "key": {
                "reference": pinned("0"),
                "source": "pinned",
                "label": "v1",
                "sizes": {"x86_64": 0},
            }
        },
        "costs": {"kserve": {"rendered_bytes": 1, "seconds": 0.1, "peak_bytes": 2}},
        "edited": ["edited0.yaml"],
    }
    assert [(one["id"], one["level"]) for one in found["crds"]] == [
        ("crd-removed", "breaks"),
        ("crd-added", "fine"),
    ]
    assert found["rights"][0]["gained"][0]["resources"] == ["r1"]
    assert found["images"][0]["repository_changed"] is True
    namespace = {"apiVersion": "v1", "kind": "Namespace", "name": "moves"}
    assert found["objects"]["moved"] == [{"from": "runtimes", "to": "llm-d", **namespace}]
    assert {one["name"] for one in found["objects"]["added"]} == {"model1s.a.io", "s1"}
    (deployment,) = [one for one in found["objects"]["changed"] if one["kind"] == "Deployment"]
    path = "spec.template.spec.containers[manager].image"
    assert deployment["changes"] == [{"path": path, "old": "a.io/d:0", "new": "a.io/d:1"}]
    assert found["runtimes"][0]["name"] == "s"
    assert found["runtimes"][0]["new"]["formats"] == ["f1"]
    assert found["configuration"] == [
        {"name": "c", "changes": [{"path": "x.a", "old": "0", "new": "1"}]}
    ]
    service = {"apiVersion": "v1", "kind": "Service"}
    assert found["deleted"] == [{**service, "name": "old1"}]
    assert found["no_longer_deleted"] == [{**service, "name": "old0"}]
    assert found["warnings"] == ["warning1"]


def test_json_cuts_nothing() -> None:
    values = {f"k{number}": "x" * 1000 for number in range(500)}
    old, new = (make_ours("ConfigMap", "c", data=data) for data in ({}, values))
    (change,) = as_json(compare(side(old), side(new)))["configuration"]
    assert len(change["changes"]) == 500
    assert all(len(one["new"]) == 1000 for one in change["changes"])


@pytest.mark.parametrize("suffix", forms.FORMS)
def test_every_form_of_everything(suffix: str, tmp_path: Path) -> None:
    whole = everything()
    file = tmp_path / f"report{suffix}"
    forms.write(whole, file)
    said = file.read_text(encoding="utf-8")
    assert said == forms.FORMS[suffix](whole)
    assert said.endswith("\n")
    if suffix == ".html":
        read(said)
    elif suffix == ".json":
        assert json.loads(said) == json.loads(json.dumps(as_json(whole)))
    else:
        check_lines(said.splitlines()[1:])
        assert shown(said)


def test_text_of_everything_has_every_section() -> None:
    whole = make_report(everything())
    said = printed(whole).splitlines()
    assert [one.title for one in whole.sections] == [
        *("CRDs and the users' objects", "Rights", "Images", "Objects", "Webhooks"),
        *("Configuration", "Serving runtimes", "On upgraded devices"),
        *("Left out, edited, and warnings", "Render cost", "Where it comes from"),
    ]
    assert {one.title for one in whole.sections} <= set(said)


def nowhere(directory: Path) -> Path:
    return directory / "gone" / "report.md"


def a_directory(directory: Path) -> Path:
    (directory / "report.md").mkdir()
    return directory / "report.md"


def below_a_file(directory: Path) -> Path:
    (directory / "file").write_text("")
    return directory / "file" / "report.md"


@pytest.mark.parametrize(
    ("place", "told"),
    [
        (lambda directory: directory / "report.pdf", "it is none of .html, .json, .md"),
        (lambda directory: directory / "report", "it is none of .html, .json, .md"),
        (nowhere, "gone is not a directory"),
        (below_a_file, "file is not a directory"),
        (a_directory, "Is a directory"),
    ],
)
def test_where_no_report_can_be_written(
    place: Callable[[Path], Path], told: str, tmp_path: Path
) -> None:
    file = place(tmp_path)
    for act in (forms.check_file, lambda file: forms.write(compare(side(), side()), file)):
        with pytest.raises(UsageError, match=re.escape(told)) as raised:
            act(file)
        assert raised.value.message.startswith(f"--report {file}: ")


def test_a_report_that_is_there_is_replaced_by_no_check(tmp_path: Path) -> None:
    file = tmp_path / "report.md"
    forms.check_file(file)
    assert not file.exists()
    file.write_text("old")
    forms.check_file(file)
    assert file.read_text() == "old"


def test_half_characters_in_json_do_not_fail() -> None:
    old, new = (make_ours("ConfigMap", "c", data={"x": f'{{"a": "{s}"}}'}) for s in ("", "\\ud800"))
    whole = compare(side(old), side(new))
    (change,) = whole.settings
    assert FieldChange("x", None, '{"a": "\\ud800"}') in change.changes
    for form in forms.FORMS.values():
        form(whole).encode()
