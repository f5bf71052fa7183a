"""Reference client: what a mobile SDK does against this API."""

from engage_mobile.ads import Ad, Ads, ads_of
from engage_mobile.client import Config, Engage
from engage_mobile.coupons import Coupons, qr_payload
from engage_mobile.http import HttpTransport
from engage_mobile.in_app import Display, InApp
from engage_mobile.inbox import Inbox
from engage_mobile.memory import MemoryQueue
from engage_mobile.operations import Operation
from engage_mobile.outcomes import Answered, Because, Dropped, Outcome
from engage_mobile.runner import Runner, system_clock
from engage_mobile.sqlite import SqliteQueue
from engage_mobile.transport import Request, Response, Transport

__all__ = [
    "Ad",
    "Ads",
    "Answered",
    "Because",
    "Config",
    "Coupons",
    "Display",
    "Dropped",
    "Engage",
    "HttpTransport",
    "InApp",
    "Inbox",
    "MemoryQueue",
    "Operation",
    "Outcome",
    "Request",
    "Response",
    "Runner",
    "SqliteQueue",
    "Transport",
    "ads_of",
    "qr_payload",
    "system_clock",
]
