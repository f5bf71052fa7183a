"""Where the parts of a limit lie.

| what                    | pk                                     | sk                 |
| ----------------------- | -------------------------------------- | ------------------ |
| window of a limit       | APP#<app>#LIM#<owner>#<limit>          | <window>#<subject> |
| counter                 | APP#<app>#SH#<counter>#<place>         | SH                 |
| slot of a ticket        | APP#<app>#SL#<place>#<counter>#<block> | <number>           |
| who drew of a budget    | APP#<app>#SP#<counter>#<place>         | <redemption>       |
| how far it is swept     | APP#<app>#SWEEP#<place>                | <counter>          |
| noted uses of a subject | APP#<app>#USE#<kind>#<subject>         | <owner>#<limit>    |
| where they are instead  | APP#<app>#USE#contact#<contact>        | MOVED              |
| redemption              | APP#<app>#RED#<redemption>             | RED                |
| reservations that end   | APP#<app>#DUE#<minute>#<0-15>          | <redemption>       |
| minutes that are done   | APP#<app>#DUE                          | DONE               |

``<place>`` is ``<owner>#<limit>#<window>#<subject>``.
``<owner>`` is the coupon's id, or ``APP`` where the limit is the app's. A counter's number stands
first in its key, so that counters of one limit do not begin alike. Slots never lie beside their
counter: it takes one write unit for a ticket, and nothing else.
"""

from datetime import UTC, datetime

from shared.coupons.model.limits import Subject
from shared.coupons.model.redemptions import Place, Ticket
from shared.coupons.model.tickets import BLOCK


def window_partition(app_id: str, coupon_id: str | None, limit_id: str) -> str:
    """Return the partition of all windows of a limit."""
    return f"APP#{app_id}#LIM#{coupon_id or 'APP'}#{limit_id}"


def window_key(place: Place) -> tuple[str, str]:
    """Return where a window lies."""
    partition = window_partition(place.app_id, place.coupon_id, place.limit_id)
    return partition, f"{place.window}#{place.subject_id}"


def counter_key(place: Place, counter: int) -> tuple[str, str]:
    """Return where a counter lies."""
    return f"APP#{place.app_id}#SH#{counter}#{_inside(place)}", "SH"


def slot_partition(place: Place, *, counter: int, block: int) -> str:
    """Return the partition of a block of slots."""
    return f"APP#{place.app_id}#SL#{_inside(place)}#{counter}#{block}"


def slot_key(ticket: Ticket) -> tuple[str, str]:
    """Return where the slot of a ticket lies."""
    block = (ticket.number - 1) // BLOCK
    partition = slot_partition(ticket.place, counter=ticket.shard, block=block)
    return partition, f"{ticket.number:010}"


def spending_partition(place: Place, counter: int) -> str:
    """Return the partition of the redemptions that drew from a budget's counter first."""
    return f"APP#{place.app_id}#SP#{counter}#{_inside(place)}"


def sweep_key(place: Place, counter: int) -> tuple[str, str]:
    """Return where it is noted how far a counter is swept."""
    return f"APP#{place.app_id}#SWEEP#{_inside(place)}", f"{counter:02}"


def uses_key(place: Place) -> tuple[str, str]:
    """Return where the uses of a subject under a limit lie, whatever the window."""
    partition = f"APP#{place.app_id}#USE#{place.subject.value}#{place.subject_id}"
    return partition, f"{place.coupon_id or 'APP'}#{place.limit_id}"


def move_key(app_id: str, contact_id: str) -> tuple[str, str]:
    """Return where it lies that a contact's uses are noted under another."""
    return f"APP#{app_id}#USE#{Subject.CONTACT.value}#{contact_id}", "MOVED"


def redemption_key(app_id: str, redemption_id: str) -> tuple[str, str]:
    """Return where a redemption lies."""
    return f"APP#{app_id}#RED#{redemption_id}", "RED"


def due_partition(app_id: str, minute: datetime, shard: int) -> str:
    """Return the partition of a shard of the reservations that end in a minute."""
    return f"APP#{app_id}#DUE#{minute.astimezone(UTC):%Y-%m-%dT%H:%M}#{shard}"


def done_key(app_id: str) -> tuple[str, str]:
    """Return where it is noted up to which minute all is done."""
    return f"APP#{app_id}#DUE", "DONE"


def limits_key(app_id: str, coupon_id: str | None) -> tuple[str, str]:
    """Return where the version of limits lies: in the coupon's item, or the app's settings."""
    if coupon_id is None:
        return f"APP#{app_id}#SETTINGS", "S"
    return f"APP#{app_id}#COUPONS", f"C#{coupon_id}"


def _inside(place: Place) -> str:
    return f"{place.coupon_id or 'APP'}#{place.limit_id}#{place.window}#{place.subject_id}"
