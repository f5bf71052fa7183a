"""CloudEvents SQL 1.0 (CESQL): conditions on the context attributes of an event.

The language is https://github.com/cloudevents/spec/blob/main/cesql/spec.md. It has no loops and its
text is bounded, so no condition costs more than its length. We add one thing: a name may have
underscores, since `attributes_of` gives the members of an event's ``data`` as ``data_<name>``.
"""

from shared.contact_events.cesql.attributes import attributes_of
from shared.contact_events.cesql.evaluation import Expression
from shared.contact_events.cesql.parser import parse
from shared.contact_events.cesql.values import Evaluated, Problem, Value

__all__ = ["Evaluated", "Expression", "Problem", "Value", "attributes_of", "parse"]
