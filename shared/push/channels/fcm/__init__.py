"""Firebase Cloud Messaging: firebase-admin's messages and errors, on a fast wire of our own."""

from shared.push.channels.fcm.channel import FcmChannel
from shared.push.channels.fcm.credentials import FcmCredentials

__all__ = ["FcmChannel", "FcmCredentials"]
