"""Questions to registries about many images at once: which digest, which architecture, how big.

Each worker has an image proxy of its own, since one proxy answers one question at a time.
"""

import queue
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from rebase.errors import ImageNotFoundError, RebaseError
from rebase.image_reader import retrying
from rebase.model import ARCHITECTURES, RegistryOptions
from rebase.reference import ImageName, repository_of
from rebase.reporter import Reporter
from rebase.tools.skopeo import ImageProxy, OpenImage, opened, top_digest

WORKERS = 4  # requests under way at once: registries limit more than that
NO_PLATFORM = "no image found"  # skopeo's words for an index without our platform

T = TypeVar("T")

ABSENT = -1  # the size of an image on an architecture that it is not built for


@dataclass(frozen=True)
class Looked:
    """What a registry tells of an image on one architecture.

    Attributes:
        size: compressed bytes, or ABSENT.
        version: by the image's own labels; "" where they tell none.
    """

    size: int
    version: str = ""


@dataclass(frozen=True)
class Registry:
    """Registries, reached as the options say."""

    options: RegistryOptions
    reporter: Reporter

    def pin(self, references: Iterable[str]) -> dict[str, str]:
        """reference with a tag → registry/repository@sha256:…

        Raises:
            RebaseError: of the first failure's kind, with all failures in it.
        """
        self.reporter.step("Asking the registries for digests")
        digests = _refuse(
            _ask_all(
                references, lambda reference: top_digest(ImageName.parse(reference), self.options)
            )
        )
        return {ref: f"{repository_of(ref)}@{digest}" for ref, digest in digests.items()}

    def look(self, references: Iterable[str], architecture: str) -> dict[str, Looked]:
        """reference → what there is for an architecture (rpm's name).

        Raises:
            RebaseError: of the first failure's kind, with all failures in it; an image that
                is there without the architecture is no failure.
        """
        return _refuse(self._look(references, architecture))

    def glance(self, references: Iterable[str], architecture: str) -> dict[str, Looked]:
        """As `look`, for what is good to know: images that cannot be looked at are warned of."""
        answers = self._look(references, architecture)
        for reference, failure in sorted(answers.failures.items()):
            self.reporter.warning(f"{repository_of(reference)}: {failure.message}")
        return answers.found

    def _look(self, references: Iterable[str], architecture: str) -> "_Answers[Looked]":
        self.reporter.step(f"Asking the registries for {architecture} images")
        wanted = ARCHITECTURES[architecture]

        options = replace(self.options, architecture=wanted)
        proxies: queue.SimpleQueue[ImageProxy] = queue.SimpleQueue()

        def question(reference: str) -> Looked:
            proxy = proxies.get()
            try:
                with opened(proxy, ImageName.parse(reference)) as image:
                    if image.config.get("architecture") != wanted:
                        return Looked(ABSENT)
                    return Looked(sum(layer.size for layer in image.layers), version_of(image))
            except ImageNotFoundError as error:
                if NO_PLATFORM in error.message:
                    return Looked(ABSENT)
                raise
            finally:
                proxies.put(proxy)

        asked = set(references)
        with ExitStack() as stack:
            for _ in range(min(WORKERS, len(asked))):
                proxies.put(stack.enter_context(ImageProxy(options)))
            return _ask_all(asked, question)


def version_of(image: OpenImage) -> str:
    """An image's version and release as its labels have them: `v2.25.0-3`."""
    labels = (image.config.get("config") or {}).get("Labels") or {}
    version = labels.get("version") or labels.get("org.opencontainers.image.version") or ""
    release = labels.get("release") if labels.get("version") else ""
    return f"{version}-{release}" if release else str(version)


@dataclass(frozen=True)
class _Answers(Generic[T]):
    """What came of asking about many references."""

    found: dict[str, T]
    failures: dict[str, RebaseError]


def _ask_all(references: Iterable[str], question: Callable[[str], T]) -> _Answers[T]:
    """Ask about every reference, several at once; what the network may cure is retried."""
    asked = sorted(set(references))
    answers: _Answers[T] = _Answers({}, {})

    def ask(reference: str) -> None:
        try:
            answers.found[reference] = retrying(lambda: question(reference))
        except RebaseError as error:
            answers.failures[reference] = error

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(ask, asked))
    return answers


def _refuse(answers: _Answers[T]) -> dict[str, T]:
    """The answers.

    Raises:
        RebaseError: of the first failure's kind, with all failures in it.
    """
    failures = [failure for _, failure in sorted(answers.failures.items())]
    if failures:
        asked = len(answers.found) + len(failures)
        raise type(failures[0])(
            f"{len(failures)} of {asked} images cannot be looked at",
            details=sorted(failure.message for failure in failures),
            hint=failures[0].hint,
        )
    return answers.found
