"""A DelightfulTTS conformer block in PyTorch, and a model folder with the same weights, for bench_peers.py."""
import hashlib
import json
import math
import pathlib

import numpy as np

WIDTH, HEADS, FRAMES = 384, 6, 500


def make_block(torch):
    """The block: feed-forward, convolution module, relative attention, convolution module."""
    nn, functional = torch.nn, torch.nn.functional

    class ConvModule(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm_1, self.norm_2 = nn.LayerNorm(WIDTH), nn.GroupNorm(1, 2 * WIDTH)
            self.conv_1, self.conv_2 = nn.Conv1d(WIDTH, 4 * WIDTH, 1), nn.Conv1d(2 * WIDTH, WIDTH, 1)
            self.depthwise = nn.Conv1d(2 * WIDTH, 2 * WIDTH, 7, padding=3, groups=2 * WIDTH)

        def forward(self, x):
            a, b = self.conv_1(self.norm_1(x).transpose(1, 2)).chunk(2, 1)
            y = self.norm_2(self.depthwise(a * functional.leaky_relu(b, 0.3)))
            return self.conv_2(functional.leaky_relu(y, 0.3)).transpose(1, 2)

    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.query, self.out = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
            self.key, self.value, self.position = (nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(3))
            self.u_bias = nn.Parameter(0.1 * torch.randn(HEADS, WIDTH // HEADS))
            self.v_bias = nn.Parameter(0.1 * torch.randn(HEADS, WIDTH // HEADS))
            step = torch.exp(torch.arange(0, WIDTH, 2) * (-math.log(10000) / WIDTH))
            angle = torch.arange(FRAMES)[:, None] * step
            self.encoding = torch.stack([angle.sin(), angle.cos()], -1).flatten(1)[None]

        def forward(self, x):
            def split(y):
                return y.view(y.shape[0], -1, HEADS, WIDTH // HEADS)
            q, k, v = split(self.query(x)), split(self.key(x)), split(self.value(x))
            p = split(self.position(self.encoding))
            content = (q + self.u_bias).transpose(1, 2) @ k.permute(0, 2, 3, 1)
            place = (q + self.v_bias).transpose(1, 2) @ p.permute(0, 2, 3, 1)
            t = x.shape[1]
            place = functional.pad(place, (1, 0)).view(1, HEADS, t + 1, t)[:, :, 1:]
            weights = torch.softmax((content + place) / WIDTH ** 0.5, -1)
            return self.out((weights @ v.transpose(1, 2)).transpose(1, 2).flatten(2))

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.ff = nn.ModuleDict({"norm": nn.LayerNorm(WIDTH), "first": nn.Conv1d(WIDTH, 4 * WIDTH, 3, padding=1),
                                     "second": nn.Conv1d(4 * WIDTH, WIDTH, 1)})
            self.conv_1, self.conv_2 = ConvModule(), ConvModule()
            self.norm, self.attention = nn.LayerNorm(WIDTH), Attention()

        def forward(self, x):
            y = self.ff["first"](self.ff["norm"](x).transpose(1, 2))
            x = x + 0.5 * self.ff["second"](functional.leaky_relu(y, 0.3)).transpose(1, 2)
            x = x + self.conv_1(x)
            x = x + self.attention(self.norm(x))
            return x + self.conv_2(x)

    torch.manual_seed(1)
    return Block().eval()


def write_model(block, folder):
    """A model folder with the block as its only layer over features of its width."""
    tensors = {name: value.numpy() for name, value in block.state_dict().items()}
    header, blobs, at = {}, [], 0
    for name, array in tensors.items():
        blobs.append(np.ascontiguousarray(array, "<f4").tobytes())
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [at, at + len(blobs[-1])]}
        at += len(blobs[-1])
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    data = len(text).to_bytes(8, "little") + text + b"".join(blobs)
    shapes = {name: {"dtype": "F32", "shape": list(array.shape)} for name, array in tensors.items()}
    weights = {"file": "weights.safetensors", "sha256": hashlib.sha256(data).hexdigest(), "tensors": shapes}
    layer = {"name": "block", "type": "conformer_block", "heads": HEADS, "weights": ""}
    manifest = {"format": "stylet", "version": 1, "name": "conformer-block",
                "front_end": {"sample_rate": 22050, "feature": "linear", "n_bins": WIDTH},
                "weights": [weights], "layers": [layer], "outputs": {"style": {"from": "block"}}}
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "weights.safetensors").write_bytes(data)
    (folder / "manifest.json").write_text(json.dumps(manifest))
