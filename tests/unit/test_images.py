"""Which image a params key gets, by whose word, and which ones are left without a digest."""

import json
from importlib import resources
from itertools import pairwise

import pytest

from rebase import images, usage
from rebase.errors import BundleError, UnpinnedImageError, UsageError
from rebase.image_tables import ImageTable, known_versions, minor_of, table_for
from rebase.images import Decision, Decisions, decide, env_by_name, parse_override
from rebase.model import Csv, ImageSource, Override
from rebase.objects import KubeObject
from rebase.params import Markers, Param
from rebase.runtimes import Runtime
from rebase.usage import Use
from unit.helpers import make, make_crd, make_deployment, pinned

# The operators' tables


@pytest.mark.parametrize(
    ("version", "minor"),
    [
        ("2.25.11", (2, 25)),
        ("2.25", (2, 25)),
        ("v3.4.0", (3, 4)),
        ("3.10.1", (3, 10)),
        ("3.4.0-rc.1", (3, 4)),
        ("3.4-ea1", (3, 4)),
        ("3.4+build", (3, 4)),
    ],
)
def test_minor_of(version: str, minor: tuple[int, int]) -> None:
    assert minor_of(version) == minor


@pytest.mark.parametrize("version", ["", "3", "latest", "3.x", "x3.4", "3.4rc1", "3..4"])
def test_what_is_no_version(version: str) -> None:
    with pytest.raises(BundleError, match=f"{version!r} is not a version"):
        table_for(version)


KNOWN = known_versions()


@pytest.mark.parametrize("known", KNOWN)
def test_each_table_holds_from_its_version_on(known: tuple[int, int]) -> None:
    table = table_for("{}.{}.0".format(*known))
    assert (table.version, table.warning) == (known, "")
    file = resources.files("rebase.image_maps").joinpath("{}.{}.json".format(*known))
    assert table.envs == json.loads(file.read_text())


def test_a_version_between_two_tables_has_the_older_one() -> None:
    gaps = [(one, two) for one, two in pairwise(KNOWN) if one[0] == two[0] and two[1] - one[1] > 1]
    assert gaps, "this test needs tables with a gap between them"
    for one, _ in gaps:
        table = table_for(f"{one[0]}.{one[1] + 1}.3")
        assert (table.version, table.warning) == (one, "")


def test_numbers_are_compared_as_numbers() -> None:
    newest = KNOWN[-1]
    assert table_for(f"{newest[0]}.{newest[1] + 100}").version == newest
    assert known_versions() == sorted(known_versions())


def test_a_newer_version_has_the_newest_table_and_a_warning() -> None:
    table = table_for("99.0.0")
    assert table.version == KNOWN[-1]
    assert "RHOAI 99.0.0 is newer than the newest image table" in table.warning
    assert [one.version for one in table.older] == KNOWN[-2::-1]


def test_an_older_version_has_the_oldest_table_and_a_warning() -> None:
    table = table_for("1.0.0")
    assert table.version == KNOWN[0]
    assert "RHOAI 1.0.0 is older than the oldest image table" in table.warning


# Precedence


def csv(**env: str) -> Csv:
    return Csv("operator.2.25.0", "2.25.0", pinned("operator"), env, "csv.yaml")


TABLE = ImageTable((2, 25), {"kserve": {"agent": "RELATED_IMAGE_AGENT"}})
ENV = {"RELATED_IMAGE_AGENT": pinned("by-table"), "RELATED_IMAGE_ODH_AGENT_IMAGE": pinned("name")}


def decided(
    value: str = "quay.io/example/agent:fast",
    *,
    env: dict[str, str] | None = None,
    table: ImageTable = TABLE,
    overrides: dict[str, Override] | None = None,
    overwritten: bool = True,
) -> Decision:
    param = Param("kserve", "params.env", "agent", value, overwritten)
    decisions = decide([param], csv(**(ENV if env is None else env)), table, overrides or {})
    return decisions[param]


def source(decision: Decision) -> tuple[str, ImageSource, str]:
    assert decision.image is not None
    assert decision.value == decision.image.reference
    return decision.image.reference, decision.image.source, decision.image.origin


def test_an_override_goes_before_everything() -> None:
    for origin in ("--image", "rhoai-rebase.toml"):
        override = Override(pinned("override"), origin)
        decision = decided(pinned("params"), overrides={"agent": override})
        assert source(decision) == (pinned("override"), ImageSource.OVERRIDE, origin)


def test_the_operators_table_goes_before_the_params() -> None:
    assert source(decided(pinned("params"))) == (
        pinned("by-table"),
        ImageSource.OPERATOR,
        "RELATED_IMAGE_AGENT",
    )


def test_the_params_go_before_the_name() -> None:
    decision = decided(pinned("params"), table=ImageTable((2, 25), {}))
    assert source(decision) == (pinned("params"), ImageSource.PARAMS, "params.env")


