"""The conformance suite of CloudEvents for HTTP."""

from pytest_bdd import scenarios

from tests.material import material

scenarios(str(material("cloudevents", "http-protocol-binding.feature")))
