"""The contact policy's table.

| what                     | pk                       | sk                  |
| ------------------------ | ------------------------ | ------------------- |
| what reached a person    | APP#<app>#P#<contact>    | PRESSURE            |
| what a person said       | APP#<app>#P#<contact>    | STANDING            |
| proof of consent         | APP#<app>#H#<contact>    | P#<proof>           |
| case of a contact        | APP#<app>#H#<contact>    | C#<case>            |
| deferral of a contact    | APP#<app>#H#<contact>    | D#<deferral>        |
| case                     | APP#<app>#CASE#<case>    | CASE                |
| policy in force          | APP#<app>#POLICY         | CURRENT             |
| control groups           | APP#<app>#POLICY         | CONTROL_GROUPS      |
| policy of the past       | APP#<app>#POLICY         | V#<version>         |
| deferrals due            | APP#<app>#DUE#<minute>#<0-15> | <contact>#<deferral> |
| minutes that are done    | APP#<app>#DUE            | DONE                |

A person's partition holds its two items and never anything else: one query reads both. A contact
that was joined to another holds ``moved_to`` in each of them instead.
"""

from shared.contact_policy.store.deferrals import DynamoDeferralStore
from shared.contact_policy.store.people import DynamoPersonStore
from shared.contact_policy.store.policies import DynamoPolicyStore

__all__ = ["DynamoDeferralStore", "DynamoPersonStore", "DynamoPolicyStore"]