def test_the_name_is_the_last_resort_and_is_told() -> None:
    decision = decided(table=ImageTable((2, 25), {}))
    assert source(decision) == (
        pinned("name"),
        ImageSource.BY_NAME,
        "RELATED_IMAGE_ODH_AGENT_IMAGE",
    )
    assert any("resolved by name" in warning for warning in decision.warnings)


def test_other_params_files_are_not_overwritten() -> None:
    decision = decided(pinned("params"), overwritten=False)
    assert source(decision) == (pinned("params"), ImageSource.PARAMS, "params.env")


def test_a_table_of_another_component_says_nothing() -> None:
    table = ImageTable((2, 25), {"modelcontroller": {"agent": "RELATED_IMAGE_AGENT"}})
    assert source(decided(pinned("params"), table=table))[1] is ImageSource.PARAMS


@pytest.mark.parametrize("env", [{}, {"RELATED_IMAGE_AGENT": ""}], ids=["unset", "empty"])
def test_the_params_stand_where_the_csv_sets_nothing_and_that_is_told(env: dict[str, str]) -> None:
    """The operator overwrites with a variable that has a value, and with no other."""
    decision = decided(pinned("params"), env=env)
    assert source(decision) == (pinned("params"), ImageSource.PARAMS, "params.env")
    assert any("RELATED_IMAGE_AGENT" in warning for warning in decision.warnings)


def test_an_older_table_helps_where_the_newest_does_not_fit() -> None:
    newest = ImageTable((9, 9), {"kserve": {"agent": "RELATED_IMAGE_GONE"}}, older=(TABLE,))
    decision = decided(table=newest)
    assert source(decision)[1:] == (ImageSource.OPERATOR, "RELATED_IMAGE_AGENT")
    assert any("2.25" in warning for warning in decision.warnings)


def test_nothing_pins_it() -> None:
    decision = decided(env={}, table=ImageTable((2, 25), {}))
    assert (decision.image, decision.value) == (None, "quay.io/example/agent:fast")


def test_an_env_without_digest_does_not_help() -> None:
    decision = decided(env={"RELATED_IMAGE_ODH_AGENT_IMAGE": "quay.io/example/agent:1"})
    assert decision.image is None


def test_a_word_is_no_image_whatever_its_name() -> None:
    decision = decided("managed", table=ImageTable((2, 25), {}))
    assert (decision.image, decision.value, decision.warnings) == (None, "managed", ())


def test_a_word_may_come_from_the_operator() -> None:
    assert decided("managed", env={"RELATED_IMAGE_AGENT": "removed"}).value == "removed"


@pytest.mark.parametrize(
    ("key", "env"),
    [
        ("mlserver-cuda-image", "RELATED_IMAGE_ODH_MLSERVER_CUDA_IMAGE"),
        ("kserve-agent", "RELATED_IMAGE_ODH_KSERVE_AGENT_IMAGE"),
        ("vllm", "RELATED_IMAGE_VLLM_IMAGE"),
        ("nothing-image", None),
    ],
)
def test_env_by_name(key: str, env: str | None) -> None:
    known = {
        "RELATED_IMAGE_ODH_MLSERVER_CUDA_IMAGE": "",
        "RELATED_IMAGE_ODH_KSERVE_AGENT_IMAGE": "",
        "RELATED_IMAGE_KSERVE_AGENT_IMAGE": "",
        "RELATED_IMAGE_VLLM_IMAGE": "",
    }
    assert env_by_name(key, known) == env


def test_pinning_a_tag_leaves_the_rest_alone() -> None:
    params = [
        Param("kserve", "p.env", key, value, True)
        for key, value in (("a", "quay.io/example/a:1"), ("b", pinned("b")), ("c", "word"))
    ]
    before = decide(params, csv(), ImageTable((2, 25), {}), {})
    after = images.pin(before, {"quay.io/example/a:1": pinned("a")})
    assert source(after[params[0]]) == (pinned("a"), ImageSource.PINNED, "quay.io/example/a:1")
    assert [after[param] for param in params[1:]] == [before[param] for param in params[1:]]


def test_parse_override() -> None:
    assert parse_override(f"a={pinned('x')}") == ("a", Override(pinned("x")))


