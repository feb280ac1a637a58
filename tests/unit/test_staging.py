"""_output/staging: what `download` writes is what `process` reads."""

from pathlib import Path

import pytest

from rebase import staging
from rebase.errors import UsageError
from rebase.model import Csv, ImageRead, LayerDecision, Roots, Staged
from unit.helpers import read_tree, write_tree

CSV = Csv("operator.1", "2.25.0", "quay.io/example/operator:1", {"A": "b"}, "csv.yaml")
ROOTS = Roots(("kserve/overlays/odh", "kserve/overlays/odh-crds"), "mc/base", "mc/runtimes")
IMAGES = (
    ImageRead("bundle", "oci:b", "sha256:1", "CSV x", (LayerDecision("sha256:2", 3, True, "r"),)),
    ImageRead("operator", "oci:o", "sha256:4", "the manifests"),
)


def write(target: Path, **files: bytes) -> None:
    staging.write(
        target,
        csv=CSV,
        csv_text=b"kind: X\n",
        roots=ROOTS,
        files={name.replace("_", "/"): data for name, data in files.items()},
        images=IMAGES,
        warnings=("careful",),
    )


def test_what_is_written_is_read(tmp_path: Path) -> None:
    target = tmp_path / "_output/staging"
    write(target, opt_a=b"\xff", opt_b=b"b")
    assert staging.read(target) == Staged(CSV, ROOTS, target / "image", IMAGES, ("careful",))
    assert read_tree(target / "image") == {"opt/a": b"\xff", "opt/b": b"b"}
    assert (target / "bundle/csv.yaml").read_bytes() == b"kind: X\n"


def test_a_second_download_replaces_the_first(tmp_path: Path) -> None:
    write(tmp_path / "staging", opt_a=b"1")
    write(tmp_path / "staging", opt_b=b"2")
    assert read_tree(tmp_path / "staging/image") == {"opt/b": b"2"}
    assert [path.name for path in tmp_path.iterdir()] == ["staging"]


def test_nothing_is_staged(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing is staged") as caught:
        staging.read(tmp_path)
    assert "rhoai-rebase download BUNDLE" in caught.value.hint


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 99}', '{"format": 1}', "\udcff"])
def test_a_record_of_another_kind_is_told(tmp_path: Path, text: str) -> None:
    write_tree(tmp_path, {staging.RECORD: text.encode(errors="surrogateescape")})
    with pytest.raises(UsageError, match="another version of rhoai-rebase") as caught:
        staging.read(tmp_path)
    assert "again" in caught.value.hint


@pytest.mark.parametrize("other", [True, False])
def test_removing_leaves_other_output_alone(tmp_path: Path, other: bool) -> None:
    write(tmp_path / "_output/staging")
    if other:
        write_tree(tmp_path, {"_output/mine": "x"})
    staging.remove(tmp_path / "_output/staging")
    staging.remove(tmp_path / "_output/staging")
    assert set(read_tree(tmp_path)) == ({"_output/mine"} if other else set())
    assert (tmp_path / "_output").exists() is other
