"""Fixtures of the unit tests."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rebase import cli, image_reader
from unit import fake_kustomize, fake_skopeo
from unit.helpers import Run, executable


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory that is all of PATH, but for the shell's own."""
    directory = tmp_path / "path"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))
    return directory


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries follow one another at once."""
    monkeypatch.setattr(image_reader, "RETRY_DELAYS", (0.0, 0.0))


@pytest.fixture
def skopeo(on_path: Path, tmp_path: Path) -> Callable[..., Path]:
    """Puts a fake skopeo with this plan on PATH; gives its log."""

    def install(**plan: Any) -> Path:
        log, file = tmp_path / "skopeo.log", tmp_path / "plan.json"
        log.write_text("")
        file.write_text(json.dumps({**plan, "log": str(log)}))
        words = [sys.executable, "-S", "-E", fake_skopeo.__file__, str(file)]
        script = "#!/bin/sh\nexec " + " ".join(f"'{word}'" for word in words) + ' "$@"\n'
        executable(on_path, "skopeo", script)
        return log

    return install


@pytest.fixture
def kustomize_path(tmp_path: Path) -> Path:
    """A fake kustomize, which is not on PATH."""
    script = f"#!/bin/sh\nexec '{sys.executable}' '{fake_kustomize.__file__}' \"$@\"\n"
    return executable(tmp_path / "tools", "kustomize", script)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Run]:
    """Runs the command line as a user does; fakes are all that is on PATH."""
    for name in ("REGISTRY_AUTH_FILE", "KEEP_STAGING", "NO_BRANCH"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: object) -> Run:
        monkeypatch.setattr(sys, "argv", ["rhoai-rebase", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert isinstance(ended.value.code, int)
        said = capsys.readouterr()
        return Run(ended.value.code, said.out, said.err)

    return run