@pytest.mark.parametrize("text", ["", "a", "=x", "a=", "a=quay.io/example/a:1", pinned("x")])
def test_overrides_must_be_pinned(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_override(text)
    assert "--image KEY=registry/repository@sha256:" in caught.value.hint


# What ships


def decisions_of(**values: str) -> Decisions:
    params = [Param("kserve", "params.env", key, value, True) for key, value in values.items()]
    return decide(params, csv(), ImageTable((2, 25), {}), {})


def by_key(decisions: Decisions, key: str) -> Param:
    (param,) = [param for param in decisions if param.key == key]
    return param


def marked(decisions: Decisions, key: str) -> str:
    return f"quay.io/example/x@sha256:{by_key(decisions, key).marker}"


def found(objects: list[KubeObject], decisions: Decisions) -> set[tuple[str, str]]:
    markers: Markers = images.markers_of(decisions)
    return {
        (use.where, use.image.key if isinstance(use.image, Param) else use.image)
        for use in usage.uses_of_objects(objects, markers, frozenset({"params"}))
    }


def test_uses_are_found_wherever_kustomize_put_them() -> None:
    decisions = decisions_of(a=pinned("a"), b=pinned("b"), c=pinned("c"))
    text = json.dumps({"image": marked(decisions, "b")})
    objects = [
        make_deployment("one", image=marked(decisions, "a")),
        make("ConfigMap", "two", data={"agent": text, "_example": marked(decisions, "c")}),
        make("ConfigMap", "params", data={"c": marked(decisions, "c")}),
        make_deployment("three", image=pinned("literal")),
    ]
    crd = make_crd("A", "example.com")
    crd.annotate("image", marked(decisions, "c"))
    assert found([*objects, crd], decisions) == {
        ("Deployment one: spec.template.spec.containers[0].image", "a"),
        ("ConfigMap two: data.agent", "b"),
        ("Deployment three: spec.template.spec.containers[0].image", pinned("literal")),
    }


def test_every_use_gets_its_image() -> None:
    decisions = decisions_of(a=pinned("a"))
    uses = [Use("here", by_key(decisions, "a")), Use("there", pinned("literal"))]
    resolved = usage.resolve(uses, decisions, csv(), {})
    assert {use.where: image.reference for use, image in resolved.items()} == {
        "here": pinned("a"),
        "there": pinned("literal"),
    }
    assert resolved[uses[1]].source is ImageSource.MANIFEST
    assert resolved[uses[1]].key == "literal"


@pytest.mark.parametrize(
    ("env", "overrides", "expected"),
    [
        (
            {"RELATED_IMAGE_ODH_OVMS_IMAGE": pinned("env")},
            {},
            (pinned("env"), ImageSource.BY_NAME),
        ),
        (
            {"RELATED_IMAGE_ODH_OVMS_IMAGE": pinned("env")},
            {"ovms-image": Override(pinned("override"))},
            (pinned("override"), ImageSource.OVERRIDE),
        ),
    ],
)
def test_a_placeholder_that_no_params_fill(
    env: dict[str, str], overrides: dict[str, Override], expected: tuple[str, ImageSource]
) -> None:
    use = Use("here", "$(ovms-image)")
    image = usage.resolve([use], {}, csv(**env), overrides)[use]
    assert (image.reference, image.source, image.key) == (*expected, "ovms-image")


def test_all_unpinned_images_are_told_at_once_with_value_and_places() -> None:
    decisions = decisions_of(a="quay.io/example/a:1", b="quay.io/example/b:2", ok=pinned("ok"))
    uses = [
        Use("Deployment two", by_key(decisions, "a")),
        Use("Deployment one", by_key(decisions, "a")),
        Use("Deployment one", by_key(decisions, "b")),
        Use("Deployment one", by_key(decisions, "ok")),
        Use("ServingRuntime x", "$(gone-image)"),
    ]
    with pytest.raises(UnpinnedImageError, match=r"^3 images have no digest") as caught:
        usage.resolve(uses, decisions, csv(), {})
    assert caught.value.details == (
        "a = quay.io/example/a:1, used by Deployment one, Deployment two",
        "b = quay.io/example/b:2, used by Deployment one",
        "gone-image = $(gone-image), used by ServingRuntime x",
    )
    assert "--image KEY=" in caught.value.hint


def test_what_ships_and_has_only_a_tag() -> None:
    decisions = decisions_of(a="quay.io/example/a:1", b="quay.io/example/b:2", ok=pinned("ok"))
    uses = [Use("x", by_key(decisions, "a")), Use("x", by_key(decisions, "ok")), Use("x", "text")]
    assert usage.unpinned_tags(uses, decisions) == {"quay.io/example/a:1"}


def test_runtimes_use_what_fills_their_placeholders() -> None:
    param = Param("modelcontroller", "params.env", "ovms-image", pinned("ovms"), True)
    data = {
        "kind": "ServingRuntime",
        "metadata": {"name": "r"},
        "spec": {
            "containers": [
                {"name": "a", "image": "ovms-image"},
                {"name": "b", "image": pinned("literal")},
                {"name": "c", "image": "left"},
                {"name": "d"},
            ]
        },
    }
    architectures = frozenset({"x86_64"})
    runtime = Runtime("t.yaml", data, architectures)
    runtime.images = {"ovms-image": param, "left": "$(left)"}
    uses = set(usage.uses_of_runtimes([runtime]))
    assert uses == {
        Use("ServingRuntime r: spec.a", param, architectures),
        Use("ServingRuntime r: spec.b", pinned("literal"), architectures),
        Use("ServingRuntime r: spec.c", "$(left)", architectures),
    }
