"""YAML in and out: PyYAML's C loader for data, ruamel.yaml for files that people keep."""

import io
import re
from collections.abc import Iterator
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import LiteralScalarString, SingleQuotedScalarString

from rebase.errors import TreeError


class Loader(yaml.CSafeLoader):
    """Reads what Kubernetes reads: dates are strings, and so is a lone `=` (in CRD enums)."""


_FOREIGN_TAGS = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value")
Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _FOREIGN_TAGS]
    for first, resolvers in Loader.yaml_implicit_resolvers.items()
}

WIDTH = 100_000  # never fold: a folded line cannot be found with grep or changed with sed


class _Dumper(yaml.CSafeDumper):
    """Multi-line strings as block scalars, the rest as short as YAML allows."""


# Strings that PyYAML would write plain and that Go's readers take for numbers or booleans.
NOT_PLAIN = re.compile(r"[yYnN]|0o[0-7]+|[-+]?\.?\d[\d_.]*[eE][-+]?\d+")


def _represent_str(dumper: _Dumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text else "'" if NOT_PLAIN.fullmatch(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_str)


def load(text: str | bytes, where: str) -> Any:
    """Parse a document.

    Raises:
        TreeError: it is not YAML, or more than one document.
    """
    try:
        return yaml.load(text, Loader)
    except (yaml.YAMLError, ValueError) as error:
        raise TreeError(f"{where}: not valid YAML: {_problem(error)}") from None


def load_all(text: str | bytes, where: str) -> list[Any]:
    """Parse a stream of documents; empty ones are dropped.

    Raises:
        TreeError: it is not YAML.
    """
    try:
        return [document for document in yaml.load_all(text, Loader) if document is not None]
    except (yaml.YAMLError, ValueError) as error:
        raise TreeError(f"{where}: not valid YAML: {_problem(error)}") from None


def dump(data: Any) -> str:
    """Write data in block style, keys in their order."""
    return str(yaml.dump(data, Dumper=_Dumper, sort_keys=False, width=WIDTH, allow_unicode=True))


def split_documents(text: str) -> Iterator[str]:
    """The documents of kustomize's output, each as text that ends in a newline."""
    for document in re.split(r"^---\n", text, flags=re.MULTILINE):
        if document.strip():
            yield document if document.endswith("\n") else document + "\n"


def round_trip() -> YAML:
    """A ruamel.yaml that keeps comments and order."""
    keeper = YAML()
    keeper.width = WIDTH
    keeper.indent(mapping=2, sequence=2, offset=0)
    return keeper


def dump_readable(data: dict[str, Any]) -> str:
    """Write a mapping for people: every multi-line string as a block scalar, whatever is in it.

    PyYAML falls back to one quoted line where a line ends in a space; ruamel.yaml does not.
    """
    out = io.StringIO()
    round_trip().dump(_literal(data), out)
    text = out.getvalue()
    if load(text, "readable form") != data:
        return dump(data)
    return text


def _literal(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _literal(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_literal(inner) for inner in value]
    if isinstance(value, str) and "\n" in value:
        return LiteralScalarString(value)
    if isinstance(value, str) and NOT_PLAIN.fullmatch(value):
        return SingleQuotedScalarString(value)
    return value


def _problem(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return f"{problem} (line {mark.line + 1})" if mark else str(problem)
