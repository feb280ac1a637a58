"""rhoai-rebase.toml: what it may hold, and every mistake at once."""

import re
import tomllib
from dataclasses import asdict
from pathlib import Path

import pytest

from rebase import project
from rebase.budgets import CORE, DEFAULTS, LLM_D
from rebase.errors import UsageError
from rebase.findings import Waiver
from rebase.model import Override
from rebase.project import Project
from unit.helpers import pinned, write_tree


def read(root: Path, text: str) -> Project:
    return project.read(write_tree(root, {"rhoai-rebase.toml": text}))


def test_without_the_file_there_are_the_defaults(tmp_path: Path) -> None:
    assert project.read(tmp_path) == Project({}, DEFAULTS, ())
    assert read(tmp_path, "") == Project({}, DEFAULTS, ())


def test_all_that_it_may_hold(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        f"""\
        [images]
        kserve-llm-d = "{pinned("vllm")}"

        [budgets.core]
        rendered-mb = 3.5
        images-mb = 9000

        [budgets.llm-d]
        render-seconds = 10

        [[waivers]]
        id = "edited"
        where = "assets/kserve/*"
        reason = "a hot fix"

        [[waivers]]
        id = "sbom"
        reason = "ours is made elsewhere"
        """,
    )
    assert found.images == {"kserve-llm-d": Override(pinned("vllm"), "rhoai-rebase.toml")}
    assert (found.budgets[CORE].rendered_mb, found.budgets[CORE].images_mb) == (3.5, 9000)
    assert found.budgets[CORE].render_seconds == DEFAULTS[CORE].render_seconds
    assert found.budgets[LLM_D].render_seconds == 10
    assert found.waivers == (
        Waiver("edited", "a hot fix", "assets/kserve/*", "waivers[1]"),
        Waiver("sbom", "ours is made elsewhere", "*", "waivers[2]"),
    )


def test_the_example_in_the_documentation_has_every_default(tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs/release-engineers.md"
    (example,) = re.findall(r"^```toml\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    found = read(tmp_path, example)
    assert found.budgets == DEFAULTS
    assert (list(found.images), [waiver.id for waiver in found.waivers]) == (
        ["kserve-llm-d"],
        ["edited"],
    )
    limits = tomllib.loads(example)["budgets"]
    for package, budget in DEFAULTS.items():
        there = {name for name, value in asdict(budget).items() if value is not None}
        assert {name.replace("-", "_") for name in limits[package]} == there


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("image = 1", "image: unknown; one of images, budgets, waivers is expected"),
        ("images = 1", "images: a table is expected"),
        ("[waivers]", "waivers: an array of tables, [[waivers]] is expected"),
        ("waivers = [1]", "waivers[1]: a table is expected"),
        ("[images]\na = 'b:latest'", "images.a: 'b:latest' is not registry/repository@sha256:…"),
        ("[images]\na = 1", "images.a: 1 is not registry/repository@sha256:…"),
        ("[budgets.kserve]", "budgets.kserve: unknown; one of core, llm-d is expected"),
        ("[budgets]\ncore = 1", "budgets.core: a table is expected"),
        ("[budgets.core]\nrendered-mb = '1'", "rendered-mb: '1' is not a positive number"),
        ("[budgets.core]\nrendered-mb = true", "rendered-mb: True is not a positive number"),
        ("[budgets.core]\nrendered-mb = 0", "rendered-mb: 0 is not a positive number"),
        ("[budgets.core]\nrendered-mb = nan", "rendered-mb: nan is not a positive number"),
        ("[budgets.core]\nrendered_mb = 1", "budgets.core.rendered_mb: unknown; one of "),
        ("[[waivers]]\nid = 'edited'", "waivers[1].reason: a text that is not empty is expected"),
        (
            "[[waivers]]\nid = 'edited'\nreason = ' '",
            "waivers[1].reason: a text that is not empty is expected",
        ),
        ("[[waivers]]\nreason = 'a'", "waivers[1].id: a text that is not empty is expected"),
        ("[[waivers]]\nid = 1\nreason = 'a'", "waivers[1].id: a text that is not empty"),
        ("[[waivers]]\nid = 'x'\nreason = 'a'", "waivers[1].id: there is no finding x"),
        (
            "[[waivers]]\nid = 'edited'\nreason = 'a'\nwhere = 1",
            "waivers[1].where: a text that is not empty is expected",
        ),
        (
            "[[waivers]]\nid = 'edited'\nreason = 'a'\nwhy = 'b'",
            "waivers[1].why: unknown; one of id, where, reason is expected",
        ),
        (
            "[[waivers]]\nid = 'unused-waiver'\nreason = 'a'",
            "waivers[1].id: unused-waiver cannot be waived; remove the other waiver",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(UsageError, match=r"^rhoai-rebase\.toml has mistakes$") as caught:
        read(tmp_path, text)
    (detail,) = caught.value.details
    assert told in detail


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = "a = 1\n[images]\nb = 'c'\n[budgets.core]\nd = 1\n[[waivers]]\ne = 1\n"
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text)
    places = [detail.partition(": ")[0] for detail in caught.value.details]
    assert places == [
        *("a", "images.b", "budgets.core.d"),
        *("waivers[1].e", "waivers[1].id", "waivers[1].reason"),
    ]


@pytest.mark.parametrize("data", [b"[", b"\xff", b"a = 1\na = 2\n"])
def test_a_file_that_is_no_toml(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "rhoai-rebase.toml").write_bytes(data)
    with pytest.raises(UsageError, match=r"rhoai-rebase\.toml cannot be read: "):
        project.read(tmp_path)


def test_a_directory_of_that_name(tmp_path: Path) -> None:
    (tmp_path / "rhoai-rebase.toml").mkdir()
    with pytest.raises(UsageError, match="cannot be read"):
        project.read(tmp_path)
