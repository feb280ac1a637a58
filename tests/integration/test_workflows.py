"""The workflows of GitHub Actions: read by actionlint, and their steps run as a runner does.

There is a registry, a git remote and a gh that writes down what it is asked; what a step `uses` is
left out, and so is `make`.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from integration.support.command import argv, environment, run
from integration.support.images import Images
from integration.support.registry import (
    PASSWORD,
    USER,
    Registry,
    mirror_conf,
    running_registry,
)
from integration.support.repositories import git
from integration.support.surroundings import REPO, VENV, need, tool
from integration.support.versions import NAME, released_demo

WORKFLOWS = REPO / ".github/workflows"
BRANCH = "rebase-ai-model_serving-3.4.2"
GH = """\
#!/usr/bin/env bash
set -euo pipefail
here=$(dirname "$0")
echo "$*" >>"$here/asked"
case "$1 $2" in
"pr list") cat "$here/known" ;;
"pr create")
    [ ! -e "$here/refuse" ]
    while [ "$1" != --body-file ]; do shift; done
    cp "$2" "$here/body"
    ;;
*) exit 64 ;;
esac
"""


# As text


def validate(*files: Path) -> str:
    validator = VENV / "validators/bin/validate"
    need(validator.exists(), "validate, which `make test-tools` builds,")
    done = subprocess.run(
        [validator, "workflow", *files], capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1), done.stderr
    assert bool(done.returncode) == bool(done.stdout)
    return done.stdout


def test_actionlint_has_nothing_to_say() -> None:
    files = sorted(WORKFLOWS.iterdir())
    assert [file.name for file in files] == ["check.yml", "rebase.yml"]
    assert validate(*files) == ""


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("runs-on:", "runs_on:", "unexpected key"),
        ("steps.newest.outputs", "steps.newst.outputs", "is not defined"),
        ("17 5 * * *", "77 5 * * *", "invalid CRON"),
        ("contents: write", "content: write", "unknown permission scope"),
        ('--stream "$STREAM"', "${{ github.event.comment.body }}", "potentially untrusted"),
    ],
)
def test_actionlint_finds_mistakes(right: str, wrong: str, told: str, tmp_path: Path) -> None:
    text = (WORKFLOWS / "rebase.yml").read_text()
    assert right in text
    file = tmp_path / "rebase.yml"
    file.write_text(text.replace(right, wrong))
    assert told in validate(file)


def steps(name: str) -> list[dict[str, Any]]:
    """The steps of a workflow's one job; `env` of the job is each step's."""
    workflow = yaml.safe_load((WORKFLOWS / name).read_text())
    (job,) = workflow["jobs"].values()
    return [{**step, "env": {**job.get("env", {}), **step.get("env", {})}} for step in job["steps"]]


@pytest.mark.parametrize("name", ["rebase.yml", "check.yml"])
def test_the_commands_and_their_options_are_there(name: str, tmp_path: Path) -> None:
    scripts = " ".join(step.get("run", "") for step in steps(name)).replace("\\\n", " ")
    found = re.findall(r"rhoai-rebase (\w+)([^|)\n]*)", scripts)
    assert found
    for command, arguments in found:
        known = run(argv(command, "--help"), cwd=tmp_path).ok().out
        assert f"Usage: rhoai-rebase {command} " in known, "not a bundle"
        for option in re.findall(r"--[a-z-]+", arguments):
            assert re.search(rf"{option}\b", known), f"{command} {option}"


def test_no_input_is_part_of_a_script() -> None:
    """Only actionlint's own list of untrusted values would be found by it."""
    for name in ("rebase.yml", "check.yml"):
        assert not [step for step in steps(name) if "${{" in step.get("run", "")]


# As a runner


