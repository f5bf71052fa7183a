"""S3 on the wire, as far as the code under test asks for it: put, get by range and tag, list."""

from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from typing import ClassVar
from urllib.parse import parse_qs, unquote, urlsplit


class ObjectsHandler(BaseHTTPRequestHandler):
    """Serves ``objects``, by ``/<bucket>/<key>``."""

    objects: ClassVar[dict[str, bytes]]

    def do_POST(self) -> None:
        """Refuse: S3 is asked by other methods."""
        self._answer(405, b"")

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        if "list-type=2" in asked.query:
            self._list(unquote(asked.path), parse_qs(asked.query)["prefix"][0])
        else:
            self._give(unquote(asked.path))

    def do_HEAD(self) -> None:
        self._give(unquote(urlsplit(self.path).path))

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.objects[unquote(urlsplit(self.path).path)] = content
        self._answer(200, b"", ETag=_tag_of(content))

    def do_DELETE(self) -> None:
        self.objects.pop(unquote(urlsplit(self.path).path), None)
        self._answer(204, b"")

    def is_about_objects(self) -> bool:
        """Say whether the request was signed for S3."""
        return "/s3/aws4_request" in unquote(self.path + self.headers.get("Authorization", ""))

    def _give(self, place: str) -> None:
        content = self.objects.get(place)
        if content is None:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        elif self.headers.get("If-Match", _tag_of(content)) != _tag_of(content):
            self._answer(412, b"<Error><Code>PreconditionFailed</Code></Error>")
        elif wanted := self.headers.get("Range"):
            first, last = map(int, wanted.removeprefix("bytes=").split("-"))
            self._answer(206, content[first : last + 1], ETag=_tag_of(content))
        else:
            self._answer(200, content, ETag=_tag_of(content))

    def _list(self, bucket: str, prefix: str) -> None:
        place = f"{bucket.rstrip('/')}/"
        keys = sorted(one.removeprefix(place) for one in self.objects if one.startswith(place))
        found = "".join(
            f"<Contents><Key>{key}</Key><Size>{len(self.objects[place + key])}</Size></Contents>"
            for key in keys
            if key.startswith(prefix)
        )
        self._answer(200, f"<ListBucketResult>{found}</ListBucketResult>".encode())

    def _answer(self, status: int, content: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _tag_of(content: bytes) -> str:
    return f'"{sha256(content).hexdigest()}"'
