"""The sandbox bank: a process of its own, with books of its own, that takes files and payments over HTTP.

It stands where the employer's bank would, so it trusts nothing: every file goes through `ach_reader`, a key
books once, a file books once, and the books survive kill -9. They are the witness that proofs compare with.
`bank_script` says what it can be told to do wrong, `bank_counter` what it can be asked.

    python -m payroll.payments.bank --state-dir DIR --port 0 [--delay-ms N]
"""

import argparse
import os
import secrets
import sys
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

from payroll.payments import bank_webhooks
from payroll.payments.bank_books import (
    DATABASE,
    BookedCredit,
    Books,
    Movement,
    books,
    files,
    movements,
    outgoing,
)
from payroll.payments.bank_counter import HOST, Counter
from payroll.payments.bank_process import (
    BankAddress,
    BankNotRunning,
    ensure_running,
    hold_books,
    publish,
    published,
    stop,
    tell,
)
from payroll.payments.bank_schema import BooksTooNew

__all__ = [
    "BankAddress",
    "BankNotRunning",
    "BookedCredit",
    "Movement",
    "books",
    "ensure_running",
    "files",
    "movements",
    "outgoing",
    "stop",
    "tell",
]


def _open_counter(state_dir: Path, port: int, delay_ms: int) -> Counter:
    """Bind where the last bank was, under the same token, so that its callers find it again.

    On any other port the token is new: whoever took the old port may have been shown the old one.
    """
    books, before = Books(state_dir / DATABASE), published(state_dir)
    old_port = urlsplit(before.get("url", "")).port or 0
    if before and port in {0, old_port}:
        try:
            return Counter(old_port, books, before["token"], delay_ms)
        except OSError:
            pass
    return Counter(port, books, secrets.token_urlsafe(32), delay_ms)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m payroll.payments.bank", description="The sandbox bank.")
    parser.add_argument("--state-dir", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay-ms", type=int, default=0, help="answer this late after booking a file")
    parser.add_argument("--detach", action="store_true", help="leave the caller's process tree")
    parser.add_argument("--ready-fd", type=int, help="a pipe that gets one line end once the bank accepts")
    given = parser.parse_args()
    if given.detach and os.fork():
        return 0
    os.umask(0o077)
    given.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        hold_books(given.state_dir)
        server = _open_counter(given.state_dir, given.port, given.delay_ms)
    except (BankNotRunning, BooksTooNew, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 3
    Thread(target=bank_webhooks.deliver, args=(server.books, server.rung), daemon=True).start()
    publish(given.state_dir, f"http://{HOST}:{server.server_port}", server.token)
    if given.ready_fd is not None:
        os.write(given.ready_fd, b"\n")
        os.close(given.ready_fd)
    server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
