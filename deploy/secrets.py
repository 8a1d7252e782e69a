"""Secrets of a machine that was not given any: made once, kept in the state folder, readable by its owner.

Production is given its secrets by the environment and never comes here.
"""

import base64
import json
import os
import secrets
import tempfile
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def load_or_create(state_dir: Path) -> dict[str, str]:
    """The secrets of this state folder: secret_key, field_key, index_key, maker and checker passwords.

    raises   OSError when the folder cannot be written, ImproperlyConfigured when the file is damaged
    """
    path = state_dir / "secrets.json"
    if not path.exists():
        state_dir.mkdir(parents=True, exist_ok=True)
        _write_once(path, json.dumps(_fresh(), indent=2))
    try:
        found: dict[str, str] = json.loads(path.read_text())
        return {name: found[name] for name in _fresh()}
    except (ValueError, KeyError) as error:
        raise ImproperlyConfigured(
            f"{path} is damaged; restore it from a backup, because encrypted data needs it"
        ) from error


def _fresh() -> dict[str, str]:
    def key() -> str:
        return base64.b64encode(secrets.token_bytes(32)).decode()

    passwords = {"maker_password": secrets.token_urlsafe(12), "checker_password": secrets.token_urlsafe(12)}
    return {"secret_key": secrets.token_urlsafe(48), "field_key": key(), "index_key": key(), **passwords}


def _write_once(path: Path, text: str) -> None:
    """Create the file whole or not at all; of two processes one wins and both read the same."""
    fd, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(fd, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            pass
    finally:
        Path(temporary).unlink()
