"""What Go's encoding/json takes for JSON, and how Go writes numbers.

A JSON body isn't translated: it goes to OPA as its own bytes, and OPA reads them with the reader that the plugin uses.
So it only has to be known whether they are one JSON value, and nothing behind it.
"""

from __future__ import annotations

import re
from decimal import Decimal

import orjson

# Go takes these where orjson doesn't: half of a surrogate pair, bytes outside UTF-8, numbers beyond a double. Each is
# put out of the way without a change to the grammar around it, whether it stands in a string or not.
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}", re.ASCII)
_LONG_EXPONENT = re.compile(r"(?<=[0-9])([eE][+-]?[0-9]{2})[0-9]+", re.ASCII)
_LONG_DIGITS = re.compile(r"([0-9]{16})[0-9]+", re.ASCII)
# Go writes a double in fixed notation in these ranges, and with an exponent outside them.
_FORMAT_G_LOWEST, _FORMAT_G_HIGHEST = 1e-4, 1e6
# Below it a whole number's own digits are the fewest that read back.
_WHOLE = 2.0**53
_JSON_LOWEST, _JSON_HIGHEST = 1e-6, 1e21


def is_json(data: bytes) -> bool:
    """Say whether the bytes are one JSON value to encoding/json.

    Three differences are meant: a second value `null` behind the first is not passed over, and what is nested deeper
    than 1,024 levels is refused (Go: 10,000), as is a number that orjson refuses for its length.
    """
    try:
        orjson.loads(data)
    except orjson.JSONDecodeError:
        text = _SURROGATE.sub(r"\\u0041", data.decode("utf-8", "replace"))
        text = _LONG_EXPONENT.sub(r"\1", _LONG_DIGITS.sub(r"\1", text))
        try:
            orjson.loads(text)
        except orjson.JSONDecodeError:
            return False
    return True


def struct_number(number: float) -> object:
    """Render a finite number of a protobuf Struct: 1700000000 is 1.7e+09, as the plugin hands it to OPA."""
    size = abs(number)
    if _FORMAT_G_LOWEST <= size < _FORMAT_G_HIGHEST:
        return int(number) if number.is_integer() else number
    if _FORMAT_G_HIGHEST <= number < _WHOLE and number.is_integer():
        # Times as claims have them: `_exponential` would say the same and take six times as long.
        digits = str(int(number))
        rest = digits[1:].rstrip("0")
        return orjson.Fragment(f"{digits[0]}{'.' if rest else ''}{rest}e+{len(digits) - 1:02d}")
    return orjson.Fragment(_exponential(number) if size else f"{number:.0f}")


def message_number(number: float) -> object:
    """Render a finite double of a decoded gRPC message as Go's protobuf JSON has it: 1e-07 is 1e-7."""
    size = abs(number)
    if size == 0 or _JSON_LOWEST <= size < _JSON_HIGHEST:
        # The shortest digits that read back, with zeros behind them where there are too few.
        return orjson.Fragment(f"{Decimal(repr(number)).normalize():f}")
    return orjson.Fragment(_exponential(number).replace("e-0", "e-"))


def _exponential(number: float) -> str:
    """Write the shortest digits that read back as the same double, with an exponent of two digits or more."""
    sign, digits, exponent = Decimal(repr(number)).normalize().as_tuple()
    first, *rest = map(str, digits)
    mantissa = f"{first}.{''.join(rest)}" if rest else first
    return f"{'-' if sign else ''}{mantissa}e{int(exponent) + len(rest):+03d}"
