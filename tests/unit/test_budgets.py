"""Budgets: what is over them, by package and by image."""

from dataclasses import replace

import pytest

from rebase.budgets import CORE, DEFAULTS, LLM_D, Cost, check_cost, check_images, image_sizes
from rebase.release import NOTHING, Before
from rebase.tools.process import Measured

MB = 1_000_000


def test_the_cost_of_a_package_is_that_of_its_directories_one_after_the_other() -> None:
    cost = Cost.of([Measured(b"abc", 1.25, 10), Measured(b"d", 0.5, 30)])
    assert cost == Cost(rendered_bytes=4, seconds=1.75, peak_bytes=30)


# What was measured with kustomize 5.8.1: of ours the worst of eight runs, of upstream's the best.
OURS = {
    CORE: [Cost(3_234_000, 2.1, 198 * MB), Cost(2_384_000, 1.8, 206 * MB)],
    LLM_D: [Cost(4_461_000, 2.9, 289 * MB), Cost(5_297_000, 3.4, 356 * MB)],
}
UPSTREAM = Cost(5_801_000, 5.2, 324 * MB)


@pytest.mark.parametrize("package", OURS)
def test_what_ships_is_within_the_defaults(package: str) -> None:
    for cost in OURS[package]:
        assert list(check_cost(package, cost, DEFAULTS[package])) == []


def test_upstreams_own_tree_is_not() -> None:
    found = [(one.id, one.where, one.message) for one in check_cost(CORE, UPSTREAM, DEFAULTS[CORE])]
    assert found == [
        ("rendered-size", "core", "5.8 MB rendered; the budget is 4"),
        ("render-time", "core", "5.2 s of CPU; the budget is 4"),
        ("render-memory", "core", "324.0 MB at the peak; the budget is 250"),
    ]


def test_no_limit_is_no_finding() -> None:
    limits = replace(DEFAULTS[CORE], rendered_mb=None, render_seconds=None, render_memory_mb=None)
    assert list(check_cost(CORE, UPSTREAM, limits)) == []


def before(**sizes: dict[str, int]) -> Before:
    return replace(
        NOTHING,
        version="3.5.0",
        architectures=("x86_64", "aarch64"),
        sizes=sizes,
        used_by={
            "agent": ("assets/kserve/a.yaml",),
            "cuda": ("assets/runtimes/a.yaml", "assets/runtimes/b.yaml"),
            "both": ("assets/llm-d/a.yaml", "assets/kserve/b.yaml"),
            "llm": ("assets/llm-d/a.yaml",),
        },
    )


def test_sizes_of_images_by_where_they_are_used() -> None:
    record = before(
        agent={"x86_64": 1, "aarch64": 2}, cuda={"x86_64": 3}, both={"x86_64": 4}, llm={}
    )
    assert image_sizes(record, "x86_64") == {
        "assets/kserve": {"agent": 1, "both": 4},
        "assets/runtimes": {"cuda": 3},
    }
    assert image_sizes(record, "aarch64") == {"assets/kserve": {"agent": 2}}


def test_images_over_their_budgets() -> None:
    record = before(
        agent={"x86_64": 1600 * MB, "aarch64": 900 * MB},
        both={"x86_64": 950 * MB},
        cuda={"x86_64": 12_001 * MB},
        llm={"x86_64": 11_999 * MB},
    )
    assert [(one.id, one.where) for one in check_images(record, DEFAULTS)] == [
        ("image-size", "release/rebase.json: agent on x86_64"),
        ("image-size", "release/rebase.json: cuda on x86_64"),
        ("image-size", "core on x86_64"),
    ]


def test_a_record_without_sizes_has_nothing_to_find() -> None:
    assert list(check_images(before(), DEFAULTS)) == []
