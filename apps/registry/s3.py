"""The artifact store in a bucket of S3, or of what speaks like it.

What goes wrong there is an `OSError`, as it is with the store in a folder, and nothing of the
process's surroundings takes part: no profile, no credentials of the machine it runs on.
"""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import boto3.session
from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    ConnectTimeoutError,
    HTTPClientError,
)
from botocore.session import Session
from django.conf import settings
from django.core.files import File
from s3transfer.exceptions import RetriesExceededError
from storages.backends.s3 import S3Storage
from storages.utils import clean_name

CONNECT_SECONDS = 5
# For an answer to begin, or to go on, and not for a whole file.
READ_SECONDS = 30
ATTEMPTS = 3
# What is longer lies on the disk while it is read.
LONGEST_IN_MEMORY = 8 * 1024 * 1024
PARTS_AT_ONCE = 4
FULL = {"QuotaExceeded", "StorageFull", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded"}
INSUFFICIENT_STORAGE = 507


class S3ArtifactStorage(S3Storage):
    """Raises `FileNotFoundError` for what is not there, and `OSError` for everything else."""

    def __init__(self, **options: Any) -> None:
        endpoint = options.get("endpoint_url")
        super().__init__(
            file_overwrite=False,
            # Said here, because the parent looks for them in the environment otherwise.
            session_profile=None,
            security_token=None,
            client_config=Config(
                signature_version="s3v4",
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
                # Names of buckets are names of hosts with AWS, and seldom with others.
                s3={"addressing_style": "path" if endpoint else "auto"},
                # mlgov has digests of its own, and many stores do not know those of AWS.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                ignore_configured_endpoint_urls=True,
            ),
            transfer_config=TransferConfig(max_concurrency=PARTS_AT_ONCE),
            **options,
        )

    def exists(self, name: str) -> bool:
        with self._in_terms_of_files(name):
            return bool(super().exists(name))

    def size(self, name: str) -> int:
        with self._in_terms_of_files(name):
            return int(super().size(name))

    def delete(self, name: str) -> None:
        with self._in_terms_of_files(name):
            super().delete(name)

    def _save(self, name: str, content: File) -> str:
        with self._in_terms_of_files(name):
            return str(super()._save(name, content))

    def _open(self, name: str, mode: str = "rb") -> File:
        """The whole file, fetched now: a reader meets no network any more."""
        directory = settings.MLGOV_DATA_DIR / "incoming"
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with ExitStack() as unfinished, self._in_terms_of_files(name):
            file = unfinished.enter_context(
                tempfile.SpooledTemporaryFile(max_size=LONGEST_IN_MEMORY, dir=str(directory))
            )
            key = self._normalize_name(clean_name(name))
            self.bucket.Object(key).download_fileobj(file, Config=self.transfer_config)
            file.seek(0)
            unfinished.pop_all()
        return File(file, name)

    @property
    def bucket(self) -> Any:
        # The parent keeps one for all threads, and boto's are for one each.
        return self.connection.Bucket(self.bucket_name)

    def _create_session(self) -> boto3.session.Session:
        nothing = (None, None, None, None)
        no_file = (None, None, os.devnull, None)
        session = Session(
            session_vars={
                "profile": nothing,
                "config_file": no_file,
                "credentials_file": no_file,
            }
        )
        # Also where they are empty: boto would ask the machine's metadata address for others.
        session.set_credentials(self.access_key or "-", self.secret_key or "-")
        return boto3.session.Session(botocore_session=session)

    @contextmanager
    def _in_terms_of_files(self, name: str) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            raise self._refused(error, name) from error
        except (ConnectionError, ConnectTimeoutError, HTTPClientError, RetriesExceededError) as e:
            text = f"the S3 server at {self.endpoint_url or 'AWS'} does not answer"
            raise OSError(errno.EHOSTUNREACH, text) from e
        except (BotoCoreError, Boto3Error, ValueError) as error:
            raise OSError(errno.EIO, f"S3 cannot be used: {error}") from error

    def _refused(self, error: ClientError, name: str) -> OSError:
        answer = error.response
        code = str(answer.get("Error", {}).get("Code", ""))
        status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code == "NoSuchBucket":
            return OSError(errno.EIO, f"there is no bucket “{self.bucket_name}” in S3")
        if status == 404:
            return FileNotFoundError(errno.ENOENT, "there is no such file in the bucket", name)
        if code in FULL or status == INSUFFICIENT_STORAGE:
            return OSError(errno.ENOSPC, f"there is no room in the bucket “{self.bucket_name}”")
        if status in (401, 403):
            text = f"S3 refuses the credentials of mlgov for the bucket “{self.bucket_name}”"
            return PermissionError(errno.EACCES, f"{text} ({code})")
        return OSError(errno.EIO, f"S3 answers {status} ({code})")
