"""Findings: each id that a check can give is explained, and nothing else is."""

import re
from pathlib import Path

import pytest

import rebase
from rebase.catalogue import CATALOGUE, Entry, Level
from rebase.findings import Finding, Note, Waiver, sift

SOURCES = {
    file.relative_to(Path(rebase.__file__).parent).as_posix(): file.read_text()
    for file in Path(rebase.__file__).parent.rglob("*.py")
}
# Where an id is written out: in a finding, or in one of checks.py's problems of an object.
GIVEN = re.compile(r'\bFinding\(\s*"([a-z-]+)"|\byield "([a-z-]+)", ')


def given() -> set[str]:
    found = {one or other for text in SOURCES.values() for one, other in GIVEN.findall(text)}
    names = dict(re.findall(r'^([A-Z]+) = "([a-z-]+)"$', SOURCES["reproduce.py"], re.MULTILINE))
    found |= {names[name] for name in re.findall(r"Finding\(([A-Z]+),", SOURCES["reproduce.py"])}
    found |= set(re.findall(r'\("([a-z-]+)", cost', SOURCES["budgets.py"]))
    return found


def test_every_id_that_is_given_is_explained_and_no_other() -> None:
    assert given() == set(CATALOGUE)


def test_no_finding_has_an_id_that_this_test_cannot_see() -> None:
    made = re.compile(r"\bFinding\(\s*([^\s\")]+?),")
    names = {name for text in SOURCES.values() for name in made.findall(text)}
    assert names <= {"check_id", "REPRODUCES", "IMAGES"}


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=CATALOGUE)
def test_an_explanation_says_what_why_and_what_to_do(entry: Entry) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", entry.id)
    assert not entry.title.endswith(".")
    assert entry.text.endswith(".")
    assert len(re.findall(r"\. [A-Z`_a]|\.$", entry.text)) >= 3, "several sentences"
    assert "  " not in entry.text


def test_only_what_is_measured_may_come_and_go() -> None:
    measured = {entry.id for entry in CATALOGUE.values() if entry.measured}
    assert measured == {"render-time", "render-memory"}
    assert all(CATALOGUE[check_id].level is Level.WARNING for check_id in measured)


FINDING = Finding("edited", "assets/kserve/a.yaml", "it is not what the rebase wrote")


@pytest.mark.parametrize(
    ("where", "matches"),
    [
        ("*", True),
        ("assets/kserve/*", True),
        ("assets/kserve/a.yaml", True),
        ("assets/runtimes/*", False),
        ("a.yaml", False),
        ("ASSETS/*", False),
    ],
)
def test_a_waiver_matches_by_id_and_place(where: str, matches: bool) -> None:
    assert Waiver("edited", "why", where).matches(FINDING) is matches
    assert not Waiver("sbom", "why", where).matches(FINDING)


def test_brackets_of_a_place_need_no_pattern() -> None:
    finding = Finding("image-not-pinned", "assets/x: Deployment a: spec.containers[0].image", "")
    assert Waiver("image-not-pinned", "why", finding.where).matches(finding)
    assert not Waiver("image-not-pinned", "why", finding.where[:-1]).matches(finding)


def test_sifting() -> None:
    other = Finding("sbom", "release/a", "it lacks x")
    first, second, idle = (
        Waiver("edited", "first", "assets/*"),
        Waiver("edited", "second"),
        Waiver("sbom", "idle", "release/b"),
    )
    sifted = sift([FINDING, other], (first, second, idle))
    assert sifted.open == (other,)
    assert sifted.waived == ((FINDING, first),)
    assert sifted.unused == (idle,)  # the second would have matched


def test_how_they_read() -> None:
    assert str(FINDING) == "edited: assets/kserve/a.yaml: it is not what the rebase wrote"
    assert str(Note("images", "nothing is staged")) == "images: nothing is staged"
