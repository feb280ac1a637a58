"""Reading files out of an image, layer by layer, and no further than needed."""

import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from rebase.errors import RegistryError
from rebase.layers import Likelihood, PlannedLayer, plan
from rebase.model import Descriptor, LayerDecision
from rebase.overlay import LayerContent, Overlay, Wanted, read_layer
from rebase.reference import ImageName
from rebase.tools.skopeo import ImageProxy, OpenImage

RETRY_DELAYS = (0.5, 2.0)  # seconds; only for what the network may cure

T = TypeVar("T")
Progress = Callable[[str, int, int], None]  # subject, bytes done, bytes in all


def retrying(call: Callable[[], T]) -> T:
    """Try again what failed between us and a registry."""
    for delay in RETRY_DELAYS:
        try:
            return call()
        except RegistryError as error:
            if error.final:
                raise
            time.sleep(delay)
    return call()


@dataclass
class LayeredImage:
    """An open image whose layers are read on demand."""

    proxy: ImageProxy
    image: OpenImage
    wanted: Wanted
    progress: Progress

    def __post_init__(self) -> None:
        self.files = Overlay()
        history = self.image.config.get("history") or []
        self.plan = plan(history, len(self.image.layers))
        self._decisions: dict[int, LayerDecision] = {}

    @classmethod
    def open(
        cls, proxy: ImageProxy, name: ImageName, wanted: Wanted, progress: Progress
    ) -> "LayeredImage":
        """Open an image; nothing but its manifest and configuration is read yet."""
        return cls(proxy, retrying(lambda: proxy.open(name)), wanted, progress)

    def read(self, layer: PlannedLayer, reason: str = "") -> None:
        """Read one layer; a second time costs nothing."""
        if layer.index in self._decisions:
            return
        blob = self.image.layers[layer.index]
        self.files.add(layer.index, retrying(lambda: self._fetch(blob)))
        self._decisions[layer.index] = LayerDecision(
            blob.digest, blob.size, True, reason or layer.reason
        )

    def read_all(self, reason: str) -> None:
        """Read every layer."""
        for layer in self.plan:
            self.read(layer, reason)

    def read_likely(self, enough: Callable[[Overlay], bool]) -> bool:
        """Read down to the oldest layer that copies to where manifests live, if there is one."""
        likely = [layer for layer in self.plan if layer.likelihood is Likelihood.LIKELY]
        if not likely:
            return False
        for layer in self.plan[: self.plan.index(likely[-1]) + 1]:
            self.read(layer)
            if enough(self.files):
                return True
        return False

    def read_rest(self, enough: Callable[[Overlay], bool]) -> bool:
        """Read what `read_likely` left, newest first."""
        for layer in self.plan:
            if layer.index not in self._decisions:
                self.read(layer)
                if enough(self.files):
                    return True
        return False

    @property
    def decisions(self) -> tuple[LayerDecision, ...]:
        """What was read and what was not, oldest layer first."""
        reasons = {layer.index: layer for layer in self.plan}
        return tuple(
            self._decisions.get(index)
            or LayerDecision(
                blob.digest,
                blob.size,
                False,
                reasons[index].reason
                if reasons[index].likelihood is Likelihood.UNLIKELY
                else "not needed: what was looked for is elsewhere",
            )
            for index, blob in enumerate(self.image.layers)
        )

    def _fetch(self, blob: Descriptor) -> LayerContent:
        subject = self.image.name.short

        def read(stream: io.BufferedIOBase) -> LayerContent:
            counted = _Counting(stream, lambda done: self.progress(subject, done, blob.size))
            return read_layer(io.BufferedReader(counted, 1 << 20), blob, self.wanted, subject)

        return self.proxy.read_blob(self.image, blob, read)


class _Counting(io.RawIOBase):
    """A stream that tells how many bytes have come."""

    def __init__(self, stream: io.BufferedIOBase, tell: Callable[[int], None]) -> None:
        super().__init__()
        self._stream, self._tell, self._done = stream, tell, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        count = self._stream.readinto(buffer)
        self._done += count
        self._tell(self._done)
        return count
