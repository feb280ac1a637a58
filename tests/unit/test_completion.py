"""Shell completion: click's scripts, and what they are told, bundles and all."""

from collections.abc import Callable
from pathlib import Path

import pytest

from unit.helpers import Run
from unit.test_selection import write_record

Complete = Callable[..., list[str]]

COMMANDS = {"to", "download", "process", "diff", "images", "check", "versions", "completion"}


@pytest.fixture
def complete(run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> Complete:
    """What bash is told when TAB follows these words; the last one is not complete."""

    def complete(*words: object) -> list[str]:
        line = "\n".join(["rhoai-rebase", *map(str, words)])
        monkeypatch.setenv("_RHOAI_REBASE_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        said = run()
        assert (said.code, said.err) == (0, "")
        return said.out.split()

    return complete


def test_commands_and_options(complete: Complete) -> None:
    assert {f"plain,{name}" for name in COMMANDS} <= set(complete(""))
    assert complete("ver") == ["plain,versions"]
    assert "plain,--stream" in complete("versions", "--s")
    assert complete("versions", "--stream", "a") == ["plain,all"]
    assert complete("to", "--authfile", "") == ["file,"]


@pytest.mark.parametrize("words", [(), ("to",), ("quay.io/example/bundle:v1",), ("--quiet",)])
def test_a_bundle_without_to_has_the_options_of_to(
    complete: Complete, words: tuple[str, ...]
) -> None:
    assert complete(*words, "--operator") == ["plain,--operator-image"]


def test_the_groups_own_options_come_once(complete: Complete) -> None:
    assert complete("--version") == ["plain,--version"]
    assert complete("--help") == ["plain,--help"]


def test_runtimes_are_those_of_the_last_rebase(complete: Complete, tmp_path: Path) -> None:
    words = ("images", "--root", write_record(tmp_path), "--runtime")
    assert complete(*words, "") == ["plain,kserve-ovms", "plain,vllm-cpu-x86-runtime"]
    assert complete(*words, "kserve") == ["plain,kserve-ovms"]
    assert complete("images", "--root", tmp_path / "gone", "--runtime", "") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script(run: Callable[..., Run], shell: str) -> None:
    said = run("completion", shell)
    assert (said.code, said.err) == (0, "")
    assert f"_RHOAI_REBASE_COMPLETE={shell}_complete" in said.out


def test_a_shell_that_there_is_no_script_for(run: Callable[..., Run]) -> None:
    said = run("completion", "tcsh")
    assert (said.code, said.out) == (2, "")
    assert "'tcsh' is not one of 'bash', 'zsh', 'fish'" in said.err
