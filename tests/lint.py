#!/usr/bin/env python3
"""Checks the house rules that no compiler knows. `make lint` runs it.

    tests/lint.py [ROOT]

Prints one line "FILE:LINE: rule: what" per violation; exits 0 without any, else 1. Rules:

    floors      a library file includes its own folder and lower floors; cmd/ includes stylet.h, tool.h and cmd/
    doors       a foreign library is included in one place only
    functions   no unbounded or silently failing function; the heap belongs to lib/base/mem.c; the library prints nothing
    length      files of at most 700 lines, functions of at most 80
    opening     every .c file opens with a comment that says what it does
    words       no marks of unfinished work, no path of somebody's machine
    shell       what shellcheck says, where it is installed
"""
import ast
import pathlib
import re
import shutil
import subprocess
import sys

FLOORS = {"base": 0, "math": 1, "audio": 2, "write": 2, "layers": 2, "model": 3, "style": 4, "corpus": 5, "plot": 4, "speak": 5}

DOORS = {  # header: the files that may include it
    "sndfile.h": {"lib/audio/decode.c"},
    "soxr.h": {"lib/audio/resample.c"},
    "kiss_fftr.h": {"lib/audio/stft.c"},
    "kiss_fft.h": {"lib/audio/stft.c"},
    "cjson/cJSON.h": {"lib/model/json.c"},
    "cblas.h": {"lib/math/gemm.c"},
    "nettle/sha2.h": {"lib/base/hash.c"},
    "xxhash.h": {"lib/base/hash.c"},
    "png.h": {"lib/plot/png.c"},
    "espeak-ng/speak_lib.h": {"lib/speak/engine.c"},
}

BANNED = {
    "strcpy": "has no bound; use memcpy or sty_buf", "strcat": "has no bound; use sty_buf",
    "sprintf": "has no bound; use snprintf", "vsprintf": "has no bound; use vsnprintf",
    "strtok": "keeps global state", "gets": "has no bound", "atoi": "hides errors; use sty_param or strtol",
    "atof": "hides errors; use strtod", "alloca": "has no failure", "system": "runs a shell",
    "tmpnam": "races", "mktemp": "races",
}
HEAP = ("malloc", "calloc", "realloc", "free", "strdup", "strndup", "aligned_alloc", "posix_memalign")
HEAP_ALLOWED = {  # (file, function): why
    ("lib/base/mem.c", None): "it is the heap",
    ("lib/write/npz.c", "free"): "getdelim hands its line over",
    ("lib/corpus/list_folder.c", "free"): "scandir hands its list over",
    ("lib/style/store_jsonl.c", "free"): "getline hands its line over",
    ("lib/style/store_ark.c", "free"): "getline hands its line over",
    ("cmd/heap.c", "malloc"): "the heap itself is grown",
    ("cmd/heap.c", "free"): "the heap itself is grown",
}
PRINTS = re.compile(r"\b(?:v?printf|puts|putchar|perror)\s*\(|\b(?:v?fprintf|fputs|fputc|putc|fwrite)\s*\([^;]*\b(?:stdout|stderr)\b")

