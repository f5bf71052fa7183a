"""The batched mode, in the words of the conformance suite."""

from pytest_bdd import scenarios

scenarios("cloudevents_batch.feature")
