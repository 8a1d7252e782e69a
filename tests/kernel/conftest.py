"""The toy sagas, known to the runner for the length of a test."""

from collections.abc import Iterator

import pytest

from events.saga import REGISTRY
from tests.kernel import toy


@pytest.fixture
def toys(db: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Register the toy sagas, with nothing going wrong in them yet.

    By the same monkeypatch that tests put others in their place with: it takes back the last first.
    """
    toy.FAULTS.clear()
    toy.CALLS.clear()
    for saga in (toy.ERRAND, toy.TOYS):
        monkeypatch.setitem(REGISTRY, saga.name, saga)
    yield
    toy.FAULTS.clear()
