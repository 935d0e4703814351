"""A card network that is not ours: pyiso8583 as a client of a running gateway.

    python3 pyiso8583_client.py HOST PORT CARD_NUMBER

Prints one line per step. A line that begins with "please" is an order to whoever started it, who
answers with a line on standard input when it is done.
"""

import socket
import struct
import sys

import iso8583
from iso8583.specs import default_ascii as spec


class Link:
    """One TCP connection with a two-byte length before every message."""

    def __init__(self, host, port):
        self.socket = socket.create_connection((host, port), timeout=5)

    def ask(self, fields):
        message, _ = iso8583.encode(dict(fields), spec)
        self.socket.sendall(struct.pack(">H", len(message)) + message)
        (length,) = struct.unpack(">H", self.read(2))
        answer, _ = iso8583.decode(self.read(length), spec)
        return answer

    def read(self, length):
        data = b""
        while len(data) < length:
            piece = self.socket.recv(length - len(data))
            if not piece:
                raise ConnectionError("the gateway closed the connection")
            data += piece
        return data


def payment(card, stan, amount_minor):
    return {
        "t": "0100",
        "2": card,
        "3": "000000",
        "4": f"{amount_minor:012}",
        "7": "1122093000",
        "11": f"{stan:06}",
        "14": "3012",
        "18": "5411",
        "22": "051",
        "25": "00",
        "32": "98765",
        "37": f"632609{stan:06}",
        "41": "PYTERM01",
        "42": "PYMERCHANT00001",
        "49": "978",
    }


def reversal(original, stan):
    fields = {key: original[key] for key in original if key not in ("14", "22", "25")}
    fields |= {
        "t": "0400",
        "7": "1122093500",
        "11": f"{stan:06}",
        "39": "17",
        "90": "0100" + original["11"] + original["7"] + original["32"].zfill(11) + "0" * 11,
    }
    return fields


def expect(what, answer, mti, code):
    got = (answer["t"], answer.get("39"))
    if got != (mti, code):
        sys.exit(f"{what}: expected {mti}/{code}, got {got}")
    print(f"{what}: {mti}/{code}", flush=True)


def identical(what, first, second):
    if first != second:
        differing = [key for key in first | second if first.get(key) != second.get(key)]
        sys.exit(f"{what}: the answers differ in {differing}")
    print(f"{what}: identical", flush=True)


def please(order):
    print(f"please {order}", flush=True)
    if sys.stdin.readline().strip() != "done":
        sys.exit(f"{order} was not done")


def main(host, port, card):
    link = Link(host, int(port))
    sign_on = {"t": "0800", "7": "1122092900", "11": "000001", "70": "001"}
    expect("sign-on", link.ask(sign_on), "0810", "00")

    first = payment(card, 100, 1000)
    approved = link.ask(first)
    expect("by the ledger", approved, "0110", "00")
    identical("its repeat", approved, link.ask(first | {"t": "0101"}))

    please("kill the ledger")
    second = payment(card, 200, 2000)
    stood_in = link.ask(second)
    expect("by stand-in", stood_in, "0110", "00")
    identical("the first repeat again", approved, link.ask(first | {"t": "0101"}))
    identical("the repeat of stand-in's", stood_in, link.ask(second | {"t": "0101"}))
    expect("reversal", link.ask(reversal(first, 300)), "0410", "00")
    declined = link.ask(payment(card, 400, 50_000))
    expect("more than the card has", declined, "0110", "51")
    please("restart the ledger")
    identical("after recovery", stood_in, link.ask(second | {"t": "0101"}))


if __name__ == "__main__":
    main(*sys.argv[1:])
