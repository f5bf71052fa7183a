# ruff: noqa: SLF001 - what is mended is nobody's public part
"""The emulator, with what DynamoDB does and it lacks: it runs in the emulator's own environment.

Of statements in PartiQL, ministack 1.5.33 tells no stream, and asks for a right that AWS does not
know, ``dynamodb:BatchExecuteStatement`` on everything. AWS tells the stream of them as of all
writes, and asks for ``PartiQLInsert``, ``PartiQLUpdate``, ``PartiQLDelete`` or ``PartiQLSelect`` on
each statement's table (AWS: IAM security policies with PartiQL for DynamoDB).

A stream's batch tells nothing of its shard, which AWS names where the mapping has a window (AWS:
Using Lambda to process records in real-time, tumbling windows). The emulator's streams have one.

A body that is encoded, such as by gzip, is no text whatever its media type says, and goes to the
function in base64 (AWS: Create AWS Lambda proxy integrations for HTTP APIs, ``isBase64Encoded``).
The emulator goes by the media type alone, and breaks it.

On AWS each call has a processor of its own; here all that run at once share this machine's, and
sixteen that start together would each use up ten seconds. So a function has three times as long,
and what it is made of is unpacked once, not for each process.
"""

import copy
import hashlib
import json
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from pathlib import Path
from threading import Lock
from types import SimpleNamespace
from typing import Any, TypeAlias

from ministack.app import main
from ministack.core import iam_actions, lambda_runtime
from ministack.services import apigateway, dynamodb, dynamodb_streams, lambda_svc

Run: TypeAlias = Callable[..., Any]
Rights: TypeAlias = list[tuple[str, str]]
"""Actions, each with the ARN of the table that it is to be allowed on."""

_rights_of_transactions: Callable[..., Rights] = iam_actions.dynamodb_transaction_checks


def tell_streams(run: Run, key_of: Callable[[Any, Any], tuple[Any, Any]]) -> Run:
    """Return ``run``, which does a statement that writes, so that its table's stream hears of it.

    ``key_of`` returns the partition and the item of a parsed statement.
    """

    def told(table: Any, parsed: Any, *rest: Any) -> Any:
        pk, sk = key_of(table, parsed)
        before = copy.deepcopy(table["items"].get(pk, {}).get(sk))
        answer = run(table, parsed, *rest)
        after = table["items"].get(pk, {}).get(sk)
        if before != after:
            kind = "MODIFY" if before and after else "INSERT" if after else "REMOVE"
            dynamodb._emit_stream_event(parsed["table"], kind, before, after)
        return answer

    return told


def _inserted(table: Any, parsed: Any) -> tuple[Any, Any]:
    item = parsed.get("item", {})
    values = item.get("M", item)
    pk, sk = (values.get(table[name]) for name in ("pk_name", "sk_name"))
    return dynamodb._extract_key_val(pk), dynamodb._extract_key_val(sk)


def _named(table: Any, parsed: Any) -> tuple[Any, Any]:
    pk, sk, _, _ = dynamodb._partiql_key_target(table, parsed)
    return pk, sk


def rights_of(action: str, body: bytes, region: str, account_id: str) -> Rights:
    """Return the rights that a request needs for each of its writes or statements."""
    if action != "dynamodb:BatchExecuteStatement":
        return _rights_of_transactions(action, body, region, account_id)
    rights = []
    for one in json.loads(body)["Statements"]:
        parsed = dynamodb._parse_partiql(one["Statement"], one.get("Parameters", []))
        table = f"arn:aws:dynamodb:{region}:{account_id}:table/{parsed['table']}"
        rights.append((f"dynamodb:PartiQL{parsed['op'].capitalize()}", table))
    return rights


def name_shards(execute: Run) -> Run:
    """Return ``execute``, which calls a function, so that a stream's batch names its shard."""

    def named(function: Any, event: Any) -> Any:
        records = event.get("Records") if isinstance(event, dict) else None
        if records and records[0].get("eventSource") == "aws:dynamodb":
            event = {**event, "shardId": dynamodb_streams._DEFAULT_SHARD_ID, "state": {}}
        return execute(function, event)

    return named


PATIENCE = 3
"""How many times longer than on AWS a function may take."""


def give_time(acquire: Run) -> Run:
    """Return ``acquire``, which finds a process for a function, so that it has more time."""

    def patiently(name: str, config: Mapping[str, Any], *rest: Any, **named: Any) -> Any:
        longer = {**config, "Timeout": PATIENCE * config.get("Timeout", 3)}
        return acquire(name, longer, *rest, **named)

    return patiently


class UnpackedOnce(zipfile.ZipFile):
    """An archive whose files are links to the one place where it was unpacked first."""

    _unpacking = Lock()

    # No `override`: it runs on Python 3.11 without typing_extensions.
    def extractall(  # type: ignore[explicit-override]
        self, path: Any = None, members: Any = None, pwd: Any = None
    ) -> None:
        """Link what lies in the archive's top folder into ``path``."""
        if not isinstance(self.filename, str) or path is None or members or pwd:
            super().extractall(path, members, pwd)
            return
        name = hashlib.sha256(Path(self.filename).read_bytes()).hexdigest()
        there = Path(tempfile.gettempdir()) / f"unpacked-{name}"
        with self._unpacking:
            if not there.exists():
                fresh = there.with_suffix(".new")
                super().extractall(fresh)
                fresh.rename(there)
        Path(path).mkdir(exist_ok=True)
        for child in there.iterdir():
            (Path(path) / child.name).symlink_to(child)


_is_encoded = ContextVar("is_encoded", default=False)


def heed_encodings(invoke: Run) -> Run:
    """Return ``invoke``, which hands a request to a function, so that an encoded body is whole."""

    def heeding(*parts: Any, **named: Any) -> Any:
        headers: Mapping[str, str] = parts[5]
        _is_encoded.set("content-encoding" in headers)
        return invoke(*parts, **named)

    return heeding


def unless_encoded(is_text: Run) -> Run:
    """Return ``is_text``, which knows text by its media type, for bodies that are not encoded."""
    return lambda media_type: not _is_encoded.get() and is_text(media_type)


if __name__ == "__main__":
    apigateway._invoke_lambda_proxy = heed_encodings(apigateway._invoke_lambda_proxy)
    apigateway._v2_request_body_is_text = unless_encoded(apigateway._v2_request_body_is_text)
    dynamodb._partiql_insert = tell_streams(dynamodb._partiql_insert, _inserted)
    dynamodb._partiql_update = tell_streams(dynamodb._partiql_update, _named)
    dynamodb._partiql_delete = tell_streams(dynamodb._partiql_delete, _named)
    iam_actions.dynamodb_transaction_checks = rights_of
    lambda_runtime.zipfile = SimpleNamespace(**{**vars(zipfile), "ZipFile": UnpackedOnce})
    lambda_svc._execute_function = name_shards(lambda_svc._execute_function)
    lambda_svc.acquire_worker = give_time(lambda_svc.acquire_worker)
    main()
