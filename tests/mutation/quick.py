"""What mutation runs load into pytest: few examples, the same ones every time, nothing remembered."""

import functools
import gc
import resource

import pytest
from hypothesis import Phase, settings

EXAMPLES_MAX = 25
MEMORY_MAX_BYTES = 4 << 30  # a mutated loop may never end


def pytest_configure() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX_BYTES, MEMORY_MAX_BYTES))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests say themselves how many examples they take, so a profile would not be enough."""
    for item in items:
        test = getattr(item, "obj", None)
        own = getattr(test, "_hypothesis_internal_use_settings", None)
        if own is None and getattr(test, "is_hypothesis_test", False):
            own = settings.default
        if own is not None:
            test._hypothesis_internal_use_settings = settings(  # type: ignore[union-attr]
                own,
                max_examples=min(EXAMPLES_MAX, own.max_examples),
                derandomize=True,
                database=None,
                deadline=None,
                phases=(Phase.explicit, Phase.generate),
            )


def pytest_sessionstart() -> None:
    """A worker is forked from a process that has run the tests; what that one remembers is not of the mutant."""
    for found in gc.get_objects():
        if type(found) is functools._lru_cache_wrapper and (found.__module__ or "").startswith(
            "payroll.calc"
        ):
            found.cache_clear()
