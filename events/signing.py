"""How we sign what we POST to others, so that they can tell us from anybody else.

    t=1790000000,v1=<hex>       HMAC-SHA256 of "<t>.<body>", t in seconds since 1970

The receiver knows the secret, computes the same, compares in constant time, and refuses what is older than a few
minutes: a signature that somebody overheard is of no use later.
"""

import hashlib
import hmac
import time


def signature(secret: str, body: bytes, at: int | None = None) -> str:
    """The value of a header that signs this body; `at` in seconds since 1970, None means now."""
    moment = int(time.time()) if at is None else at
    signed = hmac.new(secret.encode(), b"%d.%s" % (moment, body), hashlib.sha256)
    return f"t={moment},v1={signed.hexdigest()}"
