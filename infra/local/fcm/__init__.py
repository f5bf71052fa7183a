"""A stand-in for Firebase Cloud Messaging: real HTTP/2, real bearers, FCM's own answers, no device.

FCM has no emulator. This server speaks enough of its wire that the channel cannot tell the
difference, can be told to fail in every documented way, and lists what it received.
"""
