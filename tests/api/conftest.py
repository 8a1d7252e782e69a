"""One run for the tests of the API: an employer paid, one to approve, two dead letters, canaries."""

from pathlib import Path
from typing import Any

import pytest

from deploy.postgres import Cluster
from payroll.runs import Opened
from tests.ops import payday


@pytest.fixture
def scene(db: Cluster, tmp_path: Path, settings: Any) -> Opened:
    """The run of tests/ops/payday.py, as far as it goes without a person."""
    return payday.begin(tmp_path / "roster", settings)
