"""Registries of our own: docker-registry on a free port, ended by its process."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from integration.support.process import answers, free_ports, running, wait_until
from integration.support.surroundings import tool

USER, PASSWORD = "tester", "right"
# docker-registry takes bcrypt only, and nothing here makes it: this is PASSWORD's.
HTPASSWD = f"{USER}:$2b$04$au/i2Y3JdFIphMeW6HF3IO.NFE9uzfNKKhPKiWmL6E42yX73DDO9C\n"


@dataclass(frozen=True)
class Registry:
    """A running registry without TLS.

    Attributes:
        host: address and port.
        storage: the directory where it keeps its blobs.
    """

    host: str
    storage: Path

    def copy(self, source: str, name: str, *options: str) -> str:
        """Push an image; gives its reference here, by tag."""
        reference = f"{self.host}/{name}"
        subprocess.run(
            [
                *(tool("skopeo"), "copy", "--quiet", "--dest-tls-verify=false"),
                *("--src-tls-verify=false", *options, source, f"docker://{reference}"),
            ],
            check=True,
            capture_output=True,
        )
        return reference


@contextmanager
def running_registry(directory: Path, *, passwords: bool = False) -> Iterator[Registry]:
    """A registry with its files in `directory`; with `passwords` only USER gets in."""
    program = tool("docker-registry", "registry")
    storage = directory / "storage"
    storage.mkdir(parents=True, exist_ok=True)
    config = {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(storage)}},
    }
    if passwords:
        (directory / "htpasswd").write_text(HTPASSWD)
        config["auth"] = {"htpasswd": {"realm": "tests", "path": str(directory / "htpasswd")}}
    (port,) = free_ports(1)
    file = directory / "config.yml"
    file.write_text(json.dumps({**config, "http": {"addr": f"127.0.0.1:{port}"}}))
    words = [program, "serve", str(file)]
    with running(words, log=directory / "log", env=os.environ, name="registry") as process:
        wait_until(lambda: answers(port, "/v2/", 200, 401), "the registry answers", process=process)
        yield Registry(f"127.0.0.1:{port}", storage)


def mirror_conf(location: str, mirror: str) -> str:
    """A registries.conf that sends a registry's images to a mirror without TLS."""
    return (
        f'[[registry]]\nlocation = "{location}"\n'
        f'[[registry.mirror]]\nlocation = "{mirror}"\ninsecure = true\n'
    )
