"""Reading an image layer by layer: in the planned order, no further than needed, with retries."""

import io
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import pytest
from oci_layout import Layer

from rebase.errors import CorruptImageError, RebaseError, RegistryError, ToolError
from rebase.image_reader import LayeredImage, retrying
from rebase.model import Descriptor
from rebase.overlay import Overlay
from rebase.reference import ImageName
from rebase.tools.skopeo import ImageProxy, OpenImage
from unit.helpers import descriptor

T = TypeVar("T")
NAME = ImageName.parse("quay.io/example/a:1")


class FakeProxy:
    """An image proxy with one image; each failure is raised once, before what it stands for."""

    def __init__(self, *layers: tuple[str, Layer]) -> None:
        blobs = [layer.tar() for _, layer in layers]
        self.blobs = {descriptor(blob).digest: blob for blob in blobs}
        self.order = [descriptor(blob).digest for blob in blobs]
        history: list[dict[str, Any]] = [{"created_by": text} for text, _ in layers]
        descriptors = tuple(descriptor(blob) for blob in blobs)
        self.image = OpenImage(1, NAME, "sha256:top", descriptors, {"history": history})
        self.asked: list[int] = []
        self.failures: list[RebaseError] = []

    def open(self, name: ImageName) -> OpenImage:
        self._fail()
        assert name == NAME
        return self.image

    def read_blob(
        self, image: OpenImage, blob: Descriptor, reader: Callable[[io.BufferedIOBase], T]
    ) -> T:
        self.asked.append(self.order.index(blob.digest))
        self._fail()
        return reader(io.BytesIO(self.blobs[blob.digest]))

    def _fail(self) -> None:
        if self.failures:
            raise self.failures.pop(0)


def opened(
    proxy: FakeProxy, progress: Callable[[str, int, int], None] = lambda *_: None
) -> LayeredImage:
    return LayeredImage.open(cast(ImageProxy, proxy), NAME, lambda _: True, progress)


def has(*paths: str) -> Callable[[Overlay], bool]:
    return lambda files: set(paths) <= set(files.paths())


def operator() -> FakeProxy:
    """Five layers, the oldest first."""
    return FakeProxy(
        ("RUN microdnf update", Layer().file("etc/os-release", b"")),
        ("COPY manager /manager", Layer().file("manager", b"x" * 10_000)),
        ("COPY one /opt/manifests/one", Layer().file("opt/manifests/one", b"old")),
        ("COPY two /opt/manifests/two", Layer().file("opt/manifests/two", b"2")),
        ("LABEL a=b", Layer().file("opt/manifests/one", b"new")),
    )


def test_nothing_is_read_before_it_is_needed() -> None:
    proxy = operator()
    image = opened(proxy)
    assert proxy.asked == []
    assert [one.read for one in image.decisions] == [False] * 5


def test_reading_stops_when_the_tree_is_whole() -> None:
    proxy = operator()
    image = opened(proxy)
    assert image.read_likely(has("opt/manifests/two"))
    assert proxy.asked == [4, 3]
    assert image.files.read("opt/manifests/one") == b"new"


def test_likely_layers_are_read_to_the_oldest_and_no_further() -> None:
    proxy = operator()
    image = opened(proxy)
    assert not image.read_likely(has("manager"))
    assert proxy.asked == [4, 3, 2]
    assert image.files.read("opt/manifests/one") == b"new"


def test_the_rest_comes_newest_first_with_unlikely_layers_last() -> None:
    proxy = operator()
    image = opened(proxy)
    image.read_likely(has("manager"))
    assert image.read_rest(has("manager"))
    assert proxy.asked == [4, 3, 2, 0, 1]
    assert not image.read_rest(has("nowhere"))
    assert proxy.asked == [4, 3, 2, 0, 1], "no layer is read twice"


def test_without_likely_layers_nothing_is_read_at_first() -> None:
    proxy = FakeProxy(("COPY manager /manager", Layer().file("manager", b"")))
    assert not opened(proxy).read_likely(lambda _: True)
    assert proxy.asked == []


def test_everything_can_be_read() -> None:
    proxy = operator()
    image = opened(proxy)
    image.read_all("--all-layers")
    assert sorted(proxy.asked) == [0, 1, 2, 3, 4]
    assert {one.reason for one in image.decisions} == {"--all-layers"}


def test_every_layer_has_a_decision_with_its_reason() -> None:
    image = opened(operator())
    image.read_likely(has("opt/manifests/two"))
    decisions = image.decisions
    assert [one.digest for one in decisions] == [b.digest for b in image.image.layers]
    assert [one.read for one in decisions] == [False, False, False, True, True]
    assert decisions[3].reason == "copies to /opt/manifests/two"
    assert decisions[1].reason == "copies to /manager"
    assert decisions[1].size > 10_000
    assert all(one.reason for one in decisions)
    assert decisions[0].reason == decisions[2].reason != decisions[1].reason


def test_progress_reaches_each_layers_size() -> None:
    told: list[tuple[str, int, int]] = []
    image = opened(operator(), lambda *step: told.append(step))
    image.read_all("all")
    ends = {total for subject, done, total in told if done == total and subject == NAME.short}
    assert ends == {blob.size for blob in image.image.layers}


@pytest.mark.usefixtures("impatient")
def test_a_registry_gets_three_chances() -> None:
    proxy = operator()
    proxy.failures = [RegistryError("reset"), RegistryError("reset")]
    image = opened(proxy)
    proxy.failures = [RegistryError("reset")]
    assert image.read_likely(has("opt/manifests/one"))
    assert proxy.asked == [4, 4]


@pytest.mark.usefixtures("impatient")
def test_the_last_failure_is_told() -> None:
    proxy = operator()
    proxy.failures = [RegistryError(str(number)) for number in range(4)]
    with pytest.raises(RegistryError, match=r"^2$"):
        opened(proxy)
    assert len(proxy.failures) == 1


@pytest.mark.parametrize("error", [CorruptImageError, ToolError])
def test_nothing_else_is_tried_again(error: type[RebaseError]) -> None:
    failures: Sequence[RebaseError] = [error("first"), error("second")]
    calls = iter(failures)

    def fail() -> None:
        raise next(calls)

    with pytest.raises(error, match="first"):
        retrying(fail)


def test_a_layer_that_is_not_what_it_says_is_refused() -> None:
    proxy = operator()
    proxy.blobs[proxy.order[4]] = Layer().file("opt/manifests/evil", b"").tar()
    with pytest.raises(CorruptImageError):
        opened(proxy).read_likely(has("opt/manifests/one"))
