import pytest

from infra.local.bench import results
from infra.local.checkout import Checkout
from infra.local.errors import LocalStackError
from infra.local.screen import Screen


def test_an_unknown_benchmark_is_refused_with_the_known_ones() -> None:
    with pytest.raises(LocalStackError, match=r"called X9; there are P1, P2, P3, P4, P5, P6, .*U1"):
        list(results(["X9"], quick=True, checkout=Checkout.here(), screen=Screen()))
