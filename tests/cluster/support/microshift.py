"""A MicroShift in small: what it does with manifests.d at each start.

As its kustomizer (pkg/kustomize/apply.go) does: first all directories of `delete`, then all others,
each again and again until nothing of it fails or its time is up; then it goes on. Deleting is
`kubectl delete --kustomize DIR --ignore-not-found`, applying `kubectl apply --kustomize DIR
--server-side --force-conflicts`; here kubectl gets what MicroShift's version of kustomize renders.
"""

import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from integration.support.surroundings import kustomize

from cluster.support.api_server import Cluster

# In this order, and in each by name. A device may be configured to have others.
PATHS = (
    "usr/lib/microshift/manifests",
    "usr/lib/microshift/manifests.d/*",
    "etc/microshift/manifests",
    "etc/microshift/manifests.d/*",
)
FILE_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
INTERVAL = 10.0  # seconds from the start of one try to that of the next
TIMEOUT = 600.0  # seconds after which a directory is given up

APPLY = ("apply", "--server-side", "--force-conflicts")
DELETE = ("delete", "--ignore-not-found")


@dataclass(frozen=True)
class Try:
    """One pass over a directory.

    Attributes:
        accepted: how many objects the API server took (or deleted).
        said: what kubectl or kustomize said on stderr.
    """

    ok: bool
    accepted: int
    said: str


@dataclass(frozen=True)
class Handled:
    """What came of a directory.

    Attributes:
        verb: apply or delete.
        name: of the directory, as in 010-microshift-ai-model-serving-kserve.
        objects: how many it has; 0 where it cannot be rendered.
        tries: in order; the last one says how it ended.
    """

    verb: str
    name: str
    objects: int
    tries: tuple[Try, ...]
    seconds: float

    @property
    def ok(self) -> bool:
        return self.tries[-1].ok

    @property
    def failures(self) -> list[str]:
        """What was said in each pass that failed."""
        return [one.said for one in self.tries if not one.ok]

    def __str__(self) -> str:
        outcome = "ok" if self.ok else "GIVEN UP"
        accepted = ", ".join(str(one.accepted) for one in self.tries)
        return (
            f"{self.verb} {self.name}: {outcome}, {self.objects} objects, {len(self.tries)} tries "
            f"({accepted} accepted), {self.seconds:.1f} s"
        )


@dataclass(frozen=True)
class Start:
    """What a start of MicroShift did, directory by directory."""

    handled: tuple[Handled, ...]

    @property
    def ok(self) -> bool:
        return all(one.ok for one in self.handled)

    def of(self, name: str, verb: str = "apply") -> Handled:
        """What came of the directory whose name ends so."""
        (found,) = (x for x in self.handled if x.verb == verb and x.name.endswith(name))
        return found

    def __str__(self) -> str:
        lines = [str(one) for one in self.handled]
        for one in self.handled:
            lines += [
                f"  {one.name}: {line}" for said in one.failures for line in said.splitlines()
            ]
        return "\n".join(lines)


@dataclass(frozen=True)
class MicroShift:
    """A device's MicroShift.

    Attributes:
        root: the device's file system.
        kustomize_version: of the kustomize that it embeds.
    """

    cluster: Cluster
    root: Path
    kustomize_version: str = "5.8.1"
    interval: float = INTERVAL
    timeout: float = TIMEOUT

    def start(self) -> Start:
        """Handle all directories as at a start."""
        deleted = [self._handle("delete", DELETE, path) for path in self.directories(delete=True)]
        applied = [self._handle("apply", APPLY, path) for path in self.directories()]
        return Start((*deleted, *applied))

    def directories(self, *, delete: bool = False) -> list[Path]:
        """Those that have a kustomization, in order."""
        return [file.parent for path in PATHS for file in self._kustomizations(path, delete)]

    def _kustomizations(self, path: str, delete: bool) -> Iterator[Path]:
        if delete:
            parent, star, _ = path.partition("/*")
            path = f"{parent}/delete{star}"
        for name in FILE_NAMES:
            # By the path of the file, as MicroShift sorts: a-b/ comes before a/.
            yield from sorted(self.root.glob(f"{path}/{name}"), key=str)

    def _handle(self, verb: str, words: tuple[str, ...], directory: Path) -> Handled:
        start = time.monotonic()
        tries: list[Try] = []
        objects = 0
        while True:
            begun = time.monotonic()
            rendered = subprocess.run(
                [str(kustomize(self.kustomize_version)), "build", str(directory)],
                env=self.cluster.environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            if rendered.returncode == 0:
                objects = len(re.findall(r"^kind: ", rendered.stdout, re.MULTILINE))
                done = self.cluster.kubectl(*words, "-f", "-", stdin=rendered.stdout)
                tries.append(Try(done.code == 0, len(done.out.splitlines()), done.err.strip()))
            else:
                tries.append(Try(False, 0, rendered.stderr.strip()))
            now = time.monotonic()
            following = max(now, begun + self.interval)
            if tries[-1].ok or following - start > self.timeout:
                return Handled(verb, directory.name, objects, tuple(tries), now - start)
            time.sleep(following - now)