@dataclass
class Runner:
    """A checkout at a runner, whose steps are run one after another.

    Attributes:
        values: of the expressions in the workflow.
        known: what gh says of pull requests.
    """

    place: Path
    origin: Path
    values: dict[str, str]

    @property
    def checkout(self) -> Path:
        return self.place / "checkout"

    @property
    def gh(self) -> Path:
        return self.place / "bin"

    def prepare(self, known: str = "") -> None:
        """A fresh clone, as actions/checkout makes it, with what `make setup` leaves there."""
        if self.checkout.exists():
            shutil.rmtree(self.checkout)
        git(self.place, "clone", "--quiet", "--depth=1", f"file://{self.origin}", "checkout")
        program = self.checkout / ".venv/bin/rhoai-rebase"
        program.parent.mkdir(parents=True)
        words = " ".join(f"'{word}'" for word in argv())
        executable(program, f'#!/bin/sh\nexec {words} "$@"\n')
        self.gh.mkdir(exist_ok=True)
        executable(self.gh / "gh", GH)
        (self.gh / "known").write_text(known)
        (self.gh / "asked").write_text("")

    def script(self, text: str, env: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
        file = self.place / "step.sh"
        file.write_text(text)
        return subprocess.run(
            [tool("bash"), "--noprofile", "--norc", "-e", str(file)],
            cwd=self.checkout,
            env=environment(self.place, {**self.environment(), **env}),
            capture_output=True,
            text=True,
            check=False,
        )

    def environment(self) -> dict[str, str]:
        return {
            "PATH": f"{self.gh}:{os.environ['PATH']}",
            "RUNNER_TEMP": str(self.place),
            "GITHUB_REF_NAME": "main",
            "GITHUB_ENV": str(self.place / "env"),
            "GITHUB_OUTPUT": str(self.place / "output"),
        }

    def workflow(self, name: str) -> str:
        """Run all steps; gives what they say. `if:` and `env:` are evaluated, no more."""
        said, env = "", dict[str, str]()
        (self.place / "env").write_text("")
        for step in steps(name):
            (self.place / "output").write_text("")
            if "run" not in step or step["run"].startswith("make "):
                continue
            if "if" in step and not self.evaluate(step["if"]):
                continue
            own = {key: self.fill_in(value) for key, value in step["env"].items()}
            done = self.script(step["run"], {**env, **own})
            said += done.stdout + done.stderr
            assert done.returncode == 0, said
            env |= pairs(self.place / "env")
            for key, value in pairs(self.place / "output").items():
                self.values[f"steps.{step['id']}.outputs.{key}"] = value
        return said

    def fill_in(self, text: str) -> str:
        return re.sub(r"\$\{\{ (.*?) \}\}", lambda found: self.values[found[1]], text)

    def evaluate(self, condition: str) -> bool:
        value, _, literal = condition.partition(" != ")
        assert literal == "''", condition
        return bool(self.values[value])

    @property
    def asked(self) -> list[str]:
        """What gh was asked, but for what it is asked each time."""
        lines = (self.gh / "asked").read_text().splitlines()
        return [line for line in lines if not line.startswith("pr list ")]

    @property
    def branches(self) -> set[str]:
        listed = git(self.origin, "for-each-ref", "--format=%(refname:short)", "refs/heads")
        return set(listed.split())


def pairs(file: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in file.read_text().splitlines())


def executable(file: Path, text: str) -> None:
    file.write_text(text)
    file.chmod(0o755)


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """A runner whose origin has packaging/ and an empty tree."""
    source = tmp_path / "source"
    shutil.copytree(REPO / "packaging", source / "packaging")
    shutil.copy(REPO / ".gitignore", source)
    git(source, "init", "--quiet", "--initial-branch=main")
    git(source, "add", ".")
    git(source, "commit", "--quiet", "--message=start")
    git(tmp_path, "clone", "--quiet", "--bare", "source", "origin")
    return Runner(tmp_path, tmp_path / "origin", {})


# The script that opens the pull request


PULL = "packaging/open-pull-request.sh report.md main"


def committed(runner: Runner, known: str = "") -> None:
    """A checkout as `to --commit` leaves it."""
    runner.prepare(known)
    git(runner.checkout, "checkout", "--quiet", "-b", BRANCH)
    (runner.checkout / "new").write_text("new\n")
    git(runner.checkout, "add", "new")
    git(runner.checkout, "commit", "--quiet", "--message=Rebase to 3.4.2\n\nlong")
    (runner.checkout / "report.md").write_text("# Report\n")


def test_a_pull_request_is_opened_with_the_report(runner: Runner) -> None:
    committed(runner)
    assert runner.script(PULL, {}).returncode == 0
    assert runner.branches == {"main", BRANCH}
    (asked,) = runner.asked
    assert asked.startswith(
        f"pr create --head {BRANCH} --base main --title Rebase to 3.4.2 --body-f"
    )
    assert (runner.gh / "body").read_text() == "# Report\n"


@pytest.mark.parametrize("state", ["OPEN", "CLOSED"])
def test_a_version_that_has_a_pull_request_gets_no_other(runner: Runner, state: str) -> None:
    committed(runner, f"https://example.com/pull/7 ({state})\n")
    done = runner.script(PULL, {})
    assert done.returncode == 0
    assert (
        f"::notice::there is a pull request of {BRANCH}: https://example.com/pull/7" in done.stdout
    )
    assert (runner.asked, runner.branches) == ([], {"main"})


def test_a_branch_that_is_there_is_left_alone(runner: Runner) -> None:
    git(runner.origin, "branch", BRANCH, "main")
    before = git(runner.origin, "rev-parse", BRANCH)
    committed(runner)
    done = runner.script(PULL, {})
    assert done.returncode == 0
    assert f"::warning::origin has a branch {BRANCH}" in done.stdout
    assert (runner.asked, git(runner.origin, "rev-parse", BRANCH)) == ([], before)


def test_a_pull_request_that_is_refused_leaves_no_branch(runner: Runner) -> None:
    committed(runner)
    (runner.gh / "refuse").touch()
    assert runner.script(PULL, {}).returncode == 1
    assert runner.branches == {"main"}


def test_without_a_commit_there_is_nothing_to_do(runner: Runner) -> None:
    runner.prepare()
    done = runner.script(PULL, {})
    assert (done.returncode, runner.asked, runner.branches) == (0, [], {"main"})
    assert "nothing changed" in done.stdout


def test_a_report_that_is_too_long_is_cut(runner: Runner) -> None:
    committed(runner)
    (runner.checkout / "report.md").write_text("→ a line\n" * 10_000)
    assert runner.script(PULL, {}).returncode == 0
    body = (runner.gh / "body").read_text()
    assert len(body) < 65_536
    lines = body.splitlines()
    assert set(lines[:-3]) == {"→ a line"}
    assert "Cut short here" in lines[-1]


# The whole of it


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Images]:
    return released_demo(tmp_path_factory.mktemp("released"), "3.4.1", "3.4.2")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """A registry that wants a password."""
    with running_registry(tmp_path / "registry", passwords=True) as registry:
        yield registry


