"""What published families take from long clips: the table of models/README.md, by `stylet model info`."""
import json
import re

import stylet
import tap
from test_families import FIXTURES, Family

# row of the table: checkpoint, arguments of the converter
GOLDEN = {
    "gst-tacotron": ("gst_tacotron_16k.pt", "--family", "gst-tacotron"),
    "mellotron": ("families/mellotron/mellotron.pt", "--family", "mellotron"),
    "mellotron, `layout=time_major`": ("families/mellotron/mellotron.pt", "--family", "mellotron", "--set", "layout=time_major"),
    "coqui-gst": ("families/coqui_gst/coqui_gst.pt",),
    "espnet-gst": ("families/espnet_gst/espnet_gst.pt",),
    "tf1-gst": ("families/tf1_gst/syang_mlp.weights.safetensors",),
    "openvoice": ("openvoice/openvoice_reference_encoder.pt",),
    "styletts2": ("families/styletts2/styletts2.pt",),
    "stylespeech": ("families/stylespeech/stylespeech.pt",),
    "delightful-tts": ("families/delightful_voicesmith/delightful_voicesmith.pt", "--family", "delightful-tts"),
}
SMALL = {"nemo-gst": "nemo_gst.pt", "adaspeech": "adaspeech.pt", "capacitron": "capacitron.pt", "gpt-sovits": "gpt_sovits.pt"}


class Memory(Family):
    def as_the_table_says(self, name, model):
        memory = json.loads(self.ok("model", "info", "--json", model).stdout)["memory_bytes"]
        ten, hour = memory["ten_minutes"] / 1e6, memory["hour"] / 1e6
        page = (stylet.ROOT / "models" / "README.md").read_text()
        row = re.search(rf"^\| {re.escape(name)} \| (\d+) MB \| (\d+) MB \| (\w+) \|", page, re.M)
        self.assertTrue(row, f"{name} {ten:.0f} MB {hour:.0f} MB is not in the table")
        for figure, said in ((ten, row[1]), (hour, row[2])):  # kernels may ask for a little more or less room
            self.assertLess(abs(figure - float(said)), 1 + 0.1 * figure, name)
        self.assertEqual(row[3], "grows" if hour > 1.5 * ten else "constant", name)

    def test_published_checkpoints(self):
        stylet.golden("families")
        for name, (checkpoint, *args) in GOLDEN.items():
            self.as_the_table_says(name, self.convert(stylet.golden(checkpoint), *args))

    def test_small_ones(self):
        for name, checkpoint in SMALL.items():
            self.as_the_table_says(f"{name}, small", self.convert(FIXTURES / checkpoint))


if __name__ == "__main__":
    tap.main()
