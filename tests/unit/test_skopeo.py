"""skopeo's image proxy: what it is asked, what its messages mean, and how it may fail."""

import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from oci_layout import Layer, write_image

from rebase import errors
from rebase.image_reader import LayeredImage
from rebase.model import Descriptor, RegistryOptions
from rebase.reference import ImageName
from rebase.tools import skopeo as module
from rebase.tools.skopeo import ImageProxy, default_authfile, meaning
from unit.helpers import executable

Skopeo = Callable[..., Path]


@pytest.fixture
def image(tmp_path: Path) -> ImageName:
    layers = [Layer().file("opt/a", os.urandom(300_000)), Layer().file("opt/b", b"b")]
    write_image(tmp_path / "image", layers, compression="none")
    return ImageName.parse(f"oci:{tmp_path / 'image'}:image")


def read_blob(name: ImageName, read: Callable[[io.BufferedIOBase], bytes]) -> bytes:
    """The first layer's blob, through `read`."""
    with ImageProxy(RegistryOptions()) as proxy:
        opened = proxy.open(name)
        return proxy.read_blob(opened, opened.layers[0], read)


# As it should be


def test_an_image_is_opened_read_and_closed(skopeo: Skopeo, image: ImageName) -> None:
    log = skopeo()
    with ImageProxy(RegistryOptions()) as proxy:
        opened = proxy.open(image)
        blobs = [
            proxy.read_blob(opened, layer, lambda stream: stream.read()) for layer in opened.layers
        ]
        proxy.close(opened)
    assert [len(blob) for blob in blobs] == [layer.size for layer in opened.layers]
    assert b"opt/b" in blobs[1]
    assert opened.config["architecture"] == "amd64"
    assert opened.digest.startswith("sha256:")
    methods = log.read_text().splitlines()[1:]
    assert [method for method in methods if method != "FinishPipe"] == [
        *("Initialize", "OpenImage", "GetManifest", "GetFullConfig"),
        *("GetBlob", "GetBlob", "CloseImage"),
    ]
    assert methods.count("FinishPipe") == 4


@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        (RegistryOptions(), "--override-os linux --override-arch amd64 experimental-image-proxy"),
        (
            RegistryOptions("arm64", Path("a"), Path("r"), Path("p"), tls_verify=False),
            "--override-os linux --override-arch arm64 --policy p --registries-conf r "
            "experimental-image-proxy --authfile a --tls-verify=false",
        ),
    ],
)
def test_options_become_arguments(skopeo: Skopeo, options: RegistryOptions, arguments: str) -> None:
    log = skopeo()
    with ImageProxy(options):
        pass
    assert log.read_text().splitlines()[0] == arguments


# As it should not be


def test_without_skopeo(on_path: Path) -> None:
    with pytest.raises(errors.ToolError, match="skopeo is not installed") as caught:
        ImageProxy(RegistryOptions()).__enter__()
    assert "1.9" in caught.value.hint


def test_a_skopeo_that_has_no_proxy(skopeo: Skopeo) -> None:
    skopeo(stderr='level=fatal msg="unknown command"\n', exit=1)
    with pytest.raises(errors.ToolError, match=r"ended \(exit status 1\)") as caught:
        ImageProxy(RegistryOptions()).__enter__()
    assert any("unknown command" in line for line in caught.value.details)
    assert "1.9" in caught.value.hint


def test_a_shell_script_that_ends_at_once(on_path: Path) -> None:
    executable(on_path, "skopeo", "#!/bin/sh\nexit 0\n")
    with pytest.raises(errors.ToolError, match="ended"):
        ImageProxy(RegistryOptions()).__enter__()


@pytest.mark.parametrize("version", ["0.2.2", "0.1.9", "1.0.0", "0.2", ""])
def test_protocols_that_are_not_spoken(skopeo: Skopeo, version: str) -> None:
    skopeo(version=version)
    with pytest.raises(errors.ToolError, match=r"protocol; 0\.2\.3 or later is needed"):
        ImageProxy(RegistryOptions()).__enter__()


@pytest.mark.parametrize("version", ["0.2.3", "0.2.8", "0.2.10", "0.3.0"])
def test_protocols_that_are(skopeo: Skopeo, version: str) -> None:
    log = skopeo(version=version)
    with ImageProxy(RegistryOptions()):
        pass
    assert log.read_text().splitlines()[-1] == "Initialize"


@pytest.mark.parametrize("method", ["Initialize", "OpenImage", "GetManifest", "GetFullConfig"])
@pytest.mark.parametrize("behaviour", ["exit", "garbage"])
def test_a_proxy_that_breaks_off_or_talks_nonsense(
    skopeo: Skopeo, image: ImageName, method: str, behaviour: str
) -> None:
    skopeo(at={method: behaviour})
    with pytest.raises(errors.ToolError):
        read_blob(image, lambda stream: stream.read())


