"""The rules of the house that a machine can keep: layers, names, sizes, and what may not be imported."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = ["events", "payroll", "ops", "deploy"]  # an import may only point left
SOURCES = [
    path
    for layer in LAYERS
    for path in sorted((ROOT / layer).rglob("*.py"))
    if "migrations" not in path.parts
]
LINES_MAX = 400
FUNCTION_LINES_MAX = 70
BANNED_WORDS = re.compile(r"(?:^|_)(manager|helper|helpers|util|utils|handler|info)(?:_|$)", re.IGNORECASE)
CALC = ROOT / "payroll" / "calc"


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(path: Path) -> set[str]:
    """The modules that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def test_there_is_something_to_look_at() -> None:
    assert len(SOURCES) > 60


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_imports_point_left(path: Path) -> None:
    layer = LAYERS.index(path.relative_to(ROOT).parts[0])
    right = {name for name in imports(path) if name.split(".")[0] in LAYERS[layer + 1 :]}
    assert not right, f"{name_of(path)} imports to the right: {', '.join(sorted(right))}"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_only_one_file_knows_each_doorbell(path: Path) -> None:
    if path.parts[-2] != "doorbells" and path.name != "navigation.py":
        assert not any(name.split(".")[0] in {"celery", "kombu"} for name in imports(path))
        outside_admin = "admin" not in path.parts
        assert not (outside_admin and any(name.split(".")[0] == "django_q" for name in imports(path)))


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_file_can_be_read_in_one_go(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= LINES_MAX, "when a file grows past this, its design wants a look"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= FUNCTION_LINES_MAX, f"{node.name} has {length} lines"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_names_say_something(path: Path) -> None:
    tree = ast.parse(path.read_text())
    names = [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    bad = [
        name for name in [*names, path.stem] if BANNED_WORDS.search(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name))
    ]
    assert not bad, f"say what it is instead of {', '.join(bad)}"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_nothing_is_unpickled_or_evaluated(path: Path) -> None:
    assert not imports(path) & {"pickle", "marshal", "shelve", "dill"}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"eval", "exec"}


@pytest.mark.parametrize("path", [path for path in SOURCES if path.is_relative_to(CALC)], ids=name_of)
def test_arithmetic_knows_no_world(path: Path) -> None:
    allowed = {"events.failures"}
    outside = {"django", "os", "time", "random", "socket", "pathlib", "io", "events", "ops", "deploy"}
    assert not {name for name in imports(path) - allowed if name.split(".")[0] in outside}


def test_every_public_function_of_the_kernel_says_what_it_means() -> None:
    silent = []
    for path in SOURCES:
        if path.relative_to(ROOT).parts[0] == "events" and path.name not in {"models.py", "apps.py"}:
            tree = ast.parse(path.read_text())
            public = [n for n in tree.body if isinstance(n, ast.FunctionDef) and not n.name.startswith("_")]
            silent += [f"{name_of(path)}:{node.name}" for node in public if not ast.get_docstring(node)]
    assert not silent
