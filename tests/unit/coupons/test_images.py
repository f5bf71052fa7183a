from struct import unpack

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