def test_a_manifest_without_pipe(skopeo: Skopeo, image: ImageName) -> None:
    skopeo(at={"GetManifest": "no-pipe"})
    with pytest.raises(errors.ToolError, match="no pipe for GetManifest"):
        read_blob(image, lambda stream: stream.read())


def test_a_manifest_that_is_none(skopeo: Skopeo, image: ImageName) -> None:
    skopeo(at={"GetManifest": "list"})
    with pytest.raises(errors.CorruptImageError, match="not one of a container image"):
        read_blob(image, lambda stream: stream.read())


@pytest.mark.parametrize("method", ["Initialize", "OpenImage"])
def test_a_proxy_that_does_not_answer(
    skopeo: Skopeo, image: ImageName, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    skopeo(at={method: "silent"})
    # Long enough for a Python to start up to its answer of Initialize.
    monkeypatch.setattr(module, "REPLY_TIMEOUT", 0.2 if method == "Initialize" else 2.0)
    with pytest.raises((errors.RegistryError, errors.ToolError), match="no answer for"):
        read_blob(image, lambda stream: stream.read())


def test_an_image_that_is_not_there(skopeo: Skopeo) -> None:
    skopeo()
    with pytest.raises(errors.ImageNotFoundError, match="no such file") as caught:
        read_blob(ImageName.parse("oci:nowhere:image"), lambda stream: stream.read())
    assert caught.value.message.startswith("oci:nowhere:image: ")


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        ("short", errors.CorruptImageError),
        ("reset", errors.RegistryError),
        ("die", errors.ToolError),
        ("exit", errors.ToolError),
        ("error: received unexpected HTTP status: 502 Bad Gateway", errors.RegistryError),
        ("error: manifest unknown", errors.ImageNotFoundError),
    ],
)
@pytest.mark.usefixtures("impatient")
def test_what_skopeo_says_of_a_blob_counts(
    skopeo: Skopeo, image: ImageName, behaviour: str, expected: type[errors.RebaseError]
) -> None:
    """Whatever half a layer looks like to us, skopeo knows why it is half a layer."""
    skopeo(at={"GetBlob": behaviour})
    with ImageProxy(RegistryOptions()) as proxy:
        layered = LayeredImage.open(proxy, image, lambda _: True, lambda *_: None)
        with pytest.raises(expected) as caught:
            layered.read_all("all")
    assert type(caught.value) is expected


def test_a_blob_that_we_find_broken_is_corrupt_and_not_tried_again(
    skopeo: Skopeo, tmp_path: Path
) -> None:
    class Noise(Layer):
        def tar(self) -> bytes:
            return b"no archive" * 500_000

    write_image(tmp_path / "noise", [Noise()], compression="none")
    log = skopeo()
    name = ImageName.parse(f"oci:{tmp_path / 'noise'}:image")
    with ImageProxy(RegistryOptions()) as proxy:
        layered = LayeredImage.open(proxy, name, lambda _: True, lambda *_: None)
        with pytest.raises(errors.CorruptImageError):
            layered.read_all("all")
    assert log.read_text().splitlines().count("GetBlob") == 1


@pytest.mark.usefixtures("impatient")
def test_a_connection_that_broke_once_is_tried_again(skopeo: Skopeo, image: ImageName) -> None:
    log = skopeo(at={"GetBlob": "reset-once"})
    with ImageProxy(RegistryOptions()) as proxy:
        layered = LayeredImage.open(proxy, image, lambda _: True, lambda *_: None)
        layered.read_all("all")
        assert layered.files.read("opt/b") == b"b"
    assert log.read_text().splitlines().count("GetBlob") == 3


def test_an_interrupt_is_an_interrupt(skopeo: Skopeo, image: ImageName) -> None:
    def read(stream: io.BufferedIOBase) -> bytes:
        raise KeyboardInterrupt

    skopeo()
    with pytest.raises(KeyboardInterrupt):
        read_blob(image, read)


def test_a_blob_can_be_asked_for_after_one_that_was_broken(
    skopeo: Skopeo, image: ImageName
) -> None:
    def fail(stream: io.BufferedIOBase) -> bytes:
        raise errors.CorruptImageError("broken")

    skopeo()
    with ImageProxy(RegistryOptions()) as proxy:
        opened = proxy.open(image)
        first, second = opened.layers
        with pytest.raises(errors.CorruptImageError, match="broken"):
            proxy.read_blob(opened, first, fail)
        assert b"opt/b" in proxy.read_blob(opened, second, lambda stream: stream.read())


