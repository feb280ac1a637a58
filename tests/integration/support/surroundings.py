"""Where things are on this machine, and what to do when they are not."""

import os
import shutil
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[3]
DATA = REPO.parent / "shared" / "rhoai"  # bundles and manifests of released RHOAI versions
VENV = REPO / ".venv"
KUSTOMIZE = {
    "5.5.0": VENV / "kustomize/5.5.0/kustomize",  # kubectl 1.32
    "5.7.1": VENV / "kustomize/5.7.1/kustomize",  # MicroShift 4.19-4.22
    "5.8.1": VENV / "bin/kustomize",  # MicroShift 5.0; what a rebase needs
}
NAMESPACE = "redhat-ods-applications"


def known_versions() -> list[str]:
    """The RHOAI versions that there is data of, oldest first."""
    found = [directory.parent.name for directory in DATA.glob("*/expected-images.json")]
    return sorted(found, key=lambda version: [int(part) for part in version.split(".")])


# Without data a test for each version is still one test, which need_data() skips or fails.
VERSIONS = known_versions() or ["no-data"]


def need(present: bool, what: str) -> None:
    """Skip a test that lacks something; in CI, where nothing may be skipped, fail it."""
    if not present:
        reason = f"{what} is not there"
        if os.environ.get("CI") == "true":
            pytest.fail(f"{reason}, and CI skips nothing")
        pytest.skip(reason)


def need_data(*versions: str) -> None:
    """Need the data of RHOAI versions; of any, when none is named."""
    need(DATA.is_dir(), f"{DATA} with the data of RHOAI versions")
    for version in versions:
        need((DATA / version).is_dir(), f"{DATA / version}")


def tool(*names: str) -> str:
    """The path of a tool, by the first of its names that is there."""
    found = next(filter(None, map(shutil.which, names)), None)
    need(found is not None, f"{names[0]}, which `make test-tools` installs,")
    return str(found)


def kustomize(version: str) -> Path:
    """One of the versions of kustomize that what ships must render with."""
    need(KUSTOMIZE[version].is_file(), f"kustomize {version}, which `make test-tools` builds,")
    return KUSTOMIZE[version]
