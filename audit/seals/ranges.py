"""Sets of event numbers written shortly: `1-500,503,510-600`, ascending and without overlap."""

from collections.abc import Iterable, Iterator


def pack(numbers: Iterable[int]) -> str:
    """Ascending numbers as ranges."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)


def spans(text: str) -> list[tuple[int, int]]:
    """The ranges, both ends included. Raises `ValueError` for what `pack` does not write."""
    found = []
    for part in text.split(",") if text else []:
        first, _, last = part.partition("-")
        found.append((int(first), int(last or first)))
    return found


def unpack(text: str) -> Iterator[int]:
    for first, last in spans(text):
        yield from range(first, last + 1)


def missing(numbers: Iterable[int], *, after: int) -> str:
    """What ascending `numbers` leave out between `after` and the last of them."""
    gaps = []
    expected = after + 1
    for number in numbers:
        if number > expected:
            gaps.append(f"{expected}-{number - 1}" if number - 1 > expected else str(expected))
        expected = number + 1
    return ",".join(gaps)


def without(text: str, numbers: Iterable[int]) -> str:
    """The set less some of its numbers; however wide the ranges are, only as many parts are made as needed."""
    parts = spans(text)
    for number in numbers:
        for at, (first, last) in enumerate(parts):
            if first <= number <= last:
                parts[at : at + 1] = [(a, b) for a, b in ((first, number - 1), (number + 1, last)) if a <= b]
                break
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)


def contains(parts: Iterable[tuple[int, int]], number: int) -> bool:
    return any(first <= number <= last for first, last in parts)
