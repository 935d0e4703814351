"""Speaks for pyiso8583: answers each message with what it reads in the bytes and what it writes.

    python3 pyiso8583.py [TABLE]

The first line of standard input is a profile. The library's table is made of it, unless TABLE names one
that the library brings along. Every other line is a
message, {"fields": {"t": "0100", …}, "bytes": hex}, answered by {"read": …, "wrote": hex} or by
{"error": …}.
"""

import json
import sys

import iso8583
import iso8583.specs


def entry(field):
    """The row of the library's table for a field of a profile."""
    coding, prefix = field["coding"], field["prefix"]
    row = {
        "data_enc": "b" if coding in ("bcd", "raw") else coding,
        "max_len": field["max"],
        "len_enc": "ascii",
        "len_type": 0,
        "desc": field["content"],
    }
    if coding == "bcd":
        row["len_count"] = "nibbles"
        row[field["pad"]["side"] + "_pad"] = field["pad"]["nibble"]
    if prefix:
        if prefix["counts"] != "units" and coding == "bcd":
            sys.exit("lengths that count bytes of digits are not translated")
        row["len_enc"] = "b" if prefix["coding"] == "binary" else prefix["coding"]
        row["len_type"] = prefix["bytes"]
    return row


def fixed(coding, length):
    return {"data_enc": coding, "len_enc": "ascii", "len_type": 0, "max_len": length, "desc": ""}


def table(profile):
    rows = {number: entry(field) for number, field in profile["fields"].items()}
    rows["h"] = fixed("b", profile["header"])
    rows["t"] = fixed("b", 2) if profile["mti"] == "bcd" else fixed(profile["mti"], 4)
    rows["p"] = fixed("b", 8) if profile["bitmap"] == "raw" else fixed("ascii", 16)
    rows["1"] = dict(rows["p"])
    return rows


def answer(question, spec):
    try:
        read, _ = iso8583.decode(bytes.fromhex(question["bytes"]), spec)
        # The profile says nothing of what a header holds.
        header = {"h": read["h"]} if "h" in read else {}
        wrote, _ = iso8583.encode(question["fields"] | header, spec)
    except (iso8583.DecodeError, iso8583.EncodeError) as error:
        return {"error": str(error)}
    fields = {key: text for key, text in read.items() if key not in ("h", "p", "1")}
    return {"read": fields, "wrote": wrote.hex()}


def main(own=None):
    profile = json.loads(sys.stdin.readline())
    spec = getattr(iso8583.specs, own) if own else table(profile)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line), spec)))


if __name__ == "__main__":
    main(*sys.argv[1:])
