"""Real brokers for tests, each a process of its own on a free port of the loopback: SQS, SNS and S3, and Redis."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

PATIENCE_S = 30.0
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
NO_REDIS = "redis-server is not installed: apt-get install redis-server"


@contextmanager
def ministack() -> Iterator[str]:
    """SQS, SNS and S3 in one process; yields the endpoint's URL."""
    port = free_port()
    change = {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "LOG_LEVEL": "WARNING"}
    with _running([_program("ministack")], port, change):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def moto() -> Iterator[str]:
    """Another implementation of the same three; yields the endpoint's URL."""
    port = free_port()
    with _running([_program("moto_server"), "-H", "127.0.0.1", "-p", str(port)], port, {}):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def redis() -> Iterator[str]:
    """A Redis without persistence; yields its URL. Skips the test where there is no redis-server."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip(NO_REDIS)
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="payroll-redis-") as folder:
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder]
        with _running(command, port, {}):
            yield f"redis://127.0.0.1:{port}/0"


def use(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    """Let this process and those it starts meet AWS at `endpoint`."""
    for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": endpoint}.items():
        monkeypatch.setenv(name, value)


def client(service: str, endpoint: str) -> Any:
    """A boto3 client of one of the emulators."""
    import boto3

    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=CREDENTIALS["AWS_REGION"],
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(met: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """Wait until `met` answers something true, and return it."""
    end = time.monotonic() + patience_s
    while not (found := met()):
        assert time.monotonic() < end, f"waited {patience_s:.0f} s in vain until {what}"
        time.sleep(0.02)
    return found


@contextmanager
def _running(command: Sequence[str], port: int, change: dict[str, str]) -> Iterator[None]:
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command, env={**os.environ, **CREDENTIALS, **change}, stdout=log, stderr=log
        )
        try:
            until(lambda: listens(port) or process.poll() is not None, f"{command[0]} answers on {port}")
            if process.poll() is not None:
                log.seek(0)
                raise AssertionError(f"{command[0]} ended with {process.returncode}: {log.read()[-2000:]!r}")
            yield
        finally:
            process.terminate()
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def listens(port: int) -> bool:
    """Whether somebody listens on this port of the loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _program(name: str) -> str:
    return str(Path(sys.executable).parent / name)
