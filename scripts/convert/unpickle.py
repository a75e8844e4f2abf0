"""A pickle machine that can build plain values and nothing else.

Python's own unpickler imports and calls what the file names. This one never imports and never calls: a name becomes a
Global, "calling" it hands the name and the arguments to `build`, which knows a few torch builders and returns an inert
Instance for everything else. What protects us is that there is nothing here that could run; the list of refused names
below only turns an attack into a clear message. Every opcode consumes input, so work and memory are bounded by it.
"""
import struct

from .errors import ConvertError

# Modules no checkpoint has business with. Naming one is refused; the others stay inert anyway.
REFUSED_MODULES = frozenset("""
    os posix nt subprocess sys pty socket shutil importlib runpy ctypes _ctypes code codeop webbrowser commands popen2
    imp pkgutil timeit cProfile profile pdb bdb trace pickle _pickle marshal shelve dill cloudpickle http urllib ftplib
    smtplib telnetlib xmlrpc requests pip setuptools distutils ensurepip venv""".split())
REFUSED_NAMES = frozenset(
    f"{module}.{name}" for module in ("builtins", "__builtin__") for name in
    "eval exec execfile compile __import__ open file input raw_input breakpoint globals locals vars setattr delattr "
    "exit quit help memoryview apply".split()) | frozenset(["torch.load", "torch.hub.load", "numpy.load"])


class Global:
    """A name the pickle mentions: never looked up."""

    __slots__ = ("module", "name")

    def __init__(self, module, name):
        self.module, self.name = module, name

    @property
    def path(self):
        return f"{self.module}.{self.name}"


class Instance:
    """An object of a class unknown to us: what it was built from and with, inert."""

    __slots__ = ("of", "args", "state", "entries", "items")

    def __init__(self, of, args=()):
        self.of, self.args, self.state, self.entries, self.items = of, args, None, {}, []


class _Mark:
    pass


MARK = _Mark()
SCALARS = (str, int, float, bool, bytes, type(None))


def refuse_dangerous(module, name):
    root = module.partition(".")[0]
    if root in REFUSED_MODULES or f"{module}.{name}" in REFUSED_NAMES or "\n" in name:
        raise ConvertError(f"the pickle asks for '{module}.{name}'; no tensor needs it: refused, nothing was executed")


class Machine:
    """Runs one pickle in `data` from `start`. `build(callable, args)` and `persistent(id)` make the objects."""

    def __init__(self, data, start=0, build=Instance, persistent=None):
        self.data, self.at, self.build, self.persistent = data, start, build, persistent
        self.stack, self.memo = [], {}

    def run(self):
        """The value; self.at is then the position behind the pickle."""
        while True:
            opcode = self.take(1)[0]
            if opcode == 0x2E:  # STOP
                return self.pop()
            action = OPCODES.get(opcode)
            if action is None:
                raise ConvertError(f"pickle opcode 0x{opcode:02x} is not supported")
            action(self)

    # -- input --------------------------------------------------------------------------------------------------

    def take(self, count):
        end = self.at + count
        if count < 0 or end > len(self.data):
            raise ConvertError("the pickle ends early; the file is truncated or damaged")
        piece = self.data[self.at:end]
        self.at = end
        return bytes(piece)

    def number(self, layout):
        return struct.unpack(layout, self.take(struct.calcsize(layout)))[0]

    def line(self):
        window = bytes(self.data[self.at:self.at + 4096])
        length = window.find(b"\n")
        if length < 0:
            raise ConvertError("the pickle has a line without end; the file is truncated or damaged")
        self.at += length + 1
        return window[:length]

    def text(self, raw):
        return raw.decode("utf-8", "backslashreplace")

    # -- stack --------------------------------------------------------------------------------------------------

    def push(self, value):
        self.stack.append(value)

    def pop(self):
        if not self.stack:
            raise ConvertError("the pickle takes from an empty stack; the file is damaged")
        return self.stack.pop()

    def top(self):
        if not self.stack:
            raise ConvertError("the pickle looks at an empty stack; the file is damaged")
        return self.stack[-1]

    def pop_to_mark(self):
        for i in range(len(self.stack) - 1, -1, -1):
            if self.stack[i] is MARK:
                values = self.stack[i + 1:]
                del self.stack[i:]
                return values
        raise ConvertError("the pickle misses a mark; the file is damaged")

    def pop_tuple(self, count):
        values = [self.pop() for _ in range(count)]
        self.push(tuple(reversed(values)))

    def pop_two(self):
        second = self.pop()
        return [self.pop(), second]

    # -- objects ------------------------------------------------------------------------------------------------

    def name_global(self, module, name):
        if not isinstance(module, str) or not isinstance(name, str):
            raise ConvertError("the pickle names a class by something that is not text; the file is damaged")
        refuse_dangerous(module, name)
        self.push(Global(module, name))

    def call(self, function, args):
        if not isinstance(args, tuple):
            raise ConvertError("the pickle calls with something that is not a tuple; the file is damaged")
        self.push(self.build(function, args) if isinstance(function, Global) else Instance(None, args))

    def set_items(self, pairs):
        if len(pairs) % 2:
            raise ConvertError("the pickle has a key without value; the file is damaged")
        target = self.top()
        entries = target.entries if isinstance(target, Instance) else target
        if isinstance(entries, dict):
            for key, value in zip(pairs[::2], pairs[1::2]):
                # Keys of other types are not hashed: a tuple nested a million deep would overflow the C stack.
                entries[key if isinstance(key, SCALARS) else Global("key", str(len(entries)))] = value

    def add_items(self, values):
        target = self.top()
        items = target.items if isinstance(target, Instance) else target
        if isinstance(items, list):
            items.extend(values)

    def build_state(self):
        state, target = self.pop(), self.top()
        if isinstance(target, Instance):
            target.state = state

    def instance_from_mark(self):
        module, name = self.text(self.line()), self.text(self.line())
        args = tuple(self.pop_to_mark())
        self.name_global(module, name)
        self.call(self.pop(), args)

    def object_from_mark(self):
        values = self.pop_to_mark()
        if not values:
            raise ConvertError("the pickle makes an object of nothing; the file is damaged")
        self.call(values[0], tuple(values[1:]))

    def two(self, then):
        then(*self.pop_two())

    def new_with_keywords(self):
        self.pop()
        self.two(self.call)

    def persistent_object(self, identity):
        if self.persistent is None:
            raise ConvertError("the pickle refers to an object outside of it; expected none here")
        self.push(self.persistent(identity))

    def recall(self, index):
        if index not in self.memo:
            raise ConvertError("the pickle recalls what it never stored; the file is damaged")
        self.push(self.memo[index])

    def integer_line(self):
        word = self.line().strip()
        if word in (b"00", b"01"):
            return word == b"01"
        try:
            return int(word.rstrip(b"L"))
        except ValueError:
            raise ConvertError("the pickle has a number that is none; the file is damaged") from None

    def float_line(self):
        try:
            return float(self.line())
        except ValueError:
            raise ConvertError("the pickle has a number that is none; the file is damaged") from None

    def long_bytes(self, count):
        if count > 1024:
            raise ConvertError(f"the pickle has an integer of {count} bytes; expected at most 1024")
        return int.from_bytes(self.take(count), "little", signed=True)


