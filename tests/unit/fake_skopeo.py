"""A stand-in for skopeo that serves OCI layouts, and misbehaves where its plan says so.

Run as `fake_skopeo.py PLAN ARGUMENTS…`. PLAN is a JSON file:
    version: of the protocol
    stderr, exit: say this and end at once
    at: method → what to do there instead of answering: exit, silent, garbage, no-pipe,
        or `error: …` to fail with a message; for GetBlob also short, reset, reset-once, die
    tags: what `list-tags` says of any repository
    layouts: name of an image → the OCI layout that it is; others are names of layouts
    log: a file that gets the arguments and then every method, one a line
"""

import array
import json
import os
import socket
import sys
import threading
from pathlib import Path
from typing import Any


class Fake:
    """One run of the proxy."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan
        self.socket = socket.socket(fileno=0)
        self.images: list[Path] = []
        self.writers: dict[int, tuple[threading.Thread, list[str]]] = {}
        self.resets = 0

    def serve(self) -> None:
        while data := self.socket.recv(65536):
            request = json.loads(data)
            method, args = request["method"], request.get("args") or []
            log(self.plan, method)
            self.answer(method, args, self.plan.get("at", {}).get(method, ""))

    def answer(self, method: str, args: list[Any], behaviour: str) -> None:
        if behaviour == "exit":
            sys.exit(1)
        elif behaviour == "garbage":
            self.socket.send(b"what do you want?")
        elif behaviour.startswith("error: "):
            self.reply(error=behaviour.removeprefix("error: "))
        elif behaviour == "no-pipe":
            self.reply("sha256:0")
        elif behaviour != "silent":
            try:
                getattr(self, method)(behaviour, *args)
            except (OSError, KeyError) as error:
                self.reply(error=str(error))

    def Initialize(self, behaviour: str) -> None:  # noqa: N802
        self.reply(self.plan.get("version", "0.2.6"))

    def OpenImage(self, behaviour: str, name: str) -> None:  # noqa: N802
        known = self.plan.get("layouts", {})
        layout = Path(known.get(name, name.removeprefix("oci:").partition(":")[0]))
        if not (layout / "index.json").is_file():
            self.reply(error=f"open {layout}/index.json: no such file or directory")
            return
        self.images.append(layout)
        self.reply(len(self.images))

    def CloseImage(self, behaviour: str, handle: int) -> None:  # noqa: N802
        self.reply()

    def GetManifest(self, behaviour: str, handle: int) -> None:  # noqa: N802
        digest = self.top(handle)
        data = self.blob(handle, digest)
        self.pipe(digest, b"[]" if behaviour == "list" else data)

    def GetFullConfig(self, behaviour: str, handle: int) -> None:  # noqa: N802
        manifest = json.loads(self.blob(handle, self.top(handle)))
        self.pipe("", self.blob(handle, manifest["config"]["digest"]))

    def GetBlob(self, behaviour: str, handle: int, digest: str, size: int) -> None:  # noqa: N802
        data = self.blob(handle, digest)
        half = data[: len(data) // 2]
        if behaviour == "reset-once":
            self.resets += 1
            behaviour = "reset" if self.resets == 1 else ""
        if behaviour == "short":
            self.pipe(size, half, f"Expected {size} bytes in blob, got {len(half)}")
        elif behaviour == "reset":
            self.pipe(size, half, "read tcp: connection reset by peer")
        elif behaviour == "die":
            self.pipe(size, half, die=True)
        else:
            self.pipe(size, data)

    def FinishPipe(self, behaviour: str, number: int) -> None:  # noqa: N802
        writer, errors = self.writers.pop(number)
        writer.join()
        self.reply(error="".join(errors))

    def top(self, handle: int) -> str:
        index = json.loads((self.images[handle - 1] / "index.json").read_text())
        return str(index["manifests"][0]["digest"])

    def blob(self, handle: int, digest: str) -> bytes:
        path = self.images[handle - 1] / "blobs" / "sha256" / digest.removeprefix("sha256:")
        return path.read_bytes()

    def pipe(self, value: object, data: bytes, error: str = "", *, die: bool = False) -> None:
        """Hand out a pipe and fill it in the background, as skopeo does."""
        ours, theirs = os.pipe()
        errors = [error] if error else []

        def write() -> None:
            try:
                with open(theirs, "wb", buffering=0) as out:  # noqa: PTH123 - a descriptor
                    rest = memoryview(data)
                    while rest:
                        rest = rest[out.write(rest) or 0 :]
                    if die:
                        os._exit(7)
            except BrokenPipeError:
                errors.append("write |1: broken pipe")

        writer = threading.Thread(target=write)
        self.writers[theirs] = writer, errors
        self.reply(value, pipe=(ours, theirs))
        os.close(ours)
        writer.start()

    def reply(
        self, value: object = None, *, error: str = "", pipe: tuple[int, int] | None = None
    ) -> None:
        answer = {"success": not error, "value": value, "pipeid": pipe[1] if pipe else 0}
        data = [json.dumps({**answer, "error": error}).encode()]
        rights = array.array("i", [pipe[0]]) if pipe else array.array("i")
        self.socket.sendmsg(data, [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)] if pipe else [])


def log(plan: dict[str, Any], line: str) -> None:
    with Path(plan["log"]).open("a") as file:
        file.write(line + "\n")


def main() -> None:
    plan = json.loads(Path(sys.argv[1]).read_text())
    log(plan, " ".join(sys.argv[2:]))
    if "stderr" in plan:
        sys.stderr.write(plan["stderr"])
        sys.exit(plan["exit"])
    if "list-tags" in sys.argv:
        json.dump({"Repository": "any", "Tags": plan.get("tags")}, sys.stdout)
        return
    Fake(plan).serve()


if __name__ == "__main__":
    main()
