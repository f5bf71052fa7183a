"""Campaigns over a stand-in of FCM."""

from tests.functional.pushing import fcm, pushing

__all__ = ["fcm", "pushing"]
