"""The HTTP contract is held against the real handlers, as functional tests have them."""

from tests.functional.conftest import aws_on_wire, deployed

__all__ = ["aws_on_wire", "deployed"]
