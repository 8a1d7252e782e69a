"""Rule tables with one figure changed, as this program would have them."""

import shutil
from functools import lru_cache
from pathlib import Path

import pytest

from payroll import rules


def change(monkeypatch: pytest.MonkeyPatch, folder: Path, old: str, new: str) -> None:
    """Let the tables of 2026 hold `new` in the one place where they held `old`; undone after the test."""
    copy = folder / f"rules-{len(list(folder.iterdir()))}"
    shutil.copytree(rules.FOLDER, copy)
    (path,) = [path for path in (copy / "2026").glob("*.toml") if old in path.read_text()]
    assert path.read_text().count(old) == 1
    path.write_text(path.read_text().replace(old, new))
    monkeypatch.setattr(rules, "FOLDER", copy)
    monkeypatch.setattr(rules, "load", lru_cache(rules.load.__wrapped__))
