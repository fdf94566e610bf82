"""Buckets of S3 and what speaks like it.

boto says what to send and signs it; it is sent here. So nothing of the process's surroundings takes
part: no profile, no variable, no credentials of the machine, no proxy, no redirect, and no other
host than the one that the administrator named.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from botocore import UNSIGNED
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout

from apps.core.errors import Invalid, NotFound, Unavailable
from apps.tracking.connections import pool, require_nameable
from apps.tracking.files import CHUNK, Refused, RemoteFile, require_reasonable
from apps.tracking.stores.base import Store, plain_path

SCHEME = "s3://"
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
REGION = re.compile(r"[a-z0-9-]{0,40}")
AWS = "https://s3.{region}.amazonaws.com"
FIRST_REGION = "us-east-1"
TIMEOUT = Timeout(connect=5, read=60)
MISSING = {"NoSuchKey", "NoSuchBucket", "404"}


class S3Store(Store):
    def __init__(self, options: Any) -> None:
        super().__init__(options)
        self._region = options.region or FIRST_REGION
        self._endpoint = (options.endpoint_url or AWS.format(region=self._region)).rstrip("/")
        self._pool = pool(self._endpoint, checked=True)
        self._made: Any = None

    @staticmethod
    def location(address: str) -> str:
        bucket, _, key = address.removeprefix(SCHEME).partition("/")
        if not address.startswith(SCHEME) or not BUCKET.fullmatch(bucket):
            raise Invalid("an address of S3 is written s3://bucket/folder")
        key = plain_path(key)
        return f"{SCHEME}{bucket}/{key}" if key else f"{SCHEME}{bucket}"

    def check_options(self) -> None:
        if not REGION.fullmatch(self.options.region):
            raise Invalid("Write the region as S3 does, such as eu-central-1.")
        require_nameable(self._endpoint)
        if urlsplit(self._endpoint).path:
            raise Invalid("Write the endpoint without a path.")

    def list_artifacts(self, root: str) -> Iterator[RemoteFile]:
        bucket, key = _split(root)
        prefix = f"{key}/" if key else ""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=prefix, PaginationConfig={"PageSize": 1000}
        )
        found = 0
        with self._refusals_told(root):
            for page in pages:
                for entry in page.get("Contents") or []:
                    path = str(entry["Key"])[len(prefix) :]
                    if not path or path.endswith("/"):
                        continue  # what consoles keep in place of an empty folder
                    found += 1
                    require_reasonable(path, found=found)
                    yield RemoteFile(path, int(entry["Size"]))

    @contextmanager
    def open_artifact(self, path: str) -> Iterator[Iterator[bytes]]:
        bucket, key = _split(path)
        with self._refusals_told(path):
            body = self._client.get_object(Bucket=bucket, Key=key)["Body"]
        try:
            yield self._chunks(body, path)
        finally:
            body.close()

    def _chunks(self, body: Any, path: str) -> Iterator[bytes]:
        with self._refusals_told(path):
            yield from body.iter_chunks(CHUNK)

    @contextmanager
    def _refusals_told(self, location: str) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            if code in MISSING or status == 404:
                raise NotFound(f"There is nothing at {location}.") from None
            if status in (401, 403):
                raise Refused(
                    f"The store does not show {location} with the credentials of the project. An "
                    "owner of the project can enter others on its page “Sources”."
                ) from None
            if 300 <= status < 400:
                raise Refused(
                    f"The store sends us elsewhere for {location}, which mlgov does not follow. "
                    "Ask an administrator whether the region and the endpoint of the store are "
                    "right."
                ) from None
            raise Unavailable(f"The store does not give out {location} ({code}).") from None
        except (BotoCoreError, HTTPError, OSError) as error:
            raise Unavailable(
                f"The store at {self._endpoint} does not answer. Try again in a minute, and ask "
                "the people who run it if it stays so."
            ) from error

    @property
    def _client(self) -> Any:
        if self._made is None:
            self._made = self._make_client()
        return self._made

    def _make_client(self) -> Any:
        options = self.options
        nowhere = (None, None, os.devnull, None)
        session = Session(
            session_vars={
                "profile": (None, None, None, None),
                "config_file": nowhere,
                "credentials_file": nowhere,
            }
        )
        is_known = bool(options.access_key_id)
        client = session.create_client(
            "s3",
            region_name=self._region,
            endpoint_url=self._endpoint,
            aws_access_key_id=options.access_key_id if is_known else None,
            aws_secret_access_key=options.secret_access_key if is_known else None,
            config=Config(
                signature_version="s3v4" if is_known else UNSIGNED,
                s3={"addressing_style": "path"},
                retries={"total_max_attempts": 2, "mode": "standard"},
                ignore_configured_endpoint_urls=True,
                defaults_mode="legacy",
            ),
        )
        client.meta.events.register("before-send.s3", self._send)
        return client

    def _send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        if not f"{request.url}/".startswith(f"{self._endpoint}/"):
            raise Invalid(f"mlgov reads this store at {self._endpoint} only.")
        response = self._pool.urlopen(
            request.method,
            request.url[len(f"{self._endpoint}") :],
            body=request.body,
            headers=dict(request.headers.items()),
            retries=False,
            redirect=False,
            timeout=TIMEOUT,
            assert_same_host=False,
            preload_content=False,
            decode_content=False,
        )
        answer = AWSResponse(request.url, response.status, response.headers, response)
        if not request.stream_output:
            _ = answer.content  # read now, so that the connection is free again
        return answer


def _split(location: str) -> tuple[str, str]:
    bucket, _, key = location.removeprefix(SCHEME).partition("/")
    return bucket, key
