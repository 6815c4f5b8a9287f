"""Serve S3 for tests: moto's server on a free port. It counts requests and rejects them on demand.

with served_s3() as s3:
    s3.make_bucket("bench")
    …  # AWS_ENDPOINT_URL_S3 = s3.url
    s3.content("s3://bench/key"), s3.requests
"""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import boto3  # type: ignore[import-untyped]
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

KEY_ID, SECRET = "AKIATESTTESTTESTTEST", "a-secret-for-tests-0123456789"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "us-east-1"}

Refusal = tuple[int, str, str]
"""Status, code and message of an S3 error."""
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass
class ServedS3:
    """The URL, the received requests, and the requests to reject."""

    url: str = ""
    requests: list[str] = field(default_factory=list)  # "PUT /bench/key", with "?" if the URL has a query
    checksums: list[str] = field(default_factory=list)  # values of x-amz-checksum-sha256, in base64
    _refusals: list[tuple[str, Refusal]] = field(default_factory=list)
    _before: list[tuple[str, Callable[[], None]]] = field(default_factory=list)

    @cached_property
    def client(self) -> Any:
        """Return a client for the tests. It does not depend on the environment."""
        return boto3.client(
            "s3", endpoint_url=self.url, aws_access_key_id=KEY_ID, aws_secret_access_key=SECRET, region_name="us-east-1"
        )

    def make_bucket(self, name: str) -> None:
        """Create an empty bucket."""
        self.client.create_bucket(Bucket=name)

    def head(self, url: str) -> Any:
        """Return the metadata of an object."""
        bucket, _, key = url.removeprefix("s3://").partition("/")
        return self.client.head_object(Bucket=bucket, Key=key)

    def content(self, url: str) -> bytes:
        """Return the content of an object."""
        bucket, _, key = url.removeprefix("s3://").partition("/")
        content: bytes = self.client.get_object(Bucket=bucket, Key=key)["Body"].read()
        return content

    def keys(self, bucket: str) -> list[str]:
        """Return all keys in a bucket."""
        return [each["Key"] for each in self.client.list_objects_v2(Bucket=bucket).get("Contents", [])]

    def uploads_under_way(self, bucket: str) -> list[Any]:
        """Return the multipart uploads that are neither completed nor aborted."""
        return list(self.client.list_multipart_uploads(Bucket=bucket).get("Uploads", []))

    def refuse(self, start: str, refusal: Refusal, *, times: int = 1) -> None:
        """Reject the next requests with this prefix ("PUT /bench")."""
        self._refusals += [(start, refusal)] * times

    def before(self, start: str, act: Callable[[], None]) -> None:
        """Call a function before the response to the next request with this prefix."""
        self._before.append((start, act))

    def answering(self, app: Wsgi) -> Wsgi:
        """Return `app` with a wrapper that records requests and rejects some of them."""

        def counted(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            request = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}{'?' if environ['QUERY_STRING'] else ''}"
            self.requests.append(request)
            self.checksums += [environ["HTTP_X_AMZ_CHECKSUM_SHA256"]] if "HTTP_X_AMZ_CHECKSUM_SHA256" in environ else []
            for wanted in [each for each in self._before if request.startswith(each[0])][:1]:
                self._before.remove(wanted)
                wanted[1]()
            for refused in [each for each in self._refusals if request.startswith(each[0])][:1]:
                self._refusals.remove(refused)
                return _refused(environ, start_response, refused[1])
            return app(environ, start_response)

        return counted


def _refused(environ: dict[str, Any], start_response: Callable[..., Any], refusal: Refusal) -> Iterable[bytes]:
    status, code, message = refusal
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
    body = b"" if environ["REQUEST_METHOD"] == "HEAD" or not code else body
    start_response(f"{status} Refused", [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
    return [body]


@contextmanager
def served_s3() -> Iterator[ServedS3]:
    """Serve S3 on a free local port until the block ends."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # one line per request hides the output of a failed test
    served = ServedS3()
    app = served.answering(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    served.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join(30)
        server.server_close()
