"""Speaks for starkbank-iso8583 and its Mastercard template, which brings a table of its own.

Lines of standard input and output as in pyiso8583.py; the profile in the first line is not used.
"""

import base64
import json
import sys

from starkbank.iso8583 import parse, unparse
from starkbank.iso8583.template.mastercard import mastercard

# Fields of bytes, in the three forms that the template gives them.
BITS, TEXT, BASE64 = ("52", "64", "128"), ("96",), ("55",)


def to_theirs(number, text):
    if number in BITS:
        return bin(int(text, 16))[2:].zfill(4 * len(text))
    if number in TEXT:
        return bytes.fromhex(text).decode("cp500")
    if number in BASE64:
        return base64.b64encode(bytes.fromhex(text))
    return text


def to_ours(number, value):
    if number in BITS:
        return f"{int(value, 2):0{len(value) // 4}X}"
    if number in TEXT:
        return value.encode("cp500").hex().upper()
    if number in BASE64:
        return base64.b64decode(value).hex().upper()
    return value if isinstance(value, str) else json.dumps(value)


def answer(question):
    fields = dict(question["fields"])
    theirs = {"MTI": fields.pop("t")}
    for number, text in fields.items():
        theirs[f"DE{int(number):03}"] = to_theirs(number, text)
    try:
        read = parse(bytes.fromhex(question["bytes"]), template=mastercard, encoding="cp500")
        wrote = unparse(theirs, template=mastercard, encoding="cp500")
    # Whatever it raises on a message, the message is what it is about.
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    ours = {"t": read["MTI"]}
    for key, value in read.items():
        number = key.removeprefix("DE").lstrip("0")
        # Its bitmaps are fields too.
        if key.startswith("DE") and number not in ("", "1"):
            ours[number] = to_ours(number, value)
    return {"read": ours, "wrote": wrote.hex()}


def main():
    sys.stdin.readline()
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))))


if __name__ == "__main__":
    main()
