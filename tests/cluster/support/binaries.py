"""What packaging/build-cluster.sh built, wherever it put it."""

import os
import subprocess
from functools import cache
from pathlib import Path

from integration.support.surroundings import REPO, need

SCRIPT = REPO / "packaging/build-cluster.sh"


@cache
def directory() -> Path:
    """Where the binaries are, or would be: RHOAI_CLUSTER_BIN, or what the script says."""
    named = os.environ.get("RHOAI_CLUSTER_BIN")
    if named:
        return Path(named)
    done = subprocess.run(
        [str(SCRIPT), "--where"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    return Path(done.stdout.strip())


def binary(name: str) -> Path:
    """One of the binaries; the test that needs it is skipped, or in CI fails, without it."""
    found = directory() / name
    need(found.is_file(), f"{name}, which `packaging/build-cluster.sh` builds,")
    return found


def crds(name: str) -> Path:
    """A directory of CRDs that devices have not, and some controllers want."""
    found = directory().parent / "crds" / name
    need(found.is_dir(), f"crds/{name}, which `packaging/build-cluster.sh` copies,")
    return found
