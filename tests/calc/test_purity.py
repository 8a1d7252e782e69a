"""The arithmetic knows no float, no clock, no Django and nothing outside itself."""

import ast
from pathlib import Path

import pytest

import payroll.calc
import payroll.rules

FILES = sorted(Path(payroll.calc.__file__).parent.rglob("*.py"))
LOADER = sorted(Path(payroll.rules.__file__).parent.rglob("*.py"))
ALLOWED = {
    "bisect",
    "collections",
    "dataclasses",
    "datetime",
    "decimal",
    "events.failures",
    "fractions",
    "functools",
    "inspect",
    "itertools",
    "operator",
    "payroll.calc",
    "re",
    "typing",
}
CLOCKS = {"now", "today", "utcnow"}
FLOATING = {"float", "complex"}


@pytest.mark.parametrize("path", FILES + LOADER, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_float(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        assert not (isinstance(node, ast.Constant) and isinstance(node.value, float | complex)), ast.dump(
            node
        )
        assert not (isinstance(node, ast.Name) and node.id in FLOATING), f"line {node.lineno}"
        if path in FILES:
            division = isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div)
            assert not division, f"line {node.lineno}: / makes a float of two integers"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_clock_no_framework_no_input(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        modules = []
        if isinstance(node, ast.Import):
            modules = [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or ""]
        for module in modules:
            assert module in ALLOWED or any(module.startswith(f"{root}.") for root in ALLOWED), module
        assert not (isinstance(node, ast.Attribute) and node.attr in CLOCKS)
        assert not (isinstance(node, ast.Name) and node.id in {"open", "print", "input"})


def test_there_is_something_to_check() -> None:
    assert len(FILES) > 10
