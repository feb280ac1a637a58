"""The demo's manifests broken in one place at a time: an error of ours, or a right result."""

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integration.support.command import rebase
from integration.support.images import Images
from integration.support.silent import Silent
from integration.support.surroundings import kustomize
from integration.support.trees import written
from rebase import staging
from rebase.errors import (
    AdaptError,
    CheckError,
    RebaseError,
    TreeError,
    UnpinnedImageError,
)
from rebase.options import Options
from rebase.process import process
from rebase.tools.kustomize import Kustomize, locate

# What is wrong with manifests, and nothing else, may come of manifests that are wrong.
EXPECTED = (TreeError, AdaptError, CheckError, UnpinnedImageError)
WORDS = ("", "~", "[]", "{}", "x: y: z", "!!python/none", "- 1", "&a [*a]", "\t", "'", "\x00", "é")


@pytest.fixture(scope="module")
def broken(demo_images: Images, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with the demo staged and processed once, to be broken and mended."""
    root = tmp_path_factory.mktemp("broken")
    rebase("to", *demo_images.arguments, "--keep-staging", root=root).ok()
    shutil.copytree(root / "_output/staging", root / "_output/whole")
    return root


@pytest.fixture(scope="module")
def tool() -> Kustomize:
    return locate(kustomize("5.8.1"))


def staged_files(root: Path) -> list[str]:
    whole = root / "_output/whole/image"
    return sorted(p.relative_to(whole).as_posix() for p in whole.rglob("*") if p.is_file())


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_one_broken_place_never_gives_a_half_right_result(
    data: st.DataObject, broken: Path, tool: Kustomize
) -> None:
    name = data.draw(st.sampled_from(staged_files(broken)), label="file")
    target = broken / "_output/staging/image" / name
    text = (broken / "_output/whole/image" / name).read_text()
    lines = text.splitlines(keepends=True)
    number = data.draw(st.integers(0, max(0, len(lines) - 1)), label="line")
    kind = data.draw(st.sampled_from(["delete", "replace", "truncate", "double"]), label="kind")
    if kind == "delete":
        del lines[number : number + 1]
    elif kind == "replace":
        lines[number : number + 1] = [data.draw(st.sampled_from(WORDS), label="word") + "\n"]
    elif kind == "truncate":
        del lines[number:]
    else:
        lines[number : number + 1] *= 2
    before = written(broken)
    target.write_text("".join(lines))
    try:
        outcome = outcome_of(broken, tool)
    finally:
        target.write_text(text)
    assert outcome is None or (isinstance(outcome, EXPECTED) and outcome.message)
    assert written(broken) == before


def outcome_of(root: Path, tool: Kustomize) -> RebaseError | None:
    """The error of processing what is staged, or None when it went well."""
    try:
        process(staging.read(root / "_output/staging"), Options(root, dry_run=True), tool, Silent())
    except RebaseError as error:
        return error
    return None


def test_every_file_that_the_manifests_need_is_missed(broken: Path, tool: Kustomize) -> None:
    """Each staged file taken away in turn: all but unlisted Templates are named as missing."""
    for name in staged_files(broken):
        target = broken / "_output/staging/image" / name
        content = target.read_bytes()
        target.unlink()
        try:
            error = outcome_of(broken, tool)
        finally:
            target.write_bytes(content)
        assert isinstance(error, TreeError), name
        said = " ".join([error.message, *error.details])
        assert Path(name).parent.as_posix() in said or Path(name).name in said
