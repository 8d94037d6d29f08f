"""Is card data in a text? Ports, ids and timestamps are full of digits, so a bare "4242" proves nothing."""

import re

# As many digits of a card in a row, however they are grouped, do not come about by chance.
LEAK_DIGITS = 10


def card_data_in(told: str, number: str, cvc: str) -> list[str]:
    """What in ``told`` gives away a card: ten digits of its number in a row, or the check digits as a value."""
    digits = re.sub(r"\D", "", number)
    pieces = [digits[i : i + LEAK_DIGITS] for i in range(len(digits) - LEAK_DIGITS + 1)]
    # A row of zeros is in every trace and tells nothing.
    number_like = "|".join(r"[ .-]?".join(piece) for piece in pieces if len(set(piece)) > 1)
    cvc_like = rf"cvc\W{{0,8}}{cvc}\b|([\"']){cvc}\1"
    return [hit.group() for hit in re.finditer(rf"{number_like}|{cvc_like}", told, flags=re.IGNORECASE)]
