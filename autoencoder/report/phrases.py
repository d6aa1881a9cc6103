"""What the sentences of a report are made of: names in quotes, and lists."""

from collections.abc import Iterable


def quoted(name: str) -> str:
    """A group's name in a sentence, where its commas would mislead."""
    return f"\N{LEFT DOUBLE QUOTATION MARK}{name}\N{RIGHT DOUBLE QUOTATION MARK}"


def listed(items: Iterable[str], limit: int | None = None) -> str:
    """Items in words: a, b and c; where there are more than the limit, a, b and 3 more."""
    texts = list(items)
    shown = texts[:limit]
    if len(texts) > len(shown):
        shown.append(f"{len(texts) - len(shown)} more")
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
