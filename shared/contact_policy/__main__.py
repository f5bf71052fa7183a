"""What ``engage policy`` asks of this domain: ``python -m shared.contact_policy WORD``.

``lint`` reads a document in JSON from standard input, and prints its findings; ``schema`` and
``default`` print the schema of documents and the default one, all in JSON. The command line deploys
the domains and may not import them, so it starts this module as a process of its own, as it does
with the benchmarks. Like a store it is an adapter: above the service, and imported by nobody.
"""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from shared.contact_policy.model.defaults import DEFAULT_DOCUMENT
from shared.contact_policy.model.lint import lint
from shared.contact_policy.model.schema import schema


def _findings() -> list[dict[str, Any]]:
    return [asdict(finding) for finding in lint(json.load(sys.stdin))]


_ANSWERS: Mapping[str, Callable[[], Any]] = {
    "lint": _findings,
    "schema": schema,
    "default": lambda: DEFAULT_DOCUMENT,
}

if __name__ == "__main__":
    (asked,) = sys.argv[1:]
    sys.stdout.write(json.dumps(_ANSWERS[asked]()) + "\n")
