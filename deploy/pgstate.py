"""What the embedded Postgres keeps in the state folder, and who may touch it when.

postgres.json (0600: port, major, passwords), pgdata (the data folder, or a link to it), postgres.log.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from deploy.pgbin import DatabaseUnavailable

OWNER, APP, SUPERUSER = "payroll_owner", "payroll_app", "postgres"
LOCK_LIMIT = 400.0  # seconds; longer than any start or stop may take
LOG_LIMIT = 8 << 20  # bytes, and as many again in postgres.log.1


@dataclass(frozen=True)
class Record:
    """What postgres.json holds; it is written last, so it vouches for all the rest."""

    port: int
    major: int
    passwords: dict[str, str]


def data_of(state_dir: Path) -> Path:
    return state_dir / "pgdata"


def file_of(state_dir: Path) -> Path:
    return state_dir / "postgres.json"


def log_of(state_dir: Path) -> Path:
    return state_dir / "postgres.log"


def load(state_dir: Path) -> Record | None:
    """What is recorded; None when nothing is, DatabaseUnavailable when it makes no sense."""
    path = file_of(state_dir)
    try:
        found = json.loads(path.read_bytes())
        record = Record(int(found["port"]), int(found["major"]), dict(found["passwords"]))
        passwords = [record.passwords[role] for role in (SUPERUSER, OWNER, APP)]
        if not 0 < record.port < 1 << 16 or not all(isinstance(each, str) and each for each in passwords):
            raise ValueError(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise DatabaseUnavailable(
            f"{path} makes no sense: delete it and start again; new passwords are set, the data stays"
        ) from error
    return record


def save(state_dir: Path, record: Record) -> None:
    """Write postgres.json whole or not at all, readable by the owner of the state folder only."""
    fresh = state_dir / "postgres.json.new"
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        json.dump(asdict(record), out, indent=1)
        out.flush()
        os.fsync(out.fileno())
        _give_to_owner(out.fileno(), state_dir)
    fresh.replace(file_of(state_dir))
    sync_folder(state_dir)


def sync_folder(folder: Path) -> None:
    """Make what was renamed in a folder survive a power cut."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _give_to_owner(fd: int, state_dir: Path) -> None:
    """A file that root makes in another user's state folder belongs to that user."""
    if os.geteuid() == 0:
        owner = state_dir.stat()
        os.fchown(fd, owner.st_uid, owner.st_gid)


@contextlib.contextmanager
def one_sentence(state_dir: Path) -> Iterator[None]:
    """Turn what the operating system refuses into one sentence that says what to do."""
    try:
        yield
    except OSError as error:
        place = error.filename or state_dir
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DatabaseUnavailable(f"the disk that holds {place} is full: free some space") from error
        if isinstance(error, PermissionError) or error.errno == errno.EROFS:
            raise DatabaseUnavailable(
                f"no permission for {place}: start as the user who owns it, choose another state folder, "
                "or set DATABASE_URL"
            ) from error
        raise DatabaseUnavailable(f"{place}: {error.strerror}; mend that or set DATABASE_URL") from error


@contextlib.contextmanager
def alone(state_dir: Path) -> Iterator[None]:
    """Hold the state folder, so that one process at a time makes, starts or stops its server."""
    deadline = time.monotonic() + LOCK_LIMIT
    while (fd := lock(state_dir)) is None:
        if time.monotonic() > deadline:
            raise DatabaseUnavailable(f"another process has held {state_dir} for too long: stop it")
        time.sleep(0.01)
    try:
        yield
    finally:
        fcntl.flock(fd, fcntl.LOCK_UN)  # a child forked meanwhile shares the lock: closing would not end it
        os.close(fd)


def lock(folder: Path) -> int | None:
    """An open, exclusively locked folder; None when somebody else holds it."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    except BaseException:
        os.close(fd)
        raise
    return fd


@contextlib.contextmanager
def claimed(real: Path) -> Iterator[int]:
    """Hold a data folder that nobody serves; the open file is for the server to inherit."""
    fd = lock(real)
    if fd is None:
        raise DatabaseUnavailable(f"{real} is in use by another process: stop it")
    try:
        # Postgres refuses to start on a pid file that names any living process of its user.
        (real / "postmaster.pid").unlink(missing_ok=True)
        yield fd
    finally:
        os.close(fd)  # and not unlocked: a server started meanwhile keeps the lock


def name_of(data: Path) -> str:
    """What the server calls itself: the data folder as a file, whatever its path is today."""
    folder = data.stat()
    return f"payroll-{folder.st_dev:x}-{folder.st_ino:x}"


def postmaster(real: Path) -> int | None:
    """The living server that the pid file names; None for a dead, zombie or recycled pid."""
    try:
        pid = abs(int((real / "postmaster.pid").read_text().split("\n")[0]))  # negative: single-user
    except (FileNotFoundError, ValueError):
        return None
    return pid if serves(pid, real) else None


def says_ready(real: Path) -> bool:
    """What the server wrote about itself; cheaper, and quieter in its log, than asking in a loop."""
    with contextlib.suppress(OSError, IndexError):
        return (real / "postmaster.pid").read_text().split("\n")[7].strip() == "ready"
    return False


def serves(pid: int, real: Path) -> bool:
    """Whether that process lives, is a Postgres, and serves that data folder.

    A zombie, a recycled pid and the Postgres of another folder are not. A server stands in its data folder,
    which is compared as a file, so that a moved folder is still known.
    """
    if not sys.platform.startswith("linux"):
        command = ["ps", "-p", str(pid), "-o", "command="]
        shown = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        return "postgres" in shown and str(real) in shown
    process = Path(f"/proc/{pid}")
    try:
        named = (process / "exe").readlink().name.startswith("postgres")
        return named and (process / "cwd").samefile(real)
    except PermissionError:
        # Root in a container may not look into another user's process, but may read what it was started as.
        with contextlib.suppress(OSError):
            shown = (process / "cmdline").read_bytes().decode(errors="replace")
            return "postgres" in shown and (name_of(real) in shown or f"\0{real}\0" in shown)
    except OSError:
        pass
    return False


def servers(real: Path) -> list[int]:
    """Every process that serves a data folder, backends included; empty where there is no /proc."""
    pids = (int(entry.name) for entry in Path("/proc").glob("[0-9]*"))
    return [pid for pid in pids if serves(pid, real)]


def open_log(state_dir: Path) -> IO[bytes]:
    """postgres.log, for appending."""
    fd = os.open(log_of(state_dir), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    _give_to_owner(fd, state_dir)
    return os.fdopen(fd, "ab")


def bound_log(state_dir: Path) -> None:
    """Move a long log aside: the server appends, so emptying the file under it is safe."""
    log = log_of(state_dir)
    with contextlib.suppress(OSError):
        if log.stat().st_size > LOG_LIMIT:
            shutil.copyfile(log, log.with_name("postgres.log.1"))
            os.truncate(log, 0)


def log_size(state_dir: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        return log_of(state_dir).stat().st_size
    return 0


def log_since(state_dir: Path, start: int) -> str:
    """What the server said since the log was that long; the end of it when it is a lot."""
    with log_of(state_dir).open("rb") as log:
        log.seek(max(start, log_size(state_dir) - 100_000))
        return log.read().decode(errors="replace")
