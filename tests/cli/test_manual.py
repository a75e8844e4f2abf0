"""`stylet manual` and `stylet completions`: pages that groff and mandoc accept, completion in real shells."""
import os
import pathlib
import pty
import re
import select
import shlex
import shutil
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import tap
from stylet import STYLET, Case

LIMIT = 60  # seconds; a shell that does not answer is broken, not slow
PROGRAM = str(pathlib.Path(STYLET).resolve())


def commands(case):
    text = case.ok("--help").stdout.decode()
    return re.findall(r"^  (\w+) ", text[text.index("Commands"):], re.M)


def options(case, command):
    """The long options, as --help lists them."""
    text = case.ok(command, "--help").stdout.decode()
    return re.findall(r"^  (?:-\w, |    )(--[\w-]+)", text, re.M)


def has(program):
    return unittest.skipUnless(shutil.which(program), f"no {program}")


class Manual(Case):
    def setUp(self):
        super().setUp()
        self.ok("manual", "--to", self.scratch)
        self.pages = sorted(self.scratch.glob("*.1"))

    def test_every_command_has_a_page_with_all_its_options(self):
        names = commands(self)
        self.assertEqual({p.name for p in self.pages}, {"stylet.1"} | {f"stylet-{name}.1" for name in names})
        for name in names:
            page = (self.scratch / f"stylet-{name}.1").read_text().replace("\\-", "-")
            self.assertEqual(re.findall(r"^(?:\\fB-\w\\fR, )?\\fB(--[\w-]+)\\fR", page, re.M), options(self, name))
            self.assertEqual(self.ok("manual", name).stdout, (self.scratch / f"stylet-{name}.1").read_bytes())

    @has("man")
    def test_man_shows_them_without_a_warning(self):
        shown = {}
        for page in self.pages:
            done = subprocess.run(["man", "--warnings=w", "-l", page], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  env={**os.environ, "MANWIDTH": "100", "MANPAGER": "cat", "LC_ALL": "C.UTF-8"})
            self.assertEqual((done.returncode, done.stderr), (0, b""), page.name)
            shown[page.stem] = text = re.sub(r".\x08", "", done.stdout.decode())
            self.assertIn(f"{page.stem.upper()}(1)", text)
            self.assertNotIn("\\", text)
        self.assertIn("stylet mix --token 3=0.8 --token 5=-0.2 ", shown["stylet-mix"])

    @has("mandoc")
    def test_mandoc_finds_no_fault(self):
        for page in self.pages:
            done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page], stdout=subprocess.PIPE, text=True)
            faults = [line for line in done.stdout.splitlines() if "missing date" not in line]  # pages are dated by their version
            self.assertEqual(faults, [])

    def test_what_there_is_no_page_for(self):
        self.fails(2, "manual", "extrakt", saying="did you mean 'extract'")
        self.fails(2, "manual", "mel", "mix", saying="mix")
        self.fails(2, "manual", "--to", self.scratch / "nowhere", saying="nowhere")


class Shell:
    """A shell on a terminal of its own. `got:` begins what stylet, there a function, was called with."""

    def __init__(self, *args, env=()):
        self.text = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update({"TERM": "dumb", "PS1": "ready> ", "INPUTRC": "/dev/null", "HISTFILE": "", **dict(env)})
            os.execvp(args[0], args)
        self.wait("ready> ")

    def wait(self, for_text):
        until = time.monotonic() + LIMIT
        while for_text not in self.text:
            if not select.select([self.fd], [], [], max(0, until - time.monotonic()))[0]:
                raise TimeoutError(f"waited for {for_text!r}, came {self.text!r}")
            self.text += os.read(self.fd, 4096).decode(errors="replace")
        before, _, self.text = self.text.partition(for_text)
        return before

    def line(self, text):
        os.write(self.fd, text.encode() + b"\n")
        return self.wait("ready> ")

    def typed(self, text):
        """The words stylet gets when this and TAB and Enter are typed."""
        os.write(self.fd, text.encode() + b"\t\n")
        self.wait("got:")
        return self.wait(":end")

    def close(self):
        os.write(self.fd, b"exit\n")
        while True:  # the terminal is read to its end, then the shell has gone
            try:
                if not os.read(self.fd, 4096):
                    break
            except OSError:
                break
        os.close(self.fd)
        os.waitpid(self.pid, 0)


