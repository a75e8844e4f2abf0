"""Torch pickles: what torch writes is read, what an attacker writes is refused and never run."""

import os
import pickle
import subprocess
import sys

import numpy as np
import tap
from hostile import Command, dictionary, program, storage, tensor, text, torch_zip
from support import FIXTURES, ROOT, Case

from convert.checkpoint import open_checkpoint
from convert.errors import ConvertError
from convert.unpickle import Global, Instance, Machine


class Torch(Case):
    def check_readers(self, name, prefix="state_dict."):
        checkpoint = open_checkpoint(str(FIXTURES / name))
        base, tensors = np.arange(60.0), checkpoint.tensors
        value = {key: tensors[prefix + key].float64() for key in ("shared_a", "shared_b", "half", "bfloat", "double")}
        np.testing.assert_array_equal(value["shared_a"], base[5:17].reshape(3, 4))
        np.testing.assert_array_equal(value["shared_b"], base[20:50].reshape(5, 6).T)
        np.testing.assert_array_equal(value["half"], np.arange(6) / 4)
        np.testing.assert_array_equal(value["bfloat"], np.arange(6) / 8)
        np.testing.assert_array_equal(value["double"], np.arange(4) / 3)
        self.assertEqual(tensors[prefix + "long"].raw(), 7)
        self.assertEqual(tensors[prefix + "flags"].raw().tolist(), [1, 0])
        self.assertEqual(tensors[prefix + "parameter"].raw().tolist(), [0, 1, 2, 3])
        self.assertEqual(tensors[prefix + "empty"].raw().shape, (0, 3))
        self.assertEqual(tensors["nested.0.0.inner"].raw().tolist(), [0, 1])
        self.assertEqual(checkpoint.embedded("hyper_parameters", "rate"), 22050)
        return tensors

    def test_a_zip_checkpoint_gives_every_tensor(self):
        tensors = self.check_readers("readers.pt")
        self.assertEqual(tensors["state_dict.unsigned"].raw().tolist(), [0, 1, 2, 3, 4])

    def test_a_checkpoint_from_before_torch_1_6_gives_every_tensor(self):
        self.check_readers("readers_legacy.pt")

    def test_a_zip_with_version_letters_instead_of_pk_is_read(self):
        data = bytearray((FIXTURES / "readers.pt").read_bytes())
        data[:2] = b"05"
        path = self.write("sovits.pth", bytes(data))
        self.assertEqual(open_checkpoint(str(path)).tensors["state_dict.long"].raw(), 7)

    def test_cuda_tags_are_ignored(self):
        data = torch_zip(
            dictionary({"w": tensor("0", 4, 1, [3], [1], device="cuda:7")}),
            {"0": np.arange(4.0).astype("<f4").tobytes()},
        )
        tensors = open_checkpoint(str(self.write("c.pt", data))).tensors
        self.assertEqual(tensors["w"].raw().tolist(), [1, 2, 3])

    def test_a_pickled_module_gives_the_names_of_its_state_dict(self):
        part = Instance(Global("some.module", "Net"))
        inner = Instance(Global("torch.nn", "Linear"))
        from convert.checkpoint import flatten
        from convert.tensors import Tensor

        weight = Tensor.of(np.zeros(3))
        inner.state = {"_parameters": {"weight": weight}, "_buffers": {}, "_modules": {}, "training": False}
        part.state = {"_parameters": {}, "_buffers": {}, "_modules": {"fc": inner}}
        self.assertEqual(list(flatten(part)), ["fc.weight"])

    def test_a_cycle_ends(self):
        # d = {}; d["self"] = d
        self.assertEqual(
            open_checkpoint(str(self.write("cycle.pt", torch_zip(b"}q\x01" + text("self") + b"h\x01s")))).tensors, {}
        )

    def test_nesting_beyond_the_limit_is_refused(self):
        self.refused(self.write("deep.pt", torch_zip(b"]" * 5000 + b"a" * 4999)), saying="nested too deeply")

    def test_a_tuple_nested_a_million_deep_is_no_key(self):
        body = b"}" + b")" + b"\x85" * 1_000_000 + b"Ns"
        self.refused(self.write("key.pt", torch_zip(body)), saying="fit no known family")

    def test_shared_containers_do_not_multiply(self):
        body = b"]" + b"".join(
            b"q" + bytes([i]) + b"]" + b"(" + b"h" + bytes([i]) + b"h" + bytes([i]) + b"e" for i in range(60)
        )
        self.refused(self.write("laughs.pt", torch_zip(body)), saying="fit no known family")


