"""The generation of codes in a process of its own, over a store that keeps nothing.

``python -m tests.benchmarks.code_maker ours COUNT`` runs the worker's own job to its end, file and
all; ``... naive COUNT`` draws letters into a set. Each prints codes a second of CPU, and by how
many megabytes it grew.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from typing_extensions import override

from shared.coupons.model.code_jobs import CodeJob, JobState
from shared.coupons.model.codes import Code, Listed, Sheet
from tests.benchmarks.peers import naive_codes
from tests.contract.coupon_codes import Codes, remembered
from tests.fakes.coupon_codes import InMemoryCodeFiles, InMemoryCodeStore


class Forgetful(InMemoryCodeStore):
    """Takes any code for new, and keeps of a sheet which numbers are on it."""

    @override
    def add_codes(self, codes: Sequence[Code]) -> Sequence[Code | None]:
        return [None] * len(codes)

    @override
    def put_sheet(self, sheet: Sheet) -> None:
        kept = Sheet(
            app_id=sheet.app_id,
            coupon_id=sheet.coupon_id,
            source=sheet.source,
            first=sheet.first,
            lines=range(sheet.first, sheet.first + len(sheet.lines)),  # type: ignore[arg-type]
        )
        super().put_sheet(kept)

    @override
    def sheets(self, coupon_id: str, *, app_id: str, begin: str = "") -> Iterator[Sheet]:
        for sheet in super().sheets(coupon_id, app_id=app_id, begin=begin):
            numbers: Sequence[int] = sheet.lines  # type: ignore[assignment]
            lines = [Listed(number=number, fingerprint="", last_four="") for number in numbers]
            yield Sheet(
                app_id=app_id,
                coupon_id=coupon_id,
                source=sheet.source,
                first=sheet.first,
                lines=lines,
            )


class Nowhere(InMemoryCodeFiles):
    """Forgets what is written."""

    @override
    def put_codes(self, job: CodeJob, content: bytes, *, number: int) -> None:
        assert content.count(b"\n") > 1


def main() -> None:
    """Make codes, and print."""
    kind, many = sys.argv[1:]
    count = int(many)
    run = _SIDES[kind](count)
    memory, before = _peak_megabytes(), time.process_time()
    run()
    used = time.process_time() - before
    said = {"codes_per_second": count / used, "grown_mb": _peak_megabytes() - memory}
    sys.stdout.write(json.dumps(said) + "\n")


def _ours(count: int) -> Callable[[], None]:
    known = remembered()
    it = Codes(codes=Forgetful(), jobs=known.jobs, guesses=known.guesses, files=Nowhere())
    it.a_coupon()
    job = it.ordered(count)

    def run() -> None:
        assert it.work(job).state is JobState.DONE

    return run


def _naive(count: int) -> Callable[[], None]:
    return lambda: _drawn(count)


def _drawn(count: int) -> None:
    assert naive_codes.as_file(naive_codes.draw(count))


def _peak_megabytes() -> float:
    """Return what this process had in memory at most, as Linux tells it."""
    told = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(told["VmHWM"].split()[0]) / 1024


_SIDES: dict[str, Callable[[int], Callable[[], None]]] = {"ours": _ours, "naive": _naive}

if __name__ == "__main__":
    main()
