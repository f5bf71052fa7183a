import zlib
from collections.abc import Iterator
from struct import unpack

import pytest
import zxingcpp

from shared.coupons.model.images import PNG_SCALE, QUIET_ZONE, png_of, svg_of

CODE = "ABCDEFGHJKMNP"
MODULES = 21 + 2 * QUIET_ZONE


def test_an_svg_is_as_wide_as_the_code_and_its_quiet_zone() -> None:
    image = svg_of(CODE)
    assert image.endswith("</svg>\n")
    assert f'width="{MODULES}" height="{MODULES}"' in image


def test_a_png_has_eight_pixels_a_module() -> None:
    image = png_of(CODE)
    assert image[:8] == b"\x89PNG\r\n\x1a\n"
    assert unpack(">II", image[16:24]) == (MODULES * PNG_SCALE,) * 2


def test_two_codes_have_two_pictures() -> None:
    assert svg_of(CODE) != svg_of(CODE[::-1])
    assert svg_of(CODE) == svg_of(CODE)


def chunks_of(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the chunks of a PNG, each with its kind (PNG specification, 5.3)."""
    place = 8
    while place < len(png):
        (size,) = unpack(">I", png[place : place + 4])
        yield png[place + 4 : place + 8], png[place + 8 : place + 8 + size]
        place += size + 12


def pixels_of(png: bytes) -> memoryview:
    """Return a PNG of one bit a pixel as bytes, black 0 and white 255, row by row."""
    chunks = dict(chunks_of(png))
    width, height, depth, colour = unpack(">IIBB", chunks[b"IHDR"][:10])
    assert (depth, colour) == (1, 0)
    packed, size = zlib.decompress(chunks[b"IDAT"]), (width + 7) // 8
    row, found = bytes(size), bytearray()
    for place in range(0, len(packed), size + 1):
        kind, told = packed[place], packed[place + 1 : place + 1 + size]
        assert kind in {0, 2}  # as it is, or what differs from the row above (9.2)
        row = told if kind == 0 else bytes((a + b) % 256 for a, b in zip(told, row, strict=True))
        found += bytes(255 * (row[x // 8] >> 7 - x % 8 & 1) for x in range(width))
    return memoryview(found).cast("B", (height, width))


@pytest.mark.parametrize("code", [CODE, "XMAS7QK2MNPRS", "A.B_C%0"])
def test_a_scanner_reads_the_code_from_its_picture(code: str) -> None:
    (found,) = zxingcpp.read_barcodes(pixels_of(png_of(code)))
    assert (found.text, found.format.name) == (code, "QRCode")
