"""PNG and SVG pictures read again, with the standard library only."""
import base64
import re
import struct
import xml.etree.ElementTree as ET
import zlib

import numpy as np

SVG = "{http://www.w3.org/2000/svg}"


def decode_png(data):
    """[height, width, 3] of an 8-bit RGB PNG; every checksum is compared."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed, header = 8, b"", None
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        assert zlib.crc32(kind + body) == struct.unpack(">I", data[at + 8 + length:at + 12 + length])[0]
        at += 12 + length
        if kind == b"IHDR":
            header = struct.unpack(">IIBBBBB", body)
        elif kind == b"IDAT":
            packed += body
    width, height, depth, colour, _, _, interlace = header
    assert (depth, colour, interlace) == (8, 2, 0)
    rows = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, 1 + 3 * width)
    out = np.zeros((height, width, 3), np.uint8)
    for y, row in enumerate(rows):
        assert row[0] in (0, 1), "the writer uses no filter but Sub"
        line = row[1:].reshape(width, 3)
        out[y] = np.cumsum(line, axis=0, dtype=np.uint64).astype(np.uint8) if row[0] else line
    return out


def number(element, name):
    return float(element.get(name, "0"))


def rgb(text):
    return tuple(int(text[i:i + 2], 16) for i in (1, 3, 5))


class Picture:
    """An SVG: its texts, its heat map cells and its colour bar, as drawn."""

    def __init__(self, text):
        self.root = ET.fromstring(text)
        self.size = number(self.root, "width"), number(self.root, "height")
        self.texts = [t.text for t in self.root.iter(SVG + "text")]
        self.places = [(number(t, "x"), number(t, "y"), t.text) for t in self.root.iter(SVG + "text")]
        self.groups = []
        for group in self.root.iter(SVG + "g"):
            rects = group.findall(SVG + "rect")
            self.groups.append([(number(r, "x"), number(r, "y"), number(r, "width"), number(r, "height"),
                                 rgb(r.get("fill")), r.find(SVG + "title").text) for r in rects])
        self.images = [(number(i, "x"), number(i, "y"), number(i, "width"), number(i, "height"),
                        decode_png(base64.b64decode(i.get("href").partition(",")[2])))
                       for i in self.root.iter(SVG + "image")]

    def circles(self):
        return [(number(c, "cx"), number(c, "cy"), rgb(c.get("fill")), c.findtext(SVG + "title"))
                for c in self.root.iter(SVG + "circle")]

    def bar(self):
        """Colours and values of the colour bar, from its cells' tips."""
        cells = next(g for g in reversed(self.groups) if len({c[0] for c in g}) == 1 and len(g) == 128)
        return np.array([c[4] for c in cells], float), np.array([float(re.findall(r"[-\d.e]+$", c[5])[0]) for c in cells])

    def read(self, colours):
        """Values of colours [..., 3] by the nearest colour of the bar."""
        bar, values = self.bar()
        distance = ((np.asarray(colours, float)[..., None, :] - bar) ** 2).sum(-1)
        return values[distance.argmin(-1)]