def push(registry: Registry, images: Images, tag: str) -> None:
    for part, layout in images.layouts.items():
        registry.copy(
            f"oci:{layout}:image",
            f"demo/demo-{part}:{tag}",
            *("--dest-creds", f"{USER}:{PASSWORD}", "--preserve-digests"),
        )


def test_a_new_version_becomes_a_pull_request_once(
    runner: Runner, registry: Registry, images: dict[str, Images]
) -> None:
    conf = runner.place / ".config/containers/registries.conf"
    conf.parent.mkdir(parents=True)
    conf.write_text(
        mirror_conf("registry.example.com", registry.host)
        + f'[[registry]]\nlocation = "{registry.host}"\ninsecure = true\n'
    )
    auth = {registry.host: {"auth": "dGVzdGVyOnJpZ2h0"}}  # USER:PASSWORD
    runner.values |= {
        "inputs.repository || vars.BUNDLE_REPOSITORY": f"{registry.host}/{NAME}",
        "inputs.stream || vars.BUNDLE_STREAM || 'y'": "all",
        "secrets.PULL_SECRET": json.dumps({"auths": auth}),
        "secrets.PULL_REQUEST_TOKEN || github.token": "token",
    }

    # The first rebase ever, as somebody starts it by hand.
    push(registry, images["3.4.1"], "v3.4.1")
    runner.prepare()
    runner.workflow("rebase.yml")
    assert runner.branches == {"main", "rebase-ai-model_serving-3.4.1"}
    git(runner.origin, "branch", "--force", "main", "rebase-ai-model_serving-3.4.1")
    git(runner.origin, "branch", "--delete", "rebase-ai-model_serving-3.4.1")

    # Each day, with nothing new.
    runner.values["inputs.repository || vars.BUNDLE_REPOSITORY"] = ""
    runner.values["inputs.stream || vars.BUNDLE_STREAM || 'y'"] = "y"
    runner.prepare()
    said = runner.workflow("rebase.yml")
    assert "newer on 3.4.z: none" in said
    assert (runner.asked, runner.branches) == ([], {"main"})

    # Something new.
    push(registry, images["3.4.2"], "v3.4.2")
    runner.prepare()
    runner.workflow("rebase.yml")
    assert runner.branches == {"main", BRANCH}
    (asked,) = runner.asked
    assert "--title Rebase AI model serving to RHOAI 3.4.2 " in asked
    assert "3.4.2" in (runner.gh / "body").read_text()
    assert (runner.place / "report.html").is_file()
    changed = git(runner.origin, "diff", "--name-only", "main", BRANCH).split()
    assert "release/rebase.json" in changed
    assert {path.partition("/")[0] for path in changed} <= {"assets", "release"}
    head = git(runner.origin, "rev-parse", BRANCH)

    # And again, as long as nobody has merged it.
    runner.prepare(known="https://example.com/pull/8 (OPEN)\n")
    said = runner.workflow("rebase.yml")
    assert "::notice::there is a pull request" in said
    assert (runner.asked, git(runner.origin, "rev-parse", BRANCH)) == ([], head)


def test_credentials_are_kept_from_others(runner: Runner) -> None:
    runner.prepare()
    (step,) = (step for step in steps("rebase.yml") if "PULL_SECRET" in step["env"])
    assert runner.script(step["run"], {"PULL_SECRET": ""}).returncode == 0
    file = runner.place / "pull-secret.json"
    assert not file.exists()
    assert runner.script(step["run"], {"PULL_SECRET": "{}"}).returncode == 0
    assert file.read_text() == "{}"
    assert file.stat().st_mode & 0o777 == 0o600
    assert pairs(runner.place / "env") == {"REGISTRY_AUTH_FILE": str(file)}
