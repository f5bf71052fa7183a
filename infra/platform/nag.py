"""Accepts a finding of cdk-nag, with the reason."""

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def accept(construct: IConstruct, *rules: str, because: str) -> None:
    """Accept what cdk-nag's ``rules`` find in ``construct`` and below."""
    Validations.of(construct).acknowledge(
        *(Acknowledgment(id=rule, reason=because) for rule in rules)
    )
