"""Container images through skopeo: one `experimental-image-proxy` process serves a whole run.

The proxy speaks JSON over a SOCK_SEQPACKET socket on its standard input and hands out
manifests, configs and blobs as pipes. Registries, mirrors, credentials and signature
policy are skopeo's business, and so is the digest of every blob.
Protocol: skopeo's cmd/skopeo/proxy.go, version 0.2.3 (skopeo 1.9) and later 0.2.x.
"""

import array
import contextlib
import hashlib
import io
import json
import os
import re
import select
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from rebase import errors
from rebase.model import Descriptor, RegistryOptions
from rebase.reference import ImageName
from rebase.tools import process

PROTOCOL = (0, 2, 3)
CHECKS_POLICY = (0, 2, 6)  # the protocol's own history: before, no policy was looked at
REPLY_TIMEOUT = 120.0  # seconds that the proxy, or a registry behind it, may stay silent
PACKET = 64 * 1024
INSTALL_HINT = "install skopeo 1.9 or later"

T = TypeVar("T")

# What skopeo's messages mean to the user; first match wins. They are the only interface
# there is: error codes came with protocol 0.2.8.
MEANINGS: tuple[tuple[type[errors.RebaseError], re.Pattern[str], str], ...] = tuple(
    (error, re.compile(pattern, re.IGNORECASE), hint)
    for error, pattern, hint in (
        (
            errors.ImagePolicyError,
            r"policy\.json|signature|rejected by policy|rejected:|trust policy",
            "see containers-policy.json(5); --policy FILE takes another policy",
        ),
        (
            errors.RegistryAuthError,
            r"unauthorized|authentication required|access to the resource is denied|denied:|"
            r"invalid username/password|forbidden|no basic auth credentials|\b40[13]\b|"
            r"credential|auth(file|entication)?\.json|pull-secret",
            "log in with `skopeo login`, or name a pull secret with --authfile",
        ),
        (
            errors.ImageNotFoundError,
            r"manifest unknown|name unknown|not known to registry|no such file or directory|"
            r"no descriptor found|no image found|not found|\b404\b|NAME_UNKNOWN|"
            r"does not exist|invalid reference|no such image",
            "check the reference; `skopeo inspect` shows what is there",
        ),
        (
            errors.CorruptImageError,
            r"digest mismatch|does not match|did not match|corrupted?|unexpected size|"
            r"unexpected blob size|expected \d+ bytes",
            "the image is damaged, or the registry (or mirror) is not to be trusted",
        ),
        (
            errors.RegistryError,
            r"x509|certificate|tls:|http response to https",
            "--no-tls-verify reads from a registry without a valid certificate",
        ),
    )
)


def meaning(said: str, image: str) -> errors.RebaseError:
    """The error for what skopeo said of an image."""
    text = process.redact(said.strip())
    for error, pattern, hint in MEANINGS:
        if pattern.search(said):
            return error(f"{image}: {text}", hint=hint)
    return errors.RegistryError(f"{image}: {text}", hint="check that the registry can be reached")


@dataclass(frozen=True)
class OpenImage:
    """An image that the proxy has open.

    Attributes:
        digest: of the manifest; where there is an index, of the one chosen from it.
        layers: oldest first.
        config: the image's configuration, as JSON.
    """

    handle: int
    name: ImageName
    digest: str
    layers: tuple[Descriptor, ...]
    config: dict[str, Any]


