# SPDX-License-Identifier: Apache-2.0
"""How the tracer is told what to record: ``name=value`` fields with ``;`` between them, values percent-encoded.

The other side of this contract is the crate ``memray-settings``. The version stands in it, and a tracer of another version
refuses it.
"""

from typing import Dict, Union

from ._version import __version__

Fields = Dict[str, Union[bytes, int]]

_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._/")


def encode(fields: Fields) -> bytes:
    """Spells settings; flags are numbers, 0 or 1."""
    all_fields: Fields = {"version": __version__.encode(), **fields}
    return ";".join(f"{name}={_encoded(value)}" for name, value in all_fields.items()).encode()


def _encoded(value: Union[bytes, int]) -> str:
    if isinstance(value, int):
        return str(int(value))
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in value)
