"""Push in DynamoDB. Keys are described at the top of each module."""

from shared.push.store.chunks import DynamoChunkStore
from shared.push.store.results import DynamoMarkStore, DynamoToldEvents
from shared.push.store.templates import DynamoTemplateStore

__all__ = ["DynamoChunkStore", "DynamoMarkStore", "DynamoTemplateStore", "DynamoToldEvents"]
