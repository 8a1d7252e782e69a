"""Objects in a folder: one machine, a disk that stays."""

import os
import tempfile
from pathlib import Path


class Folder:
    """Objects as files; `root` is made when it is first written to."""

    def __init__(self, root: str | Path) -> None:
        self._root = Path(root)

    def create(self, key: str, content: bytes) -> bool:
        """Store bytes under a key; False when something lies there already. Raises OSError."""
        path = self._root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        fd, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(temporary, path)  # atomic, and refuses to replace what is there
                created = True
            except FileExistsError:
                created = False
        finally:
            Path(temporary).unlink()
        _sync(path.parent)
        return created

    def read(self, key: str) -> bytes | None:
        """The bytes under a key, or None."""
        try:
            return (self._root / key).read_bytes()
        except FileNotFoundError:
            return None

    def location(self, key: str) -> str:
        """The file's path."""
        return str(self._root / key)


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
