"""Where a marketer's commands go, and how they prove who they are.

By default it is the local stack, with a token of one of its marketers. With an API's address it is
AWS: signed with the shell's IAM credentials (SigV4), unless the environment has a token.
"""

import os
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

import httpx
import typer
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.session import Session
from typing_extensions import override

from infra.local.api import ApiCaller
from infra.local.errors import LocalStackError

TOKEN = "ENGAGE_TOKEN"  # noqa: S105 - the name of a variable
PATIENCE_SECONDS = 60

AppId: TypeAlias = Annotated[
    str | None, typer.Option("--app", help="The app; unset: the local stack's own.")
]
RoleName: TypeAlias = Annotated[
    str, typer.Option("--as", help="On the local stack: admin, sender, editor or viewer.")
]


def address_option(output: str) -> Any:
    """Return the option that names an API's address; ``output`` is what a deployment calls it."""
    return typer.Option(
        "--url",
        help=f"The output {output} of a deployment on AWS; requests are signed with the shell's"
        f" credentials, unless {TOKEN} is set. Unset: the local stack.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An app, on one deployment: ``url`` without a slash at its end."""

    url: str
    app_id: str
    token: str | None = None

    def caller(self) -> ApiCaller:
        """Return who calls there.

        Raises:
            LocalStackError: the shell has no AWS credentials.
        """
        auth = None if self.token else signing(self.url)
        client = httpx.Client(base_url=self.url, timeout=PATIENCE_SECONDS, auth=auth)
        return ApiCaller(client, self.token)

    def path(self, *parts: str) -> str:
        """Return the path of something of the app."""
        return "/".join((f"/v1/apps/{self.app_id}", *parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where a marketer works: who calls, and the path of what is worked on."""

    caller: ApiCaller
    path: str

    def get(self, *parts: str, **query: str) -> dict[str, Any]:
        """Return something that is there."""
        return self.caller.get(self._path(parts), **query)

    def items(self, *parts: str) -> Iterator[dict[str, Any]]:
        """Yield all of a list."""
        return self.caller.items(self._path(parts), limit="100")

    def do(self, *parts: str, **body: Any) -> dict[str, Any]:
        """Have something made or done, and return the answer."""
        return self.caller.post(self._path(parts), body)

    def change(self, *parts: str, **body: Any) -> dict[str, Any]:
        """Change something that is there, and return the answer."""
        return self.caller.patch(self._path(parts), body)

    def _path(self, parts: tuple[str, ...]) -> str:
        return "/".join((self.path, *parts))


def place(facts: Mapping[str, Any], *, url: str | None, app_id: str | None, role: str) -> Place:
    """Return where to go; ``facts`` are what ``engage up`` said last, none where it never ran.

    Raises:
        LocalStackError: no stack was brought up here, or an address came without its app.
    """
    if url is not None:
        if app_id is None:
            raise LocalStackError("Of which app?", fix="Add --app, such as --app app_01J....")
        return Place(url=url.rstrip("/"), app_id=app_id, token=_environment().get(TOKEN))
    if not facts:
        raise LocalStackError(
            "The stack is not up.", fix="Run `engage up`, or say --url and --app."
        )
    tokens = facts["role_tokens"]
    if role not in tokens:
        raise LocalStackError(f"No marketer is called {role}.", fix=f"One of {', '.join(tokens)}.")
    return Place(url=facts["base_url"], app_id=app_id or facts["app_id"], token=tokens[role])


class SignedByIam(httpx.Auth):
    """Signs requests to function URLs, as AWS asks (Signature Version 4, service ``lambda``)."""

    requires_request_body = True

    def __init__(self, credentials: Credentials, *, region: str) -> None:
        self._credentials = credentials
        self._region = region

    @override
    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        signed = AWSRequest(
            method=request.method,
            url=str(request.url),
            data=request.content,
            headers={"Content-Type": request.headers.get("Content-Type", "application/json")},
        )
        SigV4Auth(self._credentials, "lambda", self._region).add_auth(signed)
        request.headers.update(dict(signed.headers))
        yield request


def signing(url: str) -> SignedByIam:
    """Return the signature for a function's URL, by the shell's credentials.

    Raises:
        LocalStackError: it is no function's URL, or the shell has no credentials.
    """
    host = httpx.URL(url).host.split(".")
    if "lambda-url" not in host:
        raise LocalStackError(
            f"{url} is no function URL, and {TOKEN} is not set.",
            fix=f"Use the output that --help names, or put a marketer's token into {TOKEN}.",
        )
    credentials = Session().get_credentials()
    if credentials is None:
        raise LocalStackError(
            "This shell has no AWS credentials.", fix="Sign in with the AWS command line first."
        )
    return SignedByIam(credentials, region=host[host.index("lambda-url") + 1])


def _environment() -> Mapping[str, str]:
    return os.environ  # noqa: TID251 - the command line's own, not a function's
