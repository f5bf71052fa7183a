"""CDK app: one construct per domain, over a small platform.

Importing it first chooses the Node that jsii will start, because jsii starts with ``aws_cdk``.
"""

from infra.node import choose_node

choose_node()
