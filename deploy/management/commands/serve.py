"""Open the admin in a web server on this machine."""

import os
import socket
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, call_command

FIRST_PORT = 8000
PORTS_TRIED = 100


class Command(BaseCommand):
    help = "Serve the admin on loopback; on the embedded database print the logins of maker and checker."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, help="default: the first free one from 8000 on")

    def handle(self, *args: Any, port: int | None, **options: Any) -> None:
        call_command("setup", verbosity=0)
        address = f"127.0.0.1:{free_port(port)}"
        self.stdout.write(f"http://{address}/admin/")
        for username, password in settings.DEMO_PASSWORDS.items():
            self.stdout.write(f"  {username:<8} {password}")
        self.stdout.flush()
        gunicorn = [sys.executable, "-m", "gunicorn", "deploy.wsgi", "--bind", address, "--workers", "2"]
        os.execv(sys.executable, [*gunicorn, "--log-level", "warning", "--no-control-socket"])  # noqa: S606


def free_port(wanted: int | None) -> int:
    """The wanted port, or the first free one. Raises CommandError when it is taken."""
    for port in [wanted] if wanted else range(FIRST_PORT, FIRST_PORT + PORTS_TRIED):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise CommandError(f"port {wanted or FIRST_PORT} is taken on 127.0.0.1: choose another with --port")
