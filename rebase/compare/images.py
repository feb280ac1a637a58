"""Images compared by their keys, which scripts read."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rebase.model import ImageSource
from rebase.reference import repository_of


@dataclass(frozen=True)
class ImageFacts:
    """The image of a key.

    Attributes:
        source: who said that it is the right one; None where no record says so.
        label: the version that the image's own labels tell; "" when nobody asked.
        sizes: architecture (rpm's name) → compressed bytes; empty when nobody asked.
    """

    reference: str
    source: ImageSource | None = None
    label: str = ""
    sizes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ImageChange:
    """A key that came, went, or names another image."""

    key: str
    old: ImageFacts | None
    new: ImageFacts | None

    @property
    def repository_changed(self) -> bool:
        """Is it another repository's, rather than a newer one of the same?"""
        return bool(
            self.old
            and self.new
            and repository_of(self.old.reference) != repository_of(self.new.reference)
        )


def compare_images(
    old: Mapping[str, ImageFacts], new: Mapping[str, ImageFacts]
) -> list[ImageChange]:
    """The changes, by key."""
    return [
        ImageChange(key, old.get(key), new.get(key))
        for key in sorted(old.keys() | new.keys())
        if key not in old or key not in new or old[key].reference != new[key].reference
    ]
