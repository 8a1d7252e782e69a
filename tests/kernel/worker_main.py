"""A worker process for the toy sagas: works until nothing is due, and is killed by one item at one step.

python -m tests.kernel.worker_main tax-calc 3
"""

import os
import signal
import sys

import django

django.setup()

from events import runner, saga  # noqa: E402 - needs the settings
from tests.kernel import toy  # noqa: E402

if __name__ == "__main__":
    step, number = sys.argv[1], int(sys.argv[2])
    toy.FAULTS[step, number] = lambda: os.kill(os.getpid(), signal.SIGKILL)
    for each in (toy.ERRAND, toy.TOYS):
        saga.register(each)
    while runner.run_due():
        pass