class ImageProxy(contextlib.AbstractContextManager["ImageProxy"]):
    """A running image proxy; a context manager that ends it."""

    def __init__(self, options: RegistryOptions) -> None:
        self._options = options
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed by _end
        self._checks_policy = True
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    def __enter__(self) -> "ImageProxy":
        skopeo = process.find("skopeo")
        if skopeo is None:
            self._end()
            raise errors.ToolError("skopeo is not installed", hint=INSTALL_HINT)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(REPLY_TIMEOUT)
        with theirs:
            self._process = subprocess.Popen(
                [str(skopeo), *arguments(self._options, "experimental-image-proxy")],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=self._stderr,
                env=process.environment(),
            )
        self._socket = ours
        try:
            version, _ = self._call("skopeo", "Initialize")
        except errors.RebaseError as error:
            said = self._said()
            self._end()
            raise errors.ToolError(
                "skopeo cannot serve images: " + error.message, hint=INSTALL_HINT, details=said
            ) from None
        numbers = tuple(int(part) for part in re.findall(r"\d+", str(version))[:3])
        if numbers < PROTOCOL or numbers[0] != PROTOCOL[0]:
            self._end()
            raise errors.ToolError(
                f"skopeo speaks version {version} of the image proxy protocol; "
                f"0.2.3 or later is needed",
                hint=INSTALL_HINT,
            )
        self._checks_policy = numbers >= CHECKS_POLICY
        if self._options.policy and not self._checks_policy:
            self._end()
            raise errors.ToolError(
                f"--policy {self._options.policy} would do nothing: this skopeo does not check "
                f"signature policies (its image proxy protocol is {version}; 0.2.6 and later do)",
                hint="install a newer skopeo",
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end()

    def unchecked_policy(self) -> Path | None:
        """The signature policy of this machine, where it asks for something that nobody checks."""
        policy = next((file for file in default_policies() if file.is_file()), None)
        if self._checks_policy or policy is None:
            return None
        try:
            wanted = set(re.findall(r'"type"\s*:\s*"(\w+)"', policy.read_text()))
        except OSError:
            return None
        return policy if wanted - {"insecureAcceptAnything"} else None

    def open(self, name: ImageName) -> OpenImage:
        """Open an image: its manifest (of our platform), its digest, its configuration.

        Raises:
            ImageNotFoundError, RegistryAuthError, RegistryError, ImagePolicyError,
            CorruptImageError: in skopeo's words.
        """
        handle, _ = self._call(name.short, "OpenImage", str(name))
        try:
            digest, raw = self._fetch(name.short, "GetManifest", handle)
            _, config = self._fetch(name.short, "GetFullConfig", handle)
            manifest = json.loads(raw)
            layers = tuple(
                Descriptor(layer["digest"], int(layer["size"])) for layer in manifest["layers"]
            )
            return OpenImage(int(handle), name, str(digest), layers, json.loads(config))
        except (KeyError, TypeError, ValueError) as error:
            raise errors.CorruptImageError(
                f"{name.short}: the manifest is not one of a container image ({error!r})"
            ) from None

    def close(self, image: OpenImage) -> None:
        """Forget an image."""
        self._call(image.name.short, "CloseImage", image.handle)

    def read_blob(
        self, image: OpenImage, blob: Descriptor, reader: Callable[[io.BufferedIOBase], T]
    ) -> T:
        """Stream one blob through `reader`, which must read it to its end.

        Raises:
            RegistryError, CorruptImageError: also when skopeo finds the digest wrong.
        """
        _, (pipe, pipe_id) = self._call_for_pipe(
            image.name.short, "GetBlob", image.handle, blob.digest, blob.size
        )
        # FinishPipe now, not after: the proxy closes its end as soon as the blob is
        # through, so that a blob which is too short ends instead of hanging.
        self._send("FinishPipe", pipe_id)
        subject = f"{image.name.short}: layer {blob.digest}"
        with io.BufferedReader(PipeReader(pipe, image.name.short), 1 << 20) as stream:
            try:
                found = reader(stream)
            except errors.CorruptImageError:
                # Hear skopeo out: it knows whether the bytes are wrong or the registry broke off.
                while stream.read(1 << 20):
                    pass
                self._reply(subject)
                raise
            except errors.RegistryError:  # nothing came; nor would the proxy's word on it
                self._end()
                raise
        self._reply(subject)
        return found

    # The protocol: a request is one packet, a reply is one packet and perhaps a pipe.

    def _fetch(self, subject: str, method: str, *args: object) -> tuple[Any, bytes]:
        value, (pipe, pipe_id) = self._call_for_pipe(subject, method, *args)
        self._send("FinishPipe", pipe_id)
        with io.BufferedReader(PipeReader(pipe, subject)) as stream:
            data = stream.read()
        self._reply(subject)
        return value, data

    def _call_for_pipe(
        self, subject: str, method: str, *args: object
    ) -> tuple[Any, tuple[int, int]]:
        value, pipe = self._call(subject, method, *args)
        if pipe is None:
            raise errors.ToolError(f"skopeo gave no pipe for {method}", hint=INSTALL_HINT)
        return value, pipe

    def _call(self, subject: str, method: str, *args: object) -> tuple[Any, tuple[int, int] | None]:
        self._send(method, *args)
        return self._reply(subject)

    def _send(self, method: str, *args: object) -> None:
        assert self._socket is not None
        try:
            self._socket.send(json.dumps({"method": method, "args": args}).encode())
        except OSError:
            raise self._gone() from None

    def _reply(self, subject: str) -> tuple[Any, tuple[int, int] | None]:
        assert self._socket is not None
        descriptors = array.array("i")
        try:
            data, ancillary, _, _ = self._socket.recvmsg(PACKET, socket.CMSG_SPACE(8))
        except TimeoutError:
            # Its answer may still come, and would be taken for the next one's.
            self._end()
            raise errors.RegistryError(
                f"{subject}: no answer for {REPLY_TIMEOUT:.0f} s",
                hint="check that the registry can be reached",
                final=True,
            ) from None
        except OSError:
            raise self._gone() from None
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
        if not data:
            raise self._gone()
        try:
            answer = json.loads(data)
            success, value, pipe_id = answer["success"], answer["value"], answer["pipeid"]
        except (KeyError, TypeError, ValueError):
            raise errors.ToolError(
                f"skopeo's image proxy does not speak its protocol: {data[:80]!r}",
                hint=INSTALL_HINT,
            ) from None
        if not success:
            raise meaning(str(answer.get("error")), subject)
        return value, (descriptors[0], pipe_id) if descriptors else None

    def _said(self) -> list[str]:
        if self._stderr.closed:
            return []
        self._stderr.seek(0)
        return process.tail(self._stderr.read()).splitlines()

    def _gone(self) -> errors.ToolError:
        code = None
        if self._process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self._process.wait(timeout=5)
        status = "" if code is None else f" ({process.describe_exit(code)})"
        return errors.ToolError(
            f"skopeo's image proxy ended{status}", hint=INSTALL_HINT, details=self._said()
        )

    def _end(self) -> None:
        if self._socket:
            self._socket.close()
        if self._process:
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._stderr.close()


class PipeReader(io.RawIOBase):
    """A pipe from the proxy that fails, rather than hangs, when nothing comes."""

    def __init__(self, descriptor: int, subject: str) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._subject = subject

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        ready, _, _ = select.select([self._descriptor], [], [], REPLY_TIMEOUT)
        if not ready:
            raise errors.RegistryError(
                f"{self._subject}: no data for {REPLY_TIMEOUT:.0f} s", final=True
            )
        return os.readv(self._descriptor, [buffer])

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()


def arguments(options: RegistryOptions, command: str) -> list[str]:
    """skopeo's arguments for a command: global options before it, its own after it."""
    words = ["--override-os", "linux", "--override-arch", options.architecture]
    if options.policy:
        words += ["--policy", str(options.policy)]
    if options.registries_conf:
        words += ["--registries-conf", str(options.registries_conf)]
    words.append(command)
    if options.authfile:
        words += ["--authfile", str(options.authfile)]
    if options.tls_verify is not None:
        words.append(f"--tls-verify={str(options.tls_verify).lower()}")
    return words


def top_digest(name: ImageName, options: RegistryOptions) -> str:
    """The digest of what a reference names: of the index, where there is one.

    The proxy tells only the digest of the manifest that it chose from an index.

    Raises:
        ImageNotFoundError, RegistryAuthError, RegistryError: in skopeo's words.
    """
    raw = _ask(name, options, "inspect", "--raw", str(name))
    return "sha256:" + hashlib.sha256(raw).hexdigest()


def list_tags(repository: ImageName, options: RegistryOptions) -> tuple[str, ...]:
    """The tags of a registry's repository, in the registry's order.

    skopeo asks the registry that the name says: its mirrors are for images only.

    Raises:
        ImageNotFoundError, RegistryAuthError, RegistryError: in skopeo's words.
    """
    said = _ask(repository, options, "list-tags", str(repository))
    try:
        return tuple(str(tag) for tag in json.loads(said)["Tags"] or ())
    except (KeyError, TypeError, ValueError):
        raise errors.ToolError(
            f"skopeo list-tags does not say tags: {said[:80]!r}", hint=INSTALL_HINT
        ) from None


def _ask(name: ImageName, options: RegistryOptions, command: str, *words: str) -> bytes:
    """What a command of skopeo says of a name."""
    if process.find("skopeo") is None:
        raise errors.ToolError("skopeo is not installed", hint=INSTALL_HINT)
    try:
        return process.run(["skopeo", *arguments(options, command), *words])
    except errors.ToolError as error:
        said = "\n".join(error.details) or error.message
        logged = re.search(r'level=fatal msg="(.*)"', said)
        raise meaning(logged[1].replace('\\"', '"') if logged else said, name.short) from None


def default_policies() -> tuple[Path, Path]:
    """Where a signature policy is looked for, containers-policy.json(5)."""
    return Path.home() / ".config/containers/policy.json", Path("/etc/containers/policy.json")


def default_authfile(home: Path, environ: dict[str, str]) -> Path | None:
    """Where credentials are: REGISTRY_AUTH_FILE, ~/.pull-secret.json, else skopeo's own place."""
    named = environ.get("REGISTRY_AUTH_FILE")
    if named:
        return Path(named)
    secret = home / ".pull-secret.json"
    return secret if secret.is_file() else None


@contextlib.contextmanager
def opened(proxy: ImageProxy, name: ImageName) -> Iterator[OpenImage]:
    """Open an image for the length of a `with` block."""
    image = proxy.open(name)
    yield image
    proxy.close(image)