class Completions(Case):
    # what is typed, and what the command gets; zsh and fish write --option=value
    TYPED = (("stylet comp", None), ("stylet extract --nonf", "extract --nonfinite"), ("stylet extract --nonfinite z", "extract --nonfinite zero"),
             ("stylet compare --metric=e", "compare --metric=euclidean"), ("stylet plot rep", "plot report"), ("stylet model ve", "model verify"),
             ("stylet mel sp", "mel speech.wav"), ("stylet extract -o spe", "extract -o speech.wav"), ("stylet inspe", "inspect"),
             ("stylet manual ext", "manual extract"), ("stylet mel --preset ta", "mel --preset tacotron2"), ("stylet mel --preset tor", "mel --preset torchaudio-htk"))

    def setUp(self):
        super().setUp()
        (self.scratch / "speech.wav").touch()

    def check(self, shell):
        self.addCleanup(shell.close)
        shell.line(f"cd {self.scratch}")
        shell.line("stylet() { printf 'got%s%s%s' : \"$*\" :end; echo; }")
        for text, expected in self.TYPED:
            got = shell.typed(text).rstrip(" =")
            self.assertEqual(got, expected or text[7:], text)
            shell.wait("ready> ")

    @has("bash")
    def test_bash_completes(self):
        shell = Shell("bash", "--norc", "--noprofile", "-i")
        shell.line(f"source <({shlex.quote(str(PROGRAM))} completions bash)")
        self.check(shell)

    @has("zsh")
    def test_zsh_completes_from_a_folder_of_its_path(self):
        (self.scratch / "_stylet").write_bytes(self.ok("completions", "zsh").stdout)
        shell = Shell("zsh", "-f", "-i")
        shell.line(f"fpath=({self.scratch} $fpath); autoload -Uz compinit; compinit -u -d {self.scratch}/dump")
        self.check(shell)

    @has("zsh")
    def test_zsh_completes_from_a_sourced_file(self):
        shell = Shell("zsh", "-f", "-i")
        shell.line(f"autoload -Uz compinit; compinit -u -d {self.scratch}/dump; source <({shlex.quote(str(PROGRAM))} completions zsh)")
        self.check(shell)

    @has("fish")
    def test_fish_completes(self):
        (self.scratch / "stylet.fish").write_bytes(self.ok("completions", "fish").stdout)
        script = "source stylet.fish; " + "".join(f"complete -C '{text}'; echo ----; " for text, _ in self.TYPED)
        done = subprocess.run(["fish", "--no-config", "-c", script], cwd=self.scratch, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, env={**os.environ, "HOME": str(self.scratch)})
        self.assertEqual(done.stderr, "")
        for (text, expected), answer in zip(self.TYPED, done.stdout.split("----\n")):
            found = {line.split("\t")[0] for line in answer.splitlines()}
            if expected is None:
                self.assertGreater(len(found), 1, text)
            else:
                self.assertEqual(found, {expected.split()[-1]}, text)

    @has("bash")
    def test_bash_knows_every_option(self):
        script = self.scratch / "c.bash"
        script.write_bytes(self.ok("completions", "bash").stdout)
        for name in commands(self):
            done = subprocess.run(["bash", "-c", f"source {script}; COMP_WORDS=(stylet {name} --); COMP_CWORD=2; _stylet; "
                                   "printf '%s\\n' \"${COMPREPLY[@]}\""], stdout=subprocess.PIPE, text=True, check=True)
            self.assertEqual(done.stdout.split(), options(self, name))

    @has("shellcheck")
    def test_the_script_for_bash_is_clean(self):
        done = subprocess.run(["shellcheck", "-s", "bash", "-"], input=self.ok("completions", "bash").stdout, stdout=subprocess.PIPE)
        self.assertEqual((done.returncode, done.stdout), (0, b""))

    def test_an_unknown_shell(self):
        self.fails(2, "completions", "csh", saying="csh")
        self.fails(2, "completions", saying="bash, zsh or fish")


class Help(Case):
    def test_help_of_a_command_is_its_help(self):
        for name in commands(self):
            self.assertEqual(self.ok("help", name).stdout, self.ok(name, "--help").stdout)
        self.fails(2, "help", "extrakt", saying="did you mean 'extract'")


if __name__ == "__main__":
    tap.main()
