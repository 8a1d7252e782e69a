"""Clients of AWS, at AWS or at an endpoint of one's own.

Region, credentials and endpoint are what the environment says: AWS_REGION, the role of the task or AWS_ACCESS_KEY_ID,
AWS_ENDPOINT_URL or AWS_ENDPOINT_URL_SQS. A client is made when it is first needed and belongs to its process: a
connection must not cross a fork.
"""

import os
import threading
from functools import lru_cache
from typing import Any

from django.conf import settings

CONNECT_S, READ_S = 5.0, 30.0
TRIES_MAX = 4  # of one request, by botocore: throttling, 5xx, lost connections

_making = threading.Lock()  # a client may be shared by threads, the making of it not


def client(
    service: str, *, connect_s: float = CONNECT_S, read_s: float = READ_S, tries_max: int = TRIES_MAX
) -> Any:
    """The client of this process for a service, with these bounds on one request."""
    with _making:
        return _client(service, os.getpid(), endpoint(service), connect_s, read_s, tries_max)


def endpoint(service: str) -> str:
    """Where a service is reached; empty for AWS itself."""
    own = os.environ.get(f"AWS_ENDPOINT_URL_{service.upper()}")
    return own or os.environ.get("AWS_ENDPOINT_URL") or ""


@lru_cache(maxsize=32)
def _client(  # noqa: PLR0917 - what makes one client another
    service: str, process: int, url: str, connect_s: float, read_s: float, tries_max: int
) -> Any:
    import boto3
    from botocore.config import Config

    bounds = Config(
        connect_timeout=connect_s,
        read_timeout=read_s,
        retries={"mode": "standard", "total_max_attempts": tries_max},
    )
    session = boto3.session.Session()
    return session.client(service, region_name=settings.AWS_REGION, endpoint_url=url or None, config=bounds)
