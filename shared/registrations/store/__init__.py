"""Registrations in DynamoDB; each write protects one invariant in one transaction.

| what                | pk                       | sk                  |
| ------------------- | ------------------------ | ------------------- |
| app                 | APP#<app>#APP            | APP                 |
| list of apps        | APPS                     | <app>               |
| grant               | GRANT#<principal>        | APP#<app or *>      |
| list of grants      | GRANT#                   | <principal> <app>   |
| attempt             | GRANT#<principal>        | ATTEMPT#<key>       |
| other systems       | APP#<app>#SYSTEMS        | SYSTEMS             |
| write keys          | APP#<app>#WRITEKEYS      | WRITEKEYS           |
| app of a write key  | WRITEKEY#<digest>        | WRITEKEY            |
| device              | APP#<app>#A#<0-63>       | D#<device>          |
| address             | APP#<app>#ADDR#<digest>  | ADDR                |
| contact             | APP#<app>#C#<contact>    | C                   |
| edge, at both ends  | APP#<app>#C#<contact>    | L#<edge>            |
| identifier          | APP#<app>#I#<ns>#<hmac>  | I                   |
| place in a person   | APP#<app>#C#<contact>    | M                   |
| half-done merge     | APP#<app>#INTENTS        | <edge>              |
| data key            | APP#<app>#K#<0-15>       | <contact>           |
| erasure             | APP#<app>#C#<contact>    | ERASURE             |
| open erasure        | APP#<app>#ERASURES       | <erasure>           |
| segment             | APP#<app>#SEGMENTS       | S#<segment>         |
| name of a segment   | APP#<app>#SEGMENTS       | N#<name>            |
| its types of events | APP#<app>#SEGMENTS       | E#<segment>         |
| version of it       | APP#<app>#SEGMENT#<id>   | V#<version>         |
| happenings          | APP#<app>#C#<contact>    | H                   |
| audit entry         | APP#<app>#AUDIT#<month>  | <entry>             |
| above apps          | AUDIT#<month>            | <entry>             |
| import              | APP#<app>#IMPORTS        | <import>            |

The index ``anonymous`` finds the device of a contact that has no row of its own.
"""

from shared.registrations.store.apps import DynamoAppStore
from shared.registrations.store.audience import DynamoAudienceStore
from shared.registrations.store.audit import DynamoAuditStore
from shared.registrations.store.contacts import DynamoContactStore
from shared.registrations.store.devices import DynamoDeviceStore
from shared.registrations.store.erasures import DynamoErasureStore, DynamoKeyStore
from shared.registrations.store.import_files import BucketImportFiles
from shared.registrations.store.imports import DynamoImportStore
from shared.registrations.store.segments import DynamoSegmentStore
from shared.registrations.store.systems import DynamoSystemStore
from shared.registrations.store.write_keys import DynamoWriteKeyStore

__all__ = [
    "BucketImportFiles",
    "DynamoAppStore",
    "DynamoAudienceStore",
    "DynamoAuditStore",
    "DynamoContactStore",
    "DynamoDeviceStore",
    "DynamoErasureStore",
    "DynamoImportStore",
    "DynamoKeyStore",
    "DynamoSegmentStore",
    "DynamoSystemStore",
    "DynamoWriteKeyStore",
]
