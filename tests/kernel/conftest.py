"""The toy sagas, known to the runner for the length of a test."""

from collections.abc import Iterator

import pytest

from events.saga import REGISTRY, register
from tests.kernel import toy


@pytest.fixture
def toys(db: object) -> Iterator[None]:
    """Register the toy sagas, with nothing going wrong in them yet."""
    toy.FAULTS.clear()
    toy.CALLS.clear()
    for saga in (toy.ERRAND, toy.TOYS):
        register(saga)
    yield
    for saga in (toy.ERRAND, toy.TOYS):
        del REGISTRY[saga.name]
    toy.FAULTS.clear()
