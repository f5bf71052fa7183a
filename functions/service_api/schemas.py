"""What the service's own API returns on the wire."""

from shared.platform.http.schemas import Out


class HealthOut(Out):
    """The service answers."""

    status: str = "ok"


class MetaOut(Out):
    """Which versions this deployment speaks; clients check them."""

    service: str = "engage"
    version: str
    api_versions: tuple[str, ...] = ("v1",)


class ProblemKindOut(Out):
    """What a problem's code means."""

    code: str
    status: int
    title: str
