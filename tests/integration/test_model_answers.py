"""docs/user/serve.md: its questions to the model, asked of a server that KServe's SDK makes."""

import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from integration.support.guide import DOCS, blocks
from integration.support.packages import bash
from integration.support.process import answers, free_ports, running, wait_until
from integration.support.surroundings import REPO, VENV, need, tool

PAGE = DOCS / "serve.md"
PYTHON = VENV / "model-server/bin/python"
SERVER = REPO / "tests/model_server/server.py"
DOMAIN = "DOMAIN=ovms-resnet50-predictor-ai-demo.apps.example.com"  # step 4 asks the cluster for it
# Each byte of ASCII, and enough of them that three of the four bytes of the size count. It is text,
# which no real JPEG is, because the SDK hands BYTES to models as text.
TEXT = "".join(map(chr, range(0x800))) * 20
# curl as it is, but that the device's address leads to the model server, and the picture is ours.
CURL = """
arguments=(--noproxy '*')
for word; do
    case $word in
    *::*:) word="${word%%::*}::127.0.0.1:PORT" ;;
    *.jpeg) cp WORK/picture "$(basename "$word")" && exit ;;
    esac
    arguments+=("$word")
done
exec REAL --silent --show-error "${arguments[@]}"
"""
# Prometheus' text format, a line that is no comment: name{labels} value
SAMPLE = re.compile(r'[a-zA-Z_:][\w:]*(\{(\w+="[^"]*",?)*\})? (-?[\d.]+(e[+-]?\d+)?|\+Inf|NaN)')


def class_of(picture: bytes) -> int:
    """What the model says of a picture."""
    return int(hashlib.sha256(picture).hexdigest(), 16) % 1000


@cache
def picture_of(number: int) -> bytes:
    """A picture of a class."""
    pictures = (f"{TEXT}{count}".encode() for count in range(100_000))
    return next(picture for picture in pictures if class_of(picture) == number)


def section(number: int) -> list[str]:
    """The commands of a step of the guide."""
    text = PAGE.read_text().partition(f"\n## {number}. ")[2].partition("\n## ")[0]
    return [block for block in blocks(PAGE, "sh") if block in text]


@dataclass
class Asker:
    """Somebody with the guide and a picture."""

    port: int
    work: Path

    def run(self, *commands: str) -> list[str]:
        """What each of these blocks says."""
        curl = CURL.replace("WORK", str(self.work)).replace("PORT", str(self.port))
        text = "\necho ----\n".join((DOMAIN, *commands))
        programs = {"curl": curl.replace("REAL", tool("curl"))}
        return bash(text, self.work, self.work, programs).split("----\n")[1:]

    @property
    def answer(self) -> str:
        """What the model said of the picture."""
        return (self.work / "response.json").read_text()


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a model server."""
    need(PYTHON.exists(), "the model server, which `make test-tools` installs,")
    (port,) = free_ports(1)
    log = tmp_path_factory.mktemp("model-server") / "log"
    with running([PYTHON, SERVER, str(port)], log=log, env=os.environ) as process:
        wait_until(
            lambda: answers(port, "/v2/health/ready", 200),
            "the model server is ready",
            timeout=60,
            process=process,
        )
        yield port


@pytest.fixture
def asker(port: int, tmp_path: Path) -> Asker:
    (tmp_path / "picture").write_bytes(picture_of(309))
    return Asker(port, tmp_path)


def inferences(metrics: str) -> int:
    """How many there were.

    The protocol has no /metrics, so the name is the SDK's; OVMS counts in ovms_requests_success.
    """
    samples = [line for line in metrics.splitlines() if line and not line.startswith("#")]
    assert [line for line in samples if not SAMPLE.fullmatch(line)] == []
    name = 'request_predict_seconds_count{model_name="ovms-resnet50"} '
    return sum(int(float(line.removeprefix(name))) for line in samples if line.startswith(name))


def test_the_guides_questions_are_answered(asker: Asker) -> None:
    about, request, best, metrics = *section(5), *section(6)
    said = asker.run(about, metrics, request, best, metrics)

    headers, _, bodies = said[0].partition("\n\n")
    assert headers.startswith("HTTP/1.1 200 OK\n")
    ready, model = map(json.loads, bodies.replace("}{", "}\n{").splitlines())
    assert ready == {"name": "ovms-resnet50", "ready": True}
    (example,) = map(json.loads, blocks(PAGE, "json"))
    assert set(model) == set(example)
    assert model["name"] == example["name"]
    assert [one["name"] for one in model["inputs"]] == [one["name"] for one in example["inputs"]]
    assert model["outputs"] == example["outputs"]

    assert said[3] == "309\n"
    assert len(json.loads(asker.answer)["outputs"][0]["data"]) == 1000
    assert inferences(said[4]) == inferences(said[1]) + 1


def test_other_pictures_are_of_other_classes(asker: Asker) -> None:
    """One that differs in its last byte, too."""
    for picture in (picture_of(308), picture_of(309)[:-1] + b"\n"):
        (asker.work / "picture").write_bytes(picture)
        assert asker.run(*section(5))[-1] == f"{class_of(picture)}\n" != "309\n"


@pytest.mark.parametrize(
    ("right", "wrong", "because"),
    [
        ("$((size >>", "$((size + 1 >>", "unpack_from requires a buffer"),
        ("$((size >>", "$((size - 1 >>", "unpack_from requires a buffer"),
        ("0 8 16 24", "24 16 8 0", "unpack_from requires a buffer"),
        ("cat bee.jpeg >>request", "", "unpack_from requires a buffer"),
        ("--data-binary", "--data", "unpack_from requires a buffer"),
        ("Inference-Header-Content-Length: ${HEADER_LEN}", "None: 0", "header is missing"),
        ("${HEADER_LEN}", "$((HEADER_LEN - 1))", "Unrecognized request format"),
        ("${HEADER_LEN}", "$((HEADER_LEN + 1))", "Unrecognized request format"),
        ('"name": "0"', '"name": "1"', "inputs are"),
        ('"shape": [1]', '"shape": [2]', "cannot reshape"),
        ('"BYTES"', '"FP32"', "cannot reshape"),
        ("/ovms-resnet50/", "/resnet50/", "does not exist"),
    ],
)
def test_a_wrong_request_is_refused(asker: Asker, right: str, wrong: str, because: str) -> None:
    """So each part of the guide's is there for a reason, and the server looks at it."""
    about, request, _ = section(5)
    assert right in request
    asker.run(about, request.replace(right, wrong))
    assert because in json.loads(asker.answer)["error"]


def test_the_size_may_be_given_as_the_protocol_has_it(asker: Asker) -> None:
    """Then the SDK decodes the whole request by itself: to leave it out is OVMS' own rule."""
    about, request, best = section(5)
    size = len(picture_of(309)) + 4
    given = f'"BYTES", "parameters": {{"binary_data_size": {size}}}'
    assert '"BYTES"' in request
    assert asker.run(about, request.replace('"BYTES"', given), best)[-1] == "309\n"
