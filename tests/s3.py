"""An S3 server on loopback that knows whom it lets in, and can go and come back."""

import json
from typing import Any

import boto3
import requests
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer

from tests.servers import free_port

REGION = "us-east-1"
EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
}


class S3Server:
    """What it holds outlasts a `stop`, as with a server that is restarted."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()
        iam = self._client("iam", "first", "of all")
        iam.create_user(UserName="mlgov")
        iam.put_user_policy(
            UserName="mlgov", PolicyName="store", PolicyDocument=json.dumps(EVERYTHING)
        )
        key = iam.create_access_key(UserName="mlgov")["AccessKey"]
        self.key_id, self.secret = key["AccessKeyId"], key["SecretAccessKey"]
        # From now on the server looks at signatures and policies.
        requests.post(f"{self.url}/moto-api/reset-auth", data="0", timeout=10).raise_for_status()
        self.client = self._client("s3", self.key_id, self.secret)

    def _client(self, service: str, key_id: str, secret: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=key_id,
            aws_secret_access_key=secret,
        )

    def start(self) -> None:
        self._server = ThreadedMotoServer("127.0.0.1", self.port, verbose=False)
        self._server.start()

    def stop(self) -> None:
        self._server.stop()
        listening = self._server._server
        assert listening is not None
        # Otherwise the kernel goes on to take connections that nobody answers.
        listening.server_close()

    def make_bucket(self, name: str) -> None:
        self.client.create_bucket(Bucket=name)

    def content(self, bucket: str) -> dict[str, bytes]:
        listed = self.client.list_objects_v2(Bucket=bucket).get("Contents", [])
        keys = [entry["Key"] for entry in listed]
        return {key: self.client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}

    def unfinished_uploads(self, bucket: str) -> list[Any]:
        return list(self.client.list_multipart_uploads(Bucket=bucket).get("Uploads", []))

    def remove_bucket(self, bucket: str) -> None:
        try:
            for key in self.content(bucket):
                self.client.delete_object(Bucket=bucket, Key=key)
            self.client.delete_bucket(Bucket=bucket)
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchBucket":
                raise
