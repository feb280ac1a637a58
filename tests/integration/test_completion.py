"""Completion in a real bash, which runs rhoai-rebase at each TAB."""

import os
import subprocess
from pathlib import Path

from integration.support.command import argv, run
from integration.support.surroundings import tool
from integration.support.trees import Tree

PROGRAM = "rhoai-rebase"


def completed(directory: Path, *words: str) -> list[str]:
    """What bash offers for the last of these words."""
    bash = tool("bash")
    program = directory / "bin" / PROGRAM
    program.parent.mkdir(exist_ok=True)
    program.write_text("#!/bin/sh\nexec " + " ".join(f"'{word}'" for word in argv()) + ' "$@"\n')
    program.chmod(0o755)
    (directory / "script").write_text(run(argv("completion", "bash"), cwd=directory).ok().out)
    text = f"""
        source {directory}/script
        complete -p {PROGRAM} >/dev/null
        COMP_WORDS=({" ".join(words)}) COMP_CWORD={len(words) - 1}
        _rhoai_rebase_completion {PROGRAM}
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        [bash, "--norc", "-euo", "pipefail", "-c", text],
        env={**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes(demo_tree: Tree, tmp_path: Path) -> None:
    assert completed(tmp_path, PROGRAM, "vers") == ["versions"]
    assert completed(tmp_path, PROGRAM, "versions", "--ex") == ["--exit-code"]
    assert completed(tmp_path, PROGRAM, "quay.io/example/bundle:v1", "--oper") == [
        "--operator-image"
    ]
    runtimes = completed(
        tmp_path, PROGRAM, "images", "--root", str(demo_tree.root), "--runtime", "k"
    )
    assert runtimes == ["kserve-ovms"]
