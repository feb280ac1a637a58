"""Which layers are read, and in which order, by what an image's history says of them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebase.layers import Likelihood, copy_destination, plan

LIKELY, POSSIBLE, UNLIKELY = Likelihood.LIKELY, Likelihood.POSSIBLE, Likelihood.UNLIKELY


def made(*instructions: str) -> list[dict[str, Any]]:
    """History entries that each made a layer; those that start with `-` made none."""
    return [
        {"created_by": one.removeprefix("-"), **({"empty_layer": True} if one[0] == "-" else {})}
        for one in instructions
    ]


def judged(*instructions: str) -> dict[int, Likelihood]:
    layers = sum(one[0] != "-" for one in instructions)
    return {layer.index: layer.likelihood for layer in plan(made(*instructions), layers)}


@pytest.mark.parametrize(
    ("instruction", "destination"),
    [
        ("/bin/sh -c #(nop) COPY dir:0a1b in /opt/manifests/ ", "/opt/manifests/"),
        ("/bin/sh -c #(nop) COPY file:0a1b in /manager ", "/manager"),
        ("/bin/sh -c #(nop) ADD multi:0a1b in / ", "/"),
        ("#(nop) COPY dir:0a1b in /opt/manifests", None),
        ("COPY /workspace/manager / # buildkit", "/"),
        ("COPY opt/manifests/ /opt/manifests/ # buildkit", "/opt/manifests/"),
        ("COPY --chown=1001:0 --from=builder /a /b /opt/c # buildkit", "/opt/c"),
        ('COPY ["a b", "/opt/c d/"]', "/opt/c d/"),
        ("COPY dir:0a1b in /opt/manifests", "/opt/manifests"),
        ("ADD rootfs.tar.xz / # buildkit", "/"),
        ("COPY manager . # buildkit", None),
        ("COPY opt/manifests manifests/ # buildkit", None),
        ("RUN /bin/sh -c cp -r a /opt/manifests # buildkit", None),
        ("/bin/sh -c microdnf install -y tar", None),
        ("COPYRIGHT /opt", None),
        ('COPY "unbalanced /opt', None),
        ("", None),
    ],
)
def test_copy_destination(instruction: str, destination: str | None) -> None:
    # `#(nop)` without the shell in front does not occur: no telling what it is.
    assert copy_destination(instruction) == destination


@pytest.mark.parametrize(
    ("instruction", "likelihood"),
    [
        ("COPY opt/manifests/ /opt/manifests/ # buildkit", LIKELY),
        ("/bin/sh -c #(nop) COPY dir:0a in /opt/manifests-template/ ", LIKELY),
        ("COPY all /opt # buildkit", LIKELY),
        ("/bin/sh -c #(nop) COPY file:0a in /manager ", UNLIKELY),
        ("COPY x /optional/manifests # buildkit", UNLIKELY),
        ("COPY x / # buildkit", POSSIBLE),
        ("COPY manifests manifests # buildkit", POSSIBLE),
        ("RUN /bin/sh -c make install # buildkit", POSSIBLE),
        ("/bin/sh -c microdnf install -y tar", POSSIBLE),
        ("|1 VERSION=1 /bin/sh -c ./get_all_manifests.sh", POSSIBLE),
        ("WORKDIR /opt", POSSIBLE),
        ("", POSSIBLE),
    ],
)
def test_what_one_instruction_says_of_its_layer(instruction: str, likelihood: Likelihood) -> None:
    ((layer),) = plan([{"created_by": instruction}], 1)
    assert layer.likelihood is likelihood
    assert layer.reason


def test_a_squashed_layer_is_the_sum_of_its_instructions() -> None:
    assert judged("-COPY a /manager", "-LABEL a=b", "COPY b /licenses") == {0: UNLIKELY}
    assert judged("-COPY a /manager", "-COPY b /opt/manifests", "LABEL a=b") == {0: LIKELY}
    assert judged("-COPY a /manager", "-RUN something", "LABEL a=b") == {0: POSSIBLE}


def test_the_reason_names_the_destination() -> None:
    likely, unlikely = plan(made("COPY a /manager", "COPY b /opt/manifests/"), 2)
    assert likely.reason == "copies to /opt/manifests/"
    assert unlikely.reason == "copies to /manager"


def test_entries_without_layer_shift_nothing() -> None:
    history = ("-ENV A=b", "RUN base", "-LABEL x=y", "COPY a /manager", "-CMD x", "COPY b /opt/m")
    assert judged(*history, "-ENTRYPOINT x") == {0: POSSIBLE, 1: UNLIKELY, 2: LIKELY}


@pytest.mark.parametrize(
    "history",
    [
        [],
        made("COPY a /manager"),
        made("COPY a /manager", "COPY b /opt/m", "COPY c /manager"),
        made("-COPY a /manager", "-COPY b /licenses"),
    ],
    ids=["missing", "too short", "too long", "no layer"],
)
def test_a_history_that_does_not_fit_says_nothing(history: list[dict[str, Any]]) -> None:
    layers = plan(history, 2)
    assert [layer.index for layer in layers] == [1, 0]
    assert {layer.likelihood for layer in layers} == {POSSIBLE}


def test_buildahs_comment_stands_in_for_a_missing_created_by() -> None:
    (layer,) = plan([{"created_by": None, "comment": "COPY a /opt/m"}], 1)
    assert layer.likelihood is LIKELY


def test_newest_first_and_unlikely_ones_last() -> None:
    layers = plan(
        made("RUN base", "COPY a /manager", "COPY b /opt/m", "COPY c /licenses", "RUN x"), 5
    )
    assert [layer.index for layer in layers] == [4, 2, 0, 3, 1]


INSTRUCTIONS = st.sampled_from(
    ["COPY a /opt/m", "COPY a /manager", "RUN x", "COPY a / # buildkit", "LABEL a=b", "COPY a b"]
)


@given(st.lists(st.tuples(INSTRUCTIONS, st.booleans()), max_size=12), st.integers(0, 6))
def test_every_layer_is_planned_once_whatever_the_history(
    steps: list[tuple[str, bool]], count: int
) -> None:
    history = [{"created_by": text, "empty_layer": empty} for text, empty in steps]
    layers = plan(history, count)
    assert sorted(layer.index for layer in layers) == list(range(count))
    unlikely = [layer.likelihood is UNLIKELY for layer in layers]
    assert unlikely == sorted(unlikely)
    for group in (False, True):
        indexes = [one.index for one, late in zip(layers, unlikely, strict=True) if late is group]
        assert indexes == sorted(indexes, reverse=True)
