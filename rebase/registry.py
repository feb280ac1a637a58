"""Questions to registries about many images at once: which digest, which architecture, how big.

Each worker has an image proxy of its own, since one proxy answers one question at a time.
"""

import queue
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TypeVar

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
        asked = sorted(set(references))
        failures: list[RebaseError] = []

        def ask(reference: str) -> str:
            try:
                return retrying(lambda: top_digest(ImageName.parse(reference), self.options))
            except RebaseError as error:
                failures.append(error)
                return ""

        with ThreadPoolExecutor(WORKERS) as pool:
            digests = list(pool.map(ask, asked))
        _refuse(failures, len(asked))
        return {
            reference: f"{repository_of(reference)}@{digest}"
            for reference, digest in zip(asked, digests, strict=True)
        }

    def sizes(self, references: Iterable[str], architecture: str) -> dict[str, int]:
        """reference → its compressed bytes for an architecture (rpm's name), or ABSENT.

        Raises:
            RebaseError: of the first failure's kind, with all failures in it; an image that
                is there without the architecture is no failure.
        """
        self.reporter.step(f"Asking the registries for {architecture} images")
        wanted = ARCHITECTURES[architecture]

        def look(image: OpenImage) -> int:
            if image.config.get("architecture") != wanted:
                return ABSENT
            return sum(layer.size for layer in image.layers)

        return self._ask(references, replace(self.options, architecture=wanted), look, ABSENT)

    def _ask(
        self,
        references: Iterable[str],
        options: RegistryOptions,
        question: Callable[[OpenImage], T],
        absent: T | None = None,
    ) -> dict[str, T]:
        asked = sorted(set(references))
        proxies: queue.SimpleQueue[ImageProxy] = queue.SimpleQueue()
        failures: list[RebaseError] = []

        def answer(reference: str) -> T | None:
            proxy = proxies.get()

            def look() -> T:
                with opened(proxy, ImageName.parse(reference)) as image:
                    return question(image)

            try:
                return retrying(look)
            except ImageNotFoundError as error:
                if absent is not None and NO_PLATFORM in error.message:
                    return absent
                failures.append(error)
            except RebaseError as error:
                failures.append(error)
            finally:
                proxies.put(proxy)
            return None

        workers = max(1, min(WORKERS, len(asked)))
        with ExitStack() as stack, ThreadPoolExecutor(workers) as pool:
            for _ in range(workers):
                proxies.put(stack.enter_context(ImageProxy(options)))
            answers = list(pool.map(answer, asked))
        _refuse(failures, len(asked))
        return {ref: found for ref, found in zip(asked, answers, strict=True) if found is not None}


def _refuse(failures: list[RebaseError], asked: int) -> None:
    if failures:
        first = failures[0]
        raise type(first)(
            f"{len(failures)} of {asked} images cannot be looked at",
            details=sorted(failure.message for failure in failures),
            hint=first.hint,
        )
