"""What ``engage policy`` asks of this domain: ``python -m shared.contact_policy WORD``.

``lint`` reads a document in JSON from standard input, and prints its findings; ``schema``,
``default`` and ``laws`` print the schema of documents, the default one, and the law packs, all in
JSON. The command line deploys
the domains and may not import them, so it starts this module as a process of its own, as it does
with the benchmarks. Like a store it is an adapter: above the service, and imported by nobody.
"""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from shared.contact_policy.model.defaults import DEFAULT_DOCUMENT
from shared.contact_policy.model.document import document_of
from shared.contact_policy.model.laws import LAWS, LawPack
from shared.contact_policy.model.lint import lint
from shared.contact_policy.model.policy import Policy
from shared.contact_policy.model.schema import schema


def _findings() -> list[dict[str, Any]]:
    return [asdict(finding) for finding in lint(json.load(sys.stdin))]


def _described(pack: LawPack) -> Mapping[str, Any]:
    """Return a pack in plain values, its rules as documents write them."""
    rules = Policy(
        consent=pack.consent,
        cooldowns=pack.cooldowns,
        quiet_hours=pack.quiet_hours,
        caps=pack.caps,
    )
    sections = ("consent", "cooldowns", "quiet_hours", "caps")
    document = document_of(rules)
    return {
        "name": pack.name,
        "country": pack.country,
        "territories": sorted(pack.territories),
        "citation": pack.citation,
        "rules": {name: document[name] for name in sections if document[name]},
        "sources": [
            {
                **asdict(source),
                "in_force": source.in_force.isoformat(),
                "checked": source.checked.isoformat(),
            }
            for source in pack.sources
        ],
        "leaves_out": list(pack.leaves_out),
    }


_ANSWERS: Mapping[str, Callable[[], Any]] = {
    "lint": _findings,
    "schema": schema,
    "default": lambda: DEFAULT_DOCUMENT,
    "laws": lambda: [_described(pack) for pack in LAWS.values()],
}

if __name__ == "__main__":
    (asked,) = sys.argv[1:]
    sys.stdout.write(json.dumps(_ANSWERS[asked]()) + "\n")
