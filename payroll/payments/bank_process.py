"""The life of the sandbox bank's process: one bank to a state folder, started when needed, found by its lock.

Whoever holds the lock on bank.lock is the bank, by the kernel's word; the pid inside says which process that
is, so a stale pid is never taken for the bank. bank.json says where it answers, and is written once it does.
"""

import fcntl
import http.client
import json
import os
import secrets
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

MODULE = "payroll.payments.bank"
PROJECT_ROOT = Path(__file__).resolve().parents[2]
START_WITHIN_S = 20.0
ANSWER_WITHIN_S = 5.0
END_WITHIN_S = 5.0
PASSED_ON = (
    "PATH",
    "HOME",
    "TMPDIR",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
)  # none of the application's secrets


@dataclass(frozen=True, slots=True)
class BankAddress:
    """Where the bank answers, and the bearer token it wants; the token is not in its repr."""

    url: str
    token: str = field(repr=False)


class BankNotRunning(Exception):
    """The bank's process did not come up, or would not end; bank.log beside its books has its last words."""


def ensure_running(state_dir: Path, *, delay_ms: int = 0, port: int = 0) -> BankAddress:
    """The address of the bank whose books are in `state_dir`, started if it does not answer.

    delay_ms   only for a bank started by this call: how late it answers after booking a file
    port       likewise: where it answers; 0 is where it answered before, or any
    raises     BankNotRunning

    Safe from several processes at once, and after kill -9. The process is detached and outlives the caller. A
    restarted bank keeps its port and token as long as nobody took the port.
    """
    state_dir = state_dir.resolve()
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(state_dir):
        address = _answering(state_dir)
        if address is None:
            # One that holds the books and does not answer (paused, stuck) would keep the new one out.
            _end(state_dir)
            address = _start(state_dir, delay_ms, port)
        return address


def stop(state_dir: Path) -> bool:
    """End the bank of this folder and wait for it; False when none was running. Raises BankNotRunning."""
    state_dir = state_dir.resolve()
    if not state_dir.exists():
        return False
    with _alone(state_dir):
        return _end(state_dir)


def running_pid(state_dir: Path) -> int | None:
    """The process that holds the books; None when none does, 0 when it has not said who it is yet."""
    try:
        lock = os.open(state_dir / "bank.lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.read(lock, 32).decode("ascii", "replace").strip()
        return int(text) if text.isdigit() and _is_bank(int(text)) else 0
    else:
        return None
    finally:
        os.close(lock)


def hold_books(state_dir: Path) -> int:
    """Called by the bank itself: take the lock for the life of this process and write down its pid."""
    lock = os.open(state_dir / "bank.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if not _within(END_WITHIN_S, lambda: _taken(lock)):  # a look by `running_pid` holds it for a moment
        raise BankNotRunning("another bank holds these books")
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock


def published(state_dir: Path) -> dict[str, str]:
    """What the last bank of this folder wrote into bank.json: url, token and pid; {} when unreadable."""
    try:
        record = json.loads((state_dir / "bank.json").read_bytes())
        return {name: str(record[name]) for name in ("url", "token", "pid")}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def publish(state_dir: Path, url: str, token: str) -> None:
    """Called by the bank itself once it accepts: write bank.json whole or not at all, for its owner only."""
    record = json.dumps({"url": url, "token": token, "pid": os.getpid()})
    draft = state_dir / f"bank.json.{secrets.token_hex(4)}"
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(record)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(state_dir / "bank.json")


def tell(address: BankAddress, method: str, path: str, document: object = None) -> tuple[int, bytes]:
    """Ask the bank one thing, with its token: the status and the body of its answer.

    document   what is posted, as JSON; None posts nothing
    raises     OSError or HTTPException when it does not answer
    """
    parts = urlsplit(address.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=ANSWER_WITHIN_S)
    try:
        body = None if document is None else json.dumps(document).encode()
        connection.request(method, path, body, {"Authorization": f"Bearer {address.token}"})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def _start(state_dir: Path, delay_ms: int, port: int) -> BankAddress:
    """Start the process; over a pipe it says that it accepts, and a closed pipe says that it will not."""
    ready, told = os.pipe()
    log = os.open(state_dir / "bank.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    command = [sys.executable, "-m", MODULE, "--state-dir", str(state_dir), "--port", str(port)]
    command += ["--delay-ms", str(delay_ms), "--detach", "--ready-fd", str(told)]
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    environment["PYTHONPATH"] = str(PROJECT_ROOT)
    try:
        subprocess.run(
            command,
            cwd=PROJECT_ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=(told,),
            check=False,
            timeout=START_WITHIN_S,
        )  # returns at once: --detach leaves the bank to init, so that nobody here has to reap it
        os.close(told)
        told = -1
        if not select.select([ready], [], [], START_WITHIN_S)[0] or os.read(ready, 1) != b"\n":
            raise BankNotRunning("the sandbox bank did not start; see bank.log in its state folder")
    except subprocess.TimeoutExpired as error:
        raise BankNotRunning("the sandbox bank did not start in time") from error
    finally:
        for descriptor in (ready, told, log):
            if descriptor >= 0:
                os.close(descriptor)
    record = published(state_dir)
    return BankAddress(record["url"], record["token"])


def _answering(state_dir: Path) -> BankAddress | None:
    """The address, if the process that holds the books answers there; the token goes to no other process."""
    record, pid = published(state_dir), running_pid(state_dir)
    if not pid or record.get("pid") != str(pid):
        return None
    address = BankAddress(record["url"], record["token"])
    try:
        return address if tell(address, "GET", "/ping")[0] == http.client.OK else None
    except (OSError, http.client.HTTPException):
        return None


def _end(state_dir: Path) -> bool:
    """End whoever holds the books: asked first, then killed (a paused process does not hear the first)."""
    if running_pid(state_dir) is None:
        return False
    for sign in (signal.SIGTERM, signal.SIGKILL):
        pid = running_pid(state_dir)
        if pid:
            with suppress(ProcessLookupError):
                os.kill(pid, sign)
        if _within(END_WITHIN_S, lambda: running_pid(state_dir) is None):
            return True
    raise BankNotRunning("the sandbox bank does not end")


def _is_bank(pid: int) -> bool:
    """A second look where the system lets us: the process was started as this module."""
    try:
        return MODULE.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except FileNotFoundError:
        return not Path("/proc/self").exists()


@contextmanager
def _alone(state_dir: Path) -> Iterator[None]:
    """One at a time starts or stops the bank of a folder; the lock goes with the process that holds it."""
    lock = os.open(state_dir / "start.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _within(seconds: float, condition: Callable[[], bool]) -> bool:
    """Wait for a condition no event announces; False when it did not come."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True
