"""External programs: how they are run and found, and what their failures look like."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from packaging.version import Version

from rebase.errors import GitError, ToolError
from rebase.tools import git, process
from rebase.tools.kustomize import MINIMUM, locate
from unit.helpers import executable

# process.run


def test_standard_output_is_bytes(tmp_path: Path) -> None:
    tool = executable(tmp_path, "tool", "#!/bin/sh\nprintf '\\377\\0%s' \"$1\"\n")
    assert process.run([tool, "a b; exit 1"]) == b"\xff\0a b; exit 1"


def test_standard_input_is_empty(tmp_path: Path) -> None:
    tool = executable(tmp_path, "tool", "#!/bin/sh\nread line || printf nothing\n")
    assert process.run([tool]) == b"nothing"


def test_environment_and_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("KEPT", "kept")
    tool = executable(tmp_path, "tool", '#!/bin/sh\nprintf "$LC_ALL $KEPT $EXTRA $PWD"\n')
    said = process.run([tool], env={"EXTRA": "extra"}, cwd=tmp_path).decode()
    assert said == f"C.UTF-8 kept extra {tmp_path}"


def test_a_failure_is_told_in_the_programs_words(tmp_path: Path) -> None:
    tool = executable(tmp_path, "tool", "#!/bin/sh\necho oh no >&2\nexit 3\n")
    with pytest.raises(ToolError, match=r"tool failed \(exit status 3\): build x") as caught:
        process.run([tool, "build", "x"])
    assert caught.value.details == ("oh no",)


def test_only_the_tail_of_a_long_complaint_is_told(tmp_path: Path) -> None:
    tool = executable(
        tmp_path,
        "tool",
        """\
        #!/bin/sh
        n=0
        while [ $n -lt 100 ]; do n=$((n+1)); echo "line $n" >&2; done
        exit 1
        """,
    )
    with pytest.raises(ToolError) as caught:
        process.run([tool])
    assert caught.value.details == tuple(f"line {n}" for n in range(81, 101))


def test_a_signal_is_named(tmp_path: Path) -> None:
    tool = executable(tmp_path, "tool", "#!/bin/sh\nkill -KILL $$\n")
    with pytest.raises(ToolError, match="killed by SIGKILL"):
        process.run([tool])


def test_a_program_that_hangs_is_ended(tmp_path: Path) -> None:
    tool = executable(tmp_path, "tool", "#!/bin/sh\nexec tail -f /dev/null\n")
    with pytest.raises(ToolError, match="tool took longer than 0 s and was ended"):
        process.run([tool], timeout=0.2)


def test_a_program_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="tool is not installed") as caught:
        process.run([tmp_path / "tool"])
    assert caught.value.hint == "install tool"


def test_a_file_that_is_no_program(tmp_path: Path) -> None:
    for name, mode, content in (("plain", 0o644, "#!/bin/sh\n"), ("odd", 0o755, "\0\1")):
        file = tmp_path / name
        file.write_text(content)
        file.chmod(mode)
        with pytest.raises(ToolError, match=f"{name} cannot be run: "):
            process.run([file])


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("password=hunter2 x", "password=*** x"),
        ("Password: hunter2", "Password: ***"),
        ("password=p@ss:word", "password=***"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("Authorization: Basic dTpw", "Authorization: Basic ***"),
        ('{"token":"abc"}', '{"token":"***"}'),
        ('"password": "hunter2"', '"password": "***"'),
        ("?token=abc&x", "?token=***"),
        ("https://user:hunter2@quay.io/v2/", "https://user:***@quay.io/v2/"),
    ],
)
def test_secrets_are_blanked_out(text: str, redacted: str) -> None:
    assert process.redact(text) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "docker://registry.example.com:5000/a/b@sha256:00",
        "https://registry.example.com:5000/v2/",
        "unable to retrieve auth token: unauthorized",
        "a file of passwords",
        "Error: no matches for Id Deployment.v1.apps",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert process.redact(text) == text


def test_secrets_in_arguments_and_complaints_are_not_repeated(tmp_path: Path) -> None:
    tool = executable(tmp_path, "tool", "#!/bin/sh\necho password=hunter2 >&2\nexit 1\n")
    with pytest.raises(ToolError) as caught:
        process.run([tool, "https://u:hunter2@quay.io"])
    assert "hunter2" not in " ".join((caught.value.message, *caught.value.details))


# process.measure


def test_a_program_is_measured_by_what_it_takes_itself(tmp_path: Path) -> None:
    """Not by the memory of who starts it, which is what Linux tells."""
    ballast = bytearray(300_000_000)
    tool = executable(tmp_path, "tool", "#!/bin/sh\nprintf '%s' \"$1 $GOGC\"\n")
    found = process.measure([tool, "a b"], env={"GOGC": "100"})
    assert found.output == b"a b 100"
    assert 500_000 < found.peak_bytes < 100_000_000 < len(ballast)
    assert 0 <= found.seconds < 5


def test_time_and_memory_are_the_programs(tmp_path: Path) -> None:
    work = "x = bytearray(200_000_000)\nfor i in range(3_000_000): pass\n"
    found = process.measure([sys.executable, "-I", "-c", work])
    assert 200_000_000 < found.peak_bytes < 300_000_000
    assert found.seconds > 0.02


def test_a_failure_names_the_program_that_is_measured(tmp_path: Path) -> None:
    tool = executable(tmp_path, "tool", "#!/bin/sh\necho oh no >&2\nexit 3\n")
    with pytest.raises(ToolError, match=r"^tool failed \(exit status 3\): build x$") as caught:
        process.measure([tool, "build", "x"])
    assert caught.value.details == ("oh no",)
    tool = executable(tmp_path, "tool", "#!/bin/sh\nkill -KILL $$\n")
    with pytest.raises(ToolError, match="killed by SIGKILL"):
        process.measure([tool])
    with pytest.raises(ToolError, match="gone failed") as caught:
        process.measure([tmp_path / "gone"])
    assert "cannot be run: No such file or directory" in caught.value.details[0]


def test_what_is_measured_ends_with_us(tmp_path: Path) -> None:
    said = tmp_path / "pid"
    tool = executable(tmp_path, "tool", f"#!/bin/sh\necho $$ >{said}\nexec sleep 60\n")
    with ThreadPoolExecutor() as pool:
        running = pool.submit(process.measure, [tool])
        while not said.is_file() or not said.read_text():
            time.sleep(0.01)
        process.end_all()
        with pytest.raises(ToolError, match="killed by SIGKILL"):
            running.result()
    state = Path("/proc", said.read_text().strip(), "stat")
    deadline = time.monotonic() + 5
    while alive := state.is_file() and ") Z " not in state.read_text():
        if time.monotonic() > deadline:
            break
        time.sleep(0.01)
    assert not alive


# kustomize.locate


@pytest.fixture
def no_neighbour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bin directory of a Python without kustomize beside it."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    return tmp_path / "bin"


def kustomize(directory: Path, said: str) -> Path:
    return executable(directory, "kustomize", f"#!/bin/sh\necho '{said}'\n")


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("v5.8.1", "v5.8.1"),
        ("5.8.1", "v5.8.1"),
        ("v5.9.0", "v5.9.0"),
        ("v5.10.0", "v5.10.0"),
        ("v6.0.0", "v6.0.0"),
        ("{Version:kustomize/v5.8.1 GitCommit:abc}", "v5.8.1"),
    ],
)
def test_new_enough(on_path: Path, no_neighbour: Path, said: str, version: str) -> None:
    tool = kustomize(on_path, said)
    found = locate()
    assert (found.path, found.version) == (tool, version)


@pytest.mark.parametrize("said", ["v5.8.0", "v5.7.1", "v4.5.7", "v5.8.1-rc.1"])
def test_too_old(on_path: Path, no_neighbour: Path, said: str) -> None:
    kustomize(on_path, said)
    with pytest.raises(ToolError, match=f"{MINIMUM} or later is needed") as caught:
        locate()
    assert "--kustomize" in caught.value.hint


@pytest.mark.parametrize("said", ["(devel)", "", "unknown", "v5.8.1-0.20250101000000-abcdef"])
def test_a_version_that_tells_nothing(on_path: Path, no_neighbour: Path, said: str) -> None:
    kustomize(on_path, said)
    with pytest.raises(ToolError, match="cannot tell its version"):
        locate()


def test_no_kustomize(on_path: Path, no_neighbour: Path) -> None:
    with pytest.raises(ToolError, match="kustomize is not installed"):
        locate()


def test_the_named_one_goes_before_the_neighbour_and_that_one_before_path(
    on_path: Path, no_neighbour: Path, tmp_path: Path
) -> None:
    last = kustomize(on_path, "v5.8.1")
    assert locate().path == last
    neighbour = kustomize(no_neighbour, "v5.8.2")
    assert locate().path == neighbour
    named = kustomize(tmp_path / "named", "v5.8.3")
    assert locate(named).path == named


def test_a_named_kustomize_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="kustomize is not installed"):
        locate(tmp_path / "kustomize")


def test_another_minimum(on_path: Path, no_neighbour: Path) -> None:
    kustomize(on_path, "v5.5.0")
    assert locate(minimum=Version("5.5.0")).version == "v5.5.0"


def test_kustomizes_render_is_its_standard_output(on_path: Path, no_neighbour: Path) -> None:
    executable(
        on_path,
        "kustomize",
        '#!/bin/sh\n[ $1 = version ] && echo v5.8.1 || echo "kind: $2"\n',
    )
    assert locate().build(Path("some/where")) == "kind: some/where\n"


# git


def test_a_git_that_fails_is_a_git_error(on_path: Path, tmp_path: Path) -> None:
    executable(on_path, "git", "#!/bin/sh\necho 'fatal: bad thing' >&2\nexit 128\n")
    assert git.toplevel(tmp_path) is None
    with pytest.raises(GitError, match="exit status 128") as caught:
        git.has_changes(tmp_path, [Path("assets")])
    assert caught.value.details == ("fatal: bad thing",)


def test_without_git_there_is_no_repository(on_path: Path, tmp_path: Path) -> None:
    assert git.toplevel(tmp_path) is None
    with pytest.raises(GitError, match="git is not installed"):
        git.commit(tmp_path, [Path("assets")], "message")
