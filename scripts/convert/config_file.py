"""Reads a repository's own configuration: JSON (with // comments, as Coqui allows) or the simple part of YAML.

The YAML is nested mappings and lists, plain and quoted scalars, flow lists and mappings on one line. Anchors, tags and
block texts are skipped, not refused: of the many keys of a training configuration only a few are wanted.
"""
import json
import os
import re

from .errors import ConvertError

MAX_SIZE, MAX_DEPTH = 64 << 20, 64
NUMBER = re.compile(r"[-+]?(\d[\d_]*(\.\d*)?|\.\d+)([eE][-+]?\d+)?")


def read_config(path):
    """The configuration as nested dictionaries."""
    try:
        if os.path.getsize(path) > MAX_SIZE:
            raise ConvertError(f"configuration '{path}' is larger than {MAX_SIZE >> 20} MiB")
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError as error:
        raise ConvertError(f"configuration '{path}' cannot be read: {error.strerror.lower()}") from None
    try:
        tree = parse(text)
    except RecursionError:
        raise ConvertError(f"configuration '{path}' is nested too deeply") from None
    if not isinstance(tree, dict):
        raise ConvertError(f"configuration '{path}' is neither a JSON object nor a YAML mapping")
    return tree


def parse(text):
    try:
        return json.loads(text)
    except ValueError:
        pass
    if text.lstrip()[:1] == "{":
        without = re.sub(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', lambda m: m.group(1) or "", text, flags=re.S)
        without = re.sub(r",(\s*[}\]])", r"\1", without)
        try:
            return json.loads(without)
        except ValueError as error:
            raise ConvertError(f"the configuration is not JSON ({error})") from None
    return _Yaml(text).document()


def scalar(word):
    """A YAML scalar or one-line flow collection."""
    word = word.strip()
    if word[:1] in "'\"" and len(word) > 1 and word[-1] == word[0]:
        return word[1:-1]
    if word[:1] in ("[", "{") and word[-1:] in ("]", "}"):
        return _flow(word)
    low = word.lower()
    if low in ("", "null", "~", "none"):
        return None
    if low in ("true", "yes", "on", "false", "no", "off"):
        return low in ("true", "yes", "on")
    if NUMBER.fullmatch(word):
        plain = word.replace("_", "")
        return int(plain) if re.fullmatch(r"[-+]?\d{1,18}", plain) else float(plain)
    return word


def _flow(word):
    inner, parts, depth, start = word[1:-1], [], 0, 0
    for i, letter in enumerate(inner + ","):
        depth += (letter in "[{") - (letter in "]}")
        if letter == "," and depth == 0:
            parts.append(inner[start:i])
            start = i + 1
    parts = [part for part in parts if part.strip()]
    if word[0] == "[":
        return [scalar(part) for part in parts]
    return {part.partition(":")[0].strip().strip("'\""): scalar(part.partition(":")[2]) for part in parts}


class _Yaml:
    """Lines as (indent, text); a mapping or list ends where the indent falls below its own."""

    KEY = re.compile(r"""("[^"]*"|'[^']*'|[^\s#'"\[{][^#]*?)\s*:(?:\s+(.*))?$""")

    def __init__(self, text):
        self.lines = []
        for line in text.splitlines():
            bare = re.sub(r"(^|\s)#.*$", "", line.expandtabs()).rstrip()
            if bare.strip() and not bare.startswith(("---", "...", "%")):
                self.lines.append((len(bare) - len(bare.lstrip()), bare.strip()))
        self.at = 0

    def document(self):
        return self.block(0, 0) if self.lines else None

    def block(self, indent, depth):
        if depth > MAX_DEPTH:
            raise ConvertError("the configuration is nested too deeply")
        _, text = self.lines[self.at]
        return self.sequence(indent, depth) if text == "-" or text.startswith("- ") else self.mapping(indent, depth)

    def sequence(self, indent, depth):
        values = []
        while self.at < len(self.lines):
            at, text = self.lines[self.at]
            if at < indent or not (text == "-" or text.startswith("- ")):
                break
            rest = text[1:].lstrip()
            if rest and (rest.startswith("- ") or self.KEY.fullmatch(rest)) and rest[0] not in "'\"":
                self.lines[self.at] = (at + len(text) - len(rest), rest)
                values.append(self.block(self.lines[self.at][0], depth + 1))
            else:
                self.at += 1
                values.append(scalar(rest))
        return values

    def mapping(self, indent, depth):
        values = {}
        while self.at < len(self.lines):
            at, text = self.lines[self.at]
            if at < indent:
                break
            match = self.KEY.fullmatch(text)
            if at > indent or not match:
                if text.startswith("- ") and at <= indent:
                    break
                self.at += 1  # a continued text or something not read here
                continue
            self.at += 1
            values[match[1].strip("'\"")] = self.value(match[2], indent, depth)
        return values

    def value(self, text, indent, depth):
        text = re.sub(r"^[&!]\S*\s*", "", text or "")
        if text[:1] in ("|", ">"):
            while self.at < len(self.lines) and self.lines[self.at][0] > indent:
                self.at += 1
            return None
        if text or self.at >= len(self.lines):
            return scalar(text)
        below, first = self.lines[self.at]
        listed = first == "-" or first.startswith("- ")
        if below > indent or (below == indent and listed):
            return self.block(below, depth + 1)
        return None
