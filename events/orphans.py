"""No process of ours outlives the one that started it, and each learns that it is to stop."""

import ctypes
import mmap
import os
import signal
import sys
from typing import Any

PR_SET_PDEATHSIG = 1

# One byte that a process shares with all that it forks: 1 once it was told to stop. It has no lock, because a lock is
# lost with a process that is killed while it holds it.
TOLD_TO_STOP = mmap.mmap(-1, 1)

_forked_by = 0


def die_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when its parent dies; end at once if that has happened already.

    Call it in the child, right after the fork. Linux only; elsewhere it does nothing.

    parent   pid of the process that forked: one that died before the kernel was asked sends no signal any more
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def forks_die_with_us() -> None:
    """From now on every child that this process and its children fork dies with the one that forked it."""
    os.register_at_fork(before=_remember, after_in_child=lambda: die_with_parent(_forked_by))


def _remember() -> None:
    global _forked_by  # noqa: PLW0603 - a fork hands the child nothing else
    _forked_by = os.getpid()


def tell_to_stop(*_: Any, **__: Any) -> None:
    """Let this process and all that it has forked know that they are to stop; also as a handler of signals."""
    TOLD_TO_STOP[0] = 1


def told_to_stop() -> bool:
    """Whether this process is to stop: it was told so, or whoever forked it is gone."""
    return TOLD_TO_STOP[0] == 1 or os.getppid() == 1
