"""Objects in S3, or in whatever AWS_ENDPOINT_URL names.

A conditional write (If-None-Match: *) keeps "written once" between any number of machines: of two writers
S3 lets one through and refuses the other, who then compares. Connections and credentials are those of
django-storages; its own save would overwrite.

source   docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html: 412 when the key is taken, 409
         when a delete of the same key goes on at the same time, which is to be tried again
"""

import os
import random
import time
from collections.abc import Callable
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
from django.conf import settings
from storages.backends.s3 import S3Storage

from payroll.objects.faults import ObjectsUnavailable

CONNECT_S, READ_S = 5, 20
TRIES_MAX = 4  # of one request, by botocore: throttling, 5xx, lost connections
CONFLICTS_MAX = 5
CONFLICT_S = 0.1

REFUSED = {
    "AccessDenied": "access is denied: the role needs s3:GetObject, s3:PutObject and s3:ListBucket",
    "NoSuchBucket": "there is no such bucket: create it, or mend PAYROLL_STORAGE",
    "InvalidAccessKeyId": "the access key is unknown",
    "SignatureDoesNotMatch": "the secret key is wrong",
    "ExpiredToken": "the session token has expired",
}


class Bucket:
    """Objects under a prefix of a bucket.

    kms_key   the id or ARN of the KMS key that encrypts them; empty for the keys of S3
    """

    def __init__(self, bucket: str, prefix: str, kms_key: str = "") -> None:
        # Names with the bucket in the host do not resolve at an endpoint of one's own.
        own = any(os.environ.get(name) for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"))
        self._bucket, self._prefix = bucket, f"{prefix}/" if prefix else ""
        self._storage = S3Storage(
            bucket_name=bucket,
            region_name=settings.AWS_REGION,
            client_config=Config(
                connect_timeout=CONNECT_S,
                read_timeout=READ_S,
                retries={"mode": "standard", "total_max_attempts": TRIES_MAX},
                signature_version="s3v4",
                s3={"addressing_style": "path" if own else "auto"},
            ),
        )
        self._encryption = (
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key}
            if kms_key
            else {"ServerSideEncryption": "AES256"}
        )

    def create(self, key: str, content: bytes) -> bool:
        """Store bytes under a key; False when something lies there already. Raises ObjectsUnavailable.

        A write whose answer was lost is sent again by botocore and then finds its own object: the caller compares.
        """
        for conflicts in range(CONFLICTS_MAX):
            try:
                self._ask(
                    lambda s3: s3.put_object(
                        Bucket=self._bucket,
                        Key=self._prefix + key,
                        Body=content,
                        IfNoneMatch="*",
                        ChecksumAlgorithm="SHA256",
                        **self._encryption,
                    )
                )
            except ClientError as refused:
                if _code(refused) == "PreconditionFailed":
                    return False
                time.sleep(CONFLICT_S * 2**conflicts * random.uniform(0.5, 1))  # noqa: S311 - jitter
            else:
                return True
        raise ObjectsUnavailable(f"{self.location(key)}: others write it at the same time, again and again")

    def read(self, key: str) -> bytes | None:
        """The bytes under a key, or None. Raises ObjectsUnavailable, also when they were damaged on the way."""
        asked = {"Bucket": self._bucket, "Key": self._prefix + key, "ChecksumMode": "ENABLED"}
        try:
            content: bytes = self._ask(lambda s3: s3.get_object(**asked)["Body"].read())
        except ClientError:
            return None
        return content

    def location(self, key: str) -> str:
        """The object's address."""
        return f"s3://{self._bucket}/{self._prefix}{key}"

    def _ask(self, request: Callable[[Any], Any]) -> Any:
        """Ask S3. Raises ClientError for the refusals that mean something, ObjectsUnavailable for all others."""
        try:
            return request(self._storage.connection.meta.client)  # one a thread
        except ClientError as refused:
            code = _code(refused)
            if code in {"NoSuchKey", "PreconditionFailed", "ConditionalRequestConflict"}:
                raise
            raise ObjectsUnavailable(f"{self._where}: {REFUSED.get(code, f'it answers {code}')}") from refused
        except NoCredentialsError as missing:
            raise ObjectsUnavailable(
                f"{self._where}: there are no AWS credentials; give the task a role, or set AWS_ACCESS_KEY_ID"
            ) from missing
        except (BotoCoreError, OSError) as fault:
            raise ObjectsUnavailable(f"{self._where}: it does not answer ({type(fault).__name__})") from fault

    @property
    def _where(self) -> str:
        return f"object storage s3://{self._bucket}"


def _code(refused: ClientError) -> str:
    return str(refused.response.get("Error", {}).get("Code", "nothing"))
