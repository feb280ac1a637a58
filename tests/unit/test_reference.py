"""Image references: what counts as pinned, and how a reference is taken apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebase.images import split_pinned
from rebase.reference import ImageName, digest_of, is_pinned, looks_like_image, repository_of
from unit.helpers import HEX, hex64

DIGEST = "sha256:" + hex64("x")
COMPONENT = st.from_regex(r"[a-z0-9]{1,5}([._-][a-z0-9]{1,5}){0,2}", fullmatch=True)
HOST = st.from_regex(r"[a-z]{1,5}(\.[a-z]{1,5}){1,2}(:[1-9][0-9]{0,4})?", fullmatch=True)
REPOSITORY = st.builds(
    lambda host, path: "/".join([host, *path]), HOST, st.lists(COMPONENT, min_size=1, max_size=3)
)
TAG = st.from_regex(r":[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,8}", fullmatch=True)
DIGITS = st.text(HEX, min_size=64, max_size=64)


@given(REPOSITORY, DIGITS)
def test_registry_repository_and_digest_are_pinned(repository: str, digits: str) -> None:
    reference = f"{repository}@sha256:{digits}"
    assert is_pinned(reference)
    assert looks_like_image(reference)
    assert split_pinned(reference) == (repository, f"sha256:{digits}")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "managed",
        "quay.io/example/a",
        "quay.io/example/a:latest",
        f"quay.io/example/a:v1@{DIGEST}",
        f"a@{DIGEST}",
        f"quay.io/example/a@{DIGEST[:-1]}",
        f"quay.io/example/a@{DIGEST}0",
        f"quay.io/example/a@{DIGEST.upper()}",
        f"quay.io/example/a@{DIGEST}\n",
        f" quay.io/example/a@{DIGEST}",
        f"docker://quay.io/example/a@{DIGEST}",
        f"quay.io/example/a:fast@quay.io/example/a@{DIGEST}",
        "quay.io/example/a@sha512:" + hex64("a") * 2,
    ],
)
def test_anything_else_is_not_pinned(text: str) -> None:
    assert not is_pinned(text)


@pytest.mark.parametrize(
    ("text", "image"),
    [
        ("quay.io/example/vllm:fast", True),
        ("kserve/storage-initializer:latest", True),
        ("localhost:5000/a", True),
        (f"registry.redhat.io/rhoai/a@{DIGEST}", True),
        ("managed", False),
        ("true", False),
        ("/mnt/models", False),
        ("", False),
        ("https://quay.io/example/a", False),
        ("two words/here", False),
        ("$(kserve-agent)", False),
        ("REPLACE_IMAGE", False),
    ],
)
def test_words_are_told_from_images(text: str, image: bool) -> None:
    assert looks_like_image(text) is image


@given(REPOSITORY, st.one_of(st.just(""), TAG), st.one_of(st.none(), DIGITS))
def test_repository_and_digest_come_apart(repository: str, tag: str, digits: str | None) -> None:
    reference = repository + tag + (f"@sha256:{digits}" if digits else "")
    assert repository_of(reference) == repository
    assert digest_of(reference) == (f"sha256:{digits}" if digits else None)


@pytest.mark.parametrize(
    ("text", "transport", "skopeo", "short"),
    [
        ("quay.io/example/a:1", "docker", "docker://quay.io/example/a:1", "quay.io/example/a:1"),
        ("docker://quay.io/example/a", "docker", "docker://quay.io/example/a", "quay.io/example/a"),
        ("localhost:5000/a:1", "docker", "docker://localhost:5000/a:1", "localhost:5000/a:1"),
        ("oci:out/image:tag", "oci", "oci:out/image:tag", "oci:out/image:tag"),
        ("dir:/some/where", "dir", "dir:/some/where", "dir:/some/where"),
        ("oci-archive:a.tar", "oci-archive", "oci-archive:a.tar", "oci-archive:a.tar"),
        (
            "containers-storage:quay.io/example/a:1",
            "containers-storage",
            "containers-storage:quay.io/example/a:1",
            "containers-storage:quay.io/example/a:1",
        ),
    ],
)
def test_transports(text: str, transport: str, skopeo: str, short: str) -> None:
    name = ImageName.parse(text)
    assert (name.transport, str(name), name.short) == (transport, skopeo, short)


@given(REPOSITORY, st.one_of(st.just(""), TAG))
def test_what_skopeo_is_given_names_the_same_image(repository: str, tag: str) -> None:
    name = ImageName.parse(repository + tag)
    assert ImageName.parse(str(name)) == name
    assert ImageName.parse(name.short) == name


@pytest.mark.parametrize("value", ["text/plain", "managed", "0.24.0+cpu", "a/b/c", "true"])
def test_words_are_no_images(value: str) -> None:
    assert not looks_like_image(value)
