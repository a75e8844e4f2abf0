"""Every command in a README runs and prints what the page shows.

In ```console blocks a line that begins with "$ " is a command; the lines up to the next one are its output on stdout,
where a line "..." stands for any lines and "..." inside a line for any text. Commands run one after another, in a copy
of the tree made of links, so what they write is thrown away.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import stylet
import tap

PAGES = sorted(str(path.relative_to(stylet.ROOT)) for path in stylet.ROOT.rglob("README.md")
               if not {"build", ".git"} & set(path.relative_to(stylet.ROOT).parts))


def commands(page):
    """[(command, expected lines)] of a page's console blocks."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```", page, re.S | re.M):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            elif found:
                found[-1][1].append(line)
    return found


def pattern(lines):
    parts = []
    for line in lines:
        parts.append(r"(?:.*\n)*?" if line == "..." else ".*".join(map(re.escape, line.split("..."))) + r"\s*\n")
    return re.compile("".join(parts) + r"\Z")


class Pages(unittest.TestCase):
    def tree(self):
        scratch = pathlib.Path(tempfile.mkdtemp(prefix="readme-"))
        self.addCleanup(shutil.rmtree, scratch)
        for entry in stylet.ROOT.iterdir():
            if entry.name != ".git":
                (scratch / entry.name).symlink_to(entry)
        (scratch / ".bin").mkdir()
        (scratch / ".bin" / "python3").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        (scratch / ".bin" / "python3").chmod(0o755)
        return scratch

    def check(self, name):
        page = (stylet.ROOT / name).read_text()
        cwd = self.tree()
        for command, expected in commands(page):
            done = subprocess.run(command, shell=True, executable="/bin/bash", cwd=cwd, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=300,
                                  env={**os.environ, "PATH": f"{cwd}/.bin:{os.environ['PATH']}", "LC_ALL": "C.UTF-8",
                                       "TERM": "xterm", "COLUMNS": "80"})
            self.assertEqual(done.returncode, 0, f"{command}\n{done.stderr.decode()}")
            text = done.stdout.decode()
            if expected:
                self.assertRegex(text, pattern(expected), f"{name}: {command}")

    def test_the_main_page_shows_commands(self):
        self.assertGreaterEqual(len(commands((stylet.ROOT / "README.md").read_text())), 3)


for page_name in PAGES:
    def check(self, name=page_name):
        self.check(name)
    setattr(Pages, "test_commands_of_" + re.sub(r"\W+", "_", page_name), check)

if __name__ == "__main__":
    tap.main()
