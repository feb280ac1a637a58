"""Image references, as skopeo and Kubernetes write them.

Grammar: github.com/distribution/reference (registry/repository[:tag][@digest]).
"""

import re
from dataclasses import dataclass

PINNED = re.compile(
    r"(?P<registry>[a-z0-9][a-z0-9.-]*(?::[0-9]+)?)"
    r"/(?P<path>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)"
    r"@(?P<digest>sha256:[0-9a-f]{64})"
)
# A value that names an image, pinned or not; params files also hold words such as `managed`.
# One has a tag or a digest, or a registry in front with a dot or a port; text/plain is none.
IMAGE = re.compile(
    r"(?=[^/]*[.:][^/]*/|.*[:@])"
    r"(?:[a-zA-Z0-9][\w.-]*(?::[0-9]+)?/)(?:[a-z0-9]+(?:[._-]+[a-z0-9]+)*/)*"
    r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?::[\w][\w.-]{0,127})?(?:@\w+:[0-9a-fA-F]+)?"
)
TRANSPORT = re.compile(
    r"(docker|oci|oci-archive|dir|docker-archive|docker-daemon|"
    r"containers-storage|ostree|sif|tarball|atomic):"
)
# A registry in front of a repository, as in registry.example.com/, localhost/, host:5000/.
HOST = re.compile(r"(?:localhost|[^/]*[.:][^/]*)/")
DIGEST = re.compile(r"@(sha256:[0-9a-f]{64})$")


def is_pinned(image: str) -> bool:
    """True for `registry/repository@sha256:<64 hex>` and for nothing else."""
    return PINNED.fullmatch(image) is not None


def looks_like_image(value: str) -> bool:
    """True for a value that can only be an image reference: it has a repository path."""
    return IMAGE.fullmatch(value) is not None


def repository_of(image: str) -> str:
    """The reference without tag and digest: `host:5000/a/b:1@sha256:…` → `host:5000/a/b`."""
    name = image.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return head + slash + last.partition(":")[0]


def digest_of(image: str) -> str | None:
    """The digest that a reference names, or None."""
    found = DIGEST.search(image)
    return found[1] if found else None


@dataclass(frozen=True)
class ImageName:
    """An image reference with its transport, as skopeo takes it: `docker://…`, `oci:…`."""

    transport: str
    rest: str

    @classmethod
    def parse(cls, text: str) -> "ImageName":
        """Without a transport it is docker://, so that a copied pull spec works."""
        found = TRANSPORT.match(text)
        if not found:
            return cls("docker", text)
        rest = text[found.end() :]
        return cls(found[1], rest.removeprefix("//") if found[1] == "docker" else rest)

    def __str__(self) -> str:
        return f"docker://{self.rest}" if self.transport == "docker" else self.short

    @property
    def short(self) -> str:
        """As people write it: a registry's image without `docker://`."""
        return self.rest if self.transport == "docker" else f"{self.transport}:{self.rest}"
