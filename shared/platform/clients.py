"""AWS clients: one of each service a process, with short timeouts."""

from functools import cache
from typing import Any

from botocore.config import Config
from botocore.session import get_session

from shared.platform.dynamodb import ATTEMPTS, CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS


@cache
def client(service: str, differing: Config | None = None) -> Any:
    """Return the process's botocore client of a service, with short timeouts and three attempts.

    ``differing`` is what a service needs besides.
    """
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=READ_TIMEOUT_SECONDS,
        retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
        parameter_validation=False,
    )
    return get_session().create_client(
        service, config=config.merge(differing) if differing else config
    )
