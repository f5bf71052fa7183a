"""What a marketer wrote into a file, for the API to take."""

import json
from pathlib import Path
from typing import Any

import yaml

from infra.local.errors import LocalStackError


def read(file: Path) -> dict[str, Any]:
    """Return the fields that a file names; JSON is YAML, too.

    Raises:
        LocalStackError: it is neither, or no mapping.
    """
    try:
        found = yaml.safe_load(file.read_text())
    except yaml.YAMLError as problem:
        raise LocalStackError(f"{file} cannot be read: {problem}", fix="Mend it.") from problem
    if not isinstance(found, dict):
        raise LocalStackError(f"{file} is no mapping.", fix="Write fields, such as `name: Spring`.")
    # Dates of YAML become text again, as JSON has them.
    told: dict[str, Any] = json.loads(json.dumps(found, default=lambda value: value.isoformat()))
    return told