class Hostile(Case):
    """A pickle that wants to run something. The marker file would show that it did."""

    def setUp(self):
        super().setUp()
        self.marker = self.scratch / "ran"
        self.command = f"touch {self.marker}"

    def attack(self, body, saying="nothing was executed", raw=False):
        path = self.write("attack.pt", body if raw else torch_zip(body, {"0": bytes(16)}))
        done = subprocess.run(
            [
                sys.executable,
                str(ROOT / "scripts" / "convert_checkpoint.py"),
                str(path),
                "-o",
                str(self.scratch / "model"),
            ],
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.assertFalse(self.marker.exists(), "the pickle was executed")
        self.assertFalse((self.scratch / "model").exists())
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn(saying, done.stderr)

    def test_the_attacks_here_work_on_the_real_unpickler(self):
        for body in (
            b"cos\nsystem\n(" + text(self.command) + b"tR",
            text("os") + text("system") + b"\x93(" + text(self.command) + b"tR",
        ):
            pickle.loads(b"\x80\x04" + body + b".")
            self.assertTrue(self.marker.exists())
            self.marker.unlink()

    def test_os_system_by_global_and_reduce(self):
        self.attack(b"cos\nsystem\n(" + text(self.command) + b"tR")

    def test_os_system_by_stack_global(self):
        self.attack(text("os") + text("system") + b"\x93(" + text(self.command) + b"tR")

    def test_os_system_by_inst_and_obj(self):
        self.attack(b"(" + text(self.command) + b"ios\nsystem\n")
        self.attack(b"(cposix\nsystem\n" + text(self.command) + b"o")

    def test_os_system_by_newobj(self):
        self.attack(b"csubprocess\nPopen\n(" + text(self.command) + b"t\x81")

    def test_every_protocol_of_a_real_pickle(self):
        for protocol in range(6):
            whole = pickle.dumps({"model": Command(os.system, self.command)}, protocol)
            self.attack(whole[2 if protocol > 1 else 0 : -1])

    def test_eval_exec_and_import(self):
        for name in ("eval", "exec", "__import__"):
            self.attack(f"cbuiltins\n{name}\n(".encode() + text(self.command) + b"tR")

    def test_an_attack_in_the_old_format(self):
        magic = (
            pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + pickle.dumps({"little_endian": True}, 2)
        )
        self.attack(magic + program(b"cos\nsystem\n(" + text(self.command) + b"tR"), raw=True)
        self.attack(pickle.dumps(Command(os.system, self.command), 2) + bytes(32), raw=True)

    def test_an_attack_hidden_in_a_tensor_builder(self):
        self.attack(
            b"ctorch._tensor\n_rebuild_from_type_v2\n(cos\nsystem\nctorch\nTensor\n(" + text(self.command) + b"tNtR"
        )

    def test_attribute_chains_stay_inert(self):
        # getattr is named by honest pickles too; it is never looked up, so nothing follows from it
        self.attack(
            b"cbuiltins\ngetattr\n(ctorch\nserialization\n" + text("os") + b"tR(" + text(self.command) + b"tR",
            saying="fit no known family",
        )

    def test_unknown_classes_are_inert(self):
        body = dictionary({"hparams": b"cmy.project\nHParams\n)\x81}" + text("rate") + b"K\x01sb"})
        self.attack(body, saying="fit no known family")
        machine = Machine(program(body))
        value = machine.run()["hparams"]
        self.assertIsInstance(value, Instance)
        self.assertEqual((value.of.path, value.state), ("my.project.HParams", {"rate": 1}))

    def test_nothing_is_imported(self):
        before = set(sys.modules)
        Machine(program(b"cwave\nopen\n(" + text("x") + b"tRcantigravity\nfly\n)R0")).run()
        self.assertEqual(set(sys.modules) - before, set())


class Damaged(Case):
    def refused_body(self, body, storages=None, saying=""):
        return self.refused(self.write("bad.pt", torch_zip(body, storages)), saying=saying)

    def test_views_outside_of_their_storage(self):
        data = {"0": bytes(48)}
        for offset, shape, stride in (
            (0, [13], [1]),
            (12, [1], [1]),
            (0, [4, 4], [4, 1]),
            (1, [3, 4], [4, 1]),
            (0, [2], [12]),
            (0, [2], [2**40]),
            (2**60, [1], [1]),
            (0, [2**31, 2**31], [1, 1]),
        ):
            self.refused_body(dictionary({"w": tensor("0", 12, offset, shape, stride)}), data, "view")

    def test_negative_numbers_in_views(self):
        for offset, shape, stride in ((-1, [1], [1]), (0, [-1], [1]), (11, [2], [-1]), (0, [2, 2], [1])):
            self.refused_body(
                dictionary({"w": tensor("0", 12, offset, shape, stride)}), {"0": bytes(48)}, "non-negative"
            )

    def test_storages_that_are_missing_or_of_another_size(self):
        body = dictionary({"w": tensor("0", 12, 0, [12], [1])})
        self.refused_body(body, {}, "is missing")
        self.refused_body(body, {"0": bytes(47)}, "expected 48")
        self.refused_body(dictionary({"w": tensor("0", -12, 0, [1], [1])}), {"0": bytes(48)}, "storage")
        self.refused_body(dictionary({"w": tensor("../../0", 12, 0, [1], [1])}), {"0": bytes(48)}, "missing")
        self.refused_body(dictionary({"w": storage("0", 12, "EvilStorage")}), {"0": bytes(48)}, "unknown to torch")

    def test_a_view_that_repeats_elements_is_refused_when_used(self):
        data = torch_zip(dictionary({"w": tensor("0", 1, 0, [1000, 1000], [0, 0])}), {"0": bytes(4)})
        tensors = open_checkpoint(str(self.write("r.pt", data))).tensors
        with self.assertRaisesRegex(ConvertError, "repeats elements"):
            tensors["w"].raw()

    def test_pickles_that_make_no_sense(self):
        for body in (
            b"R",
            b"\x85",
            b"0",
            b"a",
            b"u",
            b"h\x07",
            b"Q",
            b"\x82\x01",
            b"\xff",
            b"(K\x01d",
            b"Iabc\n",
            b"X\xff\xff\xff\xff",
            b"T\xff\xff\xff\xff",
            b"NNR",
            b"]cx\ny\nR",
            b"o",
            b"(o",
            b"cno newline",
            b"\x8b\xff\xff\xff\x7f",
            b"\x97",
        ):
            self.refused_body(body)

    def test_a_pickle_cut_anywhere_is_refused(self):
        body = program(dictionary({"w": tensor("0", 12, 0, [3, 4], [4, 1])}))
        for cut in range(len(body)):
            with self.assertRaises(ConvertError):
                Machine(body[:cut], persistent=lambda identity: identity).run()

    def test_an_old_checkpoint_cut_anywhere_is_refused(self):
        data = (FIXTURES / "readers_legacy.pt").read_bytes()
        for cut in range(0, len(data), 7):
            with self.assertRaises(ConvertError):
                open_checkpoint(str(self.write("cut.pt", data[:cut])))

    def test_random_damage_never_escapes(self):
        random, seed_data = np.random.default_rng(3), (FIXTURES / "readers_legacy.pt").read_bytes()
        for _ in range(800):
            data = bytearray(seed_data)
            for at in random.integers(0, len(data), 3):
                data[at] = random.integers(0, 256)
            try:
                for value in open_checkpoint(str(self.write("random.pt", bytes(data)))).tensors.values():
                    value.raw()
            except ConvertError:
                pass


if __name__ == "__main__":
    tap.main()
