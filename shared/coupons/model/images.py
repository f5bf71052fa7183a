"""A code as a picture: a QR code (ISO/IEC 18004), for its holder to show."""

from io import BytesIO

QUIET_ZONE = 4
"""Modules of white around it, as the standard asks."""

PNG_SCALE = 8
"""Pixels of a module: 232 in all for a code of 13 letters, which a scanner reads through glass."""


def svg_of(form: str) -> str:
    """Return the QR code of a code in its normal form, as an SVG document."""
    return _written(form, kind="svg", scale=1).decode()


def png_of(form: str) -> bytes:
    """Return the QR code of a code in its normal form, as a PNG file of 8 pixels a module."""
    return _written(form, kind="png", scale=PNG_SCALE)


def _written(form: str, *, kind: str, scale: int) -> bytes:
    import segno  # noqa: PLC0415 - 20 ms of cold start that few requests need

    # A quarter of the letters may be unreadable (level Q); a code is short, so that costs little.
    image = segno.make_qr(form, error="q", boost_error=False)
    written = BytesIO()
    image.save(written, kind=kind, scale=scale, border=QUIET_ZONE)
    return written.getvalue()
