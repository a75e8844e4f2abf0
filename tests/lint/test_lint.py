"""The house rules hold in the tree, and each rule finds a violation planted for it."""
import importlib.util
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import tap

LINT = pathlib.Path(__file__).resolve().parents[1] / "lint.py"
HEAD = "/* x.c - an example. */\n"

spec = importlib.util.spec_from_file_location("house_lint", LINT)  # this folder is called lint, too
house_lint = importlib.util.module_from_spec(spec)
spec.loader.exec_module(house_lint)


class Tree(unittest.TestCase):
    def test_the_tree_keeps_every_rule(self):
        done = subprocess.run([sys.executable, LINT], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual((done.returncode, done.stdout), (0, ""))


class Planted(unittest.TestCase):
    def check(self, files, *expected):
        """A tree of these files gives exactly these lines, each told by its beginning."""
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = pathlib.Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            lines = house_lint.Lint(pathlib.Path(folder)).run()
        self.assertEqual(len(lines), len(expected), lines)
        for line, beginning in zip(lines, expected):
            self.assertTrue(line.startswith(beginning), f"{line!r} does not begin with {beginning!r}")

    def c(self, line, *expected, name="lib/base/x.c"):
        self.check({name: HEAD + line + "\n"}, *(f"{name}:2: {e}" for e in expected))

    def test_a_good_file_passes(self):
        self.c('#include "base/mem.h"\nint f(void) { return 0; }')

    def test_a_layer_type_tells_formula_shapes_scratch_and_source(self):
        lines = {label: f" * {label}: x\n" for label in ("Formula", "Shapes", "Scratch", "Source")}
        for missing in (None, *lines):
            head = "/* x.c - a layer.\n" + "".join(text for label, text in lines.items() if label != missing) + " */\n"
            expected = [f"lib/layers/x.c:1: opening: a layer's first comment has a line that begins with '{missing}:'"]
            self.check({"lib/layers/x.c": head + "const sty_layer_type sty_layer_x = {0};\n"}, *(expected if missing else ()))
            self.check({"lib/layers/x_part.c": head})

    def test_a_higher_floor_may_not_be_included(self):
        self.c('#include "model/json.h"', 'floors: lib/base (floor 0) may not include "model/json.h" (floor 3)')

    def test_a_neighbour_on_the_same_floor_may_not_be_included(self):
        self.c('#include "layers/layer.h"', "floors: lib/audio (floor 2)", name="lib/audio/x.c")

    def test_a_lower_floor_and_the_own_folder_may_be_included(self):
        self.c('#include "audio/mel.h"\n#include "base/mem.h"\n#include "stylet.h"', name="lib/audio/x.c")

    def test_the_library_may_not_include_the_tool_header(self):
        self.c('#include "tool.h"', "floors:")

    def test_the_public_header_includes_nothing_of_ours(self):
        self.check({"lib/stylet.h": '#include "base/mem.h"\n'}, "lib/stylet.h:1: floors:")

    def test_a_folder_without_a_floor_is_told(self):
        self.c('#include "base/mem.h"', "floors: lib/cellar has no floor", name="lib/cellar/x.c")

    def test_the_commands_may_not_reach_into_the_library(self):
        self.c('#include "base/mem.h"', 'floors: cmd/ may not include "base/mem.h"', name="cmd/x.c")

    def test_the_commands_may_include_the_two_doors_and_each_other(self):
        self.check({"cmd/x.c": HEAD + '#include "tool.h"\n#include "stylet.h"\n#include "y.h"\n', "cmd/y.h": ""})

    def test_a_foreign_library_has_one_door(self):
        self.c("#include <sndfile.h>", "doors: <sndfile.h> is included by lib/audio/decode.c only")

    def test_unbounded_functions_are_found(self):
        for call in ("strcpy(a, b)", "strcat(a, b)", "sprintf(a, b)", "strtok(a, b)", "gets(a)", "atoi(a)"):
            with self.subTest(call=call):
                self.c(f"int f(void) {{ return {call}; }}", f"functions: {call.partition('(')[0]} ")

    def test_names_in_comments_and_texts_are_no_calls(self):
        self.c('/* strcpy(a, b) */ const char *t = "gets(a) \\" malloc(3)"; char q = \'"\'; int snprintf(void);')

    def test_the_heap_belongs_to_one_file(self):
        for call in ("malloc(1)", "calloc(1, 1)", "realloc(a, 1)", "free(a)", "strdup(a)"):
            with self.subTest(call=call):
                self.c(f"void *f(void) {{ return {call}; }}", "functions: ")
                self.check({"lib/base/mem.c": f"{HEAD}void *f(void) {{ return {call}; }}\n"})

    def test_the_library_prints_nothing(self):
        for call in ('printf("x")', 'fprintf(stderr, "x")', 'fputs("x", stdout)', 'puts("x")', 'perror("x")'):
            with self.subTest(call=call):
                self.c(f"void f(void) {{ {call}; }}", "functions: the library prints nothing")
                self.c(f"void f(void) {{ {call}; }}", name="cmd/x.c")

    def test_a_file_of_700_lines_is_the_longest(self):
        self.check({"lib/base/x.c": HEAD + "\n" * 699})
        self.check({"lib/base/x.c": HEAD + "\n" * 700}, "lib/base/x.c:701: length: 701 lines")

    def test_a_function_of_80_lines_is_the_longest(self):
        body = "static int f(int a,\n             int b) {\n" + "    a++;\n" * 77
        self.c(body + "}")
        self.c(body + "    a++;\n}", "length: a function of 81 lines")

    def test_a_table_is_no_function(self):
        self.c("static const int table[] = {\n" + "    CALL(1),\n" * 90 + "};")

    def test_a_long_python_function_is_found(self):
        self.check({"scripts/x.py": "def f():\n" + "    pass\n" * 80}, "scripts/x.py:1: length: a function of 81")

    def test_a_file_without_an_opening_is_found(self):
        self.check({"lib/base/x.c": "int a;\n"}, "lib/base/x.c:1: opening:")

    def test_marks_of_unfinished_work_are_found(self):
        for word in ("TO" "DO", "FIX" "ME"):
            self.c(f"/* {word}: later */", "words: a mark of unfinished work")
        self.check({"models/README.md": "TO" "DO\n"}, "models/README.md:1: words:")

    def test_paths_of_a_machine_are_found(self):
        for path in ("/ro" "ot/x", "/ho" "me/someone", "/wo" "rk/main", "cd /wo" "rk"):
            with self.subTest(path=path):
                self.check({"scripts/README.md": f"see {path}\n"}, "scripts/README.md:1: words: a path")
        self.check({"scripts/README.md": "a/home/x $HOME /workers /proc/self share/root\n"})

    @unittest.skipUnless(shutil.which("shellcheck"), "no shellcheck")
    def test_shell_scripts_are_checked(self):
        self.check({"scripts/x": "#!/bin/sh\nrm $1\n"}, "scripts/x:2:")
        self.check({"scripts/x": '#!/bin/sh\nrm "$1"\n'})


if __name__ == "__main__":
    tap.main()
