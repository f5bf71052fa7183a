"""Push in DynamoDB, and what waits in its queues."""

from shared.push.store.campaigns import DynamoCampaignStore
from shared.push.store.chunks import DynamoChunkStore
from shared.push.store.in_app import DynamoInAppStore
from shared.push.store.inbox import DynamoInboxStore
from shared.push.store.jobs import QueuedJobs
from shared.push.store.plans import DynamoPlanStore
from shared.push.store.results import DynamoMarkStore, DynamoToldEvents
from shared.push.store.templates import DynamoTemplateStore

__all__ = [
    "DynamoCampaignStore",
    "DynamoChunkStore",
    "DynamoInAppStore",
    "DynamoInboxStore",
    "DynamoMarkStore",
    "DynamoPlanStore",
    "DynamoTemplateStore",
    "DynamoToldEvents",
    "QueuedJobs",
]
