#!/usr/bin/env python3
"""Checks a proof of `manage.py prove_event` without the project: Python 3.11 and the package `cryptography` do.

    python verify_audit.py PROOF.json --key PUBLIC_KEY_HEX

The key is the one you were given before (`manage.py seal_audit --public-key`), never one that comes with the proof.
docs/audit.md describes every step. Exits 0 where the proof holds, 1 where it does not.
"""

import argparse
import hashlib
import json
import sys
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def objection(proof: dict[str, Any], key: str) -> str:
    """Why the proof does not hold; empty where it does."""
    seal = json.loads(proof["seal"])
    if seal["key"] != key:
        return "the seal names another key"
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(
            bytes.fromhex(proof["signature"]), proof["seal"].encode()
        )
    except InvalidSignature:
        return "the seal is not signed by the key"
    spans = [part.split("-") for part in seal["ids"].split(",")]
    if not any(int(span[0]) <= proof["id"] <= int(span[-1]) for span in spans):
        return "the seal does not name this event"
    node = hashlib.sha256(b"\x00" + f"{proof['id']}\n".encode() + canonical(proof["event"])).digest()
    for side, neighbour in proof["path"]:
        pair = (bytes.fromhex(neighbour), node) if side == "left" else (node, bytes.fromhex(neighbour))
        node = hashlib.sha256(b"\x01" + pair[0] + pair[1]).digest()
    if node.hex() != seal["root"]:
        return "the event and its path do not lead to the seal's root"
    return ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("proof", help="a file, or - for standard input")
    parser.add_argument("--key", required=True, help="the public key, 64 hex digits")
    arguments = parser.parse_args()
    try:
        with sys.stdin if arguments.proof == "-" else open(arguments.proof, encoding="utf-8") as file:
            proof = json.load(file)
        found = objection(proof, arguments.key)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        found = f"not a proof: {error}"
    if found:
        print(f"FALSE: {found}")
        return 1
    seal = json.loads(proof["seal"])
    print(f"TRUE: event {proof['id']} is in seal {seal['number']} of {seal['sealed_at']}: {proof['event'][:4]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
