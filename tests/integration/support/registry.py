"""Registries of our own: docker-registry on a free port, ended by its process."""

import http.client
import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

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


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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
    for _ in range(3):  # somebody else may take the port first
        port = free_port()
        file = directory / "config.yml"
        file.write_text(json.dumps({**config, "http": {"addr": f"127.0.0.1:{port}"}}))
        with (directory / "log").open("wb") as log:
            process = subprocess.Popen(
                [program, "serve", str(file)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            if _answers(port, process):
                yield Registry(f"127.0.0.1:{port}", storage)
                return
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)
            if process.poll() is None:
                process.kill()
                process.wait()
    raise RuntimeError(f"{program} does not start: {(directory / 'log').read_text()}")


def _answers(port: int, process: "subprocess.Popen[bytes]") -> bool:
    """Wait until the registry answers; False when it ends, or is silent for 30 s."""
    for _ in range(300):
        if process.poll() is not None:
            return False
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/v2/")
            return connection.getresponse().status in (200, 401)
        except OSError:
            time.sleep(0.1)
        finally:
            connection.close()
    return False