MAX_FILE, MAX_FUNCTION = 700, 80
WORDS = (
    (re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b"), "a mark of unfinished work"),
    (re.compile(r"(?<![\w.}$)/-])/(?:root|home|work)(?:/|\b(?!\w))"), "a path of somebody's machine"),
)
TEXT_SUFFIXES = {".c", ".h", ".py", ".sh", ".md", ".json", ".txt", ".html", ".css", ".js", ".yml", ""}


def without_comments_and_texts(code, keep_texts=False):
    """C code with comments, and the insides of string and character literals, blanked; lines stay where they are."""
    def blank(match):
        text = match[0]
        if text[0] == "/":
            return re.sub(r"[^\n]", " ", text)
        return text if keep_texts else text[0] + " " * (len(text) - 2) + text[-1]
    return re.sub(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", blank, code, flags=re.DOTALL)


# What the first comment of a layer type tells; aliasing is ruled for all of them by lib/layers/layer.h.
LAYER_HEADER = ("Formula", "Shapes", "Scratch", "Source")


class Lint:
    def __init__(self, root):
        self.root, self.found = root, []

    def say(self, path, line, rule, what):
        self.found.append(f"{path}:{line}: {rule}: {what}")

    def files(self):
        """Paths of the project's own files, as text relative to the root."""
        if (self.root / ".git").exists():
            done = subprocess.run(["git", "-C", self.root, "ls-files", "-co", "--exclude-standard"], text=True,
                                  stdout=subprocess.PIPE, check=True)
            names = done.stdout.splitlines()
        else:
            names = [str(p.relative_to(self.root)) for p in self.root.rglob("*") if p.is_file()]
        return sorted(n for n in names if not n.startswith(("build/", ".git/")) and (self.root / n).is_file())

    def run(self):
        for name in self.files():
            path = self.root / name
            if path.suffix not in TEXT_SUFFIXES:
                continue
            try:
                text = path.read_text()
            except UnicodeDecodeError:
                continue
            self.words(name, text)
            if path.suffix in (".c", ".h"):
                self.c_file(name, text)
            elif path.suffix == ".py" or text.startswith("#!/usr/bin/env python3"):
                self.python_file(name, text)
            elif text.startswith(("#!/bin/sh", "#!/usr/bin/env bash", "#!/bin/bash", "#!/usr/bin/env sh")):
                self.file_length(name, text)
                self.shell(name)
        return self.found

    # ---- any text ----

    def words(self, name, text):
        for number, line in enumerate(text.splitlines(), 1):
            for pattern, what in WORDS:
                if pattern.search(line):
                    self.say(name, number, "words", f"{what}: {line.strip()[:80]}")

    def file_length(self, name, text):
        n = len(text.splitlines())
        if n > MAX_FILE:
            self.say(name, n, "length", f"{n} lines, at most {MAX_FILE}")

    # ---- C ----

    def c_file(self, name, text):
        self.file_length(name, text)
        if name.endswith(".c") and not text.startswith("/*"):
            self.say(name, 1, "opening", "does not open with a comment that says what it does")
        if name.startswith("lib/layers/") and re.search(r"^const sty_layer_type sty_layer_", text, re.MULTILINE):
            for label in LAYER_HEADER:
                if f"\n * {label}: " not in text.partition("*/")[0].replace(f"{label}:\n", f"{label}: \n"):
                    self.say(name, 1, "opening", f"a layer's first comment has a line that begins with '{label}:'")
        self.includes(name, without_comments_and_texts(text, keep_texts=True))
        code = without_comments_and_texts(text)
        self.functions(name, code)
        self.function_lengths(name, code)

    def includes(self, name, code):
        for number, line in enumerate(code.splitlines(), 1):
            match = re.match(r"\s*#\s*include\s*([<\"])([^>\"]+)", line)
            if not match:
                continue
            kind, header = match.groups()
            if header in DOORS and name not in DOORS[header] and name.startswith(("lib/", "cmd/")):
                self.say(name, number, "doors", f"<{header}> is included by {' '.join(sorted(DOORS[header]))} only")
            if kind == '"':
                problem = self.floor_problem(name, header)
                if problem:
                    self.say(name, number, "floors", problem)

    def floor_problem(self, name, header):
        parts = name.split("/")
        if parts[0] == "cmd":
            inside = "/" not in header and (self.root / "cmd" / header).exists()
            return None if inside or header in ("stylet.h", "tool.h") else f"cmd/ may not include \"{header}\""
        if parts[0] != "lib" or name == "lib/tool.h" or header == "stylet.h":
            return None
        if name == "lib/stylet.h":
            return f"the public header may not include \"{header}\""
        folder = header.split("/")[0]
        if "/" not in header or folder not in FLOORS:
            return f"\"{header}\" is not FOLDER/NAME.h of a library folder"
        if parts[1] not in FLOORS:
            return f"lib/{parts[1]} has no floor; add it to tests/lint.py"
        if folder != parts[1] and FLOORS[folder] >= FLOORS[parts[1]]:
            return f"lib/{parts[1]} (floor {FLOORS[parts[1]]}) may not include \"{header}\" (floor {FLOORS[folder]})"
        return None

    def functions(self, name, code):
        in_library = name.startswith("lib/")
        for number, line in enumerate(code.splitlines(), 1):
            for call in re.findall(r"(?<![\w.>])([a-z]\w*)\s*\(", line):
                if call in BANNED and not (call == "system" and name.startswith("tests/")):
                    self.say(name, number, "functions", f"{call} {BANNED[call]}")
                allowed = (name, None) in HEAP_ALLOWED or (name, call) in HEAP_ALLOWED
                if call in HEAP and not allowed and (in_library or name.startswith("cmd/")):
                    self.say(name, number, "functions", f"{call} belongs to lib/base/mem.c; use sty_alloc, sty_free")
            if in_library and PRINTS.search(line):
                self.say(name, number, "functions", "the library prints nothing")

    def function_lengths(self, name, code):
        depth, start, head, head_line = 0, 0, "", 0
        for number, line in enumerate(code.splitlines(), 1):
            if depth == 0 and line.strip():
                if line[0] not in " \t#})" and not head:
                    head_line = number
                head += line
            for c in line:
                if c == "{":
                    depth += 1
                    if depth == 1:
                        start = head_line if ")" in head and "=" not in head else 0
                elif c == "}":
                    depth -= 1
                    if depth == 0 and start and number - start + 1 > MAX_FUNCTION:
                        self.say(name, start, "length", f"a function of {number - start + 1} lines, at most {MAX_FUNCTION}")
            if depth == 0 and (line.rstrip().endswith((";", "}")) or line.startswith("#") or not line.strip()):
                head = ""

    # ---- scripts ----

    def python_file(self, name, text):
        self.file_length(name, text)
        for node in ast.walk(ast.parse(text, name)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                n = node.end_lineno - node.lineno + 1
                if n > MAX_FUNCTION:
                    self.say(name, node.lineno, "length", f"a function of {n} lines, at most {MAX_FUNCTION}")

    def shell(self, name):
        if not shutil.which("shellcheck"):
            return
        done = subprocess.run(["shellcheck", "-f", "gcc", name], cwd=self.root, text=True, stdout=subprocess.PIPE)
        for line in done.stdout.splitlines():
            self.found.append(f"{line} (shell)")


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent)
    found = Lint(root).run()
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
