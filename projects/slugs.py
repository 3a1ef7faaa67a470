"""
The slug of a name, exactly as Rails' parameterize makes it. Pure.

Stripping accents by Unicode decomposition would give other slugs: Rails has a fixed table of Latin letters
(Latin-1 and Latin Extended-A). A character that is not in it becomes a question mark, and then a hyphen.
"""

import re
import unicodedata

_PLAIN = {
    "A": "ÀÁÂÃÄÅĀĂĄ",
    "AE": "Æ",
    "C": "ÇĆĈĊČ",
    "D": "ÐĎĐ",
    "E": "ÈÉÊËĒĔĖĘĚ",
    "G": "ĜĞĠĢ",
    "H": "ĤĦ",
    "I": "ÌÍÎÏĨĪĬĮİ",
    "IJ": "Ĳ",
    "J": "Ĵ",
    "K": "Ķ",
    "L": "ĹĻĽĿŁ",
    "N": "ÑŃŅŇ",
    "NG": "Ŋ",
    "O": "ÒÓÔÕÖØŌŎŐ",
    "OE": "Œ",
    "R": "ŔŖŘ",
    "S": "ŚŜŞŠ",
    "T": "ŢŤŦ",
    "Th": "Þ",
    "U": "ÙÚÛÜŨŪŬŮŰŲ",
    "W": "Ŵ",
    "Y": "ÝŶŸ",
    "Z": "ŹŻŽ",
    "a": "àáâãäåāăą",
    "ae": "æ",
    "c": "çćĉċč",
    "d": "ðďđ",
    "e": "èéêëēĕėęě",
    "g": "ĝğġģ",
    "h": "ĥħ",
    "i": "ìíîïĩīĭįı",
    "ij": "ĳ",
    "j": "ĵ",
    "k": "ķĸ",
    "l": "ĺļľŀł",
    "n": "ñńņň",
    "'n": "ŉ",
    "ng": "ŋ",
    "o": "òóôõöøōŏő",
    "oe": "œ",
    "r": "ŕŗř",
    "s": "śŝşš",
    "ss": "ß",
    "t": "ţťŧ",
    "th": "þ",
    "u": "ùúûüũūŭůűų",
    "w": "ŵ",
    "x": "×",
    "y": "ýÿŷ",
    "z": "źżž",
}
LETTERS = {letter: plain for plain, letters in _PLAIN.items() for letter in letters}


def parameterize(name: str) -> str:
    """Turns "Straße & Œuvre" into "strasse-oeuvre". Empty if the name has no usable character."""
    composed = unicodedata.normalize("NFC", name)
    latin = "".join(char if char.isascii() else LETTERS.get(char, "?") for char in composed)
    hyphened = re.sub(r"-{2,}", "-", re.sub(r"[^a-zA-Z0-9\-_]+", "-", latin))
    return re.sub(r"^-|-$", "", hyphened).lower()
