"""An installation works: the program finds its model, programs in C and C++ build against it, shared and static."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import stylet
import tap

SOURCE = r"""
#include <stdio.h>
#include <stylet.h>
int main(int argc, char **argv) {
    sty_err err;
    sty_model *model = NULL;
    sty_session *session = NULL;
    sty_clip *clip = NULL;
    sty_view style;
    const char *want[] = {"style"};
    if (argc != 3) return 2;
    if (sty_model_open(argv[1], NULL, &model, &err) || sty_session_create(model, want, 1, &session, &err) ||
        sty_clip_read(argv[2], NULL, &clip, &err) || sty_session_run_clip(session, clip, &err) ||
        sty_session_output(session, "style", &style, &err)) {
        fprintf(stderr, "%s: %s\n", sty_status_name(err.status), err.message);
        return 1;
    }
    printf("%.9g\n", (double)style.data[0]);
    sty_clip_free(clip);
    sty_session_free(session);
    sty_model_free(model);
    return 0;
}
"""


def tool(*args, **how):
    done = subprocess.run(list(map(str, args)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how)
    if done.returncode:
        raise AssertionError(f"{args}: {done.stdout}{done.stderr}")
    return done.stdout


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = pathlib.Path(tempfile.mkdtemp(prefix="stylet-install-"))
        cls.addClassCleanup(shutil.rmtree, cls.root)
        cls.prefix = cls.root / "opt" / "stylet"
        tool("make", "-s", "install", f"DESTDIR={cls.root}", "PREFIX=/opt/stylet", cwd=stylet.ROOT)
        cls.source = cls.root / "a.c"
        cls.source.write_text(SOURCE)
        cls.wav = stylet.FIXTURES / "a_en.wav"
        cls.env = {**os.environ, "PKG_CONFIG_PATH": str(cls.prefix / "lib" / "pkgconfig"), "LD_LIBRARY_PATH": str(cls.prefix / "lib")}
        cls.env.pop("STYLET_MODEL", None)

    def flags(self, *how):
        """pkg-config's words, moved below DESTDIR."""
        words = tool("pkg-config", *how, "stylet", env=self.env).split()
        return [word.replace("/opt/stylet", str(self.prefix)) for word in words]

    def build(self, name, compiler, *flags):
        program = self.root / name
        tool(*compiler, "-Wall", "-Wextra", "-Werror", self.source, "-o", program, *flags)
        return float(tool(program, self.prefix / "share/stylet/models/default", self.wav, env=self.env))

    def first(self):
        line = tool(self.prefix / "bin/stylet", "extract", self.wav, env=self.env)
        return json.loads(line)["style"][0]

    def test_the_program_finds_its_model(self):
        self.assertIsInstance(self.first(), float)

    def test_the_shared_library_links(self):
        self.assertEqual(self.build("shared", ["cc", "-std=c11"], *self.flags("--cflags", "--libs")), self.first())

    def test_the_header_is_also_cplusplus(self):
        if not shutil.which("c++"):
            self.skipTest("no C++ compiler")
        self.assertEqual(self.build("plus", ["c++", "-x", "c++"], *self.flags("--cflags", "--libs")), self.first())

    def test_the_static_library_links(self):
        archive = str(self.prefix / "lib/libstylet.a")
        flags = [archive if word == "-lstylet" else word for word in self.flags("--cflags", "--libs", "--static")]
        self.assertEqual(self.build("static", ["cc", "-std=c11"], *flags), self.first())
        needed = tool("ldd", self.root / "static")
        self.assertNotIn("libstylet", needed)

    def test_the_shared_library_shows_its_interface_only(self):
        names = [line.split()[-1] for line in tool("nm", "-D", "--defined-only", self.prefix / "lib/libstylet.so.0").splitlines()]
        header = (stylet.ROOT / "lib/stylet.h").read_text()
        self.assertGreater(len(names), 20)
        self.assertEqual([name for name in names if name + "(" not in header], [])

    def test_the_manual_and_completions_are_there(self):
        share = self.prefix / "share"
        self.assertIn('"stylet', (share / "man" / "man1" / "stylet.1").read_text())
        self.assertGreater(len(list((share / "man" / "man1").glob("stylet-*.1"))), 10)
        for name in ("bash-completion/completions/stylet", "zsh/site-functions/_stylet", "fish/vendor_completions.d/stylet.fish"):
            self.assertIn("nonfinite", (share / name).read_text(), name)

    def test_uninstall_takes_everything_away(self):
        copy = self.root / "copy"
        tool("make", "-s", "install", f"DESTDIR={copy}", "PREFIX=/p", cwd=stylet.ROOT)
        tool("make", "-s", "uninstall", f"DESTDIR={copy}", "PREFIX=/p", cwd=stylet.ROOT)
        self.assertEqual([str(p) for p in copy.rglob("*") if not p.is_dir()], [])


if __name__ == "__main__":
    tap.main()
