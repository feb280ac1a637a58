"""Registries asked about many images at once."""

from collections.abc import Callable
from pathlib import Path

import pytest
from oci_layout import Layer, write_image

from rebase.errors import RegistryError
from rebase.model import RegistryOptions
from rebase.registry import ABSENT, Looked, Registry
from unit.helpers import pinned

LABELS = {"version": "v2.25.0", "release": "3"}
A, B, ARM, GONE = (pinned(name) for name in ("a", "b", "arm", "gone"))


class Listener:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.warnings: list[str] = []

    def step(self, text: str) -> None:
        self.steps.append(text)

    def bytes_read(self, subject: str, done: int, total: int) -> None:
        raise AssertionError("no layer is read")

    def warning(self, text: str) -> None:
        self.warnings.append(text)


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def registry(
    skopeo: Callable[..., Path], tmp_path: Path, listener: Listener, impatient: None
) -> Registry:
    """Has a and b, and arm for another architecture; the rest it knows nothing of."""
    layouts = {}
    for name, architecture, labels in (
        ("a", "amd64", LABELS),
        ("b", "amd64", {"org.opencontainers.image.version": "1.0", "release": "7"}),
        ("arm", "arm64", {}),
    ):
        layer = Layer().file("a", b"x" * 1000)
        layout = tmp_path / name
        write_image(
            layout, [layer], architectures=[architecture], labels=labels, compression="none"
        )
        layouts[f"docker://{pinned(name)}"] = str(layout)
    skopeo(layouts=layouts)
    return Registry(RegistryOptions(), listener)


def test_sizes_and_versions(registry: Registry, listener: Listener) -> None:
    found = registry.look([A, B, ARM, A], "x86_64")
    size = found[A].size
    assert size > 1000
    assert found == {A: Looked(size, "v2.25.0-3"), B: Looked(size, "1.0"), ARM: Looked(ABSENT)}
    assert listener.steps == ["Asking the registries for x86_64 images"]


def test_another_architecture(registry: Registry) -> None:
    found = registry.look([A, ARM], "aarch64")
    assert found[A] == Looked(ABSENT)
    assert found[ARM].size > 1000


@pytest.mark.parametrize("ask", ["look", "glance"])
def test_nothing_to_look_at(registry: Registry, ask: str) -> None:
    assert getattr(registry, ask)([], "x86_64") == {}


def test_what_cannot_be_looked_at_fails(registry: Registry) -> None:
    with pytest.raises(Exception, match="1 of 2 images cannot be looked at"):
        registry.look([A, GONE], "x86_64")


def test_at_a_glance_it_is_a_warning(registry: Registry, listener: Listener) -> None:
    found = registry.glance([A, GONE, pinned("also")], "x86_64")
    assert list(found) == [A]
    first, second = listener.warnings
    assert first.startswith("registry.example.com/test/also: ")
    assert second.startswith("registry.example.com/test/gone: ")


def test_a_registry_that_is_not_there_is_a_warning(
    skopeo: Callable[..., Path], listener: Listener, impatient: None
) -> None:
    skopeo(at={"OpenImage": "error: dial tcp: connection refused"})
    registry = Registry(RegistryOptions(), listener)
    assert registry.glance([A], "x86_64") == {}
    assert len(listener.warnings) == 1
    with pytest.raises(RegistryError):
        registry.look([A], "x86_64")
