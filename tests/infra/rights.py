"""The rights that the domains are granted, as words."""


def dynamodb(*actions: str) -> set[str]:
    return {f"dynamodb:{action}" for action in actions}


READ = dynamodb("GetItem", "BatchGetItem", "Query")
WRITE = dynamodb("PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem")
KEYS = {"secretsmanager:GetSecretValue"}
DOORS = {"DoorsDeviceTokenKey": KEYS, "DoorsIdentifierKey": KEYS}
"""What every function that knows its callers may read."""
RECEIVE = {
    "sqs:ReceiveMessage",
    "sqs:ChangeMessageVisibility",
    "sqs:GetQueueUrl",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
}