def test_a_layer_that_the_image_lacks(skopeo: Skopeo, image: ImageName) -> None:
    skopeo()
    blob = Descriptor("sha256:" + "0" * 64, 1)
    with ImageProxy(RegistryOptions()) as proxy:
        opened = proxy.open(image)
        with pytest.raises(errors.ImageNotFoundError):
            proxy.read_blob(opened, blob, lambda stream: stream.read())


# Words


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            "Source image rejected: Running image docker://… is rejected by policy.",
            errors.ImagePolicyError,
        ),
        ("Source image rejected: A signature was required, but no signature exists", None),
        ('open /etc/containers/policy.json: no such file or directory"', errors.ImagePolicyError),
        (
            "reading manifest v2.25 in registry.redhat.io/rhoai/odh-operator-bundle: "
            "unauthorized: Please login to the Red Hat Registry",
            errors.RegistryAuthError,
        ),
        ("denied: requested access to the resource is denied", errors.RegistryAuthError),
        ("unable to retrieve auth token: invalid username/password", errors.RegistryAuthError),
        ("unable to retrieve auth token: unauthorized", errors.RegistryAuthError),
        ("fetching blob: received unexpected HTTP status: 403 Forbidden", errors.RegistryAuthError),
        ("reading manifest x in quay.io/example/a: manifest unknown", errors.ImageNotFoundError),
        ("name unknown: Repo not found", errors.ImageNotFoundError),
        ("StatusCode: 404, page not found", errors.ImageNotFoundError),
        ("no descriptor found for reference", errors.ImageNotFoundError),
        (
            "no image found in image index for architecture arm64, variant v8, OS linux",
            errors.ImageNotFoundError,
        ),
        ("corrupted blob, expecting sha256:00", errors.CorruptImageError),
        ("Expected 100 bytes in blob, got 50", errors.CorruptImageError),
        (
            "Manifest does not match provided manifest digest sha256:00",
            errors.CorruptImageError,
        ),
        ("pinging registry: dial tcp: lookup quay.example: no such host", errors.RegistryError),
        ("dial tcp 127.0.0.1:5000: connect: connection refused", errors.RegistryError),
        ("tls: failed to verify certificate: x509: unknown authority", errors.RegistryError),
        ("http: server gave HTTP response to HTTPS client", errors.RegistryError),
        ("read tcp: i/o timeout", errors.RegistryError),
        ("received unexpected HTTP status: 502 Bad Gateway", errors.RegistryError),
        ("toomanyrequests: slow down", errors.RegistryError),
    ],
)
def test_meaning(said: str, expected: type[errors.RebaseError] | None) -> None:
    error = meaning(said, "quay.io/example/a:1")
    assert type(error) is (expected or errors.ImagePolicyError)
    assert error.message.startswith("quay.io/example/a:1: ")
    assert error.hint


def test_only_a_registry_that_may_recover_is_worth_a_retry() -> None:
    assert isinstance(meaning("connection reset by peer", "a"), errors.RegistryError)
    assert not isinstance(meaning("manifest unknown", "a"), errors.RegistryError)


def test_a_secret_is_not_repeated() -> None:
    said = "Get https://user:hunter2@registry.example.com:5000/v2/: connection refused"
    message = meaning(said, "registry.example.com:5000/a").message
    assert "hunter2" not in message
    assert "registry.example.com:5000/v2/" in message


# Credentials


def test_default_authfile(tmp_path: Path) -> None:
    assert default_authfile(tmp_path, {}) is None
    (tmp_path / ".pull-secret.json").write_text(json.dumps({"auths": {}}))
    assert default_authfile(tmp_path, {}) == tmp_path / ".pull-secret.json"
    assert default_authfile(tmp_path, {"REGISTRY_AUTH_FILE": "/else/where"}) == Path("/else/where")
    assert default_authfile(tmp_path, {"REGISTRY_AUTH_FILE": ""}) == tmp_path / ".pull-secret.json"


@pytest.mark.parametrize(
    ("version", "policy", "warned"),
    [
        ("0.2.3", "reject", True),
        ("0.2.3", "signedBy", True),
        ("0.2.3", "insecureAcceptAnything", False),
        ("0.2.6", "reject", False),
    ],
)
def test_a_policy_that_an_old_skopeo_does_not_look_at(
    skopeo: Skopeo,
    version: str,
    policy: str,
    warned: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    skopeo(version=version)
    monkeypatch.setenv("HOME", str(tmp_path))
    file, _ = module.default_policies()
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"default": [{"type": policy}]}))
    with ImageProxy(RegistryOptions()) as proxy:
        assert proxy.unchecked_policy() == (file if warned else None)
