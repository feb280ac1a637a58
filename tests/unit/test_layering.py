"""The layers of the code: imports go down, never sideways; only the command line prints."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import rebase

ROOT = Path(rebase.__file__).parent
# Top down; modules of one group know nothing of each other.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("__main__",),
    ("cli",),
    (
        *("commands.check", "commands.completion", "commands.diff", "commands.images"),
        *("commands.rebase", "commands.versions"),
    ),
    ("commands.options",),
    ("verdict",),
    ("audit",),
    ("reproduce",),
    ("diff",),
    ("workflow", "progress", "sides"),
    ("commit", "image_lists", "report.forms"),
    ("report.as_json", "report.markdown", "report.page", "report.sections", "report.text"),
    (
        *("report.around", "report.crds", "report.images", "report.objects", "report.rights"),
        "report.running",
    ),
    ("report.items",),
    ("report.document",),
    ("selection", "version_list"),
    ("summary",),
    ("process", "download"),
    ("compare.comparison",),
    ("compare.snapshot", "recorded"),
    ("checks", "changes", "compose", "search", "staging"),
    ("product", "publish", "retired"),
    ("project",),
    ("budgets",),
    ("architectures",),
    ("usage", "options"),
    ("registry", "versions"),
    ("sbom",),
    ("runtimes", "assets", "release", "image_reader", "bundle", "manifests"),
    ("partition", "render", "adapt.steps"),
    (
        *("adapt.apis", "adapt.configuration", "adapt.certificates", "adapt.parameters"),
        *("adapt.twins", "adapt.webhooks", "adapt.workloads"),
    ),
    ("adapt.namespaces",),
    ("adapt.context", "images"),
    ("compare.rights", "compare.runtimes", "compare.settings", "compare.webhooks"),
    ("compare.crd_lines", "compare.fields", "compare.images"),
    ("compare.crds",),
    ("compare.crd_spec", "compare.groups"),
    ("compare.schemas",),
    ("compare.keywords",),
    ("compare.bounds",),
    ("compare.meaning", "compare.schema_change"),
    ("objects", "kustomization", "params", "image_tables", "overlay", "layers"),
    ("yamlfile", "shapes", "reporter"),
    ("tools.skopeo", "tools.kustomize", "tools.git", "tools.rpm"),
    ("tools.process",),
    ("reference",),
    ("model", "findings", "compare.levels"),
    ("errors", "catalogue"),
    ("__init__",),
)
RANK = {name: -depth for depth, layer in enumerate(LAYERS) for name in layer}


def modules() -> dict[str, ast.Module]:
    found = {}
    for file in sorted(ROOT.rglob("*.py")):
        name = ".".join(file.relative_to(ROOT).with_suffix("").parts)
        if not name.endswith(".__init__"):
            found[name] = ast.parse(file.read_text())
    return found


MODULES = modules()


def imports(tree: ast.Module) -> Iterator[str]:
    """The modules of this package that one imports, by their names below `rebase`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name.partition(".")[0] != "rebase":
                continue
            parts = name.split(".")[1:]
            while parts and ".".join(parts) not in MODULES:
                parts.pop()
            yield ".".join(parts) or "__init__"


def test_every_module_has_a_layer() -> None:
    assert set(MODULES) == set(RANK), "put new modules into LAYERS"


@pytest.mark.parametrize("name", MODULES)
def test_imports_go_down(name: str) -> None:
    wrong = sorted(other for other in set(imports(MODULES[name])) if RANK[other] >= RANK[name])
    assert not wrong, f"{name} imports {', '.join(wrong)}, which is not below it"


def calls(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)
        elif isinstance(node, ast.Raise) and node.exc is not None:
            yield ast.unparse(node.exc).partition("(")[0]


def is_command_line(name: str) -> bool:
    return name in ("cli", "progress") or name.startswith("commands.")


@pytest.mark.parametrize("name", [name for name in sorted(MODULES) if not is_command_line(name)])
def test_only_the_command_line_prints_or_exits(name: str) -> None:
    forbidden = {"print", "exit", "quit", "sys.exit", "os._exit", "SystemExit", "click.echo"}
    assert not forbidden & set(calls(MODULES[name]))
    assert "click" not in {
        alias.name
        for node in ast.walk(MODULES[name])
        if isinstance(node, ast.Import)
        for alias in node.names
    }


@pytest.mark.parametrize("name", MODULES)
def test_external_programs_run_in_tools_only(name: str) -> None:
    uses = {
        alias.name
        for node in ast.walk(MODULES[name])
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert "subprocess" not in uses or name.startswith("tools.")


@pytest.mark.parametrize("name", sorted(set(MODULES) - {"__init__"}))
def test_every_module_says_what_it_is(name: str) -> None:
    assert ast.get_docstring(MODULES[name])
