"""Test material that was written elsewhere; it is not copied into the project.

``ENGAGE_TEST_DATA`` names the folder that holds it: CloudEvents' conformance suite in
``cloudevents`` (http-protocol-binding.feature of github.com/cloudevents/conformance), schemas of
vendors in ``vendor-schemas``.
"""

import os
from pathlib import Path

import pytest


def material(*parts: str) -> Path:
    """Return a file or folder of the material; without it, the test is skipped."""
    folder = os.environ.get("ENGAGE_TEST_DATA")  # noqa: TID251 - the test's own
    if folder is None:
        pytest.skip("ENGAGE_TEST_DATA names no folder of test material", allow_module_level=True)
    return Path(folder, *parts)