def _sized_text(layout):
    return lambda m: m.push(m.text(m.take(m.number(layout))))


def _sized_bytes(layout):
    return lambda m: m.push(m.take(m.number(layout)))


def _constant(value):
    return lambda m: m.push(value)


def _read(layout):
    return lambda m: m.push(m.number(layout))


def _store(index):
    return lambda m: m.memo.__setitem__(index(m), m.top())


OPCODES = {
    0x80: lambda m: m.take(1), 0x95: lambda m: m.take(8),  # PROTO, FRAME
    ord("("): _constant(MARK), ord("0"): lambda m: m.pop(), ord("1"): lambda m: m.pop_to_mark(),
    ord("2"): lambda m: m.push(m.top()),
    ord("N"): _constant(None), 0x88: _constant(True), 0x89: _constant(False),
    ord("I"): lambda m: m.push(m.integer_line()), ord("L"): lambda m: m.push(m.integer_line()),
    ord("J"): _read("<i"), ord("K"): _read("<B"), ord("M"): _read("<H"), ord("G"): _read(">d"),
    0x8A: lambda m: m.push(m.long_bytes(m.number("<B"))), 0x8B: lambda m: m.push(m.long_bytes(m.number("<i"))),
    ord("F"): lambda m: m.push(m.float_line()),
    ord("S"): lambda m: m.push(m.text(m.line()).strip("'\"")), ord("V"): lambda m: m.push(m.text(m.line())),
    ord("T"): _sized_text("<i"), ord("U"): _sized_text("<B"),  # Python 2 strings
    ord("X"): _sized_text("<I"), 0x8C: _sized_text("<B"), 0x8D: _sized_text("<Q"),
    ord("B"): _sized_bytes("<I"), ord("C"): _sized_bytes("<B"), 0x8E: _sized_bytes("<Q"), 0x96: _sized_bytes("<Q"),
    ord(")"): _constant(()), ord("t"): lambda m: m.push(tuple(m.pop_to_mark())),
    0x85: lambda m: m.pop_tuple(1), 0x86: lambda m: m.pop_tuple(2), 0x87: lambda m: m.pop_tuple(3),
    ord("]"): lambda m: m.push([]), ord("l"): lambda m: m.push(m.pop_to_mark()),
    ord("a"): lambda m: m.add_items([m.pop()]), ord("e"): lambda m: m.add_items(m.pop_to_mark()),
    ord("}"): lambda m: m.push({}), ord("s"): lambda m: m.set_items(m.pop_two()),
    ord("u"): lambda m: m.set_items(m.pop_to_mark()),
    0x8F: lambda m: m.push([]), 0x90: lambda m: m.add_items(m.pop_to_mark()),  # sets as lists
    0x91: lambda m: m.push(m.pop_to_mark()),
    ord("g"): lambda m: m.recall(m.integer_line()), ord("h"): lambda m: m.recall(m.number("<B")),
    ord("j"): lambda m: m.recall(m.number("<I")),
    ord("p"): _store(lambda m: m.integer_line()), ord("q"): _store(lambda m: m.number("<B")),
    ord("r"): _store(lambda m: m.number("<I")), 0x94: _store(lambda m: len(m.memo)),
    ord("c"): lambda m: m.name_global(m.text(m.line()), m.text(m.line())), 0x93: lambda m: m.two(m.name_global),
    ord("R"): lambda m: m.two(m.call), 0x81: lambda m: m.two(m.call), 0x92: lambda m: m.new_with_keywords(),
    ord("b"): lambda m: m.build_state(), ord("i"): lambda m: m.instance_from_mark(),
    ord("o"): lambda m: m.object_from_mark(),
    ord("P"): lambda m: m.persistent_object(m.text(m.line())), ord("Q"): lambda m: m.persistent_object(m.pop()),
}


def _dict_from_mark(machine):
    pairs = machine.pop_to_mark()
    machine.push({})
    machine.set_items(pairs)


OPCODES[ord("d")] = _dict_from_mark
