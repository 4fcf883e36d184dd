"""An S3 server on loopback, moto's, for stores that are buckets."""

import logging
from typing import Any

KEY, SECRET = "an-access-key", "a-secret-that-is-told-to-nobody"


class Buckets:
    """``with Buckets() as buckets: buckets.put("reports/a.txt", b"…")`` into the bucket ``lake``."""

    def __init__(self) -> None:
        from moto.server import ThreadedMotoServer

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)

    def __enter__(self) -> "Buckets":
        import boto3

        self._server.start()
        host, port = self._server.get_host_and_port()
        self.url = f"http://{host}:{port}"
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
        )
        self._client.create_bucket(Bucket="lake")
        return self

    def __exit__(self, *exc: object) -> None:
        self._client.close()
        self._server.stop()

    def store(self, url: str = "s3://lake/handbook", **options: Any) -> dict[str, Any]:
        """What the settings say of it."""
        return {"url": url, "key": KEY, "secret": SECRET, "endpoint_url": self.url, **options}

    def put(self, key: str, content: bytes) -> None:
        self._client.put_object(Bucket="lake", Key=f"handbook/{key}", Body=content)

    def delete(self, key: str) -> None:
        self._client.delete_object(Bucket="lake", Key=f"handbook/{key}")

    def rename(self, key: str, new: str) -> None:
        self._client.copy_object(Bucket="lake", CopySource=f"lake/handbook/{key}", Key=f"handbook/{new}")
        self.delete(key)
