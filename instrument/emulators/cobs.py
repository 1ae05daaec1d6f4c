"""Consistent Overhead Byte Stuffing, so that a zero byte can separate binary spectra.

Source: S. Cheshire, M. Baker, "Consistent overhead byte stuffing", IEEE/ACM Trans. Networking 7 (1999) 159.
"""

_MAX_BLOCK = 254


def cobs_encode(data: bytes) -> bytes:
    """Return data without zero bytes: each block is preceded by its length + 1."""
    out = bytearray()
    for part in data.split(b"\0"):
        block = part
        while len(block) >= _MAX_BLOCK:
            out += b"\xff" + block[:_MAX_BLOCK]
            block = block[_MAX_BLOCK:]
        out += bytes([len(block) + 1]) + block
    return bytes(out)
