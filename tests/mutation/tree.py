"""The tree that is mutated: a copy of the program in which every rule can be reached.

mutmut leaves decorated functions alone, and every worksheet is one. In the copy a decorator is applied in a line of
its own below the function, which means the same. Wording is kept apart as constants, so that what is mutated is
arithmetic, conditions, keys and names: wording is a text with a space in it, and the words of a worksheet's line.
"""

import ast
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
TREE = ROOT / "mutants"
COPIED = ("events", "payroll", "tests/__init__.py", "tests/calc", "tests/mutation", "pyproject.toml")
MUTATED = Path("payroll/calc")


class Wording(NamedTuple):
    """How much of a module is sentences, and the mutants that mutmut would have made of them."""

    sentences: int
    mutants: int


class _Rewritten(ast.NodeTransformer):
    """Decorators below their functions, sentences above everything."""

    def __init__(self) -> None:
        self.sentences: list[str] = []
        self.mutants = 0

    def _below(self, body: list[ast.stmt]) -> list[ast.stmt]:
        found: list[ast.stmt] = []
        for statement in body:
            found.append(statement)
            if isinstance(statement, ast.FunctionDef):
                decorators, statement.decorator_list = statement.decorator_list, []
                for decorator in reversed(decorators):
                    name = statement.name
                    applied = ast.Call(decorator, [ast.Name(name, ast.Load())], [])
                    found.append(ast.Assign([ast.Name(name, ast.Store())], applied))
        return found

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        for statement in node.body:
            if isinstance(statement, ast.FunctionDef):
                self.visit(statement)
        node.body = self._below(node.body)
        return node

    def visit_Module(self, node: ast.Module) -> ast.Module:
        for statement in node.body:
            if isinstance(statement, ast.FunctionDef | ast.ClassDef):
                self.visit(statement)
        body = self._below(node.body)
        constants: list[ast.stmt] = [
            ast.Assign([ast.Name(f"SENTENCE_{number}", ast.Store())], ast.Constant(sentence))
            for number, sentence in enumerate(self.sentences)
        ]
        docstring = 1 if ast.get_docstring(node) is not None else 0
        node.body = [*body[:docstring], *constants, *body[docstring:]]
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        if ast.get_docstring(node) is not None and len(node.body) > 1:
            del node.body[0]
        node.body = [self.visit(statement) for statement in node.body]
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.JoinedStr:
        """The text between the values is never mutated; the values are."""
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                part.value = self.visit(part.value)
        return node

    def visit_Yield(self, node: ast.Yield) -> ast.Yield:
        """A worksheet yields key, words, value: the words are wording also where they are one word."""
        match node.value:
            case ast.Tuple([_, ast.Constant(str()) as words, _]):
                node.value.elts[1] = self._kept_out(words)
        self.generic_visit(node)
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        return self._kept_out(node) if isinstance(node.value, str) and " " in node.value else node

    def _kept_out(self, node: ast.Constant) -> ast.Name:
        text = str(node.value)
        self.mutants += len({f"XX{text}XX", text.lower(), text.upper()} - {text})
        self.sentences.append(text)
        return ast.Name(f"SENTENCE_{len(self.sentences) - 1}", ast.Load())


def rewritten(source: str) -> tuple[str, Wording]:
    """A module with its decorators and its sentences moved, and what the sentences were."""
    rewriter = _Rewritten()
    tree = ast.fix_missing_locations(rewriter.visit(ast.parse(source)))
    return ast.unparse(tree) + "\n", Wording(len(rewriter.sentences), rewriter.mutants)


def wording() -> dict[str, Wording]:
    """What is kept out of every module that is mutated, by module."""
    return {
        module_of(path.relative_to(ROOT)): rewritten(path.read_text())[1]
        for path in sorted((ROOT / MUTATED).rglob("*.py"))
    }


def make() -> None:
    """Bring the copy up to date."""
    for name in COPIED:
        source = ROOT / name
        for path in sorted(source.rglob("*")) if source.is_dir() else [source]:
            if path.is_dir() or "__pycache__" in path.parts:
                continue
            relative = path.relative_to(ROOT)
            content = path.read_bytes()
            if path.suffix == ".py" and relative.is_relative_to(MUTATED):
                content = rewritten(content.decode())[0].encode()
            _write(TREE / relative, content)


def module_of(path: Path) -> str:
    """The name below payroll.calc by which reports call a module."""
    return ".".join(path.relative_to(MUTATED).with_suffix("").parts)


def _write(path: Path, content: bytes) -> None:
    """Leave what has not changed as it is: mutmut keeps the verdicts of files that are no newer."""
    if path.exists() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
